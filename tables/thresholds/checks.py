"""What an entry of `alert_rules` or `goals` must not say: a metric, a window or a scope that no record has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, get_args

from tables.business.catalogue import MONEY
from tables.day_windows import DAY_WINDOWS
from tables.kpis.catalogue import METRICS, windows_of
from tables.kpis.metric import Metric
from tables.scopes import DAY_KINDS, kind_of
from tables.settings_model import Window
from tables.settings_words import allowed

_NUMBERS: Final = {name: each for name, each in METRICS.items() if each.unit != "list"}
_OF_CURRENCY: Final = re.compile(f"({'|'.join(each.name for each in MONEY)})_[a-z]{{3}}")


def metric_of(name: str) -> Metric | None:
    """The metric of this name whose values are numbers; one of money may end with a currency, as `mrr_new_usd`."""
    found = _OF_CURRENCY.fullmatch(name)
    return _NUMBERS.get(found[1] if found else name)


def unknown(name: str) -> str:
    """What is said of a name that is no metric's."""
    return f"no metric {name!r}; {allowed(name, list(_NUMBERS))}"


def problems(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys of a rule whose values name what does not exist, with the reason; its shapes may still be wrong."""
    scope, name, window = (entry.get(key) for key in ("scope", "metric", "window"))
    if isinstance(scope, str):
        yield from _of_scope(scope)
    if not isinstance(name, str):
        return
    metric = metric_of(name)
    if metric is None:
        yield "metric", unknown(name)
    elif isinstance(window, str) and window in get_args(Window) and isinstance(scope, str):
        yield from _of_window(window, name, metric, kind_of(scope))


def _of_scope(scope: str) -> Iterator[tuple[str, str]]:
    for part in scope.split("/"):
        kind, _, name = part.partition(":")
        if "*" in name and name != "*":
            yield "scope", f"* stands for a whole id; allowed: {kind}:*"


def _of_window(window: str, name: str, metric: Metric, kind: str) -> Iterator[tuple[str, str]]:
    windows = windows_of(metric, kind)
    if not windows:
        yield "scope", f"{name} is not measured there; allowed: scopes of {_names(metric.kinds)}"
    elif window in windows:
        return
    elif windows == ("now",):
        yield "window", f"{name} is a gauge; allowed: now"
    elif window == "now":
        yield "window", f"{name} is no gauge; allowed: {', '.join(windows)}"
    elif window in DAY_WINDOWS:
        yield "window", f"{window} is kept for {_names(DAY_KINDS)} scopes; allowed: {', '.join(windows)}"
    else:
        yield "window", f"{name} is measured by day; allowed: {', '.join(windows)}"


def _names(kinds: tuple[str, ...]) -> str:
    return kinds[0] if len(kinds) == 1 else f"{', '.join(kinds[:-1])} and {kinds[-1]}"
