"""One partition of the roll-up, one step at a time: `streams.engine.owner` on the logs of the simulation."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from streams.engine.owner import Append, Fenced, Follow, Owner, Publish, Read, Settle, Step
from streams.engine.ports import Output
from tables.rollup import Rollup
from tables.settings import Settings
from tests.simulation.broker import Kafka


class RollupRun:
    """From an assignment to the loss of it. `wall` gives the worker's wall clock in ms."""

    def __init__(self, kafka: Kafka, partition: int, settings: Settings, wall: Callable[[], int]) -> None:
        self.kafka = kafka
        self.partition = partition
        self.rollup = Rollup(partition, kafka.partitions, settings)
        self.ready = False
        self.crashed: str | None = None
        self.sent: deque[Output] = deque()
        """Published, but not taken by the broker yet."""
        self._owner = Owner(self.rollup)
        self._wall = wall
        self._steps: Generator[Step, Any, object] | None = self._owner.take_over()
        self._step: Step | None = None
        self._answer: Any = None
        self._position = -1
        self._target = -1

    @property
    def busy(self) -> bool:
        """Whether something is on its way."""
        return self._steps is not None

    @property
    def behind(self) -> bool:
        """Whether there are partials that have not been read."""
        return 0 <= self._position < self.kafka.partials[self.partition].end

    @property
    def settled(self) -> bool:
        """Whether all partials have been read, and none is to be sent again."""
        repair = self.rollup._listener._repair
        return self.ready and not (self.behind or self.sent or repair._overwritten or repair._behind)

    def begin(self) -> None:
        """Begin a publication, unless one is on its way."""
        if self._steps is None and self.crashed is None:
            self._steps = self._owner.publish(self._wall())

    def step(self) -> bool:
        """Ask for a step, or carry it out: a crash between the two leaves it undone, one after it untold."""
        if self.crashed is not None or self._steps is None:
            return False
        if self._step is None:
            return self._ask()
        return self._carry_out(self._step)

    def run(self) -> None:
        """Go on until nothing is on its way."""
        while self.step() or (self.fetch(100) and self.crashed is None):
            pass

    def land(self, count: int) -> None:
        """Let the broker take some of what was published."""
        while self.sent and count > 0:
            self.kafka.publish(self.sent.popleft())
            count -= 1

    def fetch(self, count: int) -> bool:
        """Take some partials; whether there were any."""
        if not self.behind or self.crashed is not None:
            return False
        end = min(self._position + count, self.kafka.partials[self.partition].end)
        self.rollup.apply(self.kafka.partials[self.partition].read(self._position, end), self._wall())
        self._position = end
        return True

    def _ask(self) -> bool:
        assert self._steps is not None
        try:
            self._step = self._steps.send(self._answer)
        except StopIteration:
            self._steps, self.ready = None, True
        except Fenced as fenced:
            self.crashed = str(fenced)
        self._answer = None
        return True

    def _carry_out(self, step: Step) -> bool:
        kafka, partition = self.kafka, self.partition
        match step:
            case Read():
                log = kafka.owned[step.topic][partition]
                self._answer = log.end if step.end is None else step.end
                step.take(log.read(step.start, self._answer))
            case Append():
                self._answer = [(kafka.append(step.topic, partition, step.records, self), len(step.records))]
            case Publish():
                self.sent += step.outputs
            case Settle():
                self.land(len(self.sent))
            case Follow():
                if self._position < 0:
                    self._position, self._target = 0, kafka.partials[partition].end
                if self._position < self._target:
                    return False
        self._step = None
        return True
