"""A real worker on a real Kafka and Redis: a topic filled before it starts, its price, its way back after kill -9."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from redis.asyncio import Redis

from agents.commands.load import cpu_s
from agents.process import WorkerProcess
from agents.settings import Environment
from agents.sinks.layout import prefix
from agents.topics import create
from deploy.local.kafka import EmbeddedKafka
from deploy.local.redis import EmbeddedRedis
from tests.bench import beside
from tests.bench.shape import TENANT, Load, settings
from tests.bench.topic import fill

PATIENCE_S = 600.0
READY_S = 120.0
_STEP_S = 0.1
_RECOVERED = re.compile(r"recovered (\d+) records in ([\d.]+) s")


def run(load: Load, partitions: int, now_ms: int, naive: int) -> dict[str, Any]:
    """The figures of one worker and, on the same Kafka after it, of the naive version with the first `naive` events."""
    with (
        tempfile.TemporaryDirectory(prefix="sigap-bench-") as folder,
        EmbeddedKafka(log=_say) as kafka,
        EmbeddedRedis(log=_say) as redis,
    ):
        config = Path(folder) / "bench.yaml"
        config.write_text(json.dumps(settings(now_ms)))  # YAML is a superset of JSON
        told = {"SIGAP_KAFKA": kafka.bootstrap, "SIGAP_REDIS": redis.url, "SIGAP_CONFIG": str(config)}
        bench = _Bench(load, partitions, told, Path(folder))
        found = {"worker": asyncio.run(bench.run())}
        if naive:
            kafka_kwargs = bench.environment.kafka_kwargs()
            found["naive"] = asyncio.run(beside.run(kafka_kwargs, partitions, load.items[:naive], Path(folder)))
        return found


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def rss_kb(pid: int) -> int:
    """Resident memory of a process."""
    return int(re.findall(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[0])


class _Bench:
    def __init__(self, load: Load, partitions: int, told: dict[str, str], folder: Path) -> None:
        self.load = load
        self.partitions = partitions
        self.environment = Environment.read(told)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SIGAP_")}
        self.environ = kept | told
        self.log = folder / "worker.log"
        self.redis: Any = Redis.from_url(told["SIGAP_REDIS"], decode_responses=True)
        self.wrong: dict[str, tuple[Any, Any]] = {}

    async def run(self) -> dict[str, Any]:
        await create(self.environment, _say, partitions=self.partitions)
        kafka, topic = self.environment.kafka_kwargs(), f"{self.environment.topic_prefix}.events"
        await fill(kafka, topic, self.load.items)
        async with WorkerProcess(self.environ, self.log) as worker:
            await worker.said("ready", READY_S)
            began, cpu, rss = time.monotonic(), cpu_s(worker.pid), rss_kb(worker.pid)
            equal = await self._equal()
            seconds, cpu = time.monotonic() - began, cpu_s(worker.pid) - cpu
            grown = rss_kb(worker.pid) - rss
            _say(f"{len(self.load.items)} events in {seconds:.1f} s; kill -9")
            await asyncio.sleep(1.5)  # the last offsets are committed: what is measured is the state's way back
            os.kill(worker.pid, signal.SIGKILL)
        changelog = await self._records("_conversations")
        recovery = await self._recover()
        events, totals = len(self.load.items), self.load.totals
        still_open = totals["conversations_opened"] - totals["conversations_resolved"]
        await self.redis.aclose()
        return {
            "equal": equal,
            "wrong": self.wrong,
            "events_per_s": round(events / seconds),
            "seconds": round(seconds, 1),
            "cpu_us_per_event": round(cpu / events * 1e6, 1),
            "cores": round(cpu / seconds, 2),
            "rss_mb": round((rss + grown) / 1024),
            "kb_per_conversation": round(grown / totals["conversations_active"], 2),
            "kb_per_open_conversation": round(grown / max(1, still_open), 2),
            "records": {
                "changelog": changelog,
                "partials": await self._records("_partials"),
                "kpi": await self._records("kpi"),
                "alerts": await self._records("alerts"),
            },
            "recovery": recovery,
        }

    async def _equal(self) -> bool:
        """Wait until the tenant's record of today says what the generator says."""
        key = f"{prefix(TENANT)}kpi:tenant:today"
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            record = await self.redis.hgetall(key)
            if record and int(record["messages_in"]) >= self.load.totals["messages_in"]:
                expected = self.load.expected(int(record["as_of"]))
                self.wrong = {
                    name: (record[name], value) for name, value in expected.items() if float(record[name] or 0) != value
                }
                if not self.wrong:
                    return True
            await asyncio.sleep(_STEP_S)
        return False

    async def _records(self, name: str) -> int:
        """Records that a topic holds, as far as offsets tell."""
        consumer: Any = AIOKafkaConsumer(**self.environment.kafka_kwargs(), group_id=None, enable_auto_commit=False)
        await consumer.start()
        try:
            every = [TopicPartition(f"{self.environment.topic_prefix}.{name}", each) for each in range(self.partitions)]
            starts, ends = await consumer.beginning_offsets(every), await consumer.end_offsets(every)
            return sum(ends[each] - starts[each] for each in every)
        finally:
            await consumer.stop()

    async def _recover(self) -> dict[str, Any]:
        written = self.log.stat().st_size
        began = time.monotonic()
        async with WorkerProcess(self.environ, self.log) as worker:
            await worker.said("ready", READY_S)
            seconds, cpu = time.monotonic() - began, cpu_s(worker.pid)
            equal = await self._equal()
        with self.log.open() as log:
            log.seek(written)
            found = [(int(count), float(took)) for count, took in _RECOVERED.findall(log.read())]
        records = sum(count for count, _ in found)
        slowest = max((took for _, took in found), default=0.0)
        return {
            "seconds_until_ready": round(seconds, 1),
            "cpu_s": round(cpu, 2),
            "changelog_records": records,
            "changelog_records_per_s": round(records / slowest) if slowest else None,
            "equal": equal,
        }
