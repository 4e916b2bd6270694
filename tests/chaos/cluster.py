"""Three brokers, a Redis and workers, each of which can be taken away and given back."""

import asyncio
import contextlib
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.kafka import EmbeddedKafka
from deploy.local.redis import EmbeddedRedis
from tests.kafka.chatter import CONFIG
from tests.kafka.house import House
from tests.kafka.lab import Process, until

BROKERS = 3
PER_WORKER = 2
"""Partitions: with a number that divides evenly no worker may be left without any."""
LATENESS_S = 120
"""Longer than any fault keeps an event from the broker, short enough that intervals close within a round."""
_WATCH_S = 0.2
_STOP_S = 40.0


@dataclass
class Life:
    """A worker from its start to its end."""

    process: Process
    began: float
    ready_s: float | None = None
    ends: bool = False
    """Whether it has been told to end: what comes to its end otherwise has done so by itself."""


class Cluster:
    """Everything that can break. Workers are known by name; whoever ends by itself is started again, and noted."""

    def __init__(self, kafka: EmbeddedKafka, redis: EmbeddedRedis, house: House, workers: int) -> None:
        self.kafka = kafka
        self.redis = redis
        self.house = house
        self.names = [f"worker{number}" for number in range(1, workers + 1)]
        self.partitions = workers * PER_WORKER
        self.ended: Counter[str] = Counter()
        """Workers that ended by themselves, by the line they left."""
        self.refused: list[str] = []
        """Workers told to end that did not do so in order."""
        self.ready_s: list[float] = []
        """Seconds from each start of a worker until it was ready."""
        self._lives: dict[str, Life] = {}

    # --- workers -----------------------------------------------------------------------------------

    def start(self, name: str, **environ: str) -> None:
        """Start a worker; it is ready some seconds later."""
        process = self.house.worker(SIGAP_INSTANCE_ID=name, **environ)
        self._lives[name] = Life(process, time.monotonic(), ends="TEST_CRASH" in environ)

    def kill(self, name: str) -> None:
        """As kill -9."""
        life = self._lives[name]
        life.ends = True
        life.process.kill()

    async def stop(self, name: str) -> None:
        """As SIGTERM, and wait for the end."""
        life = self._lives[name]
        life.ends = True
        life.process.signal(signal.SIGTERM)
        if (code := await life.process.ended(_STOP_S)) != 0:
            self.refused.append(f"{life.process.log.name} ended with {code} on SIGTERM")

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a worker any other signal."""
        with contextlib.suppress(ProcessLookupError):
            self._lives[name].process.signal(number)

    async def ended_by_plan(self, name: str) -> None:
        """Wait for the end of a worker that was started to kill itself; past half a minute it is killed."""
        with contextlib.suppress(AssertionError):
            await self._lives[name].process.ended(30.0)
        self.kill(name)

    @property
    def ready(self) -> bool:
        """Whether every worker runs and has been ready."""
        return all(
            name in self._lives and self._lives[name].ready_s is not None and self._alive(name) for name in self.names
        )

    def _alive(self, name: str) -> bool:
        return self._lives[name].process.process.poll() is None

    async def supervise(self) -> None:
        """Do what an orchestrator does: start again what has ended by itself."""
        while True:
            for name, life in list(self._lives.items()):
                if not self._alive(name):
                    if not life.ends:
                        self.ended[_last_words(life.process)] += 1
                        self.start(name)
                elif life.ready_s is None and not life.ends:
                    self._note_ready(life)
            await asyncio.sleep(_WATCH_S)

    def _note_ready(self, life: Life) -> None:
        with contextlib.suppress(AssertionError):  # it has ended this moment
            if life.process.said("ready"):
                life.ready_s = time.monotonic() - life.began
                self.ready_s.append(life.ready_s)

    async def until_ready(self, patience_s: float = 60.0) -> None:
        """Wait for every worker, but not for ever: the round tells what did not come back."""
        with contextlib.suppress(AssertionError):
            await until(lambda: self.ready, "all workers", patience_s)

    # --- brokers -----------------------------------------------------------------------------------

    async def stop_broker(self, node: int, *, hard: bool) -> None:
        """Stop a broker, in order or as by kill -9."""
        await asyncio.to_thread(self.kafka.stop_node, node, hard=hard)

    async def start_broker(self, node: int) -> None:
        """Start it with its data, and wait until it belongs to the cluster."""
        await asyncio.to_thread(self.kafka.start_node, node)

    async def leader(self, partition: int) -> int:
        """The broker that leads a partition of the events."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            (topic,) = await admin.describe_topics([self.house.topic("events")])
        finally:
            await admin.close()
        found: int = next(each["leader"] for each in topic["partitions"] if each["partition"] == partition)
        return found


@contextlib.asynccontextmanager
async def open_cluster(folder: Path, workers: int) -> AsyncIterator[Cluster]:
    """Brokers, Redis and topics, but no worker yet; all of it is gone in the end, but for `folder`."""
    async with contextlib.AsyncExitStack() as stack:
        (folder / "kafka").mkdir(parents=True)
        kafka = EmbeddedKafka(nodes=BROKERS, directory=folder / "kafka", quick=True)
        stack.callback(_throw_away, kafka)
        await asyncio.to_thread(kafka.__enter__)
        redis = EmbeddedRedis(directory=folder / "redis")
        stack.push(redis)
        await asyncio.to_thread(redis.__enter__)
        config = CONFIG | {"lateness_s": LATENESS_S}
        house = House(kafka.bootstrap, folder, redis=redis.url, config=config, SIGAP_TICKS="1")
        stack.push_async_callback(house.close)
        await house.open(workers * PER_WORKER)
        yield Cluster(kafka, redis, house, workers)


def _throw_away(kafka: EmbeddedKafka) -> None:
    """Nobody needs the brokers to end in order."""
    for node in kafka.node_ids:
        with contextlib.suppress(KeyError):  # stopped already
            kafka.stop_node(node, hard=True)


def _last_words(worker: Process) -> str:
    """Why a worker has ended: its last line."""
    code = worker.process.returncode
    lines = [line for line in worker.text.splitlines() if line.strip()]
    return f"exit {code}: {lines[-1] if lines else 'without a word'}"[:300] + f" ({worker.log.name})"
