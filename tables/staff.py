"""The agents of one source partition as it tells them to the roll-ups: when they were online, when they were occupied.

Stretches that have ended are booked as facts of conversations, those that go on are followed with the gauges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.codecs import encode_id
from tables.facts import MINUTE
from tables.occupancy import Occupied

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tables.presence import Presences
    from tables.state import Dims, State


class Work(NamedTuple):
    """What occupies an agent now: a conversation of a tenant, since an instant (ms)."""

    tenant: str
    dims: Dims
    since: int


class Told(NamedTuple):
    """Minutes of an agent, for the scope `scope`; None: online, for all scopes of the tenant."""

    tenant: str
    scope: str | None
    agent: str
    """Percent-encoded."""
    payload: bytes


def work_of(tenant: str, s: State) -> Work | None:
    """What a conversation occupies its agent with now."""
    return Work(tenant, (s.channel, s.agent, s.team, "", ()), s.occupied_since) if s.working_since else None


class Staff:
    """Who was occupied when, by scope and agent."""

    def __init__(self, presences: Presences, first: int) -> None:
        self.first = first
        """What is told says nothing of minutes before this one."""
        self._presences = presences
        self._occupied: dict[tuple[str, str, str], Occupied] = {}
        self._changed: set[tuple[str, str, str]] = set()
        self._said: dict[tuple[str, str, str], bytes] = {}
        """What was told last: most of what changes within a minute leaves its minutes as they are."""

    def book(self, tenant: str, dims: Dims, first: int, last: int, sign: int) -> None:
        """Count, or take back, a stretch of work that touches the minutes `first` to `last`."""
        for occupied in self._of(tenant, dims):
            occupied.add(first * MINUTE, last * MINUTE + 1, sign)

    def move(self, before: Work | None, now: Work | None) -> None:
        """What goes on is another stretch than before."""
        if before is not None:
            for occupied in self._of(before.tenant, before.dims):
                occupied.end(before.since)
        if now is not None:
            for occupied in self._of(now.tenant, now.dims):
                occupied.begin(now.since)

    def _of(self, tenant: str, dims: Dims) -> Iterator[Occupied]:
        _, agent, team, _, _ = dims
        if agent is None:
            return
        name = encode_id(agent)
        scopes = ["tenant", f"agent:{name}", *([f"team:{encode_id(team)}"] if team is not None else [])]
        for scope in scopes:
            key = (tenant, scope, name)
            self._changed.add(key)
            occupied = self._occupied.get(key)
            if occupied is None:
                occupied = self._occupied[key] = Occupied(self.first)
            yield occupied

    def tell(self, *, everything: bool = False) -> list[Told]:
        """What has changed since the last call, or everything."""
        if everything:
            self._said.clear()
        now = {key: self._occupied[key].payload() for key in (self._occupied if everything else self._changed)}
        changed = {key: payload for key, payload in now.items() if self._said.get(key) != payload}
        self._said |= changed
        self._changed.clear()
        online = self._presences.tell_all() if everything else self._presences.tell()
        return [
            *(Told(tenant, None, encode_id(agent), payload) for tenant, agent, payload in online),
            *(Told(*key, payload) for key, payload in changed.items()),
        ]

    def move_on(self, oldest: int) -> None:
        """Of whom nothing is known yet is told from this minute on only."""
        self.first = max(self.first, oldest)

    def discard(self, oldest: int) -> None:
        """Let go of the minutes before this one, of those of whom nothing is still to be told."""
        self.move_on(oldest)
        for key, occupied in [each for each in self._occupied.items() if each[0] not in self._changed]:
            occupied.discard(oldest)
            if occupied.empty:
                del self._occupied[key]
                self._said.pop(key, None)
