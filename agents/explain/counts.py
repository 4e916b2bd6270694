"""The end of an explanation's text: what counts in which window of which scope, and in the gauges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agents.explain.page import Line, Page
from agents.explain.words import duration_s, number
from tables.explain.records import Number
from tables.windows import ROLLING

WINDOWS: Final = (*ROLLING, "today")
COLUMN: Final = 30
CELL: Final = 10
Windows = dict[str, dict[str, Number]]


def counts(page: Page) -> Iterator[Line]:
    """The table of the scope `tenant`, then where the other scopes differ, then the gauges."""
    x = page.x
    if x.channel is None:
        return
    yield from page.title(f"What counts as of {page.time(x.until)}")
    totals = x.counts_in.get("tenant", {})
    yield from _table(totals) if totals else _nothing(page)
    for scope, windows in x.counts_in.items():
        if scope != "tenant":
            yield from _scope(page, scope, windows, totals)
    gauges = [f"{name} {value}" for name, value in x.gauges.items() if not name.startswith("oldest_")]
    if "oldest_waiting_s" in x.gauges:
        gauges.append(f"waiting for {duration_s(x.gauges['oldest_waiting_s'])}")
    yield from page.row("now", ", ".join(gauges) or "in no gauge: it is in no backlog", column=COLUMN)


def _table(totals: Windows) -> Iterator[Line]:
    head = f"{'tenant':<{COLUMN}}" + "".join(f"{window:>{CELL}}" for window in WINDOWS)
    yield Line(head, "bold", len(head))
    for name in dict.fromkeys(name for window in totals.values() for name in window):
        cells = (totals.get(window, {}).get(name) for window in WINDOWS)
        texts = ("·" if each is None else number(each) for each in cells)
        yield Line(f"{name:<{COLUMN}}" + "".join(f"{text:>{CELL}}" for text in texts))


def _scope(page: Page, scope: str, windows: Windows, totals: Windows) -> Iterator[Line]:
    if windows == totals:
        yield from page.row(scope, "the same", column=COLUMN)
        return
    head, left = scope, [window for window in WINDOWS if window in windows]
    while left:
        same = [window for window in left if windows[window] == windows[left[0]]]
        held = windows[left[0]].items()
        what = ", ".join(f"{name} {number(value)}" for name, value in held if not name.endswith("_max_s"))
        yield from page.row(head, f"in {' '.join(same)}: {what}", column=COLUMN)
        head, left = "", [window for window in left if window not in same]


def _nothing(page: Page) -> Iterator[Line]:
    booked = [moment.at for moment in page.x.timeline if moment.samples]
    why = "it has booked nothing"
    if booked:
        last = f"its last sample, of {page.time(booked[-1], page.x.until)}, has left every window"
        why = f"{last}; for the board as it was then: --until {booked[-1]}"
    yield from page.row("in no window", why, column=COLUMN)
