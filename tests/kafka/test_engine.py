"""The engine on real Kafka: whatever is killed, paused or taken away, the counts are those of what was produced."""

import asyncio
import json
import random
import signal
import socket
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from streams.engine.journal import HEAD, Head
from tests.conftest import KafkaServer
from tests.kafka.lab import Worker, changelog_counts, create_topics, kpi_counts, produce, read_all, until
from tests.toy import ALERT_EVERY

pytestmark = [pytest.mark.kafka, pytest.mark.filterwarnings("ignore::ResourceWarning")]
SESSION_S = 6.0  # the least that a broker allows


class Lab:
    """Topics of a test's own, the records produced to them, and its workers."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.bootstrap = bootstrap
        self.folder = folder
        self.prefix = f"toy{uuid.uuid4().hex[:8]}"
        self.keys: list[bytes] = []
        self.workers: list[Worker] = []

    def topic(self, name: str) -> str:
        return f"{self.prefix}.{name}"

    async def produce(self, count: int, keys: int = 300, value: bytes = b"x", partition: int | None = None) -> None:
        new = [b"k%d" % (len(self.keys) + n if keys == 0 else (len(self.keys) + n) % keys) for n in range(count)]
        self.keys += new
        await produce(self.bootstrap, self.topic("events"), [(key, value) for key in new], partition)

    async def load(self, rate: int, seconds: float) -> None:
        for _ in range(int(seconds * 4)):
            await self.produce(rate // 4)
            await asyncio.sleep(0.25)

    def worker(self, **options: Any) -> Worker:
        worker = Worker(
            self.folder / f"worker{len(self.workers)}.log",
            **{
                "bootstrap": self.bootstrap,
                "group": self.prefix,
                "prefix": self.prefix,
                "session_s": SESSION_S,
                "heartbeat_s": 2.0,
                "rebalance_s": 6.0,
                **options,
            },
        )
        self.workers.append(worker)
        return worker

    async def exact(self) -> None:
        """Every count, in the changelog and through the roll-up, and every alert."""
        want = Counter(self.keys)

        async def same() -> bool:
            return await kpi_counts(self.bootstrap, self.prefix) == want

        try:
            await until(same, "the counts", 40)
        except AssertionError:
            got = await changelog_counts(self.bootstrap, self.prefix)
            wrong = {key: (got.get(key, 0), want[key]) for key in want if got.get(key, 0) != want[key]}
            logs = "\n".join(f"--- {one.log}\n{one.text[-3000:]}" for one in self.workers[-2:])
            raise AssertionError(f"(counted, produced): {dict(list(wrong.items())[:10])}\n{logs}") from None
        assert await changelog_counts(self.bootstrap, self.prefix) == want
        tenths = {b"%s:%d" % (key, n) for key in want for n in range(ALERT_EVERY, want[key] + 1, ALERT_EVERY)}

        async def told() -> bool:  # an alert waits for the changelog, counts do not
            return tenths <= {record.key for record in await read_all(self.bootstrap, self.topic("alerts"))}

        await until(told, "the alerts", 20)

    async def committed(self) -> tuple[int, int]:
        """What the group has committed of the events, and how many there are."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=self.prefix, enable_auto_commit=False)
        await consumer.start()
        try:
            tps = [TopicPartition(self.topic("events"), one) for one in range(4)]
            offsets = [await consumer.committed(tp) or 0 for tp in tps]
            ends = await consumer.end_offsets(tps)
            return sum(offsets), sum(ends.values())
        finally:
            await consumer.stop()

    async def delete_before(self, topic: str, offsets: dict[int, int]) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            await admin.delete_records(
                {TopicPartition(self.topic(topic), one): RecordsToDelete(offset) for one, offset in offsets.items()}
            )
        finally:
            await admin.close()


@pytest.fixture
async def lab(kafka: KafkaServer, tmp_path: Path) -> AsyncIterator[Lab]:
    lab = Lab(kafka.bootstrap, tmp_path)
    await create_topics(lab.bootstrap, lab.prefix)
    yield lab
    for worker in lab.workers:
        if worker.process.poll() is None:
            worker.kill()


@pytest.mark.parametrize("no_cython", ["", "1"], ids=["cython", "pure"])
async def test_counts_and_ends_in_order(lab: Lab, no_cython: str) -> None:
    await lab.produce(20_000)
    worker = await lab.worker(env={"NO_CYTHON": no_cython}).wait_ready()
    await lab.exact()
    assert await worker.terminate() == 0
    assert await lab.committed() == (20_000, 20_000)
    alerts = [record.key for record in await read_all(lab.bootstrap, lab.topic("alerts"))]

    second = await lab.worker().wait_ready()
    await lab.produce(1)
    await lab.exact()
    assert await second.terminate() == 0
    # SIGTERM had left nothing to do again: no alert came twice.
    again = [record.key for record in await read_all(lab.bootstrap, lab.topic("alerts"))]
    assert len(set(again)) == len(again)
    assert set(alerts) <= set(again)


@pytest.mark.parametrize("seed", [1, 2])
async def test_killed_at_random_moments(lab: Lab, seed: int) -> None:
    moment = random.Random(seed)
    await lab.produce(40_000, keys=3_000)  # a backlog: most kills hit it or the recovery of what came of it
    load = asyncio.create_task(lab.load(rate=400, seconds=25))
    for number in range(6):
        worker = lab.worker(instance_id="one", chunk_records=200, padding=200)
        if number % 3 != 2:
            await worker.wait_ready()
        else:
            await until(lambda worker=worker: "Joined group" in worker.text, "joined")  # type: ignore[misc]
        await asyncio.sleep(moment.uniform(0, 1.5))
        worker.kill()
    await load
    await lab.worker(instance_id="one").wait_ready()
    await lab.exact()


async def test_killed_at_exact_points(lab: Lab) -> None:
    await lab.produce(20_000)
    for plan in ("delivered:6", "published:8", "done:9", "delivered:11"):
        worker = lab.worker(instance_id="one", chunk_records=300, commit_s=30, env={"TEST_CRASH": plan})
        assert await worker.ended() == -signal.SIGKILL, worker.text[-2000:]
    await lab.worker(instance_id="one").wait_ready()
    await lab.exact()


async def test_killed_during_a_rebalance(lab: Lab) -> None:
    await lab.produce(30_000, keys=2_000)
    load = asyncio.create_task(lab.load(rate=400, seconds=20))
    first = await lab.worker(chunk_records=200).wait_ready()
    second = lab.worker(chunk_records=200)
    await until(lambda: "rebalancing" in first.text or "Joined group" in second.text, "the rebalance")
    first.kill()
    third = lab.worker()
    await second.wait_ready()
    await third.wait_ready()
    await load
    await lab.exact()


async def test_workers_come_and_go(lab: Lab) -> None:
    load = asyncio.create_task(lab.load(rate=1_000, seconds=16))
    first = await lab.worker().wait_ready()
    second = await lab.worker().wait_ready()
    await asyncio.sleep(2)
    assert await first.terminate() == 0
    third = await lab.worker().wait_ready()
    await asyncio.sleep(2)
    assert await second.terminate() == 0
    await load
    await lab.exact()
    assert await third.terminate() == 0
    alerts = [record.key for record in await read_all(lab.bootstrap, lab.topic("alerts"))]
    assert len(set(alerts)) == len(alerts)  # nobody was killed, so nothing was done twice


async def test_a_stopped_worker_wakes_as_a_zombie(lab: Lab) -> None:
    load = asyncio.create_task(lab.load(rate=1_000, seconds=20))
    first = await lab.worker().wait_ready()
    await asyncio.sleep(1)
    first.signal(signal.SIGSTOP)
    second = lab.worker()
    await until(lambda: "recovered" in second.text, "the second takes over", 30)
    await asyncio.sleep(1)
    first.signal(signal.SIGCONT)
    await load
    if "fenced" in second.text or first.process.poll() is not None:
        lab.worker()  # a platform would start whoever ended again
    await lab.exact()


async def test_what_a_zombie_wrote_is_written_again(lab: Lab) -> None:
    await lab.produce(4_000)
    first = await lab.worker(instance_id="one").wait_ready()
    await lab.exact()
    # As if a former owner's batch arrived late: an old epoch in its head, old values.
    for partition in range(4):
        stolen = [(HEAD, Head(-1, 0, 0, None).encode()), (b"k1", json.dumps([1, 0, 0, 0, ""]).encode())]
        await produce(lab.bootstrap, lab.topic("_conversations"), stolen, partition)
    await lab.produce(4_000)
    assert await first.ended() == 1
    assert "fenced" in first.text.splitlines()[-1]
    await lab.worker(instance_id="one").wait_ready()
    await lab.exact()


async def test_timers_never_act_on_lost_partitions(lab: Lab) -> None:
    first = await lab.worker().wait_ready()
    due = int(time.time() * 1000) + 9_000  # noqa: TID251 - the wall clock is what the timers wait for
    await lab.produce(40, keys=0, value=b"timer:%d" % due)
    await lab.exact()
    first.signal(signal.SIGSTOP)
    second = lab.worker()

    async def fired() -> set[bytes]:
        return {record.key for record in await read_all(lab.bootstrap, lab.topic("alerts"))}

    want = {b"%s:timer:%d" % (key, due) for key in lab.keys}

    async def all_fired() -> bool:
        return want <= await fired()

    await until(all_fired, "the timers", 40)
    first.signal(signal.SIGCONT)
    await asyncio.sleep(3)
    keys = [record.key for record in await read_all(lab.bootstrap, lab.topic("alerts"))]
    assert sorted(keys) == sorted(want)
    assert second.process.poll() is None


async def test_trimmed_logs_are_read_from_what_is_left(lab: Lab) -> None:
    await lab.produce(600)
    first = await lab.worker(instance_id="one").wait_ready()
    await lab.exact()
    ends = Counter(record.partition for record in await read_all(lab.bootstrap, lab.topic("_conversations")))
    await lab.produce(600)  # every key again, so that the first half of the changelog can go
    await lab.exact()
    first.kill()
    await lab.delete_before("_conversations", dict(ends))
    second = await lab.worker(instance_id="one").wait_ready()
    await lab.produce(300)
    await lab.exact()
    second.kill()
    # Retention overtakes the commit: what is gone is gone, what is left is counted.
    kept = list(lab.keys)
    await lab.produce(300)
    lab.keys = kept
    ends = Counter(record.partition for record in await read_all(lab.bootstrap, lab.topic("events")))
    await lab.delete_before("events", dict(ends))
    await lab.worker(instance_id="one").wait_ready()
    await lab.produce(300)
    await lab.exact()


async def test_recovery_reads_a_long_changelog_whole(lab: Lab) -> None:
    await lab.produce(30_000, keys=0)
    first = await lab.worker(instance_id="one", padding=400).wait_ready()
    await lab.exact()
    first.kill()
    second = await lab.worker(instance_id="one", padding=400).wait_ready()
    assert second.text.count("recovered") == 4
    await lab.produce(1_000)
    await lab.exact()


async def test_a_missing_broker_is_waited_for(lab: Lab) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        worker = lab.worker(bootstrap=f"127.0.0.1:{closed.getsockname()[1]}")
        await until(lambda: "no broker at" in worker.text, "the message")
        assert worker.process.poll() is None
        assert await worker.terminate() == 0


async def test_a_failing_shard_ends_the_process_with_one_line(lab: Lab) -> None:
    worker = await lab.worker().wait_ready()
    await lab.produce(1, value=b"broken")
    assert await worker.ended() == 1
    assert worker.text.splitlines()[-1].startswith("sigap: ")
    assert "a broken shard" in worker.text.splitlines()[-1]
    assert (await lab.committed())[0] == 0


async def test_dead_letters_come_before_the_commit(lab: Lab) -> None:
    worker = await lab.worker().wait_ready()
    await produce(lab.bootstrap, lab.topic("events"), [(b"k", b"bad")] * 5)
    await asyncio.sleep(0.5)
    assert await worker.terminate() == 0
    assert len(await read_all(lab.bootstrap, lab.topic("dlq"))) == 5
    assert await lab.committed() == (5, 5)
