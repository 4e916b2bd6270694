"""Tallies: what a pane or a window holds, as numbers by code, and how they add up.

All but the maxima add and take back exactly. Codes: counts have the kinds of `tables.facts`; durations three each, from
32 on; from 2^12 on kind << 12 | bucket of a sketch, or score; from 2^30 on class << 30 | hash of something distinct.
"""

from __future__ import annotations

from tables import facts
from tables.distinct import BITS
from tables.facts import BUSINESS, CALENDAR, FRT, RESOLVED
from tables.sketch import bucket, middle

Tally = dict[int, int]
"""Counts and sums by code."""

ACTIVE_LAST, ACTIVE_MINUTE, ACTIVE_QUARTER = 16, 17, 18
HANDLED_LAST, HANDLED_MINUTE, HANDLED_QUARTER = 19, 20, 21
"""Distinct conversations touched. LAST: whose newest touch is in this minute (adds up to the distinct number of any
window that ends now); MINUTE: touched in this minute; QUARTER: whose first touch of the quarter-hour is in it."""
ACTIVE = (ACTIVE_LAST, ACTIVE_MINUTE, ACTIVE_QUARTER)
HANDLED = (HANDLED_LAST, HANDLED_MINUTE, HANDLED_QUARTER)

COUNT, SUM, MAX = 0, 1, 2
DURATIONS = tuple(kind + way for way in (0, CALENDAR, BUSINESS) for kind in facts.DURATIONS)
SCORES = (facts.CSAT, facts.NPS, facts.CES)
_BASES = {kind: 32 + 4 * (kind - FRT) for kind in DURATIONS}
BUCKETS = 12
CUSTOMERS, ACTIVE_MARKS, HANDLED_MARKS, TOPICS = 1, 2, 3, 4
"""Classes of what is distinct: customers of human replies; conversations touched, once a quarter-hour and scope; topics
of cycles, in the scope `tenant` alone."""


def code(kind: int, part: int) -> int:
    """The code of a duration's COUNT, SUM (ms) or MAX (ms)."""
    return _BASES[kind] + part


def mark(class_: int, hash_: int) -> int:
    """The code of something distinct."""
    return class_ << BITS | hash_


MAXIMA = {code(kind, MAX): kind for kind in DURATIONS}
assert RESOLVED < ACTIVE_LAST < HANDLED_QUARTER < min(_BASES.values())  # noqa: S101
assert max(MAXIMA) < facts.ONE_TOUCH  # noqa: S101


def add_up(total: Tally, pane: Tally) -> None:
    """Add a pane to a total, in place."""
    for each, amount in pane.items():
        total[each] = max(total.get(each, 0), amount) if each in MAXIMA else total.get(each, 0) + amount


def shift(pane: Tally, each: int, amount: int) -> None:
    """Add an amount, which may be negative; a code whose amount is 0 is not held."""
    value = pane.get(each, 0) + amount
    if value:
        pane[each] = value
    else:
        pane.pop(each, None)


def add_duration(pane: Tally, kind: int, count: int, value: int) -> None:
    """Add `count` durations of `value` ms, or take them back; the maximum is not looked at."""
    for each, amount in (
        (code(kind, COUNT), count),
        (code(kind, SUM), count * value),
        (kind << BUCKETS | bucket(value), count),
    ):
        shift(pane, each, amount)


def keep_largest(pane: Tally, kind: int, value: int, sign: int) -> None:
    """Keep a pane's maximum; when it is taken back, what is left is known by its bucket."""
    each = code(kind, MAX)
    held = pane.get(each, 0)
    if sign > 0:
        pane[each] = max(held, value)
    elif bucket(value) >= bucket(held):
        left = [c & (1 << BUCKETS) - 1 for c in pane if c >> BUCKETS == kind]
        if left:
            pane[each] = round(middle(max(left)))
        else:
            pane.pop(each, None)
