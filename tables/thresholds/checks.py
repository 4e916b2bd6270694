"""What an entry of `alert_rules` must not say: a metric, a window or a scope that no record has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, get_args

from tables.kpis import GAUGES, SAMPLED
from tables.settings_model import Window
from tables.settings_words import allowed

_NOW: Final = "now"
_BY_DAY: Final = ("mtd", "30d")
"""Windows kept by day."""
_KEPT_BY_DAY: Final = ("tenant", "channel", "team", "agent")
"""The kinds of scopes that have them."""


def problems(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys of an entry whose values name what does not exist, with the reason; its shapes may still be wrong."""
    scope, metric, window = (entry.get(key) for key in ("scope", "metric", "window"))
    if isinstance(scope, str):
        yield from _of_scope(scope)
    if not isinstance(metric, str):
        return
    gauges, sampled = ([each.name for each in metrics] for metrics in (GAUGES, SAMPLED))
    if metric not in gauges and metric not in sampled:
        yield "metric", f"no metric {metric!r}; {allowed(metric, [*sampled, *gauges])}"
    elif isinstance(window, str) and window in get_args(Window) and isinstance(scope, str):
        yield from _of_window(window, metric, scope, is_gauge=metric in gauges)


def _of_scope(scope: str) -> Iterator[tuple[str, str]]:
    for part in scope.split("/"):
        kind, _, name = part.partition(":")
        if "*" in name and name != "*":
            yield "scope", f"* stands for a whole id; allowed: {kind}:*"


def _of_window(window: str, metric: str, scope: str, *, is_gauge: bool) -> Iterator[tuple[str, str]]:
    kept_by_day = "/" not in scope and scope.partition(":")[0] in _KEPT_BY_DAY
    windows = [each for each in get_args(Window) if each != _NOW and (kept_by_day or each not in _BY_DAY)]
    if is_gauge and window != _NOW:
        yield "window", f"{metric} is a gauge; allowed: {_NOW}"
    elif not is_gauge and window == _NOW:
        yield "window", f"{metric} is no gauge; allowed: {', '.join(windows)}"
    elif not is_gauge and window not in windows:
        kinds = ", ".join(_KEPT_BY_DAY[:-1])
        yield "window", f"{window} is kept for {kinds} and {_KEPT_BY_DAY[-1]} scopes; allowed: {', '.join(windows)}"
