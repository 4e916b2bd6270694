"""The embedded servers are real, and never outlive the program that started them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis import Redis

from deploy.local.errors import EmbeddedFailed, EmbeddedUnavailable
from deploy.local.kafka import EmbeddedKafka
from deploy.local.kafka_ready import broker_ids
from deploy.local.ports import free_ports, is_free
from deploy.local.redis import EmbeddedRedis
from tests.conftest import KafkaServer, unavailable

pytestmark = pytest.mark.kafka


def eventually(holds: Callable[[], bool], within_s: float = 20.0) -> bool:
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie nobody has waited for yet is dead enough.
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


async def create(bootstrap: str, topic: str, replicas: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, replicas)])
    finally:
        await admin.close()


async def roundtrip(bootstrap: str, topic: str) -> bytes | None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        sent = await producer.send_and_wait(topic, b"hello")
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        partition = TopicPartition(topic, sent.partition)
        consumer.assign([partition])
        consumer.seek(partition, sent.offset)
        record = await asyncio.wait_for(consumer.getone(), 20)
    value: bytes | None = record.value
    return value


async def test_what_is_produced_is_consumed(kafka: KafkaServer) -> None:
    topic = f"embedded-{os.getpid()}-{time.monotonic_ns()}"
    await create(kafka.bootstrap, topic, replicas=1)
    assert await roundtrip(kafka.bootstrap, topic) == b"hello"


CHILD = """
import sys, time
from pathlib import Path
from deploy.local.{module} import {name}
with {name}() as server:
    print(getattr(server, "node_ids", None) and server.pid(1) or server.pid, server._temporary.name, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize(("module", "name"), [("kafka", "EmbeddedKafka"), ("redis", "EmbeddedRedis")])
def test_kill_9_of_the_parent_leaves_nothing(kafka: KafkaServer, module: str, name: str) -> None:
    del kafka  # there or skipped
    script = CHILD.format(module=module, name=name)
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child.stdout:
        pid_text, folder = child.stdout.readline().split()
    pid = int(pid_text)
    assert alive(pid)
    child.kill()
    child.wait()
    assert eventually(lambda: not alive(pid))
    assert eventually(lambda: not Path(folder).exists())


def test_the_broker_command_runs_until_told_to_end(kafka: KafkaServer, tmp_path: Path) -> None:
    del kafka
    command = [sys.executable, "-m", "agents", "broker", "--dir", str(tmp_path / "data")]
    for _life in range(2):  # its data serves again, under other ports
        broker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert broker.stdout is not None
        word, _, address = broker.stdout.readline().strip().partition(" ")
        assert word == "ready"
        assert broker_ids(address) == {1}
        broker.send_signal(signal.SIGTERM)
        broker.communicate(timeout=30)
        assert broker.returncode == 0
        assert is_free(int(address.rpartition(":")[2]))


def test_a_node_that_does_not_start_says_why(kafka: KafkaServer, tmp_path: Path) -> None:
    del kafka
    data = tmp_path / "node-1" / "data"
    data.mkdir(parents=True)
    (data / "meta.properties").write_text("version=1\ncluster.id=someone-else\nnode.id=7\n")
    with pytest.raises(EmbeddedFailed, match=r"(?s)Kafka node 1 ended.*Stored node id 7"):
        EmbeddedKafka(directory=tmp_path).__enter__()


def test_a_port_in_use_is_told_from_a_node_that_is_ready(kafka: KafkaServer) -> None:
    if os.environ.get("SIGAP_KAFKA"):
        pytest.skip("SIGAP_KAFKA may be on another machine")
    port = int(kafka.bootstrap.rpartition(":")[2])
    with pytest.raises(EmbeddedFailed, match=f"127.0.0.1:{port}: the address is in use"):
        EmbeddedKafka(port=port).__enter__()


async def test_three_nodes_survive_the_loss_of_one() -> None:
    try:
        cluster = EmbeddedKafka(nodes=3).__enter__()
    except EmbeddedUnavailable as error:
        unavailable(error.reason)
    try:
        assert broker_ids(cluster.bootstrap) == {1, 2, 3}
        await create(cluster.bootstrap, "one-away", replicas=3)
        assert await roundtrip(cluster.bootstrap, "one-away") == b"hello"
        cluster.stop_node(2, hard=True)
        assert await roundtrip(cluster.bootstrap, "one-away") == b"hello"
        cluster.start_node(2)
        assert eventually(lambda: broker_ids(cluster.bootstrap) == {1, 2, 3})
    finally:
        cluster.__exit__(None, None, None)


def test_redis_answers_and_comes_back_empty(redis_server: EmbeddedRedis) -> None:
    with Redis.from_url(redis_server.url) as client:
        client.set("a", "1")
        pid = redis_server.pid
        assert pid is not None
        redis_server.stop()
        assert not alive(pid)
        redis_server.start()
        assert client.get("a") is None


def test_where_nothing_can_be_reached_the_reason_comes_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "jgo.conf"
    settings.write_text(f"[repositories]\nnowhere = http://127.0.0.1:{free_ports(1)[0]}\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SIGAP_KAFKA_JARS", raising=False)
    began = time.monotonic()
    with pytest.raises(EmbeddedUnavailable, match="cannot be downloaded"):
        EmbeddedKafka().__enter__()
    assert time.monotonic() - began < 10
    assert not list((tmp_path / "cache" / "sigap").glob("fetch-*"))
