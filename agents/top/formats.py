"""Figures as text, and how a figure stands to its goal; the page's `text.js` and `house.js` say the same."""

from typing import Any, Final

NONE: Final = "-"
SIGNS: Final = {"good": "✓", "warn": "▲", "bad": "✕"}
"""A sign for those who do not see the colour."""
STYLES: Final = {"good": "green", "warn": "yellow", "bad": "bold red"}

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_SHORT_S = 9.95  # below, a tenth of a second matters
_NEAR_RATIO = 0.1
_NEAR_LESS, _NEAR_MORE = 0.9, 1.25


def duration(seconds: float | None) -> str:
    """A length of time, rounded.

    >>> [duration(each) for each in (None, 0.42, 42, 95, 3_700, 90_000)]
    ['-', '0.4s', '42s', '1m 35s', '1h 01m', '1d 1h']
    """
    if seconds is None:
        return NONE
    if seconds < _SHORT_S:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE:02}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE:02}m"
    return f"{whole // _DAY}d {whole % _DAY // _HOUR}h"


def ticking(ms: float) -> str:
    """A clock that goes on: whole seconds, never rounded up.

    >>> ticking(-5), ticking(9_999), ticking(61_999)
    ('0s', '9s', '1m 01s')
    """
    whole = max(0, int(ms // 1000))
    return f"{whole}s" if whole < _MINUTE else duration(whole)


def percent(ratio: float | None) -> str:
    """A ratio; what misses a goal of 80 % by a hair must not look like 80 %.

    >>> percent(None), percent(0.7999), percent(0.8)
    ('-', '79.9%', '80%')
    """
    return NONE if ratio is None else f"{int(ratio * 1000 + 1e-9) / 10:g}%"


def number(value: float | None) -> str:
    """A count.

    >>> number(None), number(12_345)
    ('-', '12,345')
    """
    return NONE if value is None else f"{value:,}"


def standing(metric: str, value: float | None, goal: Any) -> str | None:
    """`good`, `warn` (near the goal) or `bad`; None without a value or a goal.

    >>> [standing("service_level_ratio", each, 0.8) for each in (0.8, 0.7, 0.69, None)]
    ['good', 'warn', 'bad', None]
    >>> [standing("frt_p90_s", each, 60) for each in (60, 75, 76)]
    ['good', 'warn', 'bad']
    """
    if value is None or goal is None:
        return None
    more_is_better = not metric.endswith("_s") and not metric.startswith(("backlog", "sl_m"))
    if value >= goal if more_is_better else value <= goal:
        return "good"
    if metric.endswith("_ratio"):
        return "warn" if value >= goal - _NEAR_RATIO - 1e-9 else "bad"
    near = value >= goal * _NEAR_LESS if more_is_better else value <= goal * _NEAR_MORE
    return "warn" if near else "bad"
