"""`sigap broker`: a real Kafka on this machine until Ctrl-C."""

from pathlib import Path

import click

from agents.commands._until import say, until_signalled


@click.command(short_help="A real Apache Kafka on this machine, for development.")
@click.option("--nodes", type=click.IntRange(1, 9), default=1, show_default=True, help="How many nodes.")
@click.option(
    "--dir",
    "directory",
    envvar="SIGAP_DATA_DIR",
    show_envvar=True,
    type=click.Path(path_type=Path, file_okay=False, writable=True),
    help="Keep the data here; without, in a temporary folder that goes in the end.",
)
@click.option("--port", type=click.IntRange(1, 65535), help="Of the first node, the others follow; without, free ones.")
def command(nodes: int, directory: Path | None, port: int | None) -> None:
    """Run real Apache Kafka nodes (KRaft) on loopback.

    Prints `ready HOST:PORT,...` when clients can come; Ctrl-C or SIGTERM ends it and leaves no process.
    """
    from deploy.local.errors import EmbeddedError
    from deploy.local.kafka import EmbeddedKafka

    try:
        with until_signalled() as wait, EmbeddedKafka(nodes, directory, port, say) as kafka:
            click.echo(f"ready {kafka.bootstrap}")
            wait()
    except (EmbeddedError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
