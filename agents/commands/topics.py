"""`sigap topics`: the contract's topics on a broker."""

import asyncio
from collections.abc import Callable
from typing import Any

import click

from agents.commands._environment import failures_as_message, read_environment
from agents.commands._until import say
from agents.commands._wait import wait_option
from agents.groups import NamingGroup
from agents.topics import check, create


@click.group(cls=NamingGroup)
def command() -> None:
    """Create the topics of the contract, or check them. SIGAP_KAFKA names the brokers."""


def _options(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        wait_option,
        click.option(
            "--replication",
            type=click.IntRange(1, 100),
            metavar="N",
            help="Replicas of each topic; default SIGAP_REPLICATION, else 3, or the number of brokers if less.",
        ),
        click.option(
            "--partitions",
            type=click.IntRange(1, 10_000),
            metavar="N",
            help="Partitions; default as sigap.events has, else 4. Fixed for a prefix.",
        ),
    ):
        function = option(function)
    return function


@command.command(name="create")
@_options
def _create(wait: float, **wanted: Any) -> None:
    """Create the topics that are missing; those that exist stay as they are."""
    environment = read_environment(kafka=True)
    with failures_as_message():
        created = asyncio.run(create(environment, say, patience_s=wait, **wanted))
    for name in created.names:
        click.echo(f"created {name}")
    click.echo(f"{len(created.names)} created; {created.partitions} partitions")


@command.command(name="check")
@_options
def _check(wait: float, **wanted: Any) -> None:
    """Say what differs from the contract and exit 1, or exit 0."""
    environment = read_environment(kafka=True)
    with failures_as_message():
        differences = asyncio.run(check(environment, say, patience_s=wait, **wanted))
    for each in differences:
        click.echo(each)
    if differences:
        raise SystemExit(1)
    click.echo("the topics are as they should be")
