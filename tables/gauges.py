"""Gauges: what the backlog is made of at an instant, as codes that add up over conversations."""

from __future__ import annotations

from functools import lru_cache

from tables.state import NONE, OPEN, PENDING, RESOLVED, State

(
    BACKLOG_OPEN,
    BACKLOG_PENDING,
    BACKLOG_UNASSIGNED,
    BACKLOG_WAITING,
    BACKLOG_OVERDUE,
    CONCURRENCY,
    AGE_LT1H,
    AGE_LT4H,
    AGE_LT24H,
    AGE_LT48H,
    AGE_GE48H,
) = range(11)
OLDEST_WAITING = 11
"""Not a count: the smallest `waiting_since`, in ms; absent when none waits."""

AGENTS_ONLINE = 12
"""A count of agents, not of conversations."""

HOUR = 3_600_000
AGES = (1 * HOUR, 4 * HOUR, 24 * HOUR, 48 * HOUR)
"""A conversation this old, or older, is in the next bracket."""


def mask(s: State, now: int) -> int:
    """The gauges that a conversation counts in, as bits."""
    if s.phase in (NONE, RESOLVED):
        return 0
    bits = 1 << BACKLOG_OPEN
    if s.phase == PENDING:
        bits |= 1 << BACKLOG_PENDING
    if s.agent is None:
        bits |= 1 << BACKLOG_UNASSIGNED
    elif s.phase == OPEN:
        bits |= 1 << CONCURRENCY
    if s.waiting_since:
        bits |= 1 << BACKLOG_WAITING
    if s.overdue:
        bits |= 1 << BACKLOG_OVERDUE
    age = now - s.opened_at
    return bits | 1 << AGE_LT1H + sum(age >= limit for limit in AGES)


def next_age(s: State, now: int) -> int:
    """The instant at which a conversation enters its next age bracket, 0 without one."""
    if s.phase in (NONE, RESOLVED):
        return 0
    for limit in AGES:
        if s.opened_at + limit > now:
            return s.opened_at + limit
    return 0


@lru_cache(maxsize=4096)
def difference(before: int, after: int) -> tuple[tuple[int, int], ...]:
    """What a change of bits adds to and takes from the gauges, as (code, 1 or -1)."""
    changed = before ^ after
    return tuple((code, 1 if after >> code & 1 else -1) for code in range(OLDEST_WAITING) if changed >> code & 1)
