"""Tallies: what a pane or a window holds, as numbers by code. All but the maxima add and take back exactly."""

from __future__ import annotations

from tables.facts import FRT, NRT, RESOLVED

Tally = dict[int, int]
"""Counts and sums by code. Codes up to RESOLVED.. are the kinds of `tables.facts`."""

ACTIVE_LAST, ACTIVE_MINUTE, ACTIVE_QUARTER = 16, 17, 18
HANDLED_LAST, HANDLED_MINUTE, HANDLED_QUARTER = 19, 20, 21
"""Distinct conversations touched. LAST: whose newest touch is in this minute (adds up to the distinct number of any
window that ends now); MINUTE: touched in this minute; QUARTER: whose first touch of the quarter-hour is in it."""

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
