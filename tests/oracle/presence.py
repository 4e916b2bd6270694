"""Who was online and who was occupied, pane by pane: `presence` of contract section 2, occupancy of section 5.

A pane is touched by a stretch that shares an instant with it; one that goes on reaches up to the clock, so only panes
that the clock has reached may be asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.oracle.face import encoded

PANE = 60_000
TOO_LATE = 26 * 3_600_000
Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `start` to before `end`, or with None up to the clock. Of a conversation: open and assigned to the agent."""

    agent: str
    team: str | None
    start: int
    end: int | None

    def touches(self, pane: int) -> bool:
        if self.start >= (pane + 1) * PANE:
            return False
        return self.end is None or (self.start < self.end and self.end > pane * PANE)


def placed(arrivals: Iterable[Event]) -> list[Event]:
    """The presence events that count, of one agent, in their order."""
    held: list[Event] = []
    for event in arrivals:
        known = event["event_id"] in {each["event_id"] for each in held}
        newest = max((each["at"] for each in held), default=event["at"])
        if not known and event["at"] >= newest - TOO_LATE:
            held.append(event)
    return sorted(held, key=lambda each: (each["at"], each["event_id"]))


def online(arrivals: Sequence[Event]) -> dict[str, list[Stretch]]:
    """By agent, when each was online or busy, from the presence events of a tenant in order of arrival."""
    out: dict[str, list[Stretch]] = {}
    for agent in {each["agent_id"] for each in arrivals}:
        events = placed(each for each in arrivals if each["agent_id"] == agent)
        ends = [each["at"] for each in events[1:]] + [None]
        out[agent] = [
            Stretch(agent, None, event["at"], end)
            for event, end in zip(events, ends, strict=True)
            if event["state"] in {"online", "busy"}
        ]
    return out


def agents_online(arrivals: Sequence[Event]) -> set[str]:
    return {agent for agent, stretches in online(arrivals).items() if any(each.end is None for each in stretches)}


def occupancy(
    scope: str, arrivals: Sequence[Event], conversations: Sequence[Stretch], panes: Sequence[int], day: Sequence[int]
) -> tuple[int, int]:
    """Agent-minutes occupied and online, and online, of a window's panes; `day` are the panes that make members."""
    present = online(arrivals)
    theirs = list(conversations)
    agents = set(present)
    if scope.startswith("agent:"):
        agents = {agent for agent in agents if f"agent:{encoded(agent)}" == scope}
    elif scope != "tenant":
        theirs = [each for each in theirs if each.team is not None and f"team:{encoded(each.team)}" == scope]
        agents &= {each.agent for each in theirs if any(each.touches(pane) for pane in day)}
    occupied = here = 0
    for agent in agents:
        for pane in panes:
            if any(each.touches(pane) for each in present[agent]):
                here += 1
                occupied += any(each.agent == agent and each.touches(pane) for each in theirs)
    return occupied, here
