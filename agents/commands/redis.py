"""`sigap redis`: a real Redis-compatible server on this machine until Ctrl-C."""

import click

from agents.commands._until import say, until_signalled


@click.command(short_help="A real Redis on this machine, for development.")
@click.option("--port", type=click.IntRange(1, 65535), help="Where it listens; without, a free port.")
def command(port: int | None) -> None:
    """Run an embedded Redis (Valkey) on loopback that keeps nothing on disk.

    Prints `ready URL` when clients can come; Ctrl-C or SIGTERM ends it and leaves nothing behind.
    """
    from deploy.local.errors import EmbeddedError
    from deploy.local.redis import EmbeddedRedis

    try:
        with until_signalled() as wait, EmbeddedRedis(port, log=say) as redis:
            click.echo(f"ready {redis.url}")
            wait()
    except (EmbeddedError, OSError) as error:
        raise click.ClickException(str(error)) from error
