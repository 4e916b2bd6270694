"""Files of recorded events, and the option that names them."""

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

import click


class ManyEvents(click.Command):
    """A command whose `--events` takes every name up to the next option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click has it, with `--events A B` read as `--events A --events B`."""
        out: list[str] = []
        names = False
        for place, arg in enumerate(args):
            if arg == "--":
                out += args[place:]
                break
            if names and not arg.startswith("-") and out[-1] != "--events":
                out.append("--events")
            names = arg == "--events" or (names and not arg.startswith("-"))
            out.append(arg)
        return super().parse_args(ctx, out)


def event_lines(paths: Iterable[Path]) -> Iterator[bytes]:
    """The lines of .ndjson and .ndjson.gz files, without empty ones; what cannot be read ends the command."""
    for path in paths:
        try:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
                for line in file:
                    yield from (part for part in line.splitlines() if part.strip())
        except (OSError, EOFError) as error:
            raise click.ClickException(f"{path}: {error}") from None
