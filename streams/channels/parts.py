"""What a payload is made of: JSON and its parts, instants, and what became of each part."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self, TypeVar

import msgspec
from msgspec import Meta

from streams.events import MAX_AT, Event
from streams.rejects import MAX_RECORD, Rejected


class Ignored(StrEnum):
    """Why a part of a good payload gives no event; `.meaning` is for those who read the counts."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """A member with its meaning."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    NOTHING = "nothing", "the payload holds nothing that happened"
    NO_MESSAGE = "no_message", "a reaction, an edit or the like: nobody waits for an answer to it"
    UNREADABLE = "unreadable", "the provider could not pass the message on, so no agent can see it"
    UNKNOWN_KIND = "unknown_kind", "a kind of message that is not known here"
    OTHER_STATE = "other_state", "a delivery state other than sent, delivered, read and failed"
    OTHER_TOPIC = "other_topic", "not about what happens in a conversation: contacts, templates, pings"
    UNKNOWN_TOPIC = "unknown_topic", "a kind of webhook that is not known here"
    NO_CHANGE = "no_change", "an update of nothing that is measured"
    PROVIDER_ERROR = "provider_error", "the provider reports an error of its own"


Outcome = Event | Ignored | Rejected
"""What a part of a payload gives: an event, nothing, or a fault; a fault of one part leaves the others."""

Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""A provider's numeric id."""
Token = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
"""A provider's textual id that may stand in an event as it is: no room for an address or a name."""
Text = Annotated[str, Meta(min_length=1)]
Stamp = int | float | str
"""Seconds since 1970, as a number or in digits, or ISO 8601."""

DELIVERY_STATES: Final[Mapping[str | None, Literal["sent", "delivered", "read", "failed"]]] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "failed": "failed",
}
"""What the providers call the states that an event can hold."""

_T = TypeVar("_T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_seconds = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object of a webhook; raises `Rejected`."""
    if len(body) > MAX_RECORD:
        raise Rejected("too_large", f"{len(body)} bytes, at most {MAX_RECORD} allowed")
    try:
        found = msgspec.json.decode(body)
    except RecursionError:
        raise Rejected("not_json", "nested too deeply") from None
    except UnicodeDecodeError as error:
        raise Rejected("not_json", f"no UTF-8 at byte {error.start}") from None
    except msgspec.DecodeError as error:  # its text has places, never content
        raise Rejected("not_json", str(error)) from None
    if not isinstance(found, dict):
        raise Rejected("wrong_type", "$: object expected")
    return found


def take(part: object, kind: type[_T], path: str) -> _T:
    """A part of a payload as the structure `kind`; raises `Rejected`, whose detail says where and never what."""
    try:
        return msgspec.convert(part, kind, strict=False)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$")
        if "missing required field" in message:
            reason = "missing_field"
        elif " of length " in message or "matching" in message or "<=" in message or ">=" in message:
            reason = "bad_value"
        else:
            reason = "wrong_type"
        raise Rejected(reason, f"{path}{where.removesuffix('`')}: {message}") from None


def each(parts: object, path: str) -> Iterator[tuple[str, object]]:
    """The members of a list with their paths; an absent list is empty, a lone object a list of one."""
    match parts:
        case None:
            return
        case list():
            for index, part in enumerate(parts):
                yield f"{path}[{index}]", part
        case dict():
            yield path, parts
        case _:
            raise Rejected("wrong_type", f"{path}: list expected")


def dig(part: object, *names: str) -> Any:
    """What lies under `names`, one object inside the other; None where there is no such thing."""
    for name in names:
        part = part.get(name) if isinstance(part, dict) else None
    return part


def instant(stamp: Stamp, path: str) -> int:
    """A provider's instant as milliseconds since 1970; raises `Rejected`.

    >>> instant("1669233778", "$"), instant(1669233778.25, "$"), instant("2022-11-23T20:02:58.250Z", "$")
    (1669233778000, 1669233778250, 1669233778250)
    """
    try:
        if not isinstance(stamp, str):
            at = round(stamp * 1000)
        elif _seconds.fullmatch(stamp):
            at = round(float(stamp) * 1000)
        else:
            when = datetime.fromisoformat(stamp)
            at = ((when if when.tzinfo else when.replace(tzinfo=UTC)) - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        at = 0
    if not 0 < at <= MAX_AT:
        raise Rejected("bad_value", f"{path}: seconds since 1970 or ISO 8601 allowed, up to the year 9999")
    return at
