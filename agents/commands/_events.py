"""Files of recorded events."""

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

import click


def event_lines(paths: Iterable[Path]) -> Iterator[bytes]:
    """The lines of .ndjson and .ndjson.gz files, without empty ones; what cannot be read ends the command."""
    for path in paths:
        try:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
                for line in file:
                    yield from (part for part in line.splitlines() if part.strip())
        except (OSError, EOFError) as error:
            raise click.ClickException(f"{path}: {error}") from None
