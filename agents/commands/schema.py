"""`sigap schema`: what every topic holds."""

import json

import click

from agents.asyncapi import PUBLIC, document, schema_of
from agents.commands._environment import read_environment


@click.command(short_help="What every topic holds: AsyncAPI 3, and JSON Schema.")
@click.argument("topic", required=False, type=click.Choice(list(PUBLIC)), metavar="[TOPIC]")
def command(topic: str | None) -> None:
    """Print the AsyncAPI 3 document of all topics, or the JSON Schema of the values of TOPIC (its name without prefix).

    SIGAP_TOPIC_PREFIX is in the addresses.
    """
    found = document(read_environment().topic_prefix) if topic is None else schema_of(topic)
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))
