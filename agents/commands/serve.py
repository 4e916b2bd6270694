"""`sigap serve`: the wallboard and its API until Ctrl-C."""

import asyncio
import signal
from typing import TYPE_CHECKING

import click

from agents.commands._environment import problems_as_usage, read_environment

if TYPE_CHECKING:
    from agents.wallboard.server import Wallboard


@click.command(short_help="The wallboard and its API.")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="Where it listens.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Another address than loopback needs SIGAP_TOKEN.")
@click.option("--tenant", help="The tenant shown where none is asked for; without, the first that has figures.")
def command(port: int, host: str, tenant: str | None) -> None:
    """Serve the page, its API and the event stream from the Redis of SIGAP_REDIS.

    Prints `ready URL` when browsers can come; Ctrl-C or SIGTERM ends it.
    """
    from agents.wallboard.server import Wallboard

    with problems_as_usage():
        environment = read_environment()
        try:
            board = Wallboard(
                environment.redis_url(),
                environment.config,
                host=host,
                port=port,
                token=environment.token,
                tenant=tenant,
            )
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    try:
        asyncio.run(_serve(board))
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror or error}") from None


async def _serve(board: "Wallboard") -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    async with board:
        click.echo(f"ready {board.url}")
        await told.wait()
