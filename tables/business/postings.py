"""One tenant's costs and revenue in one partition, and what has accrued of them."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from streams.business import Cost
from tables.business.curve import Curve, Entry

if TYPE_CHECKING:
    from streams.business import Revenue
    from tables.business.accounts import Outcome

COST, REVENUE = "cost", "revenue"


class Postings:
    """A posting is held until two months after its period's end."""

    __slots__ = ("_ending", "_now", "_starts", "curves", "entries")

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        """By event id."""
        self.curves: dict[str, Curve] = {}
        """By kind and currency, such as `cost|EUR`, or `cost|` without one."""
        self._starts: tuple[int, ...] = ()
        self._now = 0
        self._ending: list[tuple[int, str]] = []
        """By the period's end."""

    def restore(self, event_id: str, entry: Entry) -> None:
        """Take a posting from the changelog; `shift` comes later."""
        self.entries[event_id] = entry
        heappush(self._ending, (entry.end, event_id))

    def take(self, event: Cost | Revenue, offset: int, oldest: int) -> Outcome:
        """Take an event; of one whose period ended before `oldest` (ms) nothing is kept."""
        held = self.entries.get(event.event_id)
        if held is not None:
            return "replayed" if offset <= held.offset else "duplicate"
        if event.period_end_at < oldest:
            return "folded"
        kind = COST if isinstance(event, Cost) else REVENUE
        start, end = event.period_start_at, event.period_end_at
        entry = Entry(offset, kind, event.amount, start, end, event.currency or "")
        self.restore(event.event_id, entry)
        if self._starts:
            self._add(entry)
        return "folded"

    def shift(self, starts: tuple[int, ...], now: int) -> None:
        """Have curves for the windows that begin at `starts` (ms); `go_on` to `now` (ms) follows."""
        before, self._starts = self._starts, starts
        if before and all(start in before or start >= self._now for start in starts):
            for curve in self.curves.values():
                curve.begin(starts)
        else:
            self._now, self.curves = now, {}
            for entry in self.entries.values():
                self._add(entry)

    def _add(self, entry: Entry) -> None:
        name = f"{entry.kind}|{entry.currency}"
        curve = self.curves.get(name)
        if curve is None:
            curve = self.curves[name] = Curve(self._now, starts=dict.fromkeys(self._starts, 0))
        curve.add(entry)

    def go_on(self, now: int) -> None:
        """Let the curves be of `now` (ms)."""
        self._now = now
        for curve in self.curves.values():
            curve.go_on(now)

    @property
    def good_until(self) -> int | None:
        """The instant (ms) from which on what was told is no longer right; None: for ever."""
        return min((each.good_until for each in self.curves.values() if each.good_until is not None), default=None)

    def forget(self, oldest: int) -> list[str]:
        """Forget postings whose period ended before `oldest` (ms): they no longer change a difference."""
        gone = []
        while self._ending and self._ending[0][0] < oldest:
            _, event_id = heappop(self._ending)
            del self.entries[event_id]
            gone.append(event_id)
        return gone
