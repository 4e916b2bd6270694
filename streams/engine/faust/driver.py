"""The driver of a worker: a runner for every assigned partition, and the loops that move them."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar

from aiokafka.errors import KafkaError
from faust.types import TP

from streams.clock import PartitionClock, running_s, wall_ms
from streams.engine.core import Core
from streams.engine.faust.partition import PartitionRunner, PartitionStatus
from streams.engine.faust.producer import Publisher
from streams.engine.faust.rollup import RollupRunner
from streams.engine.faust.sink import Handler, SinkRunner, SinkStatus
from streams.engine.frontier import KEY, Frontier, encode
from streams.engine.lease import Lease
from streams.engine.owner import PARTIALS_TOPIC
from streams.engine.pace import Pace
from streams.engine.ports import Output

if TYPE_CHECKING:
    from collections.abc import Collection, Coroutine, Iterator, Mapping, Sequence

    from streams.engine.faust.config import EngineConfig
    from streams.engine.faust.runner import Runner
    from streams.engine.faust.transport import Chunk
    from streams.engine.ports import Rollup, Shard

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_RETRY_S = 1.0


class Status(NamedTuple):
    """What liveness, readiness and metrics ask."""

    ready: bool
    partitions: dict[int, PartitionStatus]
    rollups: frozenset[int]
    """The partitions of the roll-up that this worker has."""
    feeds: dict[TP, SinkStatus]
    """Of what becomes events."""
    oldest_s: float
    """Age of the oldest delivery awaited anywhere."""
    lease_s: float
    """Since the group's coordinator answered."""
    commit_s: float | None
    """Since the last commit; None before the first."""


class Driver:
    """Factories are given the partition. `sinks` and `feeds`: handlers by logical topic name.

    `on_assigned` is told which shards' and which roll-ups' partitions are this worker's now, before one is made.
    What feeds hold becomes events: as long as one of them lags, the clock does not run ahead of it.
    """

    def __init__(
        self,
        config: EngineConfig,
        shards: Callable[[int], Shard],
        *,
        rollups: Callable[[int], Rollup],
        on_assigned: Callable[[Collection[int], Collection[int]], object] = lambda _shards, _rollups: None,
        on_published: Callable[[Sequence[Output]], object] = lambda _: None,
        sinks: Mapping[str, Handler] | None = None,
        feeds: Mapping[str, Handler] | None = None,
    ) -> None:
        self.config = config
        self.publisher = Publisher(config)
        self._on_assigned = on_assigned
        self.on_published = on_published
        self.lease = Lease(config.session_s, running_s())
        self.app: Any = None
        self.assigned = asyncio.Event()
        self.ready = asyncio.Event()
        self.events = config.topic("events")
        self.changelog = config.topic("_conversations")
        self.partials = config.topic(PARTIALS_TOPIC)
        self._shards = shards
        self._rollups = rollups
        self.frontier = Frontier()
        self._feeds = {config.topic(name) for name in feeds or ()}
        self._sinks = {config.topic(name): handler for name, handler in {**(sinks or {}), **(feeds or {})}.items()}
        self._runners: dict[TP, Runner] = {}
        self._parked: dict[int, Core] = {}
        self._loops: list[asyncio.Task[None]] = []

    @property
    def topics(self) -> list[str]:
        """The topics that the group consumes."""
        return [self.events, self.partials, *self._sinks]

    @property
    def consumer(self) -> Any:
        """Faust's consumer, ours."""
        return self.app.consumer

    # --- life --------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect the producer and let the loops run; before the Faust app starts."""
        await self.publisher.start()
        for topic in self._feeds:
            self.frontier.expect(_source(topic, each) for each in await self.publisher.partitions(topic))
        self._loops = [asyncio.create_task(self.guard(loop)) for loop in (self._ticks(), self._views())]
        if self._feeds:
            self._loops.append(asyncio.create_task(self.guard(self._tell_feeds())))

    async def stop(self) -> None:
        """After the Faust app has stopped."""
        for loop in self._loops:
            loop.cancel()
        await self.publisher.stop()

    def fatal(self, reason: str) -> NoReturn:
        """End the process at once, with one line: nothing may be written any more.

        The state in Kafka is what kill -9 would leave, which recovery is made for.
        """
        _log.critical("%s", reason)
        logging.shutdown()
        sys.stderr.write(f"sigap: {reason}\n")
        sys.stderr.flush()
        os._exit(1)

    async def guard(self, work: Coroutine[object, object, None]) -> None:
        """Run to the end; an exception ends the process."""
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing may go on
            _log.exception("the engine failed")
            self.fatal(f"{type(error).__name__}: {error}")

    async def patient(self, ask: Callable[[], Awaitable[_T]], what: str) -> _T:
        """Ask a broker until it answers."""
        while True:
            try:
                return await ask()
            except KafkaError as error:
                if not error.retriable:
                    raise
                _log.warning("%s is unknown, trying again: %s", what, error)
                await asyncio.sleep(_RETRY_S)

    @property
    def may_write(self) -> bool:
        """Whether the group still counts on us, as far as we know."""
        return self.lease.held(running_s())

    async def permission(self) -> None:
        """Wait until writing is allowed: a stopped process must first hear that its partitions are still its own."""
        if self.may_write:
            return
        _log.warning("no word from the group's coordinator for %.1f s: holding back", self.lease.age(running_s()))
        while not self.may_write:  # noqa: ASYNC110 - a lease, not an event
            await asyncio.sleep(0.05)

    # --- what Faust calls --------------------------------------------------------------------------

    def on_assigned(self, tps: frozenset[TP], generation: int) -> None:
        """Start a runner for every partition."""
        self.lease.renew(running_s())
        self.ready.clear()
        parked, self._parked = self._parked, {}
        shards, rollups = ({tp.partition for tp in tps if tp.topic == name} for name in (self.events, self.partials))
        self._on_assigned(shards, rollups)
        for tp in sorted(tps):
            runner: Runner
            if tp.topic == self.events:
                runner = PartitionRunner(self, tp, generation, parked.get(tp.partition), self._core_of(tp.partition))
            elif tp.topic == self.partials:
                runner = RollupRunner(self, tp, self._rollups(tp.partition))
            else:
                runner = SinkRunner(self, tp, generation, self._sinks[tp.topic])
            self._runners[tp] = runner
            runner.spawn(runner.start())
        _log.info("generation %d: %d partitions", generation, len(tps))
        self.assigned.set()
        self.on_ready()

    def _core_of(self, partition: int) -> Callable[[], Core]:
        def new() -> Core:
            timeline = self.config.timeline
            clock = PartitionClock(timeline.mode)
            return Core(self._shards(partition), clock, event_time=timeline.event_time, ticks=self.config.ticks)

        return new

    async def on_revoked(self) -> None:
        """Complete what is in flight; every partition is revoked at each rebalance."""
        runners, self._runners = self._runners, {}
        patience = 0.5 * self.config.rebalance_s
        self.ready.clear()
        ends = await asyncio.gather(*(runner.drain(patience) for runner in runners.values()))
        self._parked = {tp.partition: core for tp, core in zip(runners, ends, strict=True) if isinstance(core, Core)}

    def wanted(self) -> Iterator[TP]:
        """The partitions that may be fetched."""
        return (tp for tp, runner in self._runners.items() if runner.wants)

    def handed(self, chunk: Chunk) -> None:
        """A chunk goes into Faust's stream."""
        if (runner := self._runners.get(chunk.tp)) is not None:
            runner.handed()

    def accept(self, chunk: Chunk) -> None:
        """A chunk comes out of Faust's stream."""
        try:
            if (runner := self._runners.get(chunk.tp)) is not None:
                runner.accept(chunk)
        except Exception as error:  # noqa: BLE001 - Faust would restart the agent and lose the chunk
            _log.exception("a chunk of %s failed", chunk.tp)
            self.fatal(f"{chunk.tp.topic}-{chunk.tp.partition} {type(error).__name__}: {error}")

    def _shortcut(self, views: Sequence[Output]) -> None:
        """Hand partials to this worker's own roll-ups at once: absolute and numbered, they may come again."""
        for tp, runner in self._runners.items():
            if isinstance(runner, RollupRunner) and runner.ready:
                runner.offer([each for each in views if each.partition == tp.partition])

    def on_ready(self) -> None:
        """Some runner is ready; perhaps all are."""
        if self.assigned.is_set() and all(runner.ready for runner in self._runners.values()):
            self.ready.set()

    # --- loops -------------------------------------------------------------------------------------

    def _partitions(self) -> list[PartitionRunner]:
        return [runner for runner in self._runners.values() if isinstance(runner, PartitionRunner)]

    def _sinking(self) -> list[tuple[TP, SinkRunner]]:
        return [(tp, runner) for tp, runner in self._runners.items() if isinstance(runner, SinkRunner)]

    async def _ticks(self) -> None:
        warned = running_s()
        while True:
            await asyncio.sleep(self.config.tick_s)
            self.frontier.note(self._feeding(), wall_ms())
            for runner in self._runners.values():
                runner.tick()
            if running_s() - warned > self.config.stuck_s:
                warned = running_s()
                if (oldest := self.status().oldest_s) > self.config.stuck_s:
                    _log.warning("deliveries have waited for %.0f s: are enough brokers there?", oldest)

    def _feeding(self) -> dict[str, int]:
        """How far each of this worker's feeding partitions has been passed on."""
        return {_source(*tp): one.reached for tp, one in self._sinking() if tp.topic in self._feeds and one.reached}

    async def _tell_feeds(self) -> None:
        """Tell every worker, by way of the partials that each of them reads."""
        while True:
            await asyncio.sleep(self.config.feeds_s)
            if (said := self._feeding()) and self.may_write:
                key, value = b"%s%s" % (KEY, min(said).encode()), encode(said)
                partitions = await self.publisher.partitions(self.partials)
                await self.publisher.publish(Output(PARTIALS_TOPIC, key, value, each) for each in partitions)

    async def _views(self) -> None:
        pace = Pace(self.config.views_s)
        while True:
            period = pace.period_s
            turn, past = divmod(wall_ms() / 1000, period)
            due = running_s() + period - past
            await asyncio.sleep(period - past)
            pace.woke(running_s() - due)
            told = [(runner, runner.views(int(turn) + 1)) for runner in self._partitions()]
            # At once, so that a record is published with what all partitions have told of it.
            self._shortcut([each for _, views in told for each in views])
            for runner, views in told:
                if views:
                    await runner.publish(views)

    def status(self) -> Status:
        """A snapshot."""
        now = running_s()
        partitions = {one.tp.partition: one.status for one in self._partitions()}
        rollups = [one for one in self._runners.values() if isinstance(one, RollupRunner)]
        feeds = {tp: one.status for tp, one in self._sinking() if tp.topic in self._feeds}
        committed = None if self.app is None else self.consumer.last_commit_s
        return Status(
            ready=self.ready.is_set(),
            partitions=partitions,
            rollups=frozenset(one.tp.partition for one in rollups),
            feeds=feeds,
            oldest_s=max([0.0, *(one.oldest_s for one in partitions.values()), *(one.oldest_s for one in rollups)]),
            lease_s=self.lease.age(now),
            commit_s=None if committed is None else now - committed,
        )


def _source(topic: str, partition: int) -> str:
    return f"{topic}-{partition}"
