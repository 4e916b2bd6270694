"""What the demo's customers answer when they are asked how it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from streams.events import SCORES

if TYPE_CHECKING:
    from random import Random

Kind = Literal["csat", "nps", "ces"]

_KINDS: Final[dict[Kind, int]] = {"csat": 50, "nps": 30, "ces": 20}
"""How often each is asked, in percent."""
_CONTENT: Final[dict[Kind, tuple[int, ...]]] = {
    "csat": (4, 4, 9, 30, 53),
    "nps": (2, 1, 1, 2, 2, 4, 4, 11, 19, 24, 30),
    "ces": (3, 4, 6, 12, 22, 29, 24),
}
"""Shares of the scores, in percent, from the lowest: most are high, and some who are angry take the lowest of all."""
_UPSET: Final[dict[Kind, tuple[int, ...]]] = {
    "csat": (22, 15, 20, 26, 17),
    "nps": (13, 4, 5, 6, 7, 12, 11, 15, 13, 8, 6),
    "ces": (14, 14, 17, 20, 16, 12, 7),
}
"""The same of those who waited too long."""


def answer(rng: Random, *, upset: bool) -> tuple[Kind, int]:
    """A survey and its score."""
    (kind,) = rng.choices(tuple(_KINDS), tuple(_KINDS.values()))
    low, high = SCORES[kind]
    (score,) = rng.choices(range(low, high + 1), (_UPSET if upset else _CONTENT)[kind])
    return kind, score
