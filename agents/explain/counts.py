"""The end of an explanation's text: what counts in which window of which scope, and in the gauges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agents.explain.page import Line, Page
from agents.explain.words import duration_s, number
from tables.day_windows import DAY_WINDOWS
from tables.explain.records import Number
from tables.scopes import has_days
from tables.windows import ROLLING

WINDOWS: Final = (*ROLLING, "today", *DAY_WINDOWS)
COLUMN: Final = 30
CELL: Final = 10
"""How wide a window's column is, at least."""
Windows = dict[str, dict[str, Number]]


def counts(page: Page) -> Iterator[Line]:
    """The table of the scope `tenant`, then where the other scopes differ, then the gauges."""
    x = page.x
    if x.channel is None:
        return
    yield from page.title(f"What counts as of {page.time(x.until)}")
    found = {scope: _telling(windows) for scope, windows in x.counts_in.items()}
    totals = found.pop("tenant", {})
    yield from _table(page, totals) if totals else _nothing(page)
    for scope, windows in found.items():
        yield from _scope(page, scope, windows, totals)
    gauges = [f"{name} {value}" for name, value in x.gauges.items() if not name.startswith("oldest_")]
    if "oldest_waiting_s" in x.gauges:
        gauges.append(f"waiting for {duration_s(x.gauges['oldest_waiting_s'])}")
    yield from page.row("now", ", ".join(gauges) or "in no gauge: it is in no backlog", column=COLUMN)


def _telling(windows: Windows) -> Windows:
    """Without business time that is the calendar time everywhere."""
    told = {
        name
        for sums in windows.values()
        for name, value in sums.items()
        if sums.get(name.replace("_business", "")) != value
    }
    kinds = {name.partition("_business")[0] for name in told}
    return {
        window: {n: v for n, v in sums.items() if "_business_" not in n or n.partition("_business")[0] in kinds}
        for window, sums in windows.items()
    }


def _table(page: Page, totals: Windows) -> Iterator[Line]:
    names = list(dict.fromkeys(name for window in totals.values() for name in window))
    columns = {window: _column(window, names, totals.get(window, {})) for window in WINDOWS}
    left, head = list(WINDOWS), "tenant"
    while left:  # as many windows beside each other as fit
        taken, width = 0, COLUMN
        while taken < len(left) and (not taken or width + len(columns[left[taken]][0]) <= page.width):
            width += len(columns[left[taken]][0])
            taken += 1
        shown = [columns[window] for window in left[:taken]]
        title = f"{head:<{COLUMN}}" + "".join(cells[0] for cells in shown)
        yield Line(title, "bold", len(title))
        for place, name in enumerate(names, start=1):
            yield Line(f"{name:<{COLUMN}}" + "".join(cells[place] for cells in shown))
        left, head = left[taken:], ""


def _column(window: str, names: list[str], sums: dict[str, Number]) -> list[str]:
    """A window's name and its cells, all equally wide."""
    texts = [window, *("·" if name not in sums else number(sums[name]) for name in names)]
    width = max(CELL, 2 + max(map(len, texts)))
    return [f"{text:>{width}}" for text in texts]


def _scope(page: Page, scope: str, windows: Windows, totals: Windows) -> Iterator[Line]:
    held = totals if has_days(scope) else {name: each for name, each in totals.items() if name not in DAY_WINDOWS}
    if windows == held:
        yield from page.row(scope, "the same" if has_days(scope) else "the same, without mtd and 30d", column=COLUMN)
        return
    head, left = scope, [window for window in WINDOWS if window in windows]
    while left:
        same = [window for window in left if windows[window] == windows[left[0]]]
        sums = windows[left[0]].items()
        what = ", ".join(f"{name} {number(value)}" for name, value in sums if not name.endswith("_max_s"))
        yield from page.row(head, f"in {' '.join(same)}: {what}", column=COLUMN)
        head, left = "", [window for window in left if window not in same]


def _nothing(page: Page) -> Iterator[Line]:
    booked = [moment.at for moment in page.x.timeline if moment.samples]
    why = "it has booked nothing"
    if booked:
        last = f"its last sample, of {page.time(booked[-1], page.x.until)}, has left every window"
        why = f"{last}; for the board as it was then: --until {booked[-1]}"
    yield from page.row("in no window", why, column=COLUMN)
