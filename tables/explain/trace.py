"""The fold, watched: the same `Shard`, `History` and `Life` as in production, which also note every step and timer.

`Watch` runs one conversation and keeps its history as it stands, in the order of folding: what an event out of order
causes to be folded again replaces what was noted before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Literal, NamedTuple

import msgspec

from streams.engine.ports import Effects, Output, Record
from streams.events import OfConversation
from tables.alerts import AlertRecord
from tables.conversation import Life
from tables.facts import Fact
from tables.history import History
from tables.rules import Rules
from tables.settings import Settings
from tables.shard import Shard
from tables.sla import Alert
from tables.state import RunKey, State, Step

Order = Literal["in_order", "behind_a_timer", "out_of_order", "late", "duplicate"]
"""How an event arrived; `behind_a_timer`: in order, but timers of later instants had acted already."""

_alert = msgspec.json.Decoder(AlertRecord).decode
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(State).decode


class Entry(NamedTuple):
    """What one step, or the timers of one instant, did to a conversation."""

    at: int
    """Its instant in the history, ms; a late event's is that of the conversation's newest."""
    step: Step | None
    """None: timers."""
    before: State
    after: State
    facts: tuple[Fact, ...]
    """What it booked."""
    demands: tuple[Alert, ...]
    """What it demanded to be told; what was sent is another matter."""
    deadlines: dict[RunKey, int]
    """Of the runs that are measured, as they stand after it."""


class Arrival(NamedTuple):
    """One valid event of the conversation, as it arrived."""

    record: int
    event: OfConversation
    order: Order
    clock: int
    """The partition's clock, ms, this event included."""
    before: tuple[Fact, ...]
    """What was booked until then; only where the history was folded again."""
    after: tuple[Fact, ...]


class Sent(NamedTuple):
    """An alert that was published."""

    alert: AlertRecord
    life: int
    """The place of the history among `Watch.lives`."""
    arrival: int | None
    """The place of the arrival that caused it; None: a timer."""


class TracedLife(Life):
    """A life that notes what each step and each timer did."""

    __slots__ = ("entries",)

    def __init__(self, state: State, rules: Rules) -> None:
        super().__init__(state, rules)
        self.entries: list[Entry] = []

    def apply(self, step: Step) -> None:
        """As in production, and noted."""
        before, facts, alerts = _copy(self.s), len(self.facts), len(self.alerts)
        super().apply(step)
        self._note(step.t, step, before, facts, alerts)

    def advance(self, until: int) -> None:
        """As in production, one instant at a time, and noted."""
        while 0 < (due := self.due()) < until:
            before, facts, alerts = _copy(self.s), len(self.facts), len(self.alerts)
            super().advance(due + 1)
            self._note(due, None, before, facts, alerts)

    def _note(self, at: int, step: Step | None, before: State, facts: int, alerts: int) -> None:
        booked, demands = tuple(self.facts[facts:]), tuple(self.alerts[alerts:])
        deadlines = {run.key: self.deadline(run, at) for run in self.s.runs if run.target}
        self.entries.append(Entry(at, step, before, _copy(self.s), booked, demands, deadlines))


def _copy(state: State) -> State:
    return _decode(_encode(state))


class TracedRules(Rules):
    """Rules whose lives are traced."""

    __slots__ = ()

    def life(self, state: State) -> TracedLife:
        """A life that notes what it does."""
        return TracedLife(state, self)


class TracedShard(Shard):
    """A shard whose conversations are traced."""

    def _rules_of(self, tenant: str) -> Rules:
        if tenant not in self._rules:
            self._rules[tenant] = TracedRules(self.settings, tenant)
        return self._rules[tenant]

    def _rest(self, now: int) -> None:
        """Nothing rests: what has been traced would be lost."""


class Watch:
    """One conversation in a shard of its own; the other events only drive the clock."""

    def __init__(self, settings: Settings, tenant: str, conversation_id: str, wall: Callable[[], int]) -> None:
        self.clock = 0
        self.lives: list[list[Entry]] = []
        """The history as it stands; a second list from where the conversation was forgotten and began anew."""
        self.ends: list[int] = []
        """The instant past which each of them was forgotten, ms; 0: it is still kept."""
        self.arrivals: list[Arrival] = []
        self.sent: list[Sent] = []
        self._shard = TracedShard(0, 1, settings, wall, "events")
        self._shard.recovered(0)
        self._key = f"{tenant}/{conversation_id}".encode()
        self._history: History | None = None
        self._life: TracedLife | None = None
        self._seen = 0

    def advance(self, at: int) -> None:
        """Let the clock go on to `at` (ms), unless it is further, and the timers before it act."""
        self._timers(at)
        self.clock = max(self.clock, at)

    def arrive(self, record: int, value: bytes, event: OfConversation) -> None:
        """Fold the conversation's next event; `record` is its place in the input."""
        if event.at > self.clock:
            self._timers(event.at)
        shard = self._shard
        counts, before = shard.counts.copy(), self.lives[-1] if self.lives else []
        effects = shard.fold([Record(None, value, record, event.at)], self.clock, event_time=True)
        self.clock = max(self.clock, event.at)
        again = self._look()
        order: Order = "in_order"
        if shard.counts["duplicate"] > counts["duplicate"]:
            order = "duplicate"
        elif shard.counts["late"] > counts["late"]:
            order = "late"
        elif again:
            last = next(e.step for e in reversed(self.lives[-1]) if e.step is not None)
            order = "behind_a_timer" if (last.t, last.id) == (event.at, event.event_id) else "out_of_order"
        was, now = (_booked(before), _booked(self.lives[-1])) if again else ((), ())
        self.arrivals.append(Arrival(record, event, order, self.clock, was, now))
        self._publish(effects, len(self.arrivals) - 1)
        self._timers(self.clock)

    def _timers(self, now: int) -> None:
        effects = self._shard.advance(now)
        self._look()
        self._publish(effects, None)

    def _publish(self, effects: Effects, arrival: int | None) -> None:
        outputs: Iterator[Output] = iter(effects.alerts)
        life = len(self.lives) - 1
        self.sent += [Sent(_alert(each.value), life, arrival) for each in outputs if each.value is not None]

    def _look(self) -> bool:
        """Bring the history up to what the shard holds; whether it was folded again."""
        history = self._shard.histories.get(self._key)
        if history is None:
            if self._history is not None:
                self.ends[-1], self._history = self._history.expires_at, None
            return False
        life = history.life
        if not isinstance(life, TracedLife):
            raise TypeError("the shard makes lives that are not traced")
        again = False
        if history is not self._history:
            if self._history is not None:
                self.ends[-1] = self._history.c.state.at + history.rules.values.retain_ms
            self.lives.append([])
            self.ends.append(0)
            self._history, self._seen = history, 0
        elif life is not self._life:
            again = True
            self.lives[-1], self._seen = _before(life, self.lives[-1]), 0
        self._life = life
        self.lives[-1].extend(life.entries[self._seen :])
        self._seen = len(life.entries)
        return again


def _before(life: TracedLife, entries: list[Entry]) -> list[Entry]:
    """The entries before the state from which a history, now one step longer, was folded again."""
    # That state is always the one right after a step: the base of a history never holds a timer's doing.
    left = _steps(entries) + 1 - _steps(life.entries)
    out: list[Entry] = []
    for entry in entries:
        if not left:
            break
        left -= entry.step is not None
        out.append(entry)
    return out


def _steps(entries: list[Entry]) -> int:
    return sum(entry.step is not None for entry in entries)


def _booked(entries: list[Entry]) -> tuple[Fact, ...]:
    return tuple(chain.from_iterable(entry.facts for entry in entries))
