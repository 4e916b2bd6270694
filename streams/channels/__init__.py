"""Raw provider payloads to canonical events, one file a channel (contract section 11).

A payload with a good and a bad part gives the events of the good one: `normalise` returns them, `read` also says what
was left out. Whoever counts and dead-letters uses `read`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from streams.channels.chat import outcomes as of_chat
from streams.channels.email import outcomes as of_email
from streams.channels.house import House, Origin
from streams.channels.parts import Ignored, Outcome
from streams.channels.whatsapp import outcomes as of_whatsapp
from streams.codecs import decode, encode
from streams.events import MAX_AT, Event
from streams.rejects import Rejected

__all__ = ["CHANNELS", "House", "Ignored", "Reading", "Rejected", "normalise", "read"]

CHANNELS: Final[Mapping[str, Callable[[bytes, Origin], Iterator[Outcome]]]] = {
    "whatsapp": of_whatsapp,
    "email": of_email,
    "chat": of_chat,
}
"""Every channel by its name, which is also the last part of its raw topic's."""

_DEFAULTS = House()


@dataclass(frozen=True, slots=True)
class Reading:
    """What one raw payload holds: its events, what it holds beside them, and the parts that could not be used.

    The id of an event comes from the payload, so a payload with faults may be put back as a whole after a fix.
    """

    events: tuple[Event, ...]
    ignored: tuple[Ignored, ...]
    faults: tuple[Rejected, ...]


def normalise(channel: str, body: bytes, headers: Mapping[str, str], house: House = _DEFAULTS) -> list[Event]:
    """The canonical events of one raw payload, in its order.

    `headers` may hold `tenant`, `source` and `received_at` (ms; the broker's timestamp of the record). The list is
    empty where the payload has no meaning for a conversation. Raises `Rejected` where the payload cannot be used, or no
    part of it can; neither reason nor detail repeats what the payload holds.
    """
    reading = read(channel, body, headers, house)
    if reading.faults and not reading.events:
        raise reading.faults[0]
    return list(reading.events)


def read(channel: str, body: bytes, headers: Mapping[str, str], house: House = _DEFAULTS) -> Reading:
    """All that one raw payload holds, part by part; raises `Rejected` where it cannot be used at all."""
    if channel not in CHANNELS:
        raise Rejected("bad_value", f"channel: allowed are {', '.join(CHANNELS)}")
    events: list[Event] = []
    ignored: list[Ignored] = []
    faults: list[Rejected] = []
    for outcome in CHANNELS[channel](body, Origin.of(headers, house)):
        match outcome:
            case Ignored():
                ignored.append(outcome)
            case Rejected():
                faults.append(outcome)
            case _:
                try:  # the codec is the law: what it would refuse downstream is a fault here
                    events.append(decode(encode(outcome), MAX_AT))
                except Rejected as fault:
                    faults.append(fault)
    return Reading(tuple(events), tuple(ignored), tuple(faults))
