"""Occupancy over the windows that end at an instant: contract section 5."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.figures import ratio
from tests.oracle.presence import Counted, Staff, Stretch, has_occupancy, occupancies
from tests.oracle.windows import BY_DAY, PANE, next_midnight, window_start


class Worked:
    """The agent-minutes of scopes in the windows that end at an instant. `stretches`: when conversations occupied
    agents. Who is of a team is judged day by day."""

    def __init__(
        self, scopes: Collection[str], staff: Staff, stretches: Sequence[Stretch], zone: ZoneInfo, at: int
    ) -> None:
        self.scopes = [scope for scope in scopes if has_occupancy(scope)]
        self.staff, self.stretches, self.zone, self.at = staff, stretches, zone, at
        self.days: dict[int, dict[str, Counted]] = {}

    def of(self, window: str) -> dict[str, Counted]:
        """By scope; those where nobody was online may be left out."""
        start = window_start(window, self.at, self.zone)
        return self.by_day(start) if window in BY_DAY else self.since(start, self.at)

    def by_day(self, start: int) -> dict[str, Counted]:
        out: dict[str, Counted] = {}
        while start <= self.at:
            end = next_midnight(start, self.zone)
            if start not in self.days:
                self.days[start] = self.since(start, min(end - 1, self.at))
            for scope, (busy, here) in self.days[start].items():
                before = out.get(scope, (0, 0))
                out[scope] = before[0] + busy, before[1] + here
            start = end
        return out

    def since(self, start: int, last: int) -> dict[str, Counted]:
        """Of the panes of both instants and all between; members are those of the local day of `last`."""
        panes, day = (range(each // PANE, last // PANE + 1) for each in (start, window_start("today", last, self.zone)))
        return occupancies(self.scopes, self.staff.present, self.stretches, panes, day)


def occupied(scope: str, counted: dict[str, Counted]) -> dict[str, Any]:
    """The metrics of occupancy, in the scopes that have them."""
    if not has_occupancy(scope):
        return {}
    busy, here = counted.get(scope, (0, 0))
    return {"occupancy_occupied": busy, "occupancy_online": here, "occupancy_ratio": ratio(busy, here)}
