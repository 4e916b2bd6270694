"""The layout of an explanation's text: rows of a head and a body, instants in the tenant's zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from textwrap import wrap
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from agents.printable import printable
from streams.events import MAX_AT
from tables.explain import Explanation

COLUMN: Final = 24
"""Where the body of a row begins."""
NARROWEST: Final = 70
LAST: Final = MAX_AT - 86_400_000
"""The last instant that has a local time in every zone."""
STYLES: Final = {"met": "green", "missed": "red", "abandoned": "red", "breached": "red", "retracted": "yellow"}
"""How an outcome looks, as rich has it."""


class Line(NamedTuple):
    """One line; `style`, as rich has it, is that of its first `styled` characters."""

    text: str
    style: str = ""
    styled: int = 0


class Page:
    """An explanation, and how its parts are put into lines."""

    def __init__(self, explanation: Explanation, width: int) -> None:
        self.x = explanation
        self.width = max(width, NARROWEST)
        self._zone = ZoneInfo(explanation.timezone)

    def day(self, at: int) -> date:
        """The local day of an instant (ms)."""
        return datetime.fromtimestamp(at // 1000, self._zone).date()

    def time(self, at: int, beside: int | None = None) -> str:
        """The time of day, with the date unless it is that of the instant `beside`."""
        if not 0 < at <= LAST:
            return f"{at} ms"
        here = datetime.fromtimestamp(at // 1000, self._zone)
        text = f"{here:%H:%M:%S}" + (f".{at % 1000:03}" if at % 1000 else "")
        same = beside is not None and self.day(beside) == here.date()
        return text if same else f"{here:%a} {here.day} {here:%b %Y} {text}"

    def minute(self, at: int, beside: int) -> str:
        """The same for a pane, without seconds."""
        return self.time(at, beside).removesuffix(":00")

    def title(self, text: str, style: str = "bold") -> Iterator[Line]:
        """An empty line and a heading."""
        text = printable(text)
        yield Line("")
        yield Line(text, style, len(text))

    def row(self, head: str, body: str, style: str = "", *, indent: int = 0, column: int = COLUMN) -> Iterator[Line]:
        """A head in its column and a body beside it, wrapped."""
        head, body = " " * indent + printable(head), printable(body)
        left = indent + column
        room = self.width - left
        # What of a long head stands in the body's column takes room from the body's first line.
        over = max(0, len(head) + 2 - left)
        first, *rest = wrap("x" * over + body, room, break_long_words=False, break_on_hyphens=False) or [""]
        yield Line(f"{head:<{left + over}}{first[over:]}".rstrip(), style, len(head))
        for each in rest:
            yield Line(" " * left + each)
