"""`sigap explain`: why the board says what it says, by the life of one conversation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agents.commands._environment import problems_as_usage
from agents.commands._events import ManyEvents, event_lines

if TYPE_CHECKING:
    from tables.explain import Explanation

LAST = 253_402_214_400_000
"""The last day of the year 9999: later instants have no local time."""
_File = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(cls=ManyEvents, short_help="One conversation: what was booked, when and why.")
@click.argument("conversation_id")
@click.option(
    "--events",
    metavar="FILE...",
    multiple=True,
    required=True,
    type=_File,
    help="Canonical events, .ndjson or .ndjson.gz, in order of arrival.",
)
@click.option("--config", type=_File, help="The settings, YAML.")
@click.option("--tenant", help="Whose conversation, where several tenants have the id.")
@click.option("--until", type=click.IntRange(1, LAST), help="The instant to look from, ms; default the greatest `at`.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def command(
    conversation_id: str,
    events: tuple[Path, ...],
    config: Path | None,
    tenant: str | None,
    until: int | None,
    *,
    as_json: bool,
) -> None:
    """Explain CONVERSATION_ID: each event in the order of folding, what it did and by which rule.

    The other events of the files only drive the clock, as in `sigap replay`. Exit status 1 if there is no such
    conversation.
    """
    from streams.clock import wall_ms
    from tables.explain import Ambiguous, NotFound, explain
    from tables.settings import Settings

    with problems_as_usage():
        settings = Settings.load(config)
    try:
        found = explain(event_lines(events), conversation_id, settings, until, tenant, wall=wall_ms)
    except NotFound as error:
        raise click.ClickException(str(error)) from None
    except Ambiguous as error:
        allowed = " or ".join(f"--tenant {each}" for each in error.tenants)
        raise click.UsageError(f"{error}; give {allowed}") from None
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(found))
    else:
        _print(found)


def _print(found: Explanation) -> None:
    """On a terminal with colours and its width; elsewhere plain."""
    from rich.console import Console
    from rich.text import Text

    from agents.explain import lines

    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        for line in lines(found):
            click.echo(line.text)
        return
    for line in lines(found, min(console.width, 140)):
        text = Text(line.text)
        text.stylize(line.style, 0, line.styled)
        console.print(text)
