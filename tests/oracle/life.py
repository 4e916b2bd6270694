"""All that a folded history of one conversation says."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.oracle.face import Face, Sample


@dataclass(slots=True)
class Run:
    """A stretch that an SLA policy can have a target for; indices are those of the entries. `reason`: why it ended
    unanswered."""

    metric: str
    instance: str
    started_at: int
    start: int
    cycle: int
    end: int | None = None
    reason: str | None = None


@dataclass(slots=True)
class Wait:
    anchor: int
    run: Run
    decided: bool = False


@dataclass(slots=True)
class Life:
    """Samples, runs, and the face after each entry; `topics`: when a cycle first had each of its topics."""

    samples: list[Sample] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    faces: list[Face] = field(default_factory=list)
    scopes: set[str] = field(default_factory=set)
    topics: list[tuple[int, str]] = field(default_factory=list)
