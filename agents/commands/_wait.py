"""The option of commands that wait for brokers."""

import click

from agents.topics import PATIENCE_S

wait_option = click.option(
    "--wait",
    type=click.FloatRange(0),
    default=PATIENCE_S,
    show_default=True,
    metavar="S",
    help="Seconds to wait for brokers.",
)
