"""One customer's subscriptions: the changes of two months in their order, and what a window says of them."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from tables.business.money import micro

if TYPE_CHECKING:
    from streams.business import Subscription

MAX_CHANGES: Final = 1_024
"""Of a customer with more changes the oldest count as before every window."""
START, NEW, EXPANSION, CONTRACTION, CHURNED = range(5)
"""Places in the MRR of a currency: at the window's start, and the movements since."""


class Change(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A subscription event; amounts in units of the currency a month."""

    at: int
    event_id: str
    kind: str
    before: float
    after: float
    currency: str

    @property
    def place(self) -> tuple[int, str]:
        """Its place in the customer's history."""
        return self.at, self.event_id

    @property
    def mrr(self) -> int:
        """The MRR from here on, in micro-units."""
        return 0 if self.kind == "cancel" else micro(self.after)


def change_of(event: Subscription) -> Change:
    """What an event changes."""
    return Change(event.at, event.event_id, event.kind, event.mrr_before, event.mrr_after, event.currency)


class Reading(NamedTuple):
    """One customer in one window."""

    at_start: bool
    """Whether it had MRR when the window began."""
    now: bool
    money: dict[str, list[int]]
    """By currency, in micro-units, at the places from `START` to `CHURNED`."""


class Customer(msgspec.Struct, array_like=True):
    """What is kept of a customer, as the changelog has it."""

    applied: int
    """Offset of the last event taken."""
    changes: list[Change]
    past: dict[str, Change]
    """By currency, the last change before those that are kept."""

    def knows(self, event_id: str) -> bool:
        """Whether the event has been taken, as far as is remembered."""
        return any(held.event_id == event_id for changes in (self.changes, self.past.values()) for held in changes)

    def take(self, change: Change, oldest: int) -> None:
        """Put a change in its place. What is older than `oldest` (ms) counts if nothing newer of its past is known."""
        while self.changes and self.changes[0].at < oldest:
            self._let_go()
        past = self.past.get(change.currency)
        if past is not None and change.place < past.place:
            return
        if change.at < oldest:
            self.past[change.currency] = change
            return
        insort(self.changes, change, key=lambda held: held.place)
        if len(self.changes) > MAX_CHANGES:
            self._let_go()

    def _let_go(self) -> None:
        change = self.changes.pop(0)
        self.past[change.currency] = change

    @property
    def newest(self) -> int:
        """The instant (ms) of the last change."""
        return self.changes[-1].at if self.changes else max(each.at for each in self.past.values())

    def changed(self, start: int, end: int) -> bool:
        """Whether a change lies in the half-open interval from `start` to `end` (ms): else windows from both agree."""
        place = bisect_left(self.changes, start, key=lambda change: change.at)
        return place < len(self.changes) and self.changes[place].at < end

    @property
    def living(self) -> bool:
        """Whether the customer has MRR in any currency."""
        last = self.past | {change.currency: change for change in self.changes}
        return any(change.mrr for change in last.values())

    def read(self, start: int) -> Reading:
        """The window from `start` (ms) to now.

        A currency begins with the MRR after the last change before the start; if none is known, with what the first
        change in the window says was before. A movement is the difference to the MRR before, whatever the event calls
        it and says was before.
        """
        money = {currency: [change.mrr, 0, 0, 0, 0] for currency, change in self.past.items()}
        mrr = {currency: sums[START] for currency, sums in money.items()}
        for change in self.changes:
            currency, after = change.currency, change.mrr
            if change.at < start:
                money[currency] = [after, 0, 0, 0, 0]
            else:
                sums = money.get(currency)
                if sums is None:
                    mrr[currency] = 0 if change.kind == "new" else micro(change.before)
                    sums = money[currency] = [mrr[currency], 0, 0, 0, 0]
                _move(sums, after - mrr[currency], after)
            mrr[currency] = after
        return Reading(any(sums[START] for sums in money.values()), any(mrr.values()), money)


def _move(sums: list[int], rise: int, after: int) -> None:
    if not sums[START]:
        sums[NEW] += rise
    elif rise > 0:
        sums[EXPANSION] += rise
    elif after:
        sums[CONTRACTION] -= rise
    else:
        sums[CHURNED] -= rise
