"""What a run over the dead letters tells: a line while it works, a table at the end."""

from __future__ import annotations

import sys

import click

from agents.dlq.put_back import Fate, Outcome
from agents.printable import printable
from streams.clock import running_s

_TERMINAL_S, _PLAIN_S = 0.2, 10.0


class Progress:
    """A line on standard error that changes in place; without a terminal one every ten seconds."""

    def __init__(self, *, dry_run: bool) -> None:
        self._verb = "would go" if dry_run else Fate.PUT_BACK.value
        self._terminal = sys.stderr.isatty()
        self._said_s = running_s()
        self._open = False

    def told(self, outcome: Outcome) -> None:
        """Say how far it is, if it is time to."""
        now_s = running_s()
        if now_s - self._said_s < (_TERMINAL_S if self._terminal else _PLAIN_S):
            return
        self._said_s = now_s
        line = f"{outcome.read:,} of {outcome.to_read:,} read, {outcome.total(Fate.PUT_BACK):,} {self._verb}"
        click.echo(f"\r{line}" if self._terminal else line, nl=not self._terminal, err=True)
        self._open = self._terminal

    def end(self) -> None:
        """Leave the line."""
        if self._open:
            click.echo(err=True)
            self._open = False


def report(outcome: Outcome, *, dry_run: bool) -> bool:
    """Print the table by reason and topic; whether all that was asked for could be put back."""
    put_back, refused, impossible = (outcome.total(each) for each in (Fate.PUT_BACK, Fate.REFUSED, Fate.IMPOSSIBLE))
    verb = "would go" if dry_run else Fate.PUT_BACK.value
    if outcome.counts:
        rows: list[tuple[str, ...]] = [("reason", "from", verb, Fate.REFUSED.value, Fate.IMPOSSIBLE.value)]
        for reason, topic in sorted({(reason, topic) for reason, topic, _ in outcome.counts}):
            figures = (f"{outcome.counts[reason, topic, fate]:,}" for fate in Fate)
            rows.append((printable(reason), printable(topic), *figures))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            texts = [each.ljust(width) for each, width in zip(row[:2], widths[:2], strict=True)]
            numbers = [each.rjust(width) for each, width in zip(row[2:], widths[2:], strict=True)]
            click.echo("  ".join([*texts, *numbers]))
    click.echo(f"{put_back:,} {verb}" if put_back else "nothing to put back")
    if refused:
        click.echo(f"{refused:,} left: put back before and rejected again; --again puts them back once more", err=True)
    if outcome.older:
        click.echo(f"{outcome.older:,} left: rejected more than 7 days ago; --from-start takes them too", err=True)
    for line in outcome.obstacles:
        click.echo(f"cannot be put back: {printable(line)}", err=True)
    if more := impossible - len(outcome.obstacles):
        click.echo(f"cannot be put back: {more:,} more", err=True)
    return not impossible
