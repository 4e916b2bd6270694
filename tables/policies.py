"""SLA policies as the fold sees them: instants and durations in ms, sets for matching."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from tables.calendar import Calendar


@dataclass(frozen=True, slots=True)
class Match:
    """What a conversation must have. None matches anything; `topic` matches if one of its topics does."""

    tenant: frozenset[str] | None = None
    channel: frozenset[str] | None = None
    priority: frozenset[str] | None = None
    team: frozenset[str] | None = None
    topic: frozenset[str] | None = None

    def accepts(self, tenant: str, channel: str, priority: str, team: str | None, topics: Collection[str]) -> bool:
        """Whether a conversation with these fields matches; a policy for a team never matches one without a team."""
        return (
            (self.tenant is None or tenant in self.tenant)
            and (self.channel is None or channel in self.channel)
            and (self.priority is None or priority in self.priority)
            and (self.team is None or team in self.team)
            and (self.topic is None or not self.topic.isdisjoint(topics))
        )


@dataclass(frozen=True, slots=True)
class Warn:
    """One warning level: a fraction of the target elapsed, or open ms before the deadline; the other is None."""

    fraction: float | None = None
    before_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """One SLA policy.

    `targets_ms` by `first_response`, `next_response`, `resolution`, `reply_window`; `warn` in file order (an alert's
    level is the place, from 1); `pause_on` holds the statuses that pause a target; `calendar` None: around the clock.
    """

    name: str
    match: Match
    targets_ms: dict[str, int] = field(hash=False)
    warn: tuple[Warn, ...]
    pause_on: dict[str, frozenset[str]] = field(hash=False)
    calendar: Calendar | None
