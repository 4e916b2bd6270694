"""One source partition: its conversations, the panes that are views of them, and its timers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from heapq import heappop, heappush

from streams.business import Business
from streams.codecs import dead_letter
from streams.codecs import decode as decode_event
from streams.engine.ports import GARBLED, Effects, Output, Record, Unreadable
from streams.events import Presence
from streams.limit import DeadLetterLimit
from streams.rejects import Rejected
from tables import alerts, beside, corrections, gauges
from tables.beside import Beside
from tables.booking import Booking
from tables.days import QUARTER_MS
from tables.histories import Histories
from tables.history import Change, History, decode
from tables.movement import Movement, movement
from tables.panes import Panes
from tables.rules import Rules
from tables.settings import Settings
from tables.state import step_of
from tables.teller import Teller, horizon, oldest_minute


class Shard:
    """The state of one partition of `sigap.events`; see `streams.engine.ports.Shard`."""

    def __init__(
        self,
        partition: int,
        partitions: int,
        settings: Settings,
        wall: Callable[[], int],
        topic: str,
        limit: DeadLetterLimit | None = None,
    ) -> None:
        self.partition = partition
        self.partitions = partitions
        self.settings = settings
        self.counts: Counter[str] = Counter()
        """Records by outcome: folded (of these late, after_interval), duplicate, replayed, empty, presence, business,
        and rejects by reason."""
        self.histories = Histories(self._wake)
        self._beside = Beside(self.counts, lambda tenant: self.settings.tenant(tenant).timezone)
        self._teller = Teller(partition, partitions, self._beside)
        self._booking = Booking(self._teller.panes)
        self.moved: set[bytes] = set()
        """Conversations whose waiting or deadlines may have changed since `movements` was called."""
        self._restored: dict[bytes, bytes | None] = {}
        self._wall = wall
        self._topic = topic
        self._limit = limit or DeadLetterLimit(0, 0)
        self._rules: dict[str, Rules] = {}
        self._timers: list[tuple[int, bytes]] = []
        self._greatest_at = 0
        self._greatest_ts = 0
        self._outdated: set[bytes] = set()
        """Conversations whose runs are measured by policies that are no longer in force."""
        self._quarter = 0
        """The quarter-hour, in ms, that the clock passes next."""
        self._rested = 0

    @property
    def greatest_at(self) -> int:
        """The greatest `at` folded so far, in ms (0: none)."""
        return self._greatest_at

    @property
    def next_due(self) -> int:
        """The instant (ms) of the next timer, or one before it; 0 without any."""
        if not self._timers:
            return 0
        due, key = self._timers[0]
        history = self.histories.peek(key)
        ages = history is not None and history.due == due and history.c.state.in_cycle and history.life.due() != due
        return due + 1 if ages else due  # see `_schedule`

    @property
    def epoch(self) -> int:
        """Which owner of the partition this is; -1 before it has recovered."""
        return self._teller.epoch

    @property
    def panes(self) -> Panes:
        """The views of what the conversations have booked."""
        return self._teller.panes

    # -- recovery -------------------------------------------------------------------------------------

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Apply one changelog record."""
        self._restored[key] = value

    @property
    def mark(self) -> int:
        """The quarter-hour that the clock passes next, in ms."""
        return self._quarter

    def recovered(self, epoch: int, now: int = 0, mark: int = 0) -> None:
        """Rebuild panes and timers from the conversations."""
        self._quarter = mark or -(-now // QUARTER_MS) * QUARTER_MS
        self._teller = Teller(self.partition, self.partitions, self._beside, epoch=epoch, since=self._quarter, now=now)
        self._booking = Booking(self._teller.panes)
        self._timers = []
        # Of what is older only the roll-up knows all: some of the conversations are forgotten.
        oldest = horizon(now)
        self.panes.discard(max(oldest, oldest_minute(now)), oldest)
        self._thaw()
        for _, history in self.histories.awake:
            self._greatest_at = max(self._greatest_at, history.c.state.at)
            history.due = 0
        self._outdated = {key for key, history in self.histories.awake if history.outdated}
        for (tenant, agent), online in self._beside.presences.everybody():
            self.panes.present(tenant, agent, int(online))
        for key, history in self.histories.awake:
            try:
                self._booking.restore(key, history, oldest)
                self._schedule(key, history, now)
            except GARBLED as error:
                raise Unreadable(key, error) from error
        self._rest(now)

    def _thaw(self) -> None:
        """Decode the newest value of every key restored; the log holds each several times."""
        for key, value in self._restored.items():
            try:
                self._take_back(key, value)
            except GARBLED as error:
                raise Unreadable(key, error) from error
        self._restored.clear()
        self._beside.ledger.recovered()

    def _take_back(self, key: bytes, value: bytes | None) -> None:
        """Take over what the changelog says of a key."""
        if key.startswith(corrections.PREFIX):
            corrections.restore(self.panes, key, value)
        elif key.startswith(beside.PREFIX):
            self._beside.restore(key, value)
        elif value is None:
            self.histories.drop(key)
        else:
            self.histories[key] = self._decode(key, value)

    def _decode(self, key: bytes, value: bytes) -> History:
        tenant, _, conversation_id = key.decode().partition("/")
        return decode(value, conversation_id, self._rules_of(tenant))

    def _wake(self, key: bytes, value: bytes) -> History:
        """A conversation that was at rest, as it was before."""
        history = self._decode(key, value)
        history.foot = self.panes.foot(key, history.rules.tenant, history.facts())
        history.due = history.expires_at
        return history

    def _rest(self, now: int) -> None:
        """Let the conversations sleep to which nothing has happened for long, once a quarter-hour."""
        if now // QUARTER_MS != self._rested:
            self._rested = now // QUARTER_MS
            self.histories.rest(now)

    def _rules_of(self, tenant: str) -> Rules:
        rules = self._rules.get(tenant)
        if rules is None:
            rules = self._rules[tenant] = Rules(self.settings, tenant)
        return rules

    def reload(self, settings: Settings) -> None:
        """Go on with other settings; deadlines are computed anew with the next `advance`."""
        self.settings = settings
        self._rules = {tenant: Rules(settings, tenant) for tenant in self._rules}
        for key, history in self.histories.awake:
            history.follow(self._rules[history.rules.tenant])
            if history.outdated:
                self._outdated.add(key)
            self.moved.add(key)
        self._beside.reload()

    # -- events and timers ----------------------------------------------------------------------------

    def fold(self, records: Sequence[Record], now: int, *, event_time: bool) -> Effects:
        """Fold source records, in offset order; see the protocol."""
        counts = self.counts
        changed: dict[bytes, History | None] = {}
        folded: set[bytes] = set()
        outputs: list[Output] = []
        rejects: list[Output] = []
        snapshots: list[Output] = []
        wall = self._wall()
        clock = now
        for record in records:
            if record.value is None:
                counts["empty"] += 1
                continue
            try:
                event = decode_event(record.value, wall)
            except Rejected as rejected:
                counts[rejected.reason] += 1
                self._limit.refused(record, rejected)
                rejects.append(dead_letter(record, rejected.reason, rejected.detail, self._topic, self.partition))
                continue
            self._greatest_at = max(self._greatest_at, event.at)
            self._greatest_ts = max(self._greatest_ts, record.timestamp)
            clock = max(clock, self._greatest_at if event_time else min(self._greatest_at, self._greatest_ts))
            if clock > self._quarter:
                self._catch_up(folded, changed, self._quarter)
                snapshots += self._pass_quarters(clock, changed, outputs)
                snapshots += self._teller.overdue(clock)
            if isinstance(event, Presence):
                step = self._beside.present(event, record.offset, clock)
                if step is not None:
                    self.panes.present(event.tenant, event.agent_id, step)
                continue
            if isinstance(event, Business):
                self._beside.business(event, record.offset, clock)
                continue
            key = f"{event.tenant}/{event.conversation_id}".encode()
            history = self.histories.get(key)
            if history is None:
                history = History.begin(event.conversation_id, self._rules_of(event.tenant))
                self.histories[key] = history
            elif record.offset <= history.c.applied:
                counts["replayed"] += 1
                continue
            elif history.forgotten(max(clock, event.at)):
                history = History.begin(event.conversation_id, history.rules, after=history)
                self.histories[key] = history
            history.c.applied = record.offset
            if not history.remember(event.event_id, clock):
                counts["duplicate"] += 1
                continue
            change = history.take(step_of(event), clock)
            counts["folded"] += 1
            counts["late"] += change.late
            closed_at = event.at - event.at % QUARTER_MS + QUARTER_MS + history.rules.values.lateness_ms
            counts["after_interval"] += clock > closed_at  # the record of its quarter-hour is out without it
            changed[key] = history
            folded.add(key)
            outputs.extend(alerts.output(history, alert) for alert in change.alerts)
            self._booking.book(key, history, change, clock)
        self._limit.read(len(records))
        self._catch_up(folded, changed, clock)
        return Effects(self._changelog(changed), outputs, rejects, snapshots)

    def _catch_up(self, folded: set[bytes], changed: dict[bytes, History | None], now: int) -> None:
        """Bring gauges and timers up to what has been folded."""
        for key in folded:
            history = changed[key]
            if history is not None:
                self._schedule(key, history, now)
        folded.clear()

    def advance(self, now: int) -> Effects:
        """Let every timer act whose instant is strictly before `now`."""
        changed: dict[bytes, History | None] = {}
        outputs: list[Output] = []
        self._remeasure(now, changed, outputs)
        snapshots = self._pass_quarters(now, changed, outputs)
        self._act(now, changed, outputs)
        for key in self._booking.reached(now):
            history = self.histories.get(key)
            if history is not None:
                self._booking.book(key, history, Change([], []), now)
        snapshots += self._teller.overdue(now)
        self._beside.advance(now)
        return Effects(self._changelog(changed), outputs, [], snapshots)

    def _remeasure(self, now: int, changed: dict[bytes, History | None], outputs: list[Output]) -> None:
        """Measure the runs by the policies of now that went by others."""
        outdated, self._outdated = self._outdated, set()
        for key in outdated:
            history = self.histories.get(key)
            if history is not None and history.outdated:
                change = history.remeasure(max(now, history.c.state.at))
                outputs.extend(alerts.output(history, alert) for alert in change.alerts)
                changed[key] = history
                self._schedule(key, history, now)

    def _pass_quarters(self, clock: int, changed: dict[bytes, History | None], outputs: list[Output]) -> list[Output]:
        """Tell the gauges as they are at each quarter-hour that the clock has passed, if they have changed there."""
        out: list[Output] = []
        while clock > self._quarter:
            quarter = self._quarter
            self._act(quarter, changed, outputs)
            out += self._teller.snapshots(quarter)
            # Before the next timer nothing changes by itself.
            due = self._timers[0][0] if self._timers else clock
            self._quarter = (min(max(due, quarter), clock - 1) // QUARTER_MS + 1) * QUARTER_MS
        return out

    def _act(self, now: int, changed: dict[bytes, History | None], outputs: list[Output]) -> None:
        """Let every timer act whose instant is strictly before `now`."""
        timers = self._timers
        while timers and timers[0][0] < now:
            due, key = heappop(timers)
            history = self.histories.get(key)
            if history is None or history.due != due:
                continue
            history.due = 0
            if not history.c.state.in_cycle and now > history.expires_at:
                self.histories.drop(key)
                changed[key] = None
                continue
            if 0 < history.life.due() < now:
                change = history.advance(now)
                outputs.extend(alerts.output(history, alert) for alert in change.alerts)
                self._booking.book(key, history, change, now)
                changed[key] = history
            self._schedule(key, history, now)

    def _schedule(self, key: bytes, history: History, now: int) -> None:
        """Bring gauges and timer up to what the conversation is."""
        foot = history.foot
        assert foot is not None, "booked before"  # noqa: S101
        self.panes.gauge(foot, history, now)
        self.moved.add(key)
        s = history.c.state
        due = history.life.due()
        age = gauges.next_age(s, now)
        if age and (not due or age - 1 < due):
            due = age - 1  # in the next bracket at the instant itself, not after it
        if not s.in_cycle:
            due = history.expires_at
        if due and due != history.due:
            heappush(self._timers, (due, key))
        history.due = due

    def _changelog(self, changed: dict[bytes, History | None]) -> list[tuple[bytes, bytes | None]]:
        encoded = [(key, None if history is None else history.encode()) for key, history in changed.items()]
        return [*encoded, *self._beside.changed(), *corrections.changed(self.panes)]

    # -- what is told ---------------------------------------------------------------------------------

    def views(
        self, now: int, lag_ms: int, *, final: bool, turn: int | None = None, settled: int | None = None
    ) -> list[Output]:
        """What changed in the partials and has its turn, and this partition's clock; see the protocol."""
        self._rest(now)
        return self._teller.views(now, lag_ms, final=final, turn=turn, settled=settled)

    def movements(self) -> list[Movement]:
        """The conversations whose waiting or deadlines may have changed since the last call, as they are now."""
        moved, self.moved = self.moved, set()
        return [movement(key, self.histories.get(key), self._greatest_at) for key in moved]

    def standing(self) -> list[Movement]:
        """Every conversation that waits or has a deadline."""
        all_ = [movement(key, history, self._greatest_at) for key, history in self.histories.awake]
        return [each for each in all_ if each.waiting_since is not None or each.deadlines]
