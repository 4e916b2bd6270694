"""`sigap load`: events at a rate, and how long they take until a record shows them."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agents.commands._environment import failures_as_message, read_environment
from agents.commands._until import say

if TYPE_CHECKING:
    from agents.settings import Environment

TENANT = "load"
_PACE_S = 0.01
_DRAIN_S = 15.0
_PATIENCE_S = 60.0
_LONGEST_S = 3_000
"""Counts are read in the window of an hour: what was sent first must still be in it."""


@click.command(short_help="Produce events at a rate and measure latency.")
@click.option("--rate", type=click.FloatRange(1, 100_000), default=500.0, show_default=True, help="Events a second.")
@click.option(
    "--for", "seconds", type=click.FloatRange(1, _LONGEST_S), default=30.0, show_default=True, help="Seconds."
)
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write the JSON here too.")
@click.option("--agents", type=click.IntRange(1, 10_000), default=200, show_default=True, help="Agents who answer.")
@click.option("--conversations", type=click.IntRange(1, 1_000_000), help="Open at once; without, as many as the rate.")
@click.option("--warm-up", type=click.FloatRange(0), default=3.0, show_default=True, help="Seconds not measured.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--worker-pid", "pids", type=int, multiple=True, help="A worker whose CPU time is told (Linux).")
def command(
    rate: float,
    seconds: float,
    report: Path | None,
    agents: int,
    conversations: int | None,
    warm_up: float,
    seed: int,
    pids: tuple[int, ...],
) -> None:
    """Produce events of the tenant `load` at a steady pace and measure event -> Kafka and event -> Redis.

    An event is out when the record of its agent counts it. Prints JSON; exit 1 if nothing came out. Needs SIGAP_KAFKA
    and a running worker; Redis is measured if SIGAP_REDIS is set.
    """
    environment = read_environment(kafka=True)
    with failures_as_message():
        found = asyncio.run(_Run(environment, rate, seconds, agents, conversations, warm_up, seed, pids).run())
    text = json.dumps(found, indent=2)
    if report is not None:
        report.write_text(text + "\n")
    click.echo(text)
    if not found["kafka"]["measured"]:
        say("nothing came out: is a worker running, with the same SIGAP_KAFKA and SIGAP_TOPIC_PREFIX?")
        raise SystemExit(1)


def cpu_s(pid: int) -> float:
    """CPU seconds, user and system, that a process has used so far; raises OSError where there is none."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class _Run:
    def __init__(
        self,
        environment: Environment,
        rate: float,
        seconds: float,
        agents: int,
        conversations: int | None,
        warm_up: float,
        seed: int,
        pids: tuple[int, ...],
    ) -> None:
        self.environment = environment
        self.rate = rate
        self.seconds = seconds
        self.agents = agents
        self.conversations = conversations or max(1, int(rate))
        self.warm_up = warm_up if warm_up < seconds else 0.0
        self.seed = seed
        self.pids = pids
        self.produced = 0
        self.errors: list[str] = []
        self.latest_s = 0.0
        """The greatest delay of a batch behind the pace."""

    async def run(self) -> dict[str, Any]:
        """Produce, measure, report."""
        from aiokafka import AIOKafkaProducer, TopicPartition

        from agents.load_events import Conversations
        from agents.load_meter import KpiReader, Meter, RedisReader, drained
        from agents.runs import produce
        from agents.tasks import end
        from agents.topics import TopicsError, partition_counts
        from streams.clock import wall_ms

        environment = self.environment
        counts = await partition_counts(environment, say, _PATIENCE_S)
        events, kpi = (f"{environment.topic_prefix}.{name}" for name in ("events", "kpi"))
        if missing := [name for name in (events, kpi) if name not in counts]:
            raise TopicsError([f"{name}: missing; `sigap topics create` creates it" for name in missing])
        run = f"r{wall_ms() // 1000:x}"
        made = Conversations(run, TENANT, self.agents, self.conversations, counts[events], self.seed)
        kafka = environment.kafka_kwargs()
        meters = [Meter(self.agents)]
        readers: list[KpiReader | RedisReader] = [
            KpiReader(
                meters[0],
                kafka,
                [TopicPartition(kpi, each) for each in range(counts[kpi])],
                [f"{TENANT}/{scope}" for scope in made.scopes],
            )
        ]
        if environment.redis is not None:
            meters.append(Meter(self.agents))
            readers.append(RedisReader(meters[1], environment.redis_url(), TENANT, made.scopes))
        producer = AIOKafkaProducer(**kafka, linger_ms=0, acks=1, max_batch_size=1_000_000)
        await producer.start()
        try:
            for reader in readers:
                await reader.start()
            reading = [asyncio.create_task(reader.run()) for reader in readers]
            await produce(producer, events, made.presence("online", wall_ms()))
            before, began = self._cpu(), time.monotonic()
            await self._produce(producer, events, made, meters)
            elapsed, cpu = time.monotonic() - began, self._cpu()
            behind = await self._behind(events, counts[events])
            await drained(meters, _DRAIN_S)
            reading_s = time.monotonic() - began
            # Who never goes is counted as online by every later run.
            await produce(producer, events, made.presence("offline", wall_ms()))
            await end(*reading)
            self.errors += [repr(why) for task in reading if not task.cancelled() and (why := task.exception())]
        finally:
            await producer.stop()
            for reader in readers:
                await reader.stop()
        records = readers[0].records if isinstance(readers[0], KpiReader) else 0
        return {
            "rate": round(self.produced / elapsed, 1),
            "seconds": round(elapsed, 1),
            "agents": self.agents,
            "conversations_open": self.conversations,
            "events": self.produced,
            "pace_latest_ms": round(1000 * self.latest_s, 1),
            "kafka": meters[0].report() | {"records": records, "records_per_s": round(records / reading_s, 1)},
            "redis": meters[1].report() | {"updates": readers[1].updates if isinstance(readers[1], RedisReader) else 0}
            if len(meters) > 1
            else None,
            "worker": {
                "behind_at_end": behind,
                "cpu_s": round(cpu - before, 2) if self.pids else None,
                "cores": round((cpu - before) / elapsed, 3) if self.pids else None,
                "us_per_event": round((cpu - before) / self.produced * 1e6, 1) if self.pids else None,
            },
            "errors": self.errors,
        }

    async def _produce(self, producer: Any, topic: str, made: Any, meters: list[Any]) -> None:
        """At each step the events that are due by then, as one batch a partition."""
        from streams.clock import wall_ms

        began = time.monotonic()
        deliveries: set[asyncio.Future[Any]] = set()
        while (now := time.monotonic()) - began < self.seconds:
            due = int((now - began) * self.rate) - self.produced
            self.latest_s = max(self.latest_s, (now - began) - self.produced / self.rate) if self.produced else 0.0
            at, counts = wall_ms(), now - began >= self.warm_up
            batches: dict[int, Any] = {}
            for _ in range(due):
                event = made.produce(at)
                batch = batches.get(event.partition)
                if batch is None:
                    batch = batches[event.partition] = producer.create_batch()
                batch.append(key=event.key, value=event.value, timestamp=None)
                if event.agent is not None:
                    for meter in meters:
                        meter.sent(event.agent, now, counts=counts)
            self.produced += due
            for partition, batch in batches.items():
                batch.close()
                delivery = await producer.send_batch(batch, topic, partition=partition)
                deliveries.add(delivery)
                delivery.add_done_callback(deliveries.discard)
                delivery.add_done_callback(self._delivered)
            await asyncio.sleep(max(0.0, _PACE_S - (time.monotonic() - now)))
        if deliveries:
            await asyncio.wait(deliveries, timeout=_DRAIN_S)

    def _delivered(self, delivery: asyncio.Future[Any]) -> None:
        if not delivery.cancelled() and (error := delivery.exception()) is not None:
            self.errors.append(repr(error))

    def _cpu(self) -> float:
        try:
            return sum(map(cpu_s, self.pids))
        except OSError as error:
            raise click.ClickException(f"--worker-pid: {error}") from None

    async def _behind(self, topic: str, partitions: int) -> int | None:
        """Events that the workers have not committed; None if they never did."""
        from aiokafka import AIOKafkaConsumer, TopicPartition

        every = [TopicPartition(topic, each) for each in range(partitions)]
        consumer: Any = AIOKafkaConsumer(
            **self.environment.kafka_kwargs(), group_id=self.environment.topic_prefix, enable_auto_commit=False
        )
        await consumer.start()
        try:
            consumer.assign(every)
            ends: dict[Any, int] = await consumer.end_offsets(every)
            done: list[int | None] = [await consumer.committed(each) for each in every]
        finally:
            await consumer.stop()
        if all(each is None for each in done):
            return None
        return sum(end - (each or 0) for end, each in zip(ends.values(), done, strict=True))
