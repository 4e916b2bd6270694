"""Facts: the samples that one conversation has booked, packed; every pane is a sum of them."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tables.state import Dims

(
    SEEN,
    MESSAGES_IN,
    MESSAGES_OUT,
    OPENED,
    REOPENED,
    RESOLVED,
    SL_MET,
    SL_MISSED,
    SL_ABANDONED,
    FRT,
    NRT,
    RESOLUTION,
    HANDLE,
) = range(13)
"""Kinds. SEEN is worth nothing: it makes its scopes known. From FRT on they are durations."""
DURATIONS = (FRT, NRT, RESOLUTION, HANDLE)
CALENDAR, BUSINESS = 4, 8
"""A duration is booked once, or, if its business time is another, twice: under its kind + CALENDAR and + BUSINESS."""
CSAT, NPS, CES, CUSTOMER, OCCUPIED, TOPIC = range(21, 27)
"""A score; a human reply's customer, the value being a hash; a stretch of work, from the minute `value` on; a topic
that a cycle has for the first time, the value being a hash."""
ONE_TOUCH, ONE_TOUCH_BACK, BOT_RESOLVED, DELIVERY_FAILED, ONE_TOUCH_BACK_LATE = range(128, 133)
"""Counts, as those up to SL_ABANDONED are. LATE: the interval is closed by then and keeps what is taken back."""

MINUTE = 60_000
PACKED = Struct("<BHIIq")
"""kind, place in the conversation's list of dims, minute since the epoch, count, value in ms."""
WIDTH = PACKED.size


class Fact(NamedTuple):
    """`number` samples of one kind, booked in one minute under the same dims; durations are worth `value` ms each."""

    kind: int
    minute: int
    dims: Dims
    number: int = 1
    value: int = 0


def pack(facts: list[Fact], dims: list[Dims]) -> bytes:
    """Pack facts; `dims` is the conversation's list and grows as needed."""
    out = []
    for fact in facts:
        try:
            place = dims.index(fact.dims)
        except ValueError:
            place = len(dims)
            dims.append(fact.dims)
        out.append(PACKED.pack(fact.kind, place, fact.minute, fact.number, fact.value))
    return b"".join(out)


def unpack(packed: bytes, dims: list[Dims]) -> Iterator[Fact]:
    """The facts of a packed log, in the order of booking."""
    for kind, place, minute, count, value in PACKED.iter_unpack(packed):
        yield Fact(kind, minute, dims[place], count, value)


def condense(packed: bytes, dims: list[Dims], oldest: int, oldest_work: int) -> tuple[bytes, list[Dims]]:
    """Drop the facts of minutes before `oldest`, add up equal ones, and forget dims that none refers to.

    Stretches of work are dropped if they end before `oldest_work`.
    """
    counts: dict[tuple[int, int, Dims, int], int] = {}
    for fact in unpack(packed, dims):
        if fact.minute >= (oldest_work if fact.kind == OCCUPIED else oldest):
            key = (fact.kind, fact.minute, fact.dims, fact.value)
            counts[key] = counts.get(key, 0) + fact.number
    kept: list[Dims] = []
    facts = [Fact(kind, minute, d, count, value) for (kind, minute, d, value), count in counts.items()]
    return pack(facts, kept), kept
