"""Who was online and who was occupied, pane by pane: `presence` of contract section 2, occupancy of section 5.

A pane is touched by a stretch that shares an instant with it; one that goes on reaches up to the clock, so only panes
that the clock has reached may be asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.face import Face, encoded

PANE = 60_000
TOO_LATE = 26 * 3_600_000
Event = dict[str, Any]
Counted = tuple[int, int]  # agent-minutes: occupied and online, and online


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `start` to before `end`, or with None up to the clock. Of a conversation: open and assigned to the agent."""

    agent: str
    team: str | None
    start: int
    end: int | None

    def panes(self, within: range) -> range:
        """Those of `within` that it touches."""
        if self.end is not None and self.end <= self.start:
            return range(0)
        stop = within.stop if self.end is None else min(within.stop, -(-self.end // PANE))
        return range(max(within.start, self.start // PANE), stop)


def touched(stretches: Iterable[Stretch], within: range) -> set[int]:
    return {pane for each in stretches for pane in each.panes(within)}


def working(instants: Sequence[int], faces: Sequence[Face]) -> list[Stretch]:
    """When a conversation occupied whom: `faces` are those from each of the instants on."""
    ends = [*instants[1:], None]
    return [
        Stretch(face.agent, face.team, start, end)
        for face, start, end in zip(faces, instants, ends, strict=True)
        if face.status == "open" and face.agent is not None
    ]


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


def going_on(present: Mapping[str, Iterable[Stretch]]) -> frozenset[str]:
    """The agents who are online now."""
    return frozenset(agent for agent, stretches in present.items() if any(each.end is None for each in stretches))


def agents_online(arrivals: Sequence[Event]) -> set[str]:
    return set(going_on(online(arrivals)))


@dataclass(slots=True)
class Staff:
    """The agents of a tenant, from their presence events in order of arrival."""

    arrivals: list[Event] = field(default_factory=list)
    present: dict[str, list[Stretch]] = field(default_factory=dict)
    now: frozenset[str] = frozenset()
    scopes: set[str] = field(default_factory=set)

    def arrive(self, event: Event) -> None:
        self.arrivals.append(event)
        self.present = online(self.arrivals)
        self.now = going_on(self.present)
        self.scopes |= {"tenant", f"agent:{encoded(event['agent_id'])}"}


def has_occupancy(scope: str) -> bool:
    return scope.partition(":")[0] in ("tenant", "team", "agent") and "/" not in scope


def occupancy(
    scope: str, arrivals: Sequence[Event], conversations: Sequence[Stretch], panes: range, day: range
) -> Counted:
    """Agent-minutes occupied and online, and online, of a window's panes; `day` are the panes that make members."""
    return occupancies([scope], online(arrivals), conversations, panes, day).get(scope, (0, 0))


def occupancies(
    scopes: Iterable[str],
    present: Mapping[str, Iterable[Stretch]],
    conversations: Sequence[Stretch],
    panes: range,
    day: range,
) -> dict[str, Counted]:
    """The same of several scopes; those where nobody was online are left out."""
    here = {agent: touched(stretches, panes) for agent, stretches in present.items()}
    here = {agent: minutes for agent, minutes in here.items() if minutes}
    near = [each for each in conversations if each.agent in here and (each.panes(panes) or each.panes(day))]
    out = {}
    for scope in scopes if here else ():
        theirs, agents = near, set(here)
        if scope.startswith("agent:"):
            agents = {agent for agent in here if f"agent:{encoded(agent)}" == scope}
        elif scope != "tenant":
            theirs = [each for each in near if each.team is not None and f"team:{encoded(each.team)}" == scope]
            agents = {each.agent for each in theirs if each.panes(day)}
        busy = {agent: touched((each for each in theirs if each.agent == agent), panes) for agent in agents}
        counts = sum(len(here[agent] & busy[agent]) for agent in agents), sum(len(here[agent]) for agent in agents)
        out[scope] = counts
    return out
