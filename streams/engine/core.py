"""When a shard is called and in which order its effects happen: a synchronous state machine for one partition.

Inputs are methods; each returns the commands that an adapter carries out in their order. Neither faust nor asyncio nor
a clock in here, so that a simulation can stop it between any two steps.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from streams.engine.commands import Append, Command, Crash, MarkDone, Publish, Read, Ready, Seek
from streams.engine.journal import (
    FENCE,
    Entry,
    Head,
    Recall,
    Replay,
    decode_outputs,
    outbox_key,
    pack_outputs,
    split,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.clock import PartitionClock
    from streams.engine.ports import Effects, Output, Record, Shard

MAX_IN_FLIGHT = 4
QUIET_MS = 60_000
"""Without anything to write, a head is written so often: that is how a batch of a former owner is found, and made good
before compaction may let go of the value below it (`min.compaction.lag.ms`, two minutes)."""
TICK_HEADER = "sigap-tick"


class Phase(Enum):
    """Where the core stands between an assignment and the loss of it."""

    NEW = auto()
    READING = auto()
    FENCING = auto()
    RECALLING = auto()
    REPAIRING = auto()
    RUNNING = auto()
    DRAINING = auto()
    ENDED = auto()


@dataclass(slots=True)
class _Flight:
    """A chunk, or what timers did, on its way: changelog first, then what it publishes, then done."""

    seq: int
    next_offset: int | None
    clock: int = 0
    """Where the clock stood when it was launched."""
    base: int | None = None
    outputs: list[Output] = field(default_factory=list)
    outbox: list[bytes] = field(default_factory=list)
    done: bool = False


class Core:
    """One source partition. `ticks`: records with the header `sigap-tick` stop the clock (else the shard gets them)."""

    def __init__(self, shard: Shard, clock: PartitionClock, *, event_time: bool = False, ticks: bool = False) -> None:
        self.shard = shard
        self.clock = clock
        self.phase = Phase.NEW
        self.epoch = -1
        self.next_offset = 0
        """The source offset that is folded next."""
        self.log_end = 0
        """Where the changelog ends if nobody else writes to it."""
        self._event_time = event_time
        self._ticks = ticks
        self._seq = 0
        self._flights: deque[_Flight] = deque()
        self._acks: list[bytes] = []
        self._written: Head | None = None
        """The head of the last append."""
        self._settled = 0
        """The clock when the last flight that has arrived, with all before it, was launched."""
        self._replay = Replay(shard.restore)
        self._recall: Recall | None = None
        self._gap: tuple[int, int] | None = None
        self._quiet_since: int | None = None
        """Since when, by the wall clock, nothing has been appended; None: something has been just now."""

    @property
    def in_flight(self) -> int:
        """Chunks whose effects have not all been delivered."""
        return len(self._flights)

    @property
    def accepts(self) -> bool:
        """Whether another chunk or tick may be given."""
        return self.phase is Phase.RUNNING and len(self._flights) < MAX_IN_FLIGHT

    # --- assignment and recovery -----------------------------------------------------------------

    def assigned(self, log_end: int, source_offset: int) -> list[Command]:
        """The partition is ours; its changelog ends at `log_end`, its source was committed up to `source_offset`."""
        if self.phase is not Phase.NEW:
            raise RuntimeError(f"assigned while {self.phase.name}")
        self.next_offset = source_offset
        self.log_end = log_end
        self.phase = Phase.READING
        return [Read(0, log_end)]

    def reusable(self, log_end: int, source_offset: int) -> bool:
        """Whether this drained core still is the partition's state: nobody has written since."""
        return (
            self.phase is Phase.DRAINING
            and not self._flights
            and not self._acks
            and log_end == self.log_end
            and source_offset <= self.next_offset
        )

    def resumed(self) -> list[Command]:
        """Ours again, and `reusable`: go on under the same epoch."""
        self.phase = Phase.RUNNING
        return [Seek(self.next_offset), Ready(self.epoch)]

    def restored(self, records: Sequence[Record]) -> None:
        """Records of the changelog, in log order, as asked for by `Read`."""
        if self.phase is Phase.RECALLING and self._recall is not None:
            self._recall.apply(records)
        else:
            self._replay.apply(records)

    def recovered(self) -> list[Command]:
        """What `Read` asked for has been handed over."""
        if self.phase is Phase.RECALLING and self._recall is not None:
            self.phase = Phase.REPAIRING
            # The clock is still as new: what the former owner knew of it must outlive us too.
            head = (self._replay.head or self._head())._replace(epoch=self.epoch)
            return self._append([*self._recall.values.items()], _Flight(0, None), head=head)
        if self.epoch >= 0:
            return self._fenced()
        self.phase = Phase.FENCING
        return [Append(self._next_seq(), [(FENCE, b"")])]

    def _fence_delivered(self, base: int) -> list[Command]:
        start, self.epoch = self.log_end, base
        self.log_end = base + 1
        if base < start:
            return self._crash(f"the changelog ended at {start} and now ends at {base}: it was deleted")
        if base > start:
            # The former owner was still writing: all that lies before the fence is rightful.
            self.phase = Phase.READING
            return [Read(start, base)]
        return self._fenced()

    def _fenced(self) -> list[Command]:
        if self._replay.stolen:
            self._recall = Recall(self._replay.stolen)
            self.phase = Phase.RECALLING
            return [Read(0, self.epoch)]
        return self._run()

    def _run(self) -> list[Command]:
        replay, head = self._replay, self._replay.head
        self._recall = None
        if head is not None:
            self._written = head._replace(epoch=self.epoch)
            self.clock.restore(head.clock, head.greatest_timestamp, head.stop_at)
        self.clock.observe(self.shard.greatest_at, 0)
        self.shard.recovered(self.epoch, self.clock.now, 0 if head is None else head.mark)
        self._settled = 0
        self.phase = Phase.RUNNING
        commands: list[Command] = [Seek(self.next_offset), Ready(self.epoch)]
        if replay.outbox:
            outputs = [output for value in replay.outbox.values() for output in decode_outputs(value)]
            flight = _Flight(self._next_seq(), None, outputs=outputs, outbox=list(replay.outbox))
            self._flights.append(flight)
            commands.append(Publish(flight.seq, outputs))
        self._replay = Replay(self.shard.restore)
        # A former owner may have ended between the clock's step and what its timers wrote: nobody is told of the
        # clock before that is made good.
        return commands + self._launch_any(self.shard.advance(self.clock.now))

    # --- running ---------------------------------------------------------------------------------

    def fetched(self, start: int, records: Sequence[Record], next_offset: int) -> list[Command]:
        """A chunk that continues the source from `start`; the chunk after it starts at `next_offset`.

        Behind what is folded: skipped. Ahead of it: something was lost on the way, so the source is sought back; if the
        same gap comes again, it is Kafka's own (retention).
        """
        if not self.accepts:
            return []
        if next_offset <= self.next_offset:
            return []
        if start > self.next_offset:
            gap = (self.next_offset, start)
            if gap != self._gap:
                self._gap = gap
                return [Seek(self.next_offset)]
        self._gap = None
        if start < self.next_offset:
            records = [record for record in records if record.offset >= self.next_offset]
        stop, records = self._take_ticks(records)
        clock = self.clock
        effects = self.shard.fold(records, clock.now, event_time=self._event_time)
        clock.observe(self.shard.greatest_at, max((record.timestamp for record in records), default=0))
        if stop is not None:
            clock.stop(stop)
        self.next_offset = next_offset
        return self._launch(effects, next_offset, must_append=stop is not None)

    def tick(self, wall: int, *, caught_up: bool) -> list[Command]:
        """Let the clock go on and timers act; `wall` is the run's wall clock when the broker answered last."""
        if not self.accepts:
            return []
        before, was_final = self.clock.now, self.clock.final
        now = self.clock.advance(wall, caught_up=caught_up)
        if now == before and was_final == self.clock.final:
            return []
        effects = self.shard.advance(now)
        if self._quiet_since is None or wall < self._quiet_since:
            self._quiet_since = wall
        if wall - self._quiet_since >= QUIET_MS and not self.clock.final:
            return self._launch(effects, None, must_append=True)
        return self._launch_any(effects)

    def views(self, lag_ms: int, turn: int | None = None) -> list[Output]:
        """What changed in the partials; they are absolute, so they wait for nothing."""
        if self.phase is not Phase.RUNNING:
            return []
        settled = self._settled if self._flights else None
        final = self.clock.final and not self._flights
        return self.shard.views(self.clock.now, lag_ms, final=final, turn=turn, settled=settled)

    def delivered(self, seq: int, base: int) -> list[Command]:
        """The changelog has taken `Append(seq)`; its first record's offset is `base`."""
        if self.phase is Phase.ENDED:
            return []
        if self.phase is Phase.FENCING:
            return self._fence_delivered(base)
        flight = self._flight(seq)
        if flight.base != base:
            return self._crash(f"fenced: the changelog took a batch at {base}, expected at {flight.base}")
        if self.phase is Phase.REPAIRING:
            self._flights.remove(flight)
            return [] if self._flights else self._run()
        if flight.outputs:
            return [Publish(seq, flight.outputs)]
        return self.published(seq)

    def published(self, seq: int) -> list[Command]:
        """What `Publish(seq)` held has been delivered."""
        if self.phase is Phase.ENDED:
            return []
        flight = self._flight(seq)
        flight.done = True
        self._acks += flight.outbox
        next_offset = None
        while self._flights and self._flights[0].done:
            first = self._flights.popleft()
            self._settled = max(self._settled, first.clock)
            if first.next_offset is not None:
                next_offset = first.next_offset
        commands: list[Command] = [] if next_offset is None else [MarkDone(next_offset)]
        return commands + self._flush_acks()

    def revoked(self) -> list[Command]:
        """Take nothing more; what is in flight is to be completed (`in_flight` is 0 then)."""
        if self.phase is Phase.RUNNING:
            self.phase = Phase.DRAINING
            return self._flush_acks()
        if self.phase is not Phase.DRAINING:
            self.phase = Phase.ENDED  # lost while recovering: nothing of it can be used again
        return []

    # --- inside ----------------------------------------------------------------------------------

    def _launch_any(self, effects: Effects) -> list[Command]:
        """Launch what timers did, if they did anything."""
        if not (effects.changelog or effects.alerts or effects.rejects or effects.snapshots):
            return []
        return self._launch(effects, None)

    def _launch(self, effects: Effects, next_offset: int | None, *, must_append: bool = False) -> list[Command]:
        kept = [*effects.alerts, *effects.snapshots]
        flight = _Flight(0, next_offset, self.clock.now, outputs=[*kept, *effects.rejects])
        if effects.changelog or kept or must_append:
            return self._append(effects.changelog, flight, kept)
        flight.seq = self._next_seq()
        self._flights.append(flight)
        if flight.outputs:
            return [Publish(flight.seq, flight.outputs)]
        return self.published(flight.seq)

    def _append(
        self, changelog: Sequence[Entry], flight: _Flight, kept: Sequence[Output] = (), *, head: Head | None = None
    ) -> list[Command]:
        """In batches, each with its head: outbox, entries delivered by now, state. `flight` ends with the last."""
        leading: list[Entry] = [(key, None) for key in self._acks]
        self._acks.clear()
        packed = pack_outputs(kept)
        keys = [outbox_key(self.epoch, self._next_seq()) for _ in packed]
        flight.outbox += keys
        commands: list[Command] = []
        head = head or self._head()
        entries = [*zip(keys, packed, strict=True), *leading, *changelog]
        batches = split(head, entries, before=self._written or Head(self.epoch, 0, 0, None), kept=len(packed))
        self._written, self._quiet_since = head, None
        for batch in batches:
            piece = flight if batch is batches[-1] else _Flight(0, None)
            piece.seq = self._next_seq()
            piece.base = self.log_end
            self.log_end += len(batch)
            self._flights.append(piece)
            commands.append(Append(piece.seq, batch))
        return commands

    def _head(self) -> Head:
        clock = self.clock
        return Head(self.epoch, clock.now, clock.greatest_timestamp, clock.stop_at, self.shard.mark)

    def _flush_acks(self) -> list[Command]:
        """With no batch to come, deliveries are recorded by one of their own, so that nothing is published again."""
        if self.phase is Phase.DRAINING and self._acks and not self._flights:
            return self._append((), _Flight(0, None))
        return []

    def _take_ticks(self, records: Sequence[Record]) -> tuple[int | None, Sequence[Record]]:
        stop: int | None = None
        if not self._ticks:
            return stop, records
        kept: list[Record] = []
        for record in records:
            instant = next((value for name, value in record.headers if name == TICK_HEADER), b"")
            if instant.isdigit():
                stop = int(instant)
            else:
                kept.append(record)
        return stop, kept

    def _flight(self, seq: int) -> _Flight:
        return next(flight for flight in self._flights if flight.seq == seq)

    def _next_seq(self) -> int:
        self._seq += 1
        return self._seq

    def _crash(self, reason: str) -> list[Command]:
        self.phase = Phase.ENDED
        return [Crash(reason)]
