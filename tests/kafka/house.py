"""Real workers on real Kafka and Redis: topics of a test's own, events in, what came out and what should have."""

import json
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import aiohttp
import yaml
from aiokafka import AIOKafkaProducer
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from redis.asyncio import Redis

from agents.runs import differences, key_of, kpi_records, produce, read_all, redis_records, tick
from agents.settings import Environment
from agents.topics import create
from deploy.local.ports import free_ports
from streams.clock import wall_ms
from streams.engine.core import TICK_HEADER
from tables.replay import Result, instant_of, replay
from tables.settings import Settings
from tests.kafka.lab import Process

Event = dict[str, Any]
TENANT = "acme"
FINAL_AFTER_MS = 2_000
"""How far ahead of the last event a run's last instant lies."""


def event(kind: str, conversation: str, at: int | None = None, **more: Any) -> Event:
    """A canonical event of now, of a kind below or of a type."""
    base = {"v": 1, "tenant": TENANT, "event_id": uuid4().hex, "conversation_id": conversation, "channel": "chat"}
    return base | {"at": wall_ms() if at is None else at} | KINDS.get(kind, {"type": kind}) | more


KINDS: dict[str, Event] = {
    "customer": {"type": "message", "direction": "inbound", "author": "customer"},
    "reply": {"type": "message", "direction": "outbound", "author": "agent", "agent_id": "ana"},
    "resolved": {"type": "status", "status": "resolved"},
}


class House:
    """A topic prefix, its settings, and its workers."""

    def __init__(
        self, bootstrap: str, folder: Path, *, redis: str | None = None, config: Event | None = None, **environ: str
    ) -> None:
        self.folder = folder
        self.prefix = f"house{uuid4().hex[:8]}"
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("SIGAP_")}
        self.environ |= {"SIGAP_KAFKA": bootstrap, "SIGAP_TOPIC_PREFIX": self.prefix, **environ}
        if redis is not None:
            self.environ["SIGAP_REDIS"] = redis
        if config is not None:
            file = folder / f"{self.prefix}.yaml"
            file.write_text(yaml.safe_dump(config))
            self.environ["SIGAP_CONFIG"] = str(file)
        self.environment = Environment.read(self.environ)
        self.settings = Settings.load(self.environment.config)
        self.workers: list[Process] = []
        self.producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap, linger_ms=2, acks="all", max_request_size=4_000_000, max_batch_size=100_000
        )

    async def open(self, partitions: int = 4) -> Self:
        await create(self.environment, print, partitions=partitions)
        await self.producer.start()
        return self

    async def close(self) -> None:
        await self.producer.stop()
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()

    def topic(self, name: str) -> str:
        return f"{self.prefix}.{name}"

    def worker(self, *arguments: str, **environ: str) -> Process:
        """A worker; with TEST_CRASH one that dies by itself (`tests.kafka.crash`)."""
        module = ["tests.kafka.crashing_worker"] if "TEST_CRASH" in environ else ["agents", "worker"]
        log = self.folder / f"{self.prefix}-{len(self.workers)}.log"
        self.workers.append(Process(log, ["-m", *module, *arguments], self.environ | environ))
        return self.workers[-1]

    def command(self, *arguments: str, **environ: str) -> Process:
        """Any command of `sigap`."""
        log = self.folder / f"{uuid4().hex}.log"
        return Process(log, ["-m", "agents", *arguments], self.environ | environ)

    # --- in ----------------------------------------------------------------------------------------

    async def send(self, *events: Event | bytes) -> None:
        """Produce events, in order, and wait until the broker has them."""
        values = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in events]
        await produce(self.producer, self.topic("events"), ((key_of(each, wall_ms()), each) for each in values))

    async def finish(self) -> int:
        """Stop the clock of every partition, wait until every worker that lives has published all; the instant."""
        instant = wall_ms() + FINAL_AFTER_MS
        await tick(self.producer, self.topic("events"), instant)
        for worker in self.workers:
            if worker.process.poll() is None:
                await worker.wait_said("final")
        return instant

    # --- out ---------------------------------------------------------------------------------------

    async def events(self) -> list[Any]:
        """The records of the events topic, but for ticks."""
        records = await read_all(self.environment, self.topic("events"))
        return [each for each in records if all(name != TICK_HEADER for name, _ in each.headers)]

    async def replayed(self, until: int) -> Result:
        """The replay of what is in the events topic."""
        values = sorted((each.value for each in await self.events() if each.value is not None), key=instant_of)
        return replay(values, self.settings, until)

    async def kpi_differences(self, expected: Iterable[Event]) -> list[str]:
        """Where the KPI records of Kafka, and of Redis if there is one, differ from these."""
        wanted = list(expected)
        lines = [f"Kafka {line}" for line in differences(wanted, await kpi_records(self.environment))]
        if self.environment.redis is not None:
            lines += [f"Redis {line}" for line in differences(wanted, await redis_records(self.environment))]
        return lines

    async def alerts(self) -> list[tuple[Event, int]]:
        """Every alert delivered, in order, with the instant at which the broker got it."""
        records = await read_all(self.environment, self.topic("alerts"))
        return [(json.loads(each.value), each.timestamp) for each in sorted(records, key=lambda each: each.timestamp)]

    @asynccontextmanager
    async def redis(self) -> AsyncIterator[Any]:
        client = Redis.from_url(self.environment.redis_url(), protocol=2, decode_responses=True)
        try:
            yield client
        finally:
            await client.aclose()


def port() -> int:
    return free_ports(1)[0]


async def get(port: int, path: str) -> tuple[int, str]:
    """An answer of a worker's health port."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as response:
        return response.status, await response.text()


async def metric(port: int, name: str, **labels: str) -> float | None:
    """The value of a sample, summed over labels that are not given; None if there is none."""
    _, text = await get(port, "/metrics")
    values = [
        sample.value
        for family in text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return sum(values) if values else None
