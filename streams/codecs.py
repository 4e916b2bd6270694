"""Bytes to canonical events and back, ids in keys, and dead letters."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, assert_never, get_args

import msgspec

from streams.business import Business, Conversion, Cost, Posting, Revenue, Subscription, Visit
from streams.engine.ports import Output
from streams.events import MAX_ID_BYTES, SCORES, SLUG, ConversationEvent, Event, Message, Presence, Survey
from streams.rejects import AHEAD_MS, MAX_RECORD, Rejected, classify

if TYPE_CHECKING:
    from streams.engine.ports import Record

__all__ = ["Rejected", "dead_letter", "decode", "decode_business", "decode_id", "encode", "encode_id", "key_of"]

_decode = msgspec.json.Decoder(Event).decode
_encode = msgspec.json.Encoder().encode
_slug = re.compile(SLUG)


def decode(value: bytes, now_ms: int) -> Event:
    """The event that a record of `events` holds; `now_ms` is the wall clock in ms, in a replay too.

    A field given twice counts with its last value (a second `type` must be equal). A null value is the caller's.
    Raises `Rejected` for anything else, whatever the bytes.
    """
    if len(value) > MAX_RECORD:
        raise Rejected("too_large", f"{len(value)} bytes, at most {MAX_RECORD} allowed")
    try:
        event: Event = _decode(value)
        if not value.isascii():
            value.decode()  # msgspec does not look into strings that it skips
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise classify(value) from None
    # An id is never longer than the JSON text that holds it.
    if not _is_sound(event) or (len(value) > MAX_ID_BYTES and _has_long_id(event)):
        raise classify(value)
    if event.at > now_ms + AHEAD_MS:
        ahead_s = -(-(event.at - now_ms) // 1000)
        raise Rejected("future", f"$.at: {ahead_s} s ahead of the clock, at most {AHEAD_MS // 1000} s allowed")
    return event


def encode(event: Event) -> bytes:
    """The JSON text of an event; fields at their default are written out."""
    return _encode(event)


def decode_business(value: bytes, now_ms: int) -> Business:
    """The event that a record of `business` holds; raises `Rejected` for any other, one of a conversation included."""
    event = decode(value, now_ms)
    if not isinstance(event, Business):
        kinds = ", ".join(sorted(str(each.__struct_config__.tag) for each in get_args(Business)))
        raise Rejected("unknown_type", f"`type` names no business event; allowed are {kinds}")
    return event


def key_of(event: Event) -> bytes:
    """The key of an event's record: `tenant/conversation_id`, of a presence `tenant/agent_id`.

    Of a business event the customer, the visitor, or else the event itself: what must be seen together for it to count
    once.
    """
    return f"{event.tenant}/{encode_id(_owner(event))}".encode()


def _owner(event: Event) -> str:
    if isinstance(event, ConversationEvent):
        return event.conversation_id
    match event:
        case Presence():
            return event.agent_id
        case Subscription():
            return event.customer_id
        case Visit() | Conversion():
            return event.visitor_id
        case Cost() | Revenue():
            return event.event_id
        case _:
            assert_never(event)


@lru_cache(maxsize=4096)
def _is_slug(text: str) -> bool:
    return _slug.match(text) is not None


def _is_sound(event: Event) -> bool:
    """What the types alone do not say: slugs, the agent of an agent's message, a survey's scale, a posting's period."""
    if not _is_slug(event.tenant):
        return False
    # The usual case first, and by exact type: isinstance is slow for classes that have a metaclass.
    if type(event) is Message:
        return (event.agent_id is not None or event.author != "agent") and _is_slug(event.channel)
    if isinstance(event, Survey):
        low, high = SCORES[event.survey]
        return low <= event.score <= high and _is_slug(event.channel)
    if isinstance(event, ConversationEvent):
        return _is_slug(event.channel)
    return not isinstance(event, Posting) or event.period_start_at < event.period_end_at


def _has_long_id(event: Event) -> bool:
    """Whether a text of the event has more than 512 bytes; msgspec counts characters."""
    for field in event.__struct_fields__:
        match getattr(event, field):
            case str() as text:
                texts: tuple[str, ...] = (text,)
            case tuple() as texts:
                pass
            case _:
                continue
        if any(len(text.encode()) > MAX_ID_BYTES for text in texts):
            return True
    return False


# --- ids in keys and scopes ------------------------------------------------------------------------

_ESCAPES: Final = {char: f"%{ord(char):02X}" for char in "/:|% "}
_special = re.compile(r"[/:|% ]")
_escaped = re.compile("|".join(_ESCAPES.values()), re.IGNORECASE)
_TABLE: Final = str.maketrans(_ESCAPES)


def encode_id(text: str) -> str:
    """An id as it stands in keys and scopes: `/ : | %` and the space percent-encoded, all else unchanged.

    >>> encode_id("budi/jkt")
    'budi%2Fjkt'
    """
    return text.translate(_TABLE) if _special.search(text) else text


def decode_id(text: str) -> str:
    """The id that `encode_id` wrote.

    >>> decode_id("budi%2Fjkt")
    'budi/jkt'
    """
    return _escaped.sub(lambda found: chr(int(found[0][1:], 16)), text) if "%" in text else text


# --- dead letters ----------------------------------------------------------------------------------

DEAD_LETTER_BYTES: Final = 900_000
"""The most of a rejected value that a dead letter keeps: with key and headers it fits a producer's 1,000,000."""
_KEY_BYTES: Final = 16_384
_HEADER_BYTES: Final = 32_768
DEAD_LETTER_HEADERS: Final = frozenset(
    {"reason", "detail", "source_topic", "source_partition", "source_offset", "source_timestamp", "cut"}
)
"""Headers that a dead letter adds to those of the record."""
RETURNED: Final = "returned"
"""Header of a record that was put back: how often. The record's own from then on, so a new dead letter has it too."""


def dead_letter(record: Record, reason: str, detail: str, source_topic: str, source_partition: int) -> Output:
    """The rejected record as it came, for the topic `dlq`: the record's own headers, then why and from where.

    A dead letter must always fit, or one record could stop the worker: of a value above `DEAD_LETTER_BYTES` only that
    many bytes stay, a key above 16 KiB and headers above 32 KiB are left out; a header `cut` then says what is missing.
    """
    cut: list[str] = []
    key, value, headers = record.key, record.value, record.headers
    if value is not None and len(value) > DEAD_LETTER_BYTES:
        cut.append(f"value of {len(value)} bytes")
        value = value[:DEAD_LETTER_BYTES]
    if key is not None and len(key) > _KEY_BYTES:
        cut.append(f"key of {len(key)} bytes")
        key = None
    headers = tuple((name, held) for name, held in headers if name not in DEAD_LETTER_HEADERS)
    if (size := sum(len(name) + len(held or b"") for name, held in headers)) > _HEADER_BYTES:
        cut.append(f"headers of {size} bytes")
        headers = ()
    own = {
        "reason": reason,
        "detail": detail,
        "source_topic": source_topic,
        "source_partition": str(source_partition),
        "source_offset": str(record.offset),
        "source_timestamp": str(record.timestamp),
    } | ({"cut": ", ".join(cut)} if cut else {})
    return Output(
        "dlq", key, value, None, (*headers, *((name, held.encode("utf-8", "replace")) for name, held in own.items()))
    )
