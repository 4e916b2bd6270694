"""Facts: the samples that one conversation has booked, packed; every pane is a sum of them."""

from __future__ import annotations

from collections import Counter
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from tables.days import QUARTER
from tables.sketch import bucket

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


def condense(
    packed: bytes, dims: list[Dims], oldest: int, oldest_work: int, whole: int = 0
) -> tuple[bytes, list[Dims]]:
    """Drop the facts of minutes before `oldest`, add up equal ones, and forget dims that none refers to.

    Stretches of work are dropped if they end before `oldest_work`. Of durations, what a pane makes of them stays: their
    number, sum and maximum, and the number in each bucket. What lies before the minute `whole` is kept by quarter-hour.
    """
    counts: Counter[tuple[int, int, Dims, int]] = Counter()
    durations: dict[tuple[int, int, Dims], Counter[int]] = {}
    for kind, minute, of, number, value in unpack(packed, dims):
        if minute < (oldest_work if kind == OCCUPIED else oldest):
            continue
        place = minute if minute >= whole or kind == OCCUPIED else minute - minute % QUARTER
        if FRT <= kind <= HANDLE + BUSINESS:
            durations.setdefault((kind, place, of), Counter())[value] += number
        else:
            counts[kind, place, of, value] += number
    for (kind, place, of), values in durations.items():
        counts.update({(kind, place, of, value): number for value, number in _stand_ins(values).items()})
    kept: list[Dims] = []
    facts = [Fact(kind, minute, of, count, value) for (kind, minute, of, value), count in counts.items()]
    return pack(facts, kept), kept


def _stand_ins(values: Counter[int]) -> Counter[int]:
    """Fewer durations than these: in number, sum and maximum and in how many are in each bucket the same.

    >>> sorted(_stand_ins(Counter([60_000, 60_001, 60_004, 60_010, 90_000])).items())
    [(60003, 1), (60004, 3), (90000, 1)]
    """
    largest = max(values)
    buckets: dict[int, tuple[int, int]] = {}
    for value, number in (values - Counter((largest,))).items():
        count, total = buckets.get(bucket(value), (0, 0))
        buckets[bucket(value)] = count + number, total + number * value
    found = Counter((largest,))
    for count, total in buckets.values():
        mean, more = divmod(total, count)  # what is left over makes some of them greater by one
        found[mean] += count - more
        found[mean + 1] += more
    return +found
