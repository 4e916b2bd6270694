"""What a source partition tells the roll-up: its partials in turns, its clock, and the gauges at quarter-hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.engine.ports import Output
from tables import partials
from tables.days import QUARTER
from tables.facts import MINUTE
from tables.history import FACTS_KEPT, WORK_KEPT
from tables.panes import Panes
from tables.partials import PANES_KEPT, TURNS
from tables.scope_panes import Scope, place_of
from tables.staff import Staff
from tables.windows import ROLLING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tables.beside import Beside
    from tables.tally import Tally

SEALED_AFTER = 15
"""Minutes after which a quarter-hour is summed up."""
BEHIND_TURNS = 5
"""Turns that count as one while the clock lags by more than `partials.BEHIND_MS`."""
FAR_BEHIND_MS, FAR_BEHIND_TURNS = 3_600_000, 20
"""The same while nothing of the last hour is known."""
ROLLING_MINUTES = max(ROLLING.values())
"""A minute that no rolling window holds any more is told of by its quarter-hour, which stands for it."""
BEAT_MS = 500
SPEAK_MS = FACTS_KEPT * MINUTE // 2
"""The clock never goes further without everything having been told and written down."""
NEW_SPEAK_MS = 3_600_000
"""The same before a new owner has told everything once."""
BATCH = 4_000
"""Partials sent at a time while a new owner tells all that it holds."""
RESENT_TURNS = 12 * 18_000
"""Gauges, also those at a quarter-hour, corrections and minutes of agents are told anew every so many turns of the wall
clock, twelve hours at the usual pace, lest the topic's retention forgets them."""
MOST_TURNS = 18_000
"""That pass between two calls: turns are numbered anew when their pace changes."""


def horizon(now: int, kept: int = FACTS_KEPT) -> int:
    """The minute before which a partition whose clock is at `now` (ms) holds no panes; of agents it is another."""
    return -((kept - now // MINUTE) // QUARTER) * QUARTER


def oldest_minute(now: int) -> int:
    """The first minute that has a pane of its own at the clock `now` (ms); before it there are quarter-hours."""
    oldest = now // MINUTE - PANES_KEPT
    return oldest - oldest % QUARTER


class Teller:
    """One owner's voice: everything that it says carries its epoch and a number that grows."""

    def __init__(
        self,
        partition: int,
        partitions: int,
        beside: Beside,
        *,
        epoch: int = -1,
        since: int = 0,
        now: int = 0,
    ) -> None:
        self.panes = Panes(Staff(beside.presences, horizon(now, WORK_KEPT)))
        self._ledger = beside.ledger
        self.epoch = epoch
        self._partition = partition
        self._partitions = partitions
        self._since = since
        """The first quarter-hour (ms) that this owner sees the clock pass."""
        self._all_snapshots = True
        """Whether at the next quarter-hour the gauges of all scopes are told."""
        self._seq = 0
        self._beat_at = 0
        self._complete = False
        self._said_complete = False
        self._overdue_at = now
        """The clock when `overdue` last had something to tell, or of a new owner when the one before may have: until
        that is settled, it is not out."""
        self._told = 0
        """The clock up to which everything is out."""
        self._swept = 0
        self._last_turn: int | None = None
        self._passed = 0
        """Turns since everything that stands for long was told."""
        self._all_staff = True
        """Whether the next time all minutes of all agents are told."""
        self._turn = 0
        self._spoke_at = now + NEW_SPEAK_MS - SPEAK_MS
        """The clock when nothing was left to be told; of a new owner nobody knows what the one before has told."""
        self._reached = [0] * TURNS
        """By turn, the clock when its scopes were told of."""

    def views(self, now: int, lag_ms: int, *, final: bool, turn: int | None, settled: int | None) -> list[Output]:
        """What changed in the partials and has its turn, and the clock."""
        self._sweep(now, final=final)
        if turn is not None:
            self._passed += min(max(turn - (self._last_turn or turn), 0), MOST_TURNS)
            self._last_turn = turn
            if self._passed >= RESENT_TURNS:
                self._tell_again()
        out: list[Output] = []
        dirty = self.panes.dirty
        for each in self._turns(None if final else turn, lag_ms):
            while dirty[each] and (len(out) < BATCH or self._complete or final):
                self._tell(dirty[each].pop(), now, out)
            if not dirty[each]:
                self._reached[each] = now
        delivered = settled is None or settled >= self._overdue_at
        if delivered:  # else what was told on the way, of earlier minutes, comes after this
            out += self._tell_beside(now)
            self._told = min(self._reached if settled is None else (settled, *self._reached))
            if not any(dirty):
                self._complete, self._spoke_at = True, now
        # The roll-up then forgets what former owners have told.
        self._said_complete = self._said_complete or (self._complete and (final or delivered))
        if final or now - self._beat_at >= BEAT_MS or now < self._beat_at:
            self._beat_at = now
            beat = partials.encode(
                partials.Beat(
                    self.epoch, self._next(), now, lag_ms, self._said_complete, final, self._told, self._since
                )
            )
            key = b"%d|clock" % self._partition
            out.extend(Output(partials.TOPIC, key, beat, each) for each in range(self._partitions))
        return out

    def overdue(self, now: int) -> list[Output]:
        """All that is still to be told, if the clock has gone on so far that a new owner would soon not know it.

        What such an owner would not know is no longer booked in panes, but as corrections, which are written down.
        """
        out: list[Output] = []
        oldest = horizon(now)
        if oldest > self.panes.oldest_sealed or now - self._spoke_at > SPEAK_MS:
            self._seal(now)
        if now - self._spoke_at > SPEAK_MS:
            self._spoke_at = now
            for dirty in self.panes.dirty:
                while dirty:
                    self._tell(dirty.pop(), now, out)
            out += self._tell_beside(now)
        if oldest > self.panes.oldest_sealed:
            for dirty in self.panes.dirty:
                for scope in [each for each in dirty if each.oldest_dirty < oldest]:
                    dirty.discard(scope)
                    self._tell(scope, now, out)
            self.panes.move_on(oldest)
            self.panes.staff.move_on(horizon(now, WORK_KEPT))
        if out:
            self._overdue_at = now
        return out

    def snapshots(self, quarter: int) -> list[Output]:
        """The gauges as they are when the clock passes a quarter-hour (ms), of the scopes where they have changed.

        A new owner does not know what the one before has told, so the first time it is all scopes; and again when what
        stands for long is told anew.
        """
        out = []
        everything, self._all_snapshots = self._all_snapshots, False
        for scope in list(self.panes.scopes.values()) if everything else self.panes.moved:
            tally = scope.gauges_now()
            if everything or tally != (scope.snapshot or {}):
                value = partials.encode(partials.Snapshot(self.epoch, self._next(), quarter, tally, scope.snapshot))
                out.append(self._output(scope, f"s{quarter // MINUTE}", value))
            scope.snapshot = tally
        self.panes.moved.clear()
        return out

    def _turns(self, turn: int | None, lag_ms: int) -> Iterable[int]:
        """The turns that have come since the last call; fewer while nothing can be out in time anyway."""
        if turn is not None and lag_ms > partials.BEHIND_MS:
            turn //= BEHIND_TURNS if lag_ms <= FAR_BEHIND_MS else FAR_BEHIND_TURNS
        before, self._turn = self._turn, turn or 0
        if turn is None or not 0 <= turn - before < TURNS or not self._complete:
            return range(TURNS)
        return [each % TURNS for each in range(before + 1, turn + 1)]

    def _sweep(self, now: int, *, final: bool) -> None:
        """Once in a quarter of an hour: sum up quarter-hours, let go of what is in no window."""
        minute = now // MINUTE
        if minute // QUARTER == self._swept and not final:
            return
        self._swept = minute // QUARTER
        self._seal(now)
        self.panes.discard(oldest_minute(now), horizon(now))
        self.panes.staff.discard(horizon(now, WORK_KEPT))

    def _tell_again(self) -> None:
        """Everything that stands for long is to be told anew."""
        self._passed, self._all_staff, self._all_snapshots = 0, True, True
        for scope in self.panes.scopes.values():
            if scope.gauges or scope.corrections:
                scope.restless = True
                scope.dirty_corrections.update(scope.corrections)
                self.panes.dirty[scope.turn].add(scope)

    def _seal(self, now: int) -> None:
        sealed = now // MINUTE - SEALED_AFTER
        self.panes.seal(sealed - sealed % QUARTER)

    def _tell(self, scope: Scope, now: int, out: list[Output]) -> None:
        def put(what: str, tally: Tally) -> None:
            value = partials.encode(partials.Partial(self.epoch, self._next(), now, tally))
            out.append(self._output(scope, what, value))

        rolling = 0 if scope.trend else now // MINUTE - ROLLING_MINUTES
        for minute in scope.dirty:
            if minute > rolling:
                put(f"m{minute}", scope.minutes[minute])
        for quarter in scope.dirty_quarters:
            put(f"q{quarter}", scope.quarter(quarter))
        for quarter in scope.dirty_corrections:
            put(f"c{quarter}", scope.corrections[quarter])
        scope.dirty.clear()
        scope.dirty_quarters.clear()
        scope.dirty_corrections.clear()
        scope.open = -1
        if scope.restless:
            scope.restless = False
            put("g", scope.gauges_now())

    def _tell_beside(self, now: int) -> list[Output]:
        """Minutes of agents, and business figures."""
        everything, self._all_staff = self._all_staff, False
        out: list[Output] = []

        def put(tenant: str, stand_in: str, what: str, payload: bytes, scope: str | None) -> None:
            """To the home of a scope; None: to every partition."""
            value = partials.encode(partials.Share(self.epoch, self._next(), now, payload))
            key = f"{self._partition}|{tenant}|{stand_in}|{what}".encode()
            homes = range(self._partitions) if scope is None else (place_of(tenant, scope) % self._partitions,)
            out.extend(Output(partials.TOPIC, key, value, home) for home in homes)

        topics, self.panes.topics = self.panes.topics, []
        for tenant, mark, name in topics:
            put(tenant, partials.TOPICS, f"n{mark}", name.encode(), "tenant")
        for summary in self._ledger.tell(now):
            put(summary.tenant, partials.BUSINESS, summary.what, summary.payload, "tenant")
        for told in self.panes.staff.tell(everything=everything):
            put(told.tenant, told.scope or partials.ONLINE, f"o{told.agent}", told.payload, told.scope)
        return out

    def _output(self, scope: Scope, what: str, value: bytes) -> Output:
        key = f"{self._partition}|{scope.tenant}|{scope.name}|{what}".encode()
        return Output(partials.TOPIC, key, value, scope.place % self._partitions)

    def _next(self) -> int:
        self._seq += 1
        return self._seq
