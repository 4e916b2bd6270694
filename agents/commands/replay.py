"""`sigap replay`: recorded events through the same computation."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from agents.commands._environment import failures_as_message, problems_as_usage
from agents.commands._events import event_lines
from agents.commands._until import say

if TYPE_CHECKING:
    from agents.settings import Environment

READY_S = 120.0
FINAL_S = 1_800.0
Records = list[dict[str, Any]]
WRITTEN = ("kpi", "intervals", "alerts", "dlq")


@click.command(short_help="Run events through the same computation.")
@click.argument("events", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where the records go.")
@click.option("--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The settings, YAML.")
@click.option("--until", type=click.IntRange(min=1), help="The instant to end at, ms; default the greatest `at`.")
@click.option(
    "--via-kafka", is_flag=True, help="Through a broker and a real worker (SIGAP_KAFKA, else an embedded one)."
)
def command(events: tuple[Path, ...], out: Path, config: Path | None, until: int | None, *, via_kafka: bool) -> None:
    """Replay EVENTS (.ndjson, or .ndjson.gz) and write kpi, intervals, alerts and dlq as .ndjson into the folder OUT.

    The clock is the greatest `at` seen so far; timers act on the way. Both ways give the same records for input
    that is sorted by `at`.
    """
    from streams.clock import wall_ms
    from tables.replay import last_instant, replay
    from tables.settings import Settings

    with problems_as_usage():
        settings = Settings.load(config)
    lines = list(event_lines(events))
    if via_kafka:
        end = until if until is not None else last_instant(lines, wall_ms())
        found = _via_kafka(lines, config, end)
    else:
        result = replay(lines, settings, until)
        found, end = {name: getattr(result, name) for name in WRITTEN}, result.until
    out.mkdir(parents=True, exist_ok=True)
    for name, records in found.items():
        (out / f"{name}.ndjson").write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in records))
    click.echo(
        f"{len(lines)} events until {end}: {len(found['kpi'])} KPI records, {len(found['intervals'])} intervals,"
        f" {len(found['alerts'])} alerts, {len(found['dlq'])} dead letters"
    )


def _via_kafka(lines: list[bytes], config: Path | None, until: int) -> dict[str, Records]:
    from agents.settings import Environment

    environ = {name: value for name, value in os.environ.items() if name not in {"SIGAP_REDIS", "SIGAP_CONFIG"}}
    environ |= {
        "SIGAP_TICKS": "1",
        "SIGAP_CLOCK": "event",
        "SIGAP_TOPIC_PREFIX": f"sigap-replay-{secrets.token_hex(4)}",
    }
    if config is not None:
        environ["SIGAP_CONFIG"] = str(config.resolve())
    with failures_as_message(), contextlib.ExitStack() as stack:
        if not environ.get("SIGAP_KAFKA"):
            from deploy.local.kafka import EmbeddedKafka

            environ["SIGAP_KAFKA"] = stack.enter_context(EmbeddedKafka(log=say)).bootstrap
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sigap-replay-")))
        with problems_as_usage():
            environment = Environment.read(environ)
        return asyncio.run(_through(environment, environ, work / "worker.log", lines, until))


async def _through(
    environment: Environment, environ: dict[str, str], log: Path, lines: list[bytes], until: int
) -> dict[str, Records]:
    from aiokafka import AIOKafkaProducer

    from agents.process import WorkerProcess
    from agents.runs import alert_records, dead_records, interval_records, key_of, kpi_records, produce, tick
    from agents.topics import create
    from streams.clock import wall_ms
    from tables.replay import instant_of

    await create(environment, say)
    topic = f"{environment.topic_prefix}.events"
    async with (
        WorkerProcess(environ, log) as worker,
        AIOKafkaProducer(**environment.kafka_kwargs(), linger_ms=20, acks="all") as producer,
    ):
        await worker.said("ready", READY_S)
        now = wall_ms()
        await produce(producer, topic, ((key_of(line, now), line) for line in lines if instant_of(line) <= until))
        await tick(producer, topic, until)
        await worker.said("final", FINAL_S)
    return {
        "kpi": await kpi_records(environment),
        "intervals": await interval_records(environment),
        "alerts": await alert_records(environment),
        "dlq": await dead_records(environment),
    }
