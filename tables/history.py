"""One conversation's record: its history in order, whatever order it arrives in (contract section 3).

The newest events are kept as steps (the tail) behind a snapshot (the base), so that an event out of order can be put
in its place and everything after it folded again. What was booked and sent before is then compared with what the new
history books and demands.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from struct import Struct
from typing import NamedTuple

import msgspec

from tables import outbox
from tables.conversation import Life
from tables.facts import MINUTE, WIDTH, Fact, condense, pack, unpack
from tables.foot import Foot
from tables.rules import Rules
from tables.sla import Alert
from tables.state import REPLY_WINDOW, Dims, RunKey, State, Step

FACTS_KEPT = 26 * 60
"""Minutes for which a fact can still be in a window: the longest local day and an hour."""
WORK_KEPT = 54 * 60
"""The same of stretches of work, and of presence: 26 hours after the end of a local day of up to 25 hours its
agent-minutes are written down; the rest is for a clock that is ahead of those of other partitions."""
REST_MS = 3_600_000
"""After so long a conversation that is not in a cycle rests: few are reopened later."""
LONG_TAIL = 32
"""A tail of so many steps is shortened where it can be, and has a mark after every so many."""
WHOLE = 150
"""Minutes after which nothing asks for single minutes any more: not of a new owner either, whose clock is behind."""
LONG_FACTS = 64 * WIDTH

_ID = Struct("<8sI")
MANY_IDS = 64 * _ID.size
_encode = msgspec.msgpack.Encoder().encode


class Conversation(msgspec.Struct, array_like=True):
    """What the changelog holds of a conversation."""

    version: int
    applied: int
    """The offset of the last source record folded."""
    state: State
    base: bytes = b""
    """The state before the tail; empty: the conversation's beginning."""
    tail: list[msgspec.Raw] = []
    facts: bytes = b""
    settled: int = 0
    """So many bytes of the facts were booked before the tail."""
    dims: list[Dims] = []
    ids: bytes = b""
    sent: list[outbox.Sent] = []
    """What was sent of the runs that are open, and of those that the tail can still change."""


class Change(NamedTuple):
    """What one event, or the clock, did to a conversation."""

    facts: list[Fact]
    """The newest facts, booked by this."""
    alerts: list[Alert]
    late: bool = False
    before: Sequence[Fact] = ()
    """Those that stood in their place, when a part of the history was folded again."""


class Mark(NamedTuple):
    """What a conversation was after some steps of a long tail: what follows can be folded from there."""

    steps: int
    state: bytes
    booked: int = 0
    """So many bytes of facts those steps had booked."""


def digest(event_id: str) -> bytes:
    """The 8 bytes by which an event id is remembered."""
    return blake2b(event_id.encode(), digest_size=8).digest()


class History:
    """A conversation's record, with what makes it quick to work on."""

    __slots__ = ("_marks", "_seen", "c", "conversation_id", "due", "foot", "life", "rules")

    def __init__(self, record: Conversation, conversation_id: str, rules: Rules) -> None:
        self.c = record
        self.conversation_id = conversation_id
        self.rules = rules
        self.life = rules.life(record.state)
        self.due = 0
        """The instant for which a timer is set; kept by the shard."""
        self.foot: Foot | None = None
        """What the panes hold of this conversation; kept by the panes."""
        self._marks: list[Mark] = []
        self._seen: set[bytes] | None = None
        """The ids, where there are so many that looking through them would take long."""

    @classmethod
    def begin(cls, conversation_id: str, rules: Rules, *, after: History | None = None) -> History:
        """A new conversation; of the forgotten one before it only the facts stay, which windows may still hold."""
        record = Conversation(1, -1, State())
        if after is not None:
            record.facts, record.dims, record.settled = after.c.facts, after.c.dims, len(after.c.facts)
        history = cls(record, conversation_id, rules)
        if after is not None:
            history.foot = after.foot
        return history

    def encode(self) -> bytes:
        """The record's bytes for the changelog."""
        return _encode(self.c)

    def facts(self) -> list[Fact]:
        """All that is booked, in order of booking."""
        return list(unpack(self.c.facts, self.c.dims))

    # -- ids ------------------------------------------------------------------------------------------

    def remember(self, event_id: str, now: int) -> bool:
        """Remember an event's id, for as long as a conversation is, from `now` (the clock) on; False if it is known.

        Not from its `at` on: of events that were old when they came, too, each counts once.
        """
        mark = digest(event_id)
        c = self.c
        place = self._place_of(mark)
        if place >= 0:
            if now - _ID.unpack_from(c.ids, place)[1] * 1000 <= self.rules.values.retain_ms:
                return False
            c.ids = c.ids[:place] + c.ids[place + _ID.size :]
        c.ids += _ID.pack(mark, -(-now // 1000))
        surplus = max(len(c.ids) - self.rules.values.dedup_max * _ID.size, 0)
        if self._seen is not None:
            self._seen.add(mark)
            self._seen.difference_update(c.ids[i : i + 8] for i in range(0, surplus, _ID.size))
        if surplus:
            c.ids = c.ids[surplus:]
        return True

    def _place_of(self, mark: bytes) -> int:
        """Where an id is remembered; -1 if it is not."""
        ids = self.c.ids
        if self._seen is None and len(ids) > MANY_IDS:
            self._seen = {ids[i : i + 8] for i in range(0, len(ids), _ID.size)}
        if self._seen is not None and mark not in self._seen:
            return -1
        place = ids.find(mark)
        while place > 0 and place % _ID.size:
            place = ids.find(mark, place + 1)
        return place

    # -- events and timers ----------------------------------------------------------------------------

    def forgotten(self, at: int) -> bool:
        """Whether an event at `at` starts a new conversation."""
        s = self.c.state
        return not s.in_cycle and bool(s.at) and at - s.at > self.rules.values.retain_ms

    def rests(self, now: int) -> bool:
        """Whether it stands nowhere, and nothing has happened for long."""
        s, foot = self.c.state, self.foot
        if s.in_cycle or s.runs or now - s.at <= REST_MS or foot is None:
            return False
        return not (foot.ahead or foot.mask or foot.work or foot.waiting_since)

    @property
    def expires_at(self) -> int:
        """The instant past which, if resolved, it is forgotten and no window holds its samples any more."""
        return self.c.state.at + max(self.rules.values.retain_ms, WORK_KEPT * MINUTE)

    def take(self, step: Step, now: int) -> Change:
        """Fold a new event in its place; `now` is the partition's clock."""
        c, life = self.c, self.life
        if len(c.tail) >= LONG_TAIL and len(c.tail) % (LONG_TAIL // 2) == 0:
            self._shorten()
        s = c.state
        in_order = step.t > s.at or (step.t == s.at and step.id > s.id)
        if not in_order or step.t <= s.fired:
            return self._insert(step, now, in_order=in_order)
        if c.tail and step.t - s.at > self.rules.values.lateness_ms:
            self._settle(len(c.tail))
        life.advance(step.t)
        life.apply(step)
        c.tail.append(msgspec.Raw(_encode(step)))
        change = self._booked()
        if len(c.tail) % LONG_TAIL == 0:
            self._marks.append(Mark(len(c.tail), _encode(s), len(c.facts) - c.settled))
        return change

    @property
    def outdated(self) -> bool:
        """Whether its runs are measured by policies that are no longer in force."""
        return bool(self.c.state.runs) and self.c.state.rules != self.rules.print

    def follow(self, rules: Rules) -> None:
        """From now on these are the tenant's rules; see `remeasure`."""
        self.rules = rules
        self.life = rules.life(self.c.state)
        self._marks.clear()

    def remeasure(self, now: int) -> Change:
        """Put the runs under the policies of now. What came before is not folded again: it went by others."""
        c = self.c
        self.life.remeasure(now)
        change = self._booked()
        c.base, c.settled, c.tail = _encode(c.state), len(c.facts), []
        self._marks.clear()
        c.sent = outbox.keep(c.sent, _can_change(c.state), ())
        return change

    def advance(self, now: int) -> Change:
        """Let the conversation's timers act whose instant is before `now`."""
        self.life.advance(now)
        return self._booked()

    def _booked(self) -> Change:
        """Keep what the life has booked and told since the last time."""
        c, life = self.c, self.life
        facts, alerts = life.facts, life.alerts
        life.facts, life.alerts = [], []
        if facts:
            c.facts += pack(facts, c.dims)
        if alerts:
            alerts = outbox.post(c.sent, alerts)
        return Change(facts, alerts)

    def _insert(self, step: Step, now: int, *, in_order: bool) -> Change:
        c, values = self.c, self.rules.values
        s, tail, place = c.state, c.tail, len(c.tail)
        behind: list[Step] = []
        while place and (last := _decode_step(tail[place - 1])).place > step.place:
            behind.insert(0, last)
            place -= 1
        base = _state(c.base)
        late = not in_order and (
            (step.t, step.id) < (base.at, base.id)
            or step.t < s.at - values.lateness_ms
            or now > s.at + values.lateness_ms
            or len(behind) >= values.reorder_max
        )
        if late:
            step = msgspec.structs.replace(step, t=s.at, behind=s.id)
            place, behind = len(tail), []
        tail.insert(place, msgspec.Raw(_encode(step)))
        mark = self._mark(place)
        steps = [*map(_decode_step, tail[mark.steps : place]), step, *behind]
        near = _state(mark.state)
        running = {run.key: bool(run.breached_at) for run in near.runs}
        # Handed back by the bot, the customer's last message begins its run anew.
        parked = (REPLY_WINDOW, near.wrote_id) if near.with_bot else None
        life = self._fold(near, steps, mark)
        life.advance(max(now, s.fired + 1))
        stands = c.settled + mark.booked
        before = list(unpack(c.facts[stands:], c.dims))
        c.facts = c.facts[:stands] + pack(life.facts, c.dims)
        began = {each.id for each in steps}
        alerts = outbox.reconcile(c.sent, life.alerts, running, began, step.at, life.s, parked=parked)
        life.facts, life.alerts = [], []
        c.state, self.life = life.s, life
        return Change(list(unpack(c.facts[stands:], c.dims)), alerts, late, before)

    def _mark(self, place: int) -> Mark:
        """The newest of the marks that what changes at a place of the tail leaves standing; those behind it go."""
        marks = self._marks
        while marks and marks[-1].steps > place:
            marks.pop()
        return marks[-1] if marks else Mark(0, self.c.base)

    def _fold(self, state: State, steps: list[Step], after: Mark | None = None) -> Life:
        """Fold steps; with `after` they are all of the tail behind that mark, and new ones are set."""
        life = self.rules.life(state)
        for place, step in enumerate(steps, after.steps + 1 if after is not None else 1):
            life.advance(step.t)
            life.apply(step)
            if after is not None and place % LONG_TAIL == 0:
                self._marks.append(Mark(place, _encode(life.s), after.booked + len(life.facts) * WIDTH))
        return life

    # -- the base -------------------------------------------------------------------------------------

    def _shorten(self) -> None:
        """Move the base forward in a conversation that never pauses, past what can no longer be reordered."""
        c, values = self.c, self.rules.values
        horizon = c.state.at - values.lateness_ms
        old = next((i for i, raw in enumerate(c.tail) if _decode_step(raw).t >= horizon), len(c.tail))
        if old >= len(c.tail) // 2:
            self._settle(old)
        elif len(c.tail) >= 2 * values.reorder_max:
            self._settle(len(c.tail) - values.reorder_max)

    def _settle(self, count: int) -> None:
        """Make the state after the first `count` steps of the tail the base."""
        c = self.c
        state, booked = c.state, len(c.facts)
        if count < len(c.tail) or state.fired:
            life = self._fold(_state(c.base), [_decode_step(raw) for raw in c.tail[:count]])
            place = c.settled + len(life.facts) * WIDTH
            if pack(life.facts, list(c.dims)) == c.facts[c.settled : place]:
                state, booked = life.s, place
            else:  # the settings have changed since: what was booked stays
                count = len(c.tail)
        c.base, c.settled, c.tail = _encode(state), booked, c.tail[count:]
        self._marks.clear()
        if c.sent:
            c.sent = outbox.keep(c.sent, _can_change(state), {_decode_step(raw).id for raw in c.tail})
        if c.settled > LONG_FACTS:
            self._condense()

    def _condense(self) -> None:
        c = self.c
        rest = list(unpack(c.facts[c.settled :], c.dims))
        minute = c.state.at // MINUTE
        kept, dims = condense(c.facts[: c.settled], c.dims, minute - FACTS_KEPT, minute - WORK_KEPT, minute - WHOLE)
        c.settled = len(kept)
        c.facts = kept + pack(rest, dims)
        c.dims = dims


def _state(packed: bytes) -> State:
    """A state as bases and marks hold it; empty: that of a conversation's beginning."""
    return _decode_state(packed) if packed else State()


def _can_change(state: State) -> set[RunKey]:
    """The runs that what comes after a state can still change."""
    # The customer's last message can begin a run once more, when a bot hands back.
    return {(REPLY_WINDOW, state.wrote_id), *(run.key for run in state.runs)}


_decode_step = msgspec.msgpack.Decoder(Step).decode
_decode_state = msgspec.msgpack.Decoder(State).decode
_decode_record = msgspec.msgpack.Decoder(Conversation).decode


def decode(value: bytes, conversation_id: str, rules: Rules) -> History:
    """A record from the changelog."""
    return History(_decode_record(value), conversation_id, rules)
