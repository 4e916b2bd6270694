"""An explanation as text: the answer first, then the timeline, then what counts in which window."""

from collections.abc import Iterator

from agents.explain.answer import answer
from agents.explain.counts import counts
from agents.explain.page import Line, Page
from agents.explain.timeline import refused, timeline
from tables.explain import Explanation

__all__ = ["Line", "lines"]


def lines(explanation: Explanation, width: int = 110) -> Iterator[Line]:
    """The whole text, at most `width` wide where words allow it."""
    page = Page(explanation, width)
    yield from answer(page)
    yield from timeline(page)
    yield from refused(page)
    yield from counts(page)
