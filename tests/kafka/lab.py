"""What the engine's tests on Kafka share: topics, records in, records out, worker processes."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 60.0
PATIENCE = 3
"""So many times slower than expected may a busy machine be."""
LOGS = ("_conversations", "_partials", "_rollup", "kpi", "kpi.intervals")
TOPICS = ("events", "alerts", "dlq", *LOGS)


async def create_topics(bootstrap: str, prefix: str, partitions: int = 4, **config: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        compact = {"cleanup.policy": "compact,delete", **config}  # `delete` lets a test trim them
        await admin.create_topics(
            [
                NewTopic(f"{prefix}.{name}", partitions, 1, topic_configs=compact if name in LOGS else {})
                for name in TOPICS
            ]
        )
    finally:
        await admin.close()


async def produce(
    bootstrap: str, topic: str, records: Iterable[tuple[bytes, bytes]], partition: int | None = None
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5, max_batch_size=200_000)
    await producer.start()
    try:
        sent = [await producer.send(topic, value, key, partition=partition) for key, value in records]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def read_all(bootstrap: str, topic: str) -> list[Any]:
    """Every record of a topic up to its end, by partition and offset."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        await consumer._client.force_metadata_update()
        consumer.assign([TopicPartition(topic, one) for one in await partitions(consumer, topic)])
        ends = await consumer.end_offsets(list(consumer.assignment()))
        records: list[Any] = []
        for tp, end in ends.items():
            while await consumer.position(tp) < end:
                records += (await consumer.getmany(tp, timeout_ms=200)).get(tp, [])
        return records
    finally:
        await consumer.stop()


async def partitions(consumer: Any, topic: str) -> list[int]:
    await consumer._client.set_topics([topic])
    return sorted(consumer._client.cluster.partitions_for_topic(topic))


async def kpi_counts(bootstrap: str, prefix: str) -> dict[bytes, int]:
    return {
        record.key: json.loads(record.value)[0]
        for record in await read_all(bootstrap, f"{prefix}.kpi")
        if record.value is not None
    }


async def changelog_counts(bootstrap: str, prefix: str) -> dict[bytes, int]:
    newest = {
        (record.partition, record.key): record.value
        for record in await read_all(bootstrap, f"{prefix}._conversations")
        if record.key[0]
    }
    return {key: json.loads(value)[0] for (_, key), value in newest.items() if value is not None}


async def until(condition: Callable[[], Any], what: str = "", deadline_s: float = DEADLINE_S) -> None:
    """Wait for a condition, sync or async, or fail. What must be in time is measured by instants, not by this."""
    end = time.monotonic() + PATIENCE * deadline_s
    pause = 0.01
    while time.monotonic() < end:
        holds = condition()
        if asyncio.iscoroutine(holds):
            holds = await holds
        if holds:
            return
        await asyncio.sleep(pause)
        pause = min(2 * pause, 0.1)
    raise AssertionError(f"not within {PATIENCE * deadline_s:.0f} s: {what}")


class Process:
    """A process of ours; its output is in `log`."""

    def __init__(self, log: Path, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environ
            )

    @property
    def text(self) -> str:
        return self.log.read_text()

    def said(self, word: str) -> bool:
        """Whether the word stands on a line of its own; fails if the process has ended."""
        text = self.text
        if self.process.poll() is not None:
            raise AssertionError(f"the worker ended with {self.process.returncode}:\n{text[-4000:]}")
        return f"\n{word}\n" in "\n" + text

    async def wait_said(self, word: str) -> Self:
        await until(lambda: self.said(word), f"{word}; see {self.log}")
        return self

    async def wait_ready(self) -> Self:
        return await self.wait_said("ready")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    async def ended(self, deadline_s: float = 30.0) -> int:
        await until(lambda: self.process.poll() is not None, f"the end of the worker:\n{self.text[-3000:]}", deadline_s)
        return self.process.returncode

    async def terminate(self) -> int:
        self.process.terminate()
        return await self.ended()


class Worker(Process):
    """A toy worker."""

    def __init__(self, log: Path, **options: Any) -> None:
        environ = {**os.environ, **options.pop("env", {})}
        super().__init__(log, ["-m", "tests.kafka.toy_worker", json.dumps(options)], environ)
