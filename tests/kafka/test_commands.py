"""Commands as processes: how they begin, how they end, and that nothing stays behind."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest

from deploy.local.redis import EmbeddedRedis
from tests.conftest import KafkaServer
from tests.kafka.house import House, event
from tests.kafka.lab import Process, until

pytestmark = [pytest.mark.kafka, pytest.mark.filterwarnings("ignore::ResourceWarning")]
NOBODY = "127.0.0.1:1"
STEPS = ("starting Kafka", "creating topics", "starting a worker", "wallboard: ")


class Traces:
    """What a command may leave behind: files in a folder of its own for temporary ones, processes by a mark."""

    def __init__(self, folder: Path) -> None:
        self.mark = f"SIGAP_TESTED={uuid4().hex}"
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        name, _, value = self.mark.partition("=")
        own = {each: text for each, text in os.environ.items() if not each.startswith("SIGAP_KAFKA")}
        self.environ = own | {name: value, "TMPDIR": str(self.temporary), "SIGAP_REDIS": ""}
        self.log = folder / "command.log"

    def run(self, *arguments: str, **environ: str) -> Process:
        return Process(self.log, ["-m", "agents", *arguments], self.environ | environ)

    def processes(self) -> list[str]:
        found = []
        for each in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (each / "environ").read_bytes().split(b"\0"):
                    found.append((each / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue  # gone meanwhile, or not ours
        return found

    def files(self) -> list[Path]:
        return list(self.temporary.rglob("*"))

    async def nothing(self) -> None:
        await until(lambda: not self.processes(), f"the end of {self.processes()}", 5)
        assert self.files() == []


@pytest.fixture
def traces(tmp_path: Path, kafka: KafkaServer) -> Traces:
    assert kafka.bootstrap  # where Kafka cannot be had, the demo is another one
    return Traces(tmp_path)


@contextmanager
def taken() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


async def test_the_demo_proves_itself_and_leaves_nothing(traces: Traces) -> None:
    demo = traces.run("demo", "--for", "8", "--port", "0", "--rate", "60")
    assert await demo.ended(120) == 0, demo.text
    for place in ("Kafka", "Redis"):
        (line,) = [each for each in demo.text.splitlines() if each.startswith(f"{place}: ")]
        assert " 0 differ from the replay of " in line
        assert int(line.split()[1]) > 50
    await traces.nothing()


@pytest.mark.parametrize("step", STEPS)
async def test_ctrl_c_while_the_demo_starts_leaves_nothing(traces: Traces, kafka: KafkaServer, step: str) -> None:
    own = "Kafka" in step
    there = {} if own else {"SIGAP_KAFKA": kafka.bootstrap, "SIGAP_TOPIC_PREFIX": f"demo{uuid4().hex[:8]}"}
    demo = traces.run("demo", "--port", "0", **there)
    await until(lambda: step in demo.text, step)
    moment = time.monotonic() + Random(step).uniform(0, 0.5)
    await until(lambda: time.monotonic() > moment, "a moment")
    demo.signal(signal.SIGINT)
    demo.signal(signal.SIGINT)  # some press it twice
    assert await demo.ended(30) == 0, demo.text
    assert "Traceback" not in demo.text
    await traces.nothing()


async def test_a_worker_says_ready_and_ends_within_five_seconds(
    kafka: KafkaServer, redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    house = await House(kafka.bootstrap, tmp_path, redis=redis_server.url).open()
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            worker = await house.worker().wait_ready()
            await house.send(*(event("customer", f"c{each}") for each in range(500)))
            worker.signal(number)
            assert await worker.ended(5) == 0, worker.text
            assert "Traceback" not in worker.text
    finally:
        await house.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_ends_in_order_while_it_waits_for_brokers(traces: Traces, number: signal.Signals) -> None:
    worker = traces.run("worker", SIGAP_KAFKA=NOBODY)
    await until(lambda: "topics" in worker.text, "that it waits")
    worker.signal(number)
    assert await worker.ended(5) == 0, worker.text
    assert "Traceback" not in worker.text
    await traces.nothing()


async def test_what_cannot_be_done_is_said_in_a_line(traces: Traces, kafka: KafkaServer) -> None:
    at = {"SIGAP_KAFKA": kafka.bootstrap, "SIGAP_TOPIC_PREFIX": f"line{uuid4().hex[:8]}"}
    with taken() as number:
        calls: dict[tuple[str, ...], tuple[dict[str, str], str]] = {
            ("topics", "check", "--wait", "0.5"): ({"SIGAP_KAFKA": NOBODY}, NOBODY),
            ("topics", "check", "--wait", "5"): (at, "missing"),
            ("dlq", "list", "--wait", "0.5"): ({"SIGAP_KAFKA": NOBODY}, NOBODY),
            ("dlq", "list"): (at, "topics create"),
            ("load", "--for", "1"): (at, "topics create"),
            ("serve", "--port", str(number)): ({"SIGAP_REDIS": "redis://127.0.0.1:1"}, str(number)),
            ("worker", "--health-port", str(number)): (at, str(number)),
            ("demo", "--port", str(number)): (at, str(number)),
            ("demo", "--port", "0", "--dir", "/dev/null"): (at, "/dev/null"),
            ("broker", "--port", str(number)): ({}, str(number)),
            ("redis", "--port", str(number)): ({}, str(number)),
        }
        for arguments, (environ, says) in calls.items():
            process = traces.run(*arguments, **environ)
            assert await process.ended(30) == 1, (arguments, process.text)
            lines = process.text.splitlines()
            assert says in lines[-1], (arguments, lines)
            assert "Traceback" not in process.text, (arguments, lines)
            await traces.nothing()
            traces.log.unlink()
