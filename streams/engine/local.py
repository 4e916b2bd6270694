"""The engine on an in-process log: the same core, no broker, one step at a time.

For simulations (stop between any two steps, then recover from the logs), and for a demo where no Kafka can be had.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

from streams.engine.commands import Append, Command, Crash, MarkDone, Publish, Read, Ready, Seek
from streams.engine.ports import Output, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.engine.core import Core
    from streams.engine.journal import Entry


class Log:
    """One partition: records with consecutive offsets."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    @property
    def end(self) -> int:
        """The offset that the next record gets."""
        return len(self.records)

    def append(self, entries: Iterable[Entry], timestamp: int = 0) -> int:
        """Append and return the offset of the first."""
        base = self.end
        self.records += [Record(key, value, base + index, timestamp) for index, (key, value) in enumerate(entries)]
        return base


class LocalBroker:
    """One source partition's logs, its commit, and everything published, by logical topic."""

    def __init__(self) -> None:
        self.source = Log()
        self.changelog = Log()
        self.committed = 0
        self.published: dict[str, list[Output]] = defaultdict(list)


class LocalWorker:
    """Runs a core on a `LocalBroker`. `step` carries out one thing; a worker that is dropped has crashed there."""

    def __init__(self, broker: LocalBroker, core: Core, chunk: int = 100) -> None:
        self.broker = broker
        self.core = core
        self.ready = False
        self.crashed: str | None = None
        self._chunk = chunk
        self._position = 0
        self._commands: deque[Command] = deque()
        self._answers: deque[tuple[Append | Publish, int]] = deque()
        self._take(core.assigned(broker.changelog.end, broker.committed))

    def step(self, choice: int = 0) -> bool:
        """One command, else one delivery, else one chunk; `choice` picks among what is possible. False: nothing to do.

        A command and its delivery are two steps: a crash between leaves it written and unknown.
        """
        if self.crashed is not None:
            return False
        possible = [
            *([self._carry_out] if self._commands else []),
            *([self._answer] if self._answers else []),
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

    def views(self, lag_ms: int = 0) -> Sequence[Output]:
        """Publish what changed in the partials, and return it."""
        outputs = self.core.views(lag_ms)
        for output in outputs:
            self.broker.published[output.topic].append(output)
        return outputs

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
                self._answers.append((command, self.broker.changelog.append(command.records)))
            case Publish():
                for output in command.outputs:
                    self.broker.published[output.topic].append(output)
                self._answers.append((command, 0))
            case Read():
                records = self.broker.changelog.records[command.start : command.end]
                self.core.restored(records)
                self._take(self.core.recovered())
            case MarkDone():
                self.broker.committed = command.next_offset
            case Seek():
                self._position = command.offset
            case Ready():
                self.ready = True
            case Crash():
                self.crashed = command.reason

    def _answer(self) -> None:
        command, base = self._answers.popleft()
        if isinstance(command, Append):
            self._take(self.core.delivered(command.seq, base))
        else:
            self._take(self.core.published(command.seq))

    def _fetch(self) -> None:
        records = self.broker.source.records[self._position : self._position + self._chunk]
        start, self._position = self._position, self._position + len(records)
        self._take(self.core.fetched(start, records, self._position))
