"""The engine on an in-process log: the same core, no broker, one step at a time.

For simulations (stop between any two steps, then recover from the logs), and for a demo where no Kafka can be had.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from typing import TYPE_CHECKING

from streams.engine.commands import Append, Command, Crash, MarkDone, Publish, Read, Ready, Seek
from streams.engine.ports import Output, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.engine.core import Core
    from streams.engine.journal import Entry


class Log:
    """One partition: records whose offsets grow; without gaps until it is compacted."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.end = 0
        """The offset that the next record gets."""

    def append(self, entries: Iterable[Entry], timestamp: int = 0) -> int:
        """Append and return the offset of the first."""
        base = self.end
        for key, value in entries:
            self.add(key, value, timestamp)
        return base

    def add(
        self, key: bytes | None, value: bytes | None, timestamp: int, headers: tuple[tuple[str, bytes], ...] = ()
    ) -> None:
        """Append one record."""
        self.records.append(Record(key, value, self.end, timestamp, headers))
        self.end += 1

    def read(self, start: int, end: int) -> list[Record]:
        """The records from one offset up to another (not included)."""
        records = self.records
        if len(records) == self.end:
            return records[start:end]
        return records[bisect_left(records, start, key=_offset) : bisect_left(records, end, key=_offset)]

    def compact(self, before: int) -> None:
        """Keep the last record of every key, among those that were appended before an instant (ms)."""
        old = [record for record in self.records if record.timestamp < before]
        newest = {record.key: record.offset for record in old}
        kept = [record for record in old if record.key is None or newest[record.key] == record.offset]
        self.records = kept + self.records[len(old) :]


def _offset(record: Record) -> int:
    return record.offset


class LocalBroker:
    """One source partition's logs, its commit, and everything published, by logical topic."""

    def __init__(self) -> None:
        self.source = Log()
        self.changelog = Log()
        self.committed = 0
        self.published: dict[str, list[Output]] = defaultdict(list)

    def append(self, records: Sequence[Entry]) -> int:
        """Append to the changelog; the offset of the first."""
        return self.changelog.append(records)

    def publish(self, output: Output) -> None:
        """Take what goes to another topic."""
        self.published[output.topic].append(output)


class LocalWorker:
    """Runs a core on a `LocalBroker`. `step` carries out one thing; a worker that is dropped has crashed there.

    The core is a new one, or one whose `revoked` has been completed and which is `reusable`.
    """

    def __init__(self, broker: LocalBroker, core: Core, chunk: int = 100) -> None:
        self.broker = broker
        self.core = core
        self.ready = False
        self.crashed: str | None = None
        self._chunk = chunk
        self._position = 0
        self._commands: deque[Command] = deque()
        self._appended: deque[tuple[int, int]] = deque()
        """By their numbers, the appends that nobody was told of yet, and where they landed."""
        self._published: deque[int] = deque()
        if core.reusable(broker.changelog.end, broker.committed):
            self._take(core.resumed())
        else:
            self._take(core.assigned(broker.changelog.end, broker.committed))

    def step(self, choice: int = 0) -> bool:
        """One command, else one delivery, else one chunk; `choice` picks among what is possible. False: nothing to do.

        A command and its delivery are two steps: a crash between leaves it written and unknown.
        """
        if self.crashed is not None:
            return False
        possible = [
            *([self._carry_out] if self._commands else []),
            *([self._tell_appended] if self._appended else []),
            *([self._tell_published] if self._published else []),
            *([self._fetch] if self._fetchable else []),
        ]
        if not possible:
            return False
        possible[choice % len(possible)]()
        return True

    def run(self) -> None:
        """Step until there is nothing to do."""
        while self.step():
            pass

    def tick(self, wall: int) -> None:
        """Let the clock go on; `wall` is the run's wall clock."""
        if self.crashed is None:
            self._take(self.core.tick(wall, caught_up=self.caught_up))

    def views(self, lag_ms: int = 0, turn: int | None = None) -> Sequence[Output]:
        """Publish what changed in the partials, and return it."""
        outputs = self.core.views(lag_ms, turn)
        for output in outputs:
            self.broker.publish(output)
        return outputs

    def revoke(self) -> None:
        """Take nothing more; `drained` once what is in flight has been completed."""
        self._take(self.core.revoked())

    @property
    def drained(self) -> bool:
        """Whether, after `revoke`, the core is complete: a later worker may go on with it."""
        return self.ready and not self.core.in_flight and self.crashed is None

    @property
    def caught_up(self) -> bool:
        """Whether every source record is folded."""
        return self.core.next_offset >= self.broker.source.end

    @property
    def _fetchable(self) -> bool:
        return self.ready and self.core.accepts and self._position < self.broker.source.end

    def _take(self, commands: Sequence[Command]) -> None:
        self._commands += commands

    def _carry_out(self) -> None:
        match command := self._commands.popleft():
            case Append():
                self._appended.append((command.seq, self.broker.append(command.records)))
            case Publish():
                # One by one: a crash between leaves some delivered.
                first, *rest = command.outputs
                self.broker.publish(first)
                if rest:
                    self._commands.appendleft(command._replace(outputs=rest))
                else:
                    self._published.append(command.seq)
            case Read():
                self.core.restored(self.broker.changelog.read(command.start, command.end))
                self._take(self.core.recovered())
            case MarkDone():
                self.broker.committed = command.next_offset
            case Seek():
                self._position = command.offset
            case Ready():
                self.ready = True
            case Crash():
                self.crashed = command.reason

    def _tell_appended(self) -> None:
        self._take(self.core.delivered(*self._appended.popleft()))

    def _tell_published(self) -> None:
        self._take(self.core.published(self._published.popleft()))

    def _fetch(self) -> None:
        records = self.broker.source.read(self._position, self._position + self._chunk)
        start, self._position = self._position, min(self._position + self._chunk, self.broker.source.end)
        self._take(self.core.fetched(start, records, self._position))
