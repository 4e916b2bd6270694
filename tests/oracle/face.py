"""What a conversation shows, what is booked, and under which scopes: contract section 4."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Face:
    """What a conversation shows after an event. `status` is resolved before its first cycle too."""

    status: str
    channel: str
    agent: str | None
    team: str | None
    topics: frozenset[str]
    priority: str
    cycle: int
    opened_at: int
    waiting_since: int | None

    @property
    def in_cycle(self) -> bool:
        return self.status != "resolved"


@dataclass(frozen=True, slots=True)
class Sample:
    """`subject`: what distinct counts look at, a conversation's or a customer's id. `value`: ms, or a score;
    `business`: the same ms in the calendar in force."""

    kind: str
    at: int
    scopes: tuple[str, ...]
    subject: str
    value: int = 0
    business: int = 0


@cache
def encoded(name: str) -> str:
    for raw in "%/:| ":  # the percent sign first
        name = name.replace(raw, f"%{ord(raw):02X}")
    return name


def scopes_of(face: Face, agent: str | None) -> tuple[str, ...]:
    """The scopes of a sample or of a gauge, credited to `agent`."""
    return scopes(face.channel, face.priority, face.team, face.topics, agent)


@cache
def scopes(channel: str, priority: str, team: str | None, topics: frozenset[str], agent: str | None) -> tuple[str, ...]:
    of_channel = f"channel:{encoded(channel)}"
    out = ["tenant", of_channel, f"priority:{priority}"]
    if agent is not None:
        out += [f"agent:{encoded(agent)}", f"agent:{encoded(agent)}/{of_channel}"]
    if team is not None:
        out.append(f"team:{encoded(team)}")
    return (*out, *(f"topic:{encoded(topic)}" for topic in topics))
