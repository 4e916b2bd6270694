"""The fold of one conversation: cycles, waits, bots, hand-offs, and the samples they book (contract section 3).

`Life` holds a `State` and moves it by steps and by timers, in the order of the history. What it books is appended to
`facts`, what it demands to be told to `alerts`. It knows nothing of arrival, lateness or storage.
"""

from __future__ import annotations

from tables import sla
from tables.facts import (
    FRT,
    MESSAGES_IN,
    MESSAGES_OUT,
    MINUTE,
    NRT,
    OPENED,
    REOPENED,
    SEEN,
    SL_ABANDONED,
    SL_MET,
    SL_MISSED,
    Fact,
)
from tables.facts import (
    RESOLVED as CYCLE_RESOLVED,
)
from tables.settings import Policy, Settings, TenantSettings
from tables.state import (
    ASSIGNED,
    BOT,
    CUSTOMER,
    FIRST_RESPONSE,
    HANDOFF,
    HUMAN,
    NEXT_RESPONSE,
    NONE,
    OPEN,
    PENDING,
    PRIORITY,
    RESOLUTION,
    RESOLVED,
    STATUS,
    TAGGED,
    Dims,
    Run,
    State,
    Step,
)


class Rules:
    """What one tenant's settings say to the fold."""

    __slots__ = ("has_policies", "settings", "tenant", "values")

    def __init__(self, settings: Settings, tenant: str) -> None:
        self.settings = settings
        self.tenant = tenant
        self.values: TenantSettings = settings.tenant(tenant)
        self.has_policies = bool(self.values.policies)

    def life(self, state: State) -> Life:
        """What folds a conversation by these rules."""
        return Life(state, self)


class Life:
    """One conversation in motion."""

    __slots__ = ("_next", "alerts", "dims", "facts", "rules", "s")

    def __init__(self, state: State, rules: Rules) -> None:
        self.s = state
        self.dims: Dims = state.dims
        self.rules = rules
        self.facts: list[Fact] = []
        self.alerts: list[sla.Alert] = []
        self._next = -1
        """What `due` says; -1 while it must be looked up."""

    def apply(self, step: Step) -> None:
        """Fold the next step of the history; `advance` to its instant must have been called before."""
        s = self.s
        if not s.id:
            s.channel = step.channel
            self.dims = s.dims
        s.at, s.id, s.fired = step.t, step.behind or step.id, 0
        self._next = -1
        code = step.code
        if code == CUSTOMER:
            self._customer(step)
        elif code == HUMAN:
            self._human(step)
        elif code == STATUS:
            self._status(step)
        elif code == BOT:
            self._bot(step)
        elif code == ASSIGNED:
            self._assigned(step)
        elif code == HANDOFF:
            self._handoff(step)
        elif code == PRIORITY:
            self._retitle(step, priority=str(step.value))
        elif code == TAGGED and step.topics is not None:
            add, remove = step.topics
            self._retitle(step, topics=tuple(sorted((set(s.topics) | set(add)) - set(remove))))

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
            mark = run.due()
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
                self.facts.append(Fact(SL_MISSED, due // MINUTE, self.dims))
                continue
            run = next(run for run in s.runs if run.due() == due)
            state, level, instant = sla.fire(run)
            if state == sla.BREACHED:
                s.overdue = True
            self._tell(run, state, instant, run.deadline(instant), level)

    # -- steps ----------------------------------------------------------------------------------------

    def _customer(self, step: Step) -> None:
        s, t = self.s, step.t
        if not s.in_cycle:
            self._open(step)
        elif s.phase == PENDING:
            self._set_phase(OPEN, t)
        self.facts.append(Fact(MESSAGES_IN, step.at // MINUTE, self.dims))
        first, s.wrote = not s.wrote, True
        if s.with_bot or (step.behind is not None and step.at < s.last_reply_at):
            return
        if not s.waiting_since:
            s.waiting_since = t
            if first and not s.answered:
                self._await_first(step)
            elif not s.anchor:
                self._start(NEXT_RESPONSE, step)

    def _human(self, step: Step) -> None:
        s, t = self.s, step.t
        if s.phase == RESOLVED:
            s.last_reply_at = max(s.last_reply_at, step.at)
            self.facts.append(Fact(MESSAGES_OUT, step.at // MINUTE, self._sender(step)))
            return
        if s.phase == NONE:
            self._open(step)
        if s.agent is None:
            s.agent = step.agent
            self._moved(t)
        sender = self._sender(step)
        minute = t // MINUTE
        self.facts.append(Fact(MESSAGES_OUT, step.at // MINUTE, sender))
        s.human = True
        s.last_reply_at = max(s.last_reply_at, step.at)
        if s.with_bot:
            s.with_bot, s.answered = False, True
        elif step.behind is not None and step.at < s.waiting_since:
            return
        elif s.anchor:
            self.facts.append(Fact(FRT, minute, sender, 1, t - s.anchor))
            if not s.decided:
                self.facts.append(Fact(SL_MET, minute, sender))
            s.anchor, s.answered = 0, True
            self._end(FIRST_RESPONSE, t, answered=True)
        elif s.waiting_since:
            self.facts.append(Fact(NRT, minute, sender, 1, t - s.waiting_since))
            self._end(NEXT_RESPONSE, t, answered=True)
        s.waiting_since = 0

    def _bot(self, step: Step) -> None:
        s = self.s
        if s.in_cycle and s.wrote and not s.human and not s.with_bot:
            s.with_bot, s.anchor, s.waiting_since = True, 0, 0
            self._end(FIRST_RESPONSE, step.t, answered=False)
            self._end(NEXT_RESPONSE, step.t, answered=False)

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
                self.dims = s.dims
                self._end(FIRST_RESPONSE, t, answered=False)
            self._moved(t)
        elif dropped:
            self._end(FIRST_RESPONSE, t, answered=False)
        if not s.in_cycle:
            return
        s.human = True
        if s.with_bot:
            self._take_back(step)
        elif dropped:
            self._await_first(step)

    def _take_back(self, step: Step) -> None:
        s = self.s
        s.with_bot, s.waiting_since = False, step.t
        if s.answered:
            self._start(NEXT_RESPONSE, step)
        else:
            self._await_first(step)

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
        s, minute = self.s, step.t // MINUTE
        s.cycles += 1
        s.phase, s.opened_at = OPEN, step.t
        s.wrote = s.human = s.with_bot = s.decided = s.overdue = False
        s.anchor = s.waiting_since = 0
        self.facts.append(Fact(OPENED, minute, self.dims))
        if s.cycles > 1:
            self.facts.append(Fact(REOPENED, minute, self.dims))
        self._start(RESOLUTION, step)

    def _resolve(self, t: int) -> None:
        s, minute = self.s, t // MINUTE
        self.facts.append(Fact(CYCLE_RESOLVED, minute, self.dims))
        if s.anchor and not s.decided and t - s.anchor > self.rules.values.short_abandon_ms:
            self.facts.append(Fact(SL_ABANDONED, minute, self.dims))
        s.phase, s.anchor, s.waiting_since, s.with_bot = RESOLVED, 0, 0, False
        for run in s.runs:
            self._close(run, t, answered=run.metric == RESOLUTION)
        s.runs, s.overdue = [], False

    def _await_first(self, step: Step) -> None:
        self.s.anchor, self.s.decided = step.t, False
        self._start(FIRST_RESPONSE, step)

    def _set_phase(self, phase: int, t: int) -> None:
        self.s.phase = phase
        for run in self.s.runs:
            sla.pause(run, phase, t)

    def _sender(self, step: Step) -> Dims:
        d = self.dims
        return d if step.agent == d[1] else (d[0], step.agent, *d[2:])

    def _moved(self, t: int) -> None:
        """The dims have changed: make the new scopes known and choose the policy anew."""
        s = self.s
        self.dims = s.dims
        if not s.in_cycle:
            return
        self.facts.append(Fact(SEEN, t // MINUTE, self.dims))
        if not s.runs:
            return
        policy = self._policy()
        for run in s.runs:
            for state, deadline in sla.rechoose(run, policy, s.phase, t):
                s.overdue = s.overdue or state == sla.BREACHED
                self._tell(run, state, t, deadline)

    # -- SLA runs -------------------------------------------------------------------------------------

    def _policy(self) -> Policy | None:
        channel, _, team, priority, topics = self.dims
        rules = self.rules
        return rules.settings.choose(rules.tenant, channel, priority, team, topics)

    def _start(self, metric: int, step: Step) -> None:
        if self.rules.has_policies:
            self.s.runs.append(sla.start(metric, step.id, step.t, self._policy(), self.s.phase))

    def _end(self, metric: int, t: int, *, answered: bool) -> None:
        runs = self.s.runs
        for i, run in enumerate(runs):
            if run.metric == metric:
                self._close(run, t, answered=answered)
                del runs[i]
                return

    def _close(self, run: Run, t: int, *, answered: bool) -> None:
        if run.target or run.breached_at:
            self._tell(run, sla.outcome(run, answered=answered), t, run.deadline(t))

    def _tell(self, run: Run, state: str, at: int, deadline: int, level: int = 0) -> None:
        s = self.s
        late = (at - deadline) / 1000 if state == sla.MET_LATE else 0.0
        dims = (s.agent, s.team, s.priority)
        self.alerts.append(
            sla.Alert(run.metric, run.instance, state, level, at, run.started_at, deadline, run.policy, late, *dims)
        )
