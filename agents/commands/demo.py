"""`sigap demo`: everything on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agents.commands._environment import failures_as_message, problems_as_usage
from agents.commands._events import ManyEvents, event_lines
from agents.commands._until import say, until_signalled

if TYPE_CHECKING:
    from agents.demo import Plan

HEAD_START_MS = 15_000
"""With --events, the run's clock begins so much later: the worker is up by then."""


@click.command(cls=ManyEvents, short_help="Everything on this machine, with believable traffic.")
@click.option(
    "--for", "for_s", type=click.FloatRange(min=1), help="End after so many seconds, then check against a replay."
)
@click.option(
    "--rate", type=click.FloatRange(min=0.1), default=30.0, show_default=True, help="New conversations a minute."
)
@click.option(
    "--events",
    metavar="FILE...",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="These events instead, .ndjson or .ndjson.gz.",
)
@click.option(
    "--speed", type=click.FloatRange(min=0.01), default=1.0, show_default=True, help="With --events: so fast."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="Of the page; 0: any.")
@click.option(
    "--dir",
    "directory",
    envvar="SIGAP_DATA_DIR",
    show_envvar=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep Kafka's data here.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the traffic.")
def command(
    for_s: float | None,
    rate: float,
    events: tuple[Path, ...],
    speed: float,
    port: int,
    directory: Path | None,
    seed: int,
) -> None:
    """Start Kafka, Redis, a worker, the page and traffic: the day so far at once, then live.

    SIGAP_KAFKA and SIGAP_REDIS use servers that are there. With --for the final KPI records in Kafka and in Redis are
    compared with a replay of all events: exit status 0 only if they are equal.
    """
    from agents.demo import run
    from agents.logs import configure
    from agents.settings import Environment

    if speed != 1.0 and not events:
        raise click.UsageError("--speed: only with --events")
    configure("WARNING")
    good = True
    with failures_as_message(), until_signalled(), contextlib.ExitStack() as stack:
        work = directory or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sigap-demo-")))
        work.mkdir(parents=True, exist_ok=True)
        environ = _environ(stack, work)
        with problems_as_usage():
            if events:
                plan, origin = _recorded(events, for_s, port, work)
                from streams.clock import wall_ms

                environ["SIGAP_CLOCK"] = f"scaled:{origin}:{wall_ms() + HEAD_START_MS}:{speed:f}"
            else:
                plan = _generated(rate, seed, for_s, port, work)
            environment = Environment.read(environ)
        good = asyncio.run(run(environment, environ, plan, say))
    if not good:
        raise click.ClickException("the final records differ from the replay")


def _environ(stack: contextlib.ExitStack, work: Path) -> dict[str, str]:
    """The environment of the run; starts the servers that it does not name."""
    from deploy.local.errors import EmbeddedError, EmbeddedUnavailable
    from deploy.local.redis import EmbeddedRedis

    environ = dict(os.environ) | {"SIGAP_TICKS": "1"}
    environ.setdefault("SIGAP_CONFIG", str(Path(__file__).parents[2] / "deploy" / "local" / "demo.yaml"))
    if not environ.get("SIGAP_KAFKA"):
        from deploy.local.kafka import EmbeddedKafka

        try:
            environ["SIGAP_KAFKA"] = stack.enter_context(EmbeddedKafka(directory=work / "kafka", log=say)).bootstrap
        except EmbeddedUnavailable as reason:
            say(f"no Kafka: {reason}. Running on an in-process log, NOT DURABLE")
    if not environ.get("SIGAP_REDIS"):
        try:
            environ["SIGAP_REDIS"] = stack.enter_context(EmbeddedRedis(log=say)).url
        except EmbeddedError as error:
            raise click.ClickException(str(error)) from None
    return environ


def _generated(rate: float, seed: int, for_s: float | None, port: int, work: Path) -> Plan:
    from agents.demo import Plan
    from agents.traffic import Traffic
    from streams.clock import wall_ms
    from streams.codecs import encode

    traffic = Traffic(wall_ms(), rate, seed)
    past = [(key, encode(event)) for key, event in traffic.day_so_far()]
    coming = ((event.at, (key, encode(event))) for key, event in traffic.live())
    return Plan(past, coming, "acme", for_s, port, work)


def _recorded(paths: tuple[Path, ...], for_s: float | None, port: int, work: Path) -> tuple[Plan, int]:
    from agents.demo import Plan
    from agents.runs import key_of
    from streams.clock import wall_ms
    from tables.replay import instant_of

    now = wall_ms()
    events = sorted(
        ((instant_of(line), (key_of(line, now), line)) for line in event_lines(paths)), key=lambda each: each[0]
    )
    first = next((key for _, (key, _) in events if key), None)
    if first is None:
        raise click.UsageError("--events: no valid event in these files")
    return Plan([], events, first.decode().partition("/")[0], for_s, port, work), events[0][0]
