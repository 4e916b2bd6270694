"""Presence: when the agents of one source partition were online, from their presence events in any order.

An agent is online from an event that says `online` or `busy` to the next that says something else. Events of one agent
are ordered by (`at`, `event_id`); the list of them is kept for as long as a window can hold what they say, so that one
that comes late is put in its place and everything is read anew.
"""

from __future__ import annotations

from bisect import bisect
from itertools import pairwise
from typing import Literal, NamedTuple

import msgspec

from streams.events import Presence
from tables.bits import MOST, Bits, encode_told, touched, union
from tables.facts import MINUTE
from tables.history import FACTS_KEPT, WORK_KEPT

PREFIX = b"=a|"
"""What the changelog's keys of agents begin with; no conversation's does."""
LATE_MS = FACTS_KEPT * MINUTE
"""An event this much older than the agent's newest comes too late."""
KEPT_MS = WORK_KEPT * MINUTE
"""For so long is what events say told again and again."""
RETAIN_MS = 31 * 86_400_000
"""An agent who has not been online for so long is forgotten."""
SWEEP_MS = 3_600_000
REORDERABLE = 256
"""So many newest events are all kept; of older ones those that say the same as the one before are let go."""
MOST_EVENTS = 4_096
MOST_BYTES = 500_000
"""The most that a record has: a record that the changelog does not take would stop the worker."""

_STATES = ("offline", "away", "busy", "online")
_ONLINE = 2
"""The states from this one on are online."""

Outcome = Literal["folded", "duplicate", "replayed", "late"]
Name = tuple[str, str]
"""Tenant and agent."""
Event = tuple[int, str, int]
"""`at` in ms, id, state."""


class Agent(msgspec.Struct, array_like=True):
    """What the changelog holds of an agent."""

    version: int
    applied: int
    """The offset of the last source record folded."""
    first: int
    """The events say nothing of minutes before this one."""
    events: list[Event] = []

    @property
    def online(self) -> bool:
        """Whether the newest event says so."""
        return bool(self.events) and _says_online(self.events[-1])


class Folded(NamedTuple):
    """What became of an event."""

    outcome: Outcome
    key: bytes
    value: bytes
    """Key and value of the agent's changelog record as it is now; only `folded` has changed it."""
    step: int
    """What this adds to `agents_online`: 1, 0 or -1."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Agent).decode


class Presences:
    """The agents of one source partition."""

    def __init__(self) -> None:
        self._agents: dict[Name, Agent] = {}
        self._changed: set[Name] = set()
        """Agents whose minutes online have changed since they were told."""
        self._swept = 0

    # -- events ---------------------------------------------------------------------------------------

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Apply one changelog record."""
        tenant, _, agent_id = key.removeprefix(PREFIX).decode().partition("/")
        if value is None:
            self._agents.pop((tenant, agent_id), None)
        else:
            self._agents[tenant, agent_id] = _decode(value)

    def fold(self, event: Presence, offset: int, now: int) -> Folded:
        """Fold the event of a source record; `now` (ms) is the partition's clock."""
        name = (event.tenant, event.agent_id)
        agent = self._agents.get(name)
        if agent is None:
            agent = self._agents[name] = Agent(1, -1, max(now // MINUTE - WORK_KEPT, 0))
        before = agent.online
        outcome: Outcome = "replayed"
        if offset > agent.applied:
            agent.applied = offset
            if name not in self._changed:
                _forget(agent, now)
            outcome = self._take(name, agent, (event.at, event.event_id, _STATES.index(event.state)))
        return Folded(outcome, _key(name), _encoded(agent), agent.online - before)

    def _take(self, name: Name, agent: Agent, event: Event) -> Outcome:
        events = agent.events
        at, event_id, _ = event
        if any(each[1] == event_id for each in events):
            return "duplicate"
        place = bisect(events, event)
        if (events and at < events[-1][0] - LATE_MS) or (not place and len(events) >= MOST_EVENTS):
            return "late"
        was_online = place > 0 and _says_online(events[place - 1])
        events.insert(place, event)
        lasts = event is events[-1] or events[place + 1][0] > at
        if lasts and _says_online(event) != was_online:
            self._changed.add(name)
        if len(events) > REORDERABLE:
            _thin(agent)
        return "folded"

    def advance(self, now: int) -> list[bytes]:
        """Forget the agents who have long not been online, looked for once an hour: the changelog keys to delete."""
        if now - self._swept < SWEEP_MS:
            return []
        self._swept = now
        gone = [
            name
            for name, agent in self._agents.items()
            if not agent.online and now - agent.events[-1][0] > RETAIN_MS and name not in self._changed
        ]
        for name in gone:
            del self._agents[name]
        return [_key(name) for name in gone]

    # -- reading --------------------------------------------------------------------------------------

    def online(self, tenant: str, agent_id: str) -> bool:
        """Whether the agent's newest event says online or busy."""
        agent = self._agents.get((tenant, agent_id))
        return agent is not None and agent.online

    def everybody(self) -> list[tuple[Name, bool]]:
        """Tenant and id of every agent, and whether he is online."""
        return [(name, agent.online) for name, agent in self._agents.items()]

    def tell(self) -> list[tuple[str, str, bytes]]:
        """Tenant, id and minutes online (see `tables.bits.Told`) of the agents for whom they have changed."""
        told = [(*name, _payload(self._agents[name])) for name in self._changed]
        self._changed.clear()
        return told

    def tell_all(self) -> list[tuple[str, str, bytes]]:
        """The same of every agent."""
        self._changed.update(self._agents)
        return self.tell()


def _key(name: Name) -> bytes:
    return PREFIX + "/".join(name).encode()


def _says_online(event: Event) -> bool:
    return event[2] >= _ONLINE


def _forget(agent: Agent, now: int) -> None:
    """Drop the events that no window at `now` (ms) can hold, nor any later one."""
    events = agent.events
    over = 0
    while over + 1 < len(events) and events[over + 1][0] < now - KEPT_MS:
        over += 1
    _drop(agent, over)


def _drop(agent: Agent, count: int) -> None:
    """Drop the oldest events. The minute that the next one lies in may also be theirs."""
    if count:
        del agent.events[:count]
        agent.first = max(agent.first, -(-agent.events[0][0] // MINUTE))


def _thin(agent: Agent) -> None:
    """Bound the list: without what repeats (signs of life), then without what is oldest."""
    old, new = agent.events[:-REORDERABLE], agent.events[-REORDERABLE:]
    turns = [each for before, each in pairwise(old) if _says_online(each) != _says_online(before)]
    agent.events = [old[0], *turns, *new]
    _drop(agent, max(len(agent.events) - MOST_EVENTS, 0))


def _encoded(agent: Agent) -> bytes:
    value = _encode(agent)
    while len(value) > MOST_BYTES:
        _drop(agent, len(agent.events) // 2)
        value = _encode(agent)
    return value


def _payload(agent: Agent) -> bytes:
    parts = []
    start: int | None = None
    for event in agent.events:
        if not _says_online(event):
            if start is not None:
                first, last = touched(start, event[0])
                parts.append(Bits.of(max(first, agent.first, last - MOST), last))
            start = None
        elif start is None:
            start = event[0]
    return encode_told(agent.first, union(parts), -1 if start is None else start // MINUTE)
