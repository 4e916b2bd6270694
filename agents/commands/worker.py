"""`sigap worker`: one worker of the group."""

from __future__ import annotations

import asyncio
import gc

import click

from agents.commands._environment import failures_as_message, problems_as_usage, read_environment

LOOPBACK = "127.0.0.1"


@click.command(short_help="One worker of the group.")
@click.option("--health-port", type=click.IntRange(1, 65535), help="Serve /livez, /readyz and /metrics here.")
@click.option(
    "--health-host", default=LOOPBACK, show_default=True, help="On this address: whoever reaches it may read them."
)
@click.option(
    "--log-level", type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"]), default="INFO", show_default=True
)
def command(health_port: int | None, health_host: str, log_level: str) -> None:
    """Consume events, publish KPI records and alerts, until SIGTERM or Ctrl-C.

    Prints `ready` once its partitions are recovered. Addresses come from SIGAP_KAFKA and SIGAP_REDIS (optional).
    """
    if health_host != LOOPBACK and health_port is None:
        raise click.UsageError("--health-host: only with --health-port")
    environment = read_environment(kafka=True)
    from agents.app import Worker
    from agents.logs import configure

    configure(log_level)
    with problems_as_usage():
        worker = Worker(environment, health=None if health_port is None else (health_host, health_port))
    gc.collect()
    gc.freeze()  # what is loaded by now stays; collections need not look at it again
    gc.set_threshold(100_000, 50, 100)
    with failures_as_message():
        asyncio.run(worker.run(lambda: click.echo("ready"), lambda: click.echo("final")))
