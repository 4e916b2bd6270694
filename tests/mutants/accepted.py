"""Mutants that no test can notice, or that nobody would call wrong: `accepted.toml`, each with its reason."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.mutants.mutations import Mutant

FILE = Path(__file__).with_name("accepted.toml")


class Accepted(NamedTuple):
    """One entry of the list."""

    file: str
    line: str
    """As it stands in the file, without its indentation."""
    why: str
    becomes: str | None = None
    """What the changed part of the line becomes; None: whatever it becomes."""

    def covers(self, mutant: Mutant) -> bool:
        """Whether it speaks of this mutant."""
        return (self.file, self.line) == (mutant.file, mutant.text) and self.becomes in (None, mutant.after)


def accepted() -> list[Accepted]:
    """The list."""
    return [Accepted(**entry) for entry in tomllib.loads(FILE.read_text(encoding="utf-8"))["accepted"]]


def stale(entries: Sequence[Accepted], mutants: Sequence[Mutant]) -> list[Accepted]:
    """Entries that speak of no mutant any more: the line has changed, or they were never right."""
    return [entry for entry in entries if not any(entry.covers(mutant) for mutant in mutants)]
