"""Tallies: what a pane or a window holds, as numbers by code, and how they add up.

All but the maxima add and take back exactly.
"""

from __future__ import annotations

from tables.facts import FRT, NRT, RESOLVED
from tables.sketch import bucket, middle

Tally = dict[int, int]
"""Counts and sums by code. Codes up to RESOLVED.. are the kinds of `tables.facts`."""

ACTIVE_LAST, ACTIVE_MINUTE, ACTIVE_QUARTER = 16, 17, 18
HANDLED_LAST, HANDLED_MINUTE, HANDLED_QUARTER = 19, 20, 21
"""Distinct conversations touched. LAST: whose newest touch is in this minute (adds up to the distinct number of any
window that ends now); MINUTE: touched in this minute; QUARTER: whose first touch of the quarter-hour is in it."""
ACTIVE = (ACTIVE_LAST, ACTIVE_MINUTE, ACTIVE_QUARTER)
HANDLED = (HANDLED_LAST, HANDLED_MINUTE, HANDLED_QUARTER)

COUNT, SUM, MAX = 0, 1, 2
_BASES = {FRT: 32, NRT: 36}
BUCKETS = 12
"""A code of 2^12 or more is a bucket of a sketch: kind << 12 | bucket."""


def code(kind: int, part: int) -> int:
    """The code of a duration's COUNT, SUM (ms) or MAX (ms)."""
    return _BASES[kind] + part


DURATIONS = tuple(_BASES)
MAXIMA = {code(kind, MAX): kind for kind in DURATIONS}
assert min(_BASES.values()) > HANDLED_QUARTER > RESOLVED  # noqa: S101


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
