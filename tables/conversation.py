"""The fold of one conversation: cycles, waits, bots, hand-offs, and the samples they book (contract section 3).

`Life` holds a `State` and moves it by steps and by timers, in the order of the history. What it books is appended to
`facts`, what it demands to be told to `alerts`. It knows nothing of arrival, lateness or storage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts, sla, state
from tables.days import QUARTER_MS
from tables.distinct import hashed
from tables.facts import MINUTE, Fact
from tables.runs import Runs
from tables.state import (
    FIRST_RESPONSE,
    HUMAN,
    NEXT_RESPONSE,
    NONE,
    OPEN,
    PENDING,
    REPLY_WINDOW,
    RESOLUTION,
    RESOLVED,
    Dims,
    Step,
)

if TYPE_CHECKING:
    from tables.calendar import Calendar

TOUCH_MS = 72 * 3_600_000
MOST_TOPICS = 50
"""Of a conversation at a time; those that would be more are not taken up."""
"""A conversation reopened within this time was not resolved by one touch."""
_BESIDE = {state.CSAT: facts.CSAT, state.NPS: facts.NPS, state.CES: facts.CES, state.FAILED: facts.DELIVERY_FAILED}
"""Steps that book something and change nothing."""


class Life(Runs):
    """One conversation in motion."""

    __slots__ = ()

    def apply(self, step: Step) -> None:
        """Fold the next step of the history; `advance` to its instant must have been called before."""
        s = self.s
        if not s.id:
            s.channel = step.channel
            self.dims = s.dims
        s.at, s.id, s.fired = step.t, step.behind or step.id, 0
        if step.customer is not None:
            s.customer = step.customer
        self._next = -1
        code = step.code
        if code == state.CUSTOMER:
            self._customer(step)
        elif code == HUMAN:
            self._human(step)
        elif code == state.STATUS:
            self._status(step)
        elif code == state.BOT:
            self._bot(step)
        elif code == state.ASSIGNED:
            self._assigned(step)
        elif code == state.HANDOFF:
            self._handoff(step)
        elif code == state.PRIORITY:
            self._retitle(step, priority=str(step.value))
        elif code == state.TAGGED and step.topics is not None:
            add, remove = map(set, step.topics)
            kept = set(s.topics) - remove
            new = sorted(add - kept - remove)[: max(MOST_TOPICS - len(kept), 0)]
            self._retitle(step, topics=tuple(sorted(kept.union(new))))
        elif code in _BESIDE:
            self.facts.append(Fact(_BESIDE[code], step.at // MINUTE, self.dims, 1, int(step.value or 0)))

    # -- timers ---------------------------------------------------------------------------------------

    def due(self) -> int:
        """The instant of the next timer, 0 without one."""
        if self._next < 0:
            self._next = self._look_up()
        return self._next

    def _look_up(self) -> int:
        s = self.s
        due = 0
        if s.anchor and not s.decided:
            due = s.anchor + self.rules.values.threshold_ms(s.channel)
        for run in s.runs:
            mark = self.mark(run)
            if mark and (not due or mark < due):
                due = mark
        return due

    def advance(self, until: int) -> None:
        """Let every timer act whose instant is strictly before `until`, in order."""
        s = self.s
        while 0 < (due := self.due()) < until:
            self._next = -1
            s.fired = max(s.fired, due)
            if s.anchor and not s.decided and s.anchor + self.rules.values.threshold_ms(s.channel) == due:
                s.decided = True
                self.facts.append(Fact(facts.SL_MISSED, due // MINUTE, self.dims))
            else:
                self._fire(due)

    # -- steps ----------------------------------------------------------------------------------------

    def _customer(self, step: Step) -> None:
        s, t = self.s, step.t
        if not s.in_cycle:
            self._open(step)
        elif s.phase == PENDING:
            self._set_phase(OPEN, t)
        self.facts.append(Fact(facts.MESSAGES_IN, step.at // MINUTE, self.dims))
        first, s.wrote = not s.wrote, True
        s.wrote_at, s.wrote_id = t, step.id
        if s.with_bot:
            return
        if s.waiting_since:
            self._move_window(t)
        elif step.behind is None or step.at >= s.last_reply_at:
            self._wait(step, first=first and not s.answered)

    def _human(self, step: Step) -> None:
        s, t = self.s, step.t
        if s.phase == RESOLVED:
            s.last_reply_at = max(s.last_reply_at, step.at)
            self._sent(step, self._sender(step))
            return
        if s.phase == NONE:
            self._open(step)
        if s.agent is None:
            s.agent = step.agent
            self._moved(t)
        sender = self._sender(step)
        self._sent(step, sender)
        s.replies += 1
        s.human = True
        s.last_reply_at = max(s.last_reply_at, step.at)
        if s.with_bot:
            s.with_bot, s.answered = False, True
        elif step.behind is not None and step.at < s.waiting_since:
            return
        elif s.anchor:
            self._took(facts.FRT, sender, s.anchor, t)
            if not s.decided:
                self.facts.append(Fact(facts.SL_MET, t // MINUTE, sender))
            s.anchor, s.answered = 0, True
            self._end(FIRST_RESPONSE, t, None)
        elif s.waiting_since:
            self._took(facts.NRT, sender, s.waiting_since, t)
            self._end(NEXT_RESPONSE, t, None)
        if s.waiting_since:
            self._end(REPLY_WINDOW, t, None)
        s.waiting_since = 0

    def _sent(self, step: Step, sender: Dims) -> None:
        """Book a human reply, and the customer it went to."""
        minute, customer = step.at // MINUTE, self.s.customer
        self.facts.append(Fact(facts.MESSAGES_OUT, minute, sender))
        if customer is not None:
            self.facts.append(Fact(facts.CUSTOMER, minute, sender, 1, hashed(customer)))

    def _bot(self, step: Step) -> None:
        s = self.s
        if s.in_cycle and s.wrote and not s.human and not s.with_bot:
            s.with_bot, s.anchor, s.waiting_since = True, 0, 0
            for metric in (FIRST_RESPONSE, NEXT_RESPONSE, REPLY_WINDOW):
                self._end(metric, step.t, "bot")

    def _assigned(self, step: Step) -> None:
        s = self.s
        agent = step.agent if step.sets & 1 else s.agent
        team = step.team if step.sets & 2 else s.team
        if (agent, team) != (s.agent, s.team):
            s.agent, s.team = agent, team
            self._moved(step.t)
        if s.in_cycle and step.sets & 1 and step.agent is not None:
            s.human = True
            if s.with_bot:
                self._take_back(step)

    def _handoff(self, step: Step) -> None:
        s, t = self.s, step.t
        if s.phase == NONE:
            self._open(step)
        dropped = s.in_cycle and s.anchor != 0
        if dropped:
            s.anchor = 0
        if step.team is not None and step.team != s.team:
            s.team = step.team
            if dropped:
                self._end(FIRST_RESPONSE, t, "handoff")
            self._moved(t)
        elif dropped:
            self._end(FIRST_RESPONSE, t, "handoff")
        if not s.in_cycle:
            return
        s.human = True
        if s.with_bot:
            self._take_back(step)
        elif dropped:
            self._await_first(step)

    def _take_back(self, step: Step) -> None:
        self.s.with_bot = False
        self._wait(step, first=not self.s.answered)

    def _status(self, step: Step) -> None:
        s = self.s
        phase = int(step.value or NONE)
        if phase == RESOLVED:
            if s.in_cycle:
                self._resolve(step.t)
            return
        if not s.in_cycle:
            self._open(step)
        self._set_phase(phase, step.t)

    def _retitle(self, step: Step, *, priority: str | None = None, topics: tuple[str, ...] | None = None) -> None:
        s = self.s
        changed = (s.priority if priority is None else priority, s.topics if topics is None else topics)
        if changed != (s.priority, s.topics):
            s.priority, s.topics = changed
            self._moved(step.t)

    # -- cycles and waits -----------------------------------------------------------------------------

    def _open(self, step: Step) -> None:
        s, t = self.s, step.t
        s.cycles += 1
        if s.touched is not None and t - s.touched_at <= TOUCH_MS:
            closes = (s.touched_at // QUARTER_MS + 1) * QUARTER_MS + self.rules.values.lateness_ms
            kind = facts.ONE_TOUCH_BACK if t <= closes else facts.ONE_TOUCH_BACK_LATE
            self.facts.append(Fact(kind, s.touched_at // MINUTE, s.touched))
        s.phase, s.opened_at = OPEN, t
        s.wrote = s.human = s.with_bot = s.decided = s.overdue = False
        s.anchor = s.waiting_since = s.replies = s.handled = s.handled_business = 0
        s.touched = None
        self.facts.append(Fact(facts.OPENED, t // MINUTE, self.dims))
        if s.cycles > 1:
            self.facts.append(Fact(facts.REOPENED, t // MINUTE, self.dims))
        s.topics_met = ()
        self._meet_topics(t)
        self._start(RESOLUTION, step.id, t, t)
        self._work(t)

    def _resolve(self, t: int) -> None:
        s, dims, minute = self.s, self.dims, t // MINUTE
        self.facts.append(Fact(facts.RESOLVED, minute, dims))
        if s.anchor and not s.decided and t - s.anchor > self.rules.values.short_abandon_ms:
            self.facts.append(Fact(facts.SL_ABANDONED, minute, dims))
        if s.with_bot:
            self.facts.append(Fact(facts.BOT_RESOLVED, minute, dims))
        if s.replies <= 1:
            self.facts.append(Fact(facts.ONE_TOUCH, minute, dims))
            s.touched_at, s.touched = t, dims
        self._took(facts.RESOLUTION, dims, s.opened_at, t)
        s.phase, s.anchor, s.waiting_since, s.with_bot = RESOLVED, 0, 0, False
        self._work(t)
        self._lasted(facts.HANDLE, dims, t, s.handled, s.handled_business)
        self._end_all(t)
        s.overdue = False

    def _wait(self, step: Step, *, first: bool) -> None:
        """The customer waits from now on: for the first response, or, unless that is still awaited, for the next."""
        s, t = self.s, step.t
        s.waiting_since = t
        if first:
            self._await_first(step)
        elif not s.anchor:
            self._start(NEXT_RESPONSE, step.id, t, t)
        self._start(REPLY_WINDOW, s.wrote_id, s.wrote_at, t)

    def _await_first(self, step: Step) -> None:
        self.s.anchor, self.s.decided = step.t, False
        self._start(FIRST_RESPONSE, step.id, step.t, step.t)

    def _set_phase(self, phase: int, t: int) -> None:
        self.s.phase = phase
        self._work(t)
        self._pause(t)

    def _sender(self, step: Step) -> Dims:
        d = self.dims
        return d if step.agent == d[1] else (d[0], step.agent, *d[2:])

    def _moved(self, t: int) -> None:
        """The dims have changed: make the new scopes known and choose the policy anew."""
        s, before = self.s, self.dims
        self.dims = s.dims
        if s.in_cycle:
            self.facts.append(Fact(facts.SEEN, t // MINUTE, self.dims))
            if s.working_since and self.dims[1:3] != before[1:3]:
                self._occupied(before, t)
            self._meet_topics(t)
            self._work(t)
            self._rechoose(t)

    def _meet_topics(self, t: int) -> None:
        """Book every topic once in a cycle."""
        s = self.s
        new = tuple(topic for topic in s.topics if topic not in s.topics_met)
        self.facts += [Fact(facts.TOPIC, t // MINUTE, self.dims, 1, hashed(topic)) for topic in new]
        s.topics_met += new

    # -- durations ------------------------------------------------------------------------------------

    def _took(self, kind: int, dims: Dims, since: int, t: int) -> None:
        """Book a duration that ends now."""
        calendar = self._calendar()
        self._lasted(kind, dims, t, t - since, t - since if calendar is None else calendar.elapsed_ms(since, t))

    def _lasted(self, kind: int, dims: Dims, t: int, value: int, business: int) -> None:
        minute = t // MINUTE
        if value == business:
            self.facts.append(Fact(kind, minute, dims, 1, value))
        else:
            self.facts.append(Fact(kind + facts.CALENDAR, minute, dims, 1, value))
            self.facts.append(Fact(kind + facts.BUSINESS, minute, dims, 1, business))

    def _calendar(self) -> Calendar | None:
        return self.rules.calendar(self.dims) if self.rules.has_calendars else None

    def _work(self, t: int) -> None:
        """Status or assignee may have changed: a stretch of handling begins or ends."""
        s = self.s
        working = s.phase == OPEN and s.agent is not None
        if working == bool(s.working_since):
            return
        if working:
            s.working_since = s.occupied_since = t
            return
        s.handled += t - s.working_since
        s.handled_business += sla.between(self._calendar(), s.working_since, t)
        self._occupied(self.dims, t)
        s.working_since = s.occupied_since = 0

    def _occupied(self, dims: Dims, t: int) -> None:
        """Book the panes in which an agent was occupied with it until now."""
        s = self.s
        if s.occupied_since and t > s.occupied_since and dims[1] is not None:
            self.facts.append(Fact(facts.OCCUPIED, (t - 1) // MINUTE, dims, 1, s.occupied_since // MINUTE))
        s.occupied_since = t
