"""`sigap top`: the wallboard in a terminal."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

import click

from agents.commands._environment import problems_as_usage, read_environment

WINDOWS = ("5m", "15m", "30m", "1h", "today")
PIPED_COLUMNS = 110


@click.command(short_help="The wallboard in a terminal.")
@click.option("--tenant", help="Whose figures; without, the first that has some.")
@click.option("--window", type=click.Choice(WINDOWS), default="15m", show_default=True, help="Figures of this window.")
@click.option("--url", help="Read from a running `sigap serve` (SIGAP_TOKEN) instead of Redis.", metavar="http://...")
@click.option("--once", is_flag=True, help="Print the figures of now and end; so it is without a terminal.")
def command(tenant: str | None, window: str, url: str | None, *, once: bool) -> None:
    """Show channels, agents, longest waits and alerts live, from the Redis of SIGAP_REDIS.

    q or Ctrl-C ends it, w takes the next window. SIGAP_CONFIG gives goals, names and the time zone.
    """
    if url is not None and not url.startswith(("http://", "https://")):
        raise click.UsageError(f"--url {url!r} is not allowed; http://HOST:PORT or https://HOST:PORT")
    environment = read_environment()
    import structlog
    from rich.console import Console

    from agents.top.screen import Screen
    from agents.top.sources import Away, Refused, from_redis, from_server

    with problems_as_usage():
        if url is not None:
            source = from_server(url, environment.token)
        else:
            source = from_redis(environment.redis_url(), environment.config)
    # The header says what is wrong; a log line would tear the screen.
    logging.getLogger().addHandler(logging.NullHandler())
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal that is not UTF-8
    piped = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPED_COLUMNS
    console = Console(highlight=False, markup=False, width=piped)
    plain = once or not console.is_terminal or console.is_dumb_terminal

    async def show() -> None:
        screen = Screen(source, console, window, tenant)
        await (screen.once() if plain else screen.run())

    try:
        asyncio.run(show())
    except Refused as refused:
        raise click.UsageError(str(refused)) from None
    except Away as away:
        raise click.ClickException(str(away)) from None
