"""What a conversation is at an instant: its state, its part of the gauges."""

from __future__ import annotations

from tables import gauges
from tables.explain.records import Number, Standing, Status
from tables.explain.view import View
from tables.kpis import read_gauges
from tables.state import NONE, ON_HOLD, OPEN, PENDING, RESOLVED, State

STATUSES: dict[int, Status] = {NONE: "none", OPEN: "open", PENDING: "pending", ON_HOLD: "on_hold", RESOLVED: "resolved"}


def gauges_of(s: State, now: int) -> dict[str, Number]:
    """A conversation's part of the gauges at an instant (ms), those that are not 0."""
    mask = gauges.mask(s, now)
    sums = {code: 1 for code in range(gauges.OLDEST_WAITING) if mask >> code & 1}
    if mask and s.waiting_since:
        sums[gauges.OLDEST_WAITING] = s.waiting_since
    return {name: value for name, value in read_gauges(sums, now, "").items() if value}


def standing_of(s: State, now: int, view: View) -> Standing:
    """What a conversation is at an instant (ms)."""
    return Standing(
        status=STATUSES[s.phase],
        agent_id=s.agent,
        team=s.team,
        priority=s.priority,
        topics=s.topics,
        cycle=s.cycles,
        opened_at=s.opened_at or None,
        waiting_since_at=s.waiting_since or None,
        with_bot=s.with_bot,
        overdue=s.overdue,
        policy=view.policy(s.dims),
        calendar=view.calendar(s.dims),
        gauges=tuple(name for name in gauges_of(s, now) if not name.startswith("oldest_")),
    )
