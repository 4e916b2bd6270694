"""Everything on one machine: servers, a worker, the page, believable traffic, and the proof at the end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec
from aiokafka import AIOKafkaProducer

from agents.demo_table import LiveTable
from agents.local_worker import InProcess
from agents.process import WorkerProcess
from agents.runs import differences, kpi_records, produce, read_all, redis_records, tick
from agents.settings import Environment
from agents.tasks import end
from agents.topics import create
from agents.wallboard.server import Wallboard
from streams.clock import wall_ms
from streams.engine.core import TICK_HEADER
from tables.replay import instant_of, replay
from tables.settings import Settings
from tables.settings_load import read_yaml

READY_S = 120.0
FINAL_S = 120.0
FINAL_AFTER_MS = 2_000
"""How far ahead of the last event the last instant lies: everything has been produced by then."""
Keyed = tuple[bytes | None, bytes]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a demo is asked to do."""

    past: Sequence[Keyed]
    """Sent at once."""
    live: Iterable[tuple[int, Keyed]]
    """Sent when the run's clock has come to the instant (ms) of each."""
    tenant: str
    for_s: float | None
    port: int
    directory: Path


class Engine(Protocol):
    """Where events go, and where the records come from."""

    note: str
    log: str
    """What its records are kept in."""

    async def send(self, records: Iterable[Keyed]) -> None:
        """Produce events."""

    async def finish(self, instant: int) -> tuple[list[bytes], list[dict[str, Any]]]:
        """Stop the clock at `instant`; all events there were, and the final KPI records of Kafka."""


class KafkaEngine:
    """A worker process on Kafka."""

    note = "Kafka and Redis on this machine"
    log = "Kafka"

    def __init__(self, environment: Environment, worker: WorkerProcess, producer: AIOKafkaProducer) -> None:
        self._environment = environment
        self._worker = worker
        self._producer = producer
        self._topic = f"{environment.topic_prefix}.events"

    async def send(self, records: Iterable[Keyed]) -> None:
        """Produce events."""
        await produce(self._producer, self._topic, records)

    async def finish(self, instant: int) -> tuple[list[bytes], list[dict[str, Any]]]:
        """Stop the clock and wait for the last record."""
        await tick(self._producer, self._topic, instant)
        await self._worker.said("final", FINAL_S)
        records = await read_all(self._environment, self._topic)
        events = [each.value for each in records if all(name != TICK_HEADER for name, _ in each.headers)]
        return events, await kpi_records(self._environment)


class LocalEngine:
    """The core in this process."""

    note = "NOT DURABLE: no Kafka here, an in-process log instead"
    log = "In-process log"

    def __init__(self, run: InProcess, task: asyncio.Task[None]) -> None:
        self._run = run
        self._task = task

    async def send(self, records: Iterable[Keyed]) -> None:
        """Put events into the log."""
        for key, value in records:
            self._run.take(key, value)

    async def finish(self, instant: int) -> tuple[list[bytes], list[dict[str, Any]]]:
        """Stop the clock and wait for the last record."""
        self._run.stop_at(instant)
        await asyncio.wait_for(self._task, FINAL_S)
        if self._run.feed.sink is not None:
            await self._run.feed.sink.stop()
        values = [each.value for each in self._run.broker.source.records if each.value]
        return values, [msgspec.json.decode(value) for *_, value in self._run.rollup.latest()]


@contextlib.asynccontextmanager
async def engine(environment: Environment, environ: dict[str, str], directory: Path, say: Callable[[str], None]) -> Any:
    """The worker on Kafka; without brokers in the environment, in this process."""
    if not environment.kafka:
        run = InProcess(Settings.load(environment.config), environment.redis_url(), environment.timeline)
        task = asyncio.create_task(run.run())
        try:
            yield LocalEngine(run, task)
        finally:
            await end(task)
        return
    say("creating topics")
    await create(environment, say)
    say("starting a worker")
    async with (
        WorkerProcess(environ, directory / "worker.log") as worker,
        AIOKafkaProducer(**environment.kafka_kwargs(), linger_ms=5, acks="all") as producer,
    ):
        await worker.said("ready", READY_S)
        yield KafkaEngine(environment, worker, producer)


async def run(environment: Environment, environ: dict[str, str], plan: Plan, say: Callable[[str], None]) -> bool:
    """Run the demo until Ctrl-C or for `plan.for_s`; whether the final records equal the replay."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    board = Wallboard(environment.redis_url(), environment.config, port=plan.port, tenant=plan.tenant)
    async with engine(environment, environ, plan.directory, say) as running, board:
        say(f"wallboard: {board.url}")
        table = LiveTable(environment.redis_url(), plan.tenant, running.note)
        beside = [asyncio.create_task(each) for each in (_traffic(environment, running, plan), table.run())]
        try:
            await _until(stop, plan.for_s, beside)
        finally:
            await end(*beside)
            await table.close()
        if plan.for_s is None or stop.is_set():
            return True
        return await _prove(environment, running, say)


async def _until(stop: asyncio.Event, for_s: float | None, beside: list[asyncio.Task[None]]) -> None:
    told = asyncio.create_task(stop.wait())
    traffic, table = beside
    deadline = None if for_s is None else asyncio.get_running_loop().time() + for_s
    try:
        watched = {told, traffic, table}
        while not stop.is_set() and (deadline is None or asyncio.get_running_loop().time() < deadline):
            left = None if deadline is None else deadline - asyncio.get_running_loop().time()
            done, _ = await asyncio.wait(watched, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            for each in done - {told}:
                each.result()
                watched.discard(each)
    finally:
        told.cancel()


async def _traffic(environment: Environment, running: Engine, plan: Plan) -> None:
    await running.send(plan.past)
    timeline = environment.timeline
    for at, record in plan.live:
        while (ahead := at - timeline.wall(wall_ms())) > 0:  # noqa: ASYNC110 - a clock, not an event
            await asyncio.sleep(min(ahead / 1000 / timeline.speed, 1.0))
        await running.send([record])


async def _prove(environment: Environment, running: Engine, say: Callable[[str], None]) -> bool:
    instant = environment.timeline.wall(wall_ms()) + int(FINAL_AFTER_MS * environment.timeline.speed)
    say("stopping the clock, replaying what went through")
    events, found = await running.finish(instant)
    in_order = sorted(events, key=instant_of)
    expected = replay(in_order, without_rules(environment.config), instant, wall=lambda: instant).kpi
    in_redis = await redis_records(environment)
    good = True
    for place, records in ((running.log, found), ("Redis", in_redis)):
        wrong = differences(expected, records)
        good = good and not wrong
        say(f"{place}: {len(records)} KPI records, {len(wrong)} differ from the replay of {len(events)} events")
        for line in wrong[:10]:
            say(f"  {line}")
    return good and bool(expected)


def without_rules(path: Path | None) -> Settings:
    """The settings of a file but for its threshold rules: no KPI record depends on them.

    A replay that has rules looks at the figures after every event, which takes four times as long.
    """
    given = {} if path is None else read_yaml(path)
    tenants = {name: (each or {}) | {"alert_rules": []} for name, each in (given.get("tenants") or {}).items()}
    return Settings.from_mapping(given | {"alert_rules": [], "tenants": tenants})
