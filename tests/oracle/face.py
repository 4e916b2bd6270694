"""What a conversation shows, what is booked, and under which scopes: contract section 4."""

from __future__ import annotations

from dataclasses import dataclass


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
    kind: str
    at: int
    scopes: tuple[str, ...]
    conversation_id: str
    value: int = 0  # ms


def encoded(name: str) -> str:
    for raw in "%/:| ":  # the percent sign first
        name = name.replace(raw, f"%{ord(raw):02X}")
    return name


def scopes_of(face: Face, agent: str | None) -> tuple[str, ...]:
    """The scopes of a sample or of a gauge, credited to `agent`."""
    channel = f"channel:{encoded(face.channel)}"
    scopes = ["tenant", channel, f"priority:{face.priority}"]
    if agent is not None:
        scopes += [f"agent:{encoded(agent)}", f"agent:{encoded(agent)}/{channel}"]
    if face.team is not None:
        scopes.append(f"team:{encoded(face.team)}")
    return (*scopes, *(f"topic:{encoded(topic)}" for topic in face.topics))
