"""Who of the demo's agents works when: shifts, breaks and training, made up day by day."""

from __future__ import annotations

from bisect import bisect_right
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from agents.traffic_house import DAY, HOUR, TEAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

State = Literal["online", "busy", "away", "offline"]

_MINUTE: Final = 60_000
SHIFT: Final = 9 * HOUR
"""Longer than a third of a day, so that one shift hands over to the next."""
_SHIFTS: Final = (0, 8, 16, 8, 16, 0, 8, 16)
"""The hour at which the shift of each agent of a team begins."""
_LEADS_FROM: Final = 5
"""From this place on they lead their crew, one each."""
_ABSENCES: Final[tuple[tuple[State, int, int, int], ...]] = (
    ("away", 90, 30, 12),
    ("away", 180, 45, 30),
    ("busy", 330, 60, 45),
)
"""A coffee, a meal, and training or a meeting: minutes from the start of the shift, minutes from one colleague's to
the next's, and how long each lasts. Those of a crew never lie at the same time: somebody always takes what comes."""


class Change(NamedTuple):
    """An agent's new state; `at` in ms."""

    at: int
    agent: str
    state: State


class Crew(NamedTuple):
    """Agents of a team at an instant, in the team's order."""

    free: tuple[str, ...]
    """Those who take new conversations; the leads only where nobody else does. Never nobody, as the next two."""
    leads: tuple[str, ...]
    """Those who take what is difficult."""
    there: tuple[str, ...]
    """Those who go on with what they have: also who is busy."""


class Staff:
    """The same seed gives the same days, whatever is asked first."""

    def __init__(self, seed: str, midnight: int) -> None:
        """`midnight` (ms) begins a local day; from a day before it the plan is whole."""
        self._rng = Random(f"{seed}/shifts")  # noqa: S311 - nothing secret
        self._planned = midnight - 2 * DAY
        """Up to here (ms) every change is known."""
        self._ahead: list[Change] = []
        self._changes: list[Change] = []
        self._states: dict[str, State] = {}
        self._instants: dict[str, list[int]] = {team: [] for team in TEAMS}
        self._crews: dict[str, list[Crew]] = {team: [] for team in TEAMS}

    def crew(self, team: str, at: int) -> Crew:
        """Who of a team is there at an instant."""
        if at >= self._planned:
            self._plan(at)
        return self._crews[team][bisect_right(self._instants[team], at) - 1]

    def changes(self, begin: int) -> Iterator[Change]:
        """What somebody sees who watches from `begin` (ms) on: who is not offline then, and every change after."""
        self._plan(begin)
        number = bisect_right(self._changes, begin, key=lambda change: change.at)
        before = {change.agent: change.state for change in self._changes[:number]}
        yield from (Change(begin, agent, state) for agent, state in before.items() if state != "offline")
        for each in count(number):
            while each >= len(self._changes):
                self._plan(self._planned)
            yield self._changes[each]

    def _plan(self, instant: int) -> None:
        while self._planned <= instant:
            for team, members in TEAMS.items():
                for agent in members:
                    for change in self._day(team, agent):
                        heappush(self._ahead, change)
            self._planned += DAY
            while self._ahead and self._ahead[0].at < self._planned:
                self._take(heappop(self._ahead))

    def _day(self, team: str, agent: str) -> Iterator[Change]:
        rng, place = self._rng, TEAMS[team].index(agent)
        # Starts within five minutes of the hour, and the next crew is there before this one goes.
        start = self._planned + _SHIFTS[place] * HOUR + rng.randrange(5 * _MINUTE)
        rank = _SHIFTS[:place].count(_SHIFTS[place])
        yield Change(start, agent, "online")
        for state, after, step, minutes in _ABSENCES:
            leaves = start + (after + rank * step) * _MINUTE + rng.randrange(5 * _MINUTE)
            yield Change(leaves, agent, state)
            yield Change(leaves + minutes * _MINUTE + rng.randrange(3 * _MINUTE), agent, "online")
        yield Change(start + SHIFT - rng.randrange(10 * _MINUTE), agent, "offline")

    def _take(self, change: Change) -> None:
        self._changes.append(change)
        self._states[change.agent] = change.state
        team, members = next((team, members) for team, members in TEAMS.items() if change.agent in members)
        online = tuple(agent for agent in members if self._states.get(agent) == "online")
        free = tuple(agent for agent in online if agent not in members[_LEADS_FROM:])
        leads = tuple(agent for agent in online if agent not in free)
        there = tuple(agent for agent in members if self._states.get(agent) in ("online", "busy"))
        self._instants[team].append(change.at)
        self._crews[team].append(Crew(free or leads, leads or free, there))
