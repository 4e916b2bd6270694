"""Lines of styled text in columns: quick to make, and to compare with those on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from rich.cells import cell_len, set_cell_size

Span = tuple[str, str]
"""Text and its style."""
Line = tuple[Span, ...]
GAP = "  "
_LEAST = 6  # columns that even the narrowest text keeps


def crop(text: str, width: int) -> str:
    """The text in at most `width` columns.

    >>> crop("whatsapp-48583", 9), crop("chat", 9)
    ('whatsapp…', 'chat')
    """
    return text if cell_len(text) <= width else set_cell_size(text, max(0, width - 1)) + "…" * (width > 0)


def pad(text: str, width: int, *, right: bool = False) -> str:
    """The text in exactly `width` columns.

    >>> pad("7", 3, right=True), pad("客服", 5)
    ('  7', '客服 ')
    """
    text = crop(text, width)
    room = " " * (width - cell_len(text))
    return room + text if right else text + room


def length(line: Line) -> int:
    """Columns that a line takes."""
    return sum(cell_len(text) for text, _ in line)


def fit(line: Line, width: int) -> Line:
    """The line in at most `width` columns."""
    found: list[Span] = []
    for text, style in line:
        if width <= 0:
            break
        found.append((crop(text, width), style))
        width -= cell_len(text)
    return tuple(found)


def sides(left: Line, right: Line, width: int) -> Line:
    """One part at the left edge, another at the right one, for which the left one gives way."""
    right = fit(right, width)
    left = fit(left, width - length(right) - 1)
    return (*left, (" " * (width - length(left) - length(right)), ""), *right)


def beside(left: Sequence[Line], right: Sequence[Line], at: int) -> list[Line]:
    """Two blocks of lines, the right one from column `at` on."""
    return [
        (*fit(one, at), (" " * (at - length(one)), ""), *other) for one, other in zip_longest(left, right, fillvalue=())
    ]


def table(rows: Sequence[Sequence[Span]], width: int, *, texts: int, heading: Sequence[str] = ()) -> list[Line]:
    """Rows in columns as wide as they must be: the first `texts` stand left and give way, numbers stand right."""
    lines: list[Sequence[Span]] = [[(name, "dim") for name in heading]] if heading else []
    lines += rows
    if not lines:
        return []
    widths = [max(cell_len(text) for text, _ in column) for column in zip(*lines, strict=True)]
    over = sum(widths) + len(GAP) * (len(widths) - 1) - width
    while over > 0 and max(widths[:texts]) > _LEAST:
        widest = widths.index(max(widths[:texts]))
        widths[widest] -= 1
        over -= 1
    made = []
    for line in lines:
        spans: list[Span] = []
        for place, (text, style) in enumerate(line):
            gap = GAP if place else ""
            padded = pad(text, widths[place], right=place >= texts)
            if style:
                spans += [(gap, ""), (padded, style)] if gap else [(padded, style)]
            else:
                spans.append((gap + padded, ""))
        made.append(fit(tuple(spans), width))
    return made
