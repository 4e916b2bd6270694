"""Durations as text."""

from __future__ import annotations

LONG_MS = 120_000
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def seconds(ms: int) -> str:
    """A duration in ms as seconds.

    >>> seconds(60_000), seconds(1_500)
    ('60 s', '1.5 s')
    """
    return f"{ms / 1000:,.3f}".rstrip("0").rstrip(".") + " s"


def duration(ms: int) -> str:
    """A duration in ms as seconds, and from two minutes on also in larger units.

    >>> duration(95_500), duration(9_245_000)
    ('95.5 s', '9,245 s (2 h 34 min)')
    """
    text = seconds(ms)
    if ms < LONG_MS:
        return text
    left, parts = ms // 1000, []
    for unit, size in _UNITS:
        amount, left = divmod(left, size)
        if amount:
            parts.append(f"{amount} {unit}")
        elif parts:
            break
    return f"{text} ({' '.join(parts[:2])})"
