"""What conversations have booked, brought into the panes: in order, ahead of the clock, or taken back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

from tables.days import QUARTER
from tables.facts import MINUTE, OCCUPIED, Fact
from tables.foot import Foot
from tables.history import Change, History
from tables.panes import TOUCHES, Panes


class Booking:
    """The panes of a partition, and which conversations have booked in minutes that its clock has not reached."""

    def __init__(self, panes: Panes) -> None:
        self.panes = panes
        self._ahead: list[tuple[int, bytes]] = []

    def book(self, key: bytes, history: History, change: Change, now: int) -> None:
        """Bring the panes up to what the conversation has booked; a minute not yet reached waits."""
        foot = history.foot
        if foot is None:
            foot = history.foot = Foot(key)
        tenant, minute = history.rules.tenant, now // MINUTE
        if foot.ahead or (change.facts and max(fact.minute for fact in change.facts) > minute):
            before, facts = _whole(history, change)
            before = _without(before, foot.ahead)
            foot.ahead = [fact for fact in facts if fact.minute > minute]
            if foot.ahead:
                heappush(self._ahead, (foot.ahead[0].minute, key))
            self.panes.rebook(foot, tenant, before, [fact for fact in facts if fact.minute <= minute])
            return
        gone, new = _difference(change.before, change.facts)
        if any(fact.kind in TOUCHES for fact in gone) or any(
            fact.minute < foot.newest for fact in new if fact.kind in TOUCHES
        ):
            self.panes.rebook(foot, tenant, *_whole(history, change))
            return
        for fact in gone:
            self.panes.shift(tenant, fact, -1)
        self.panes.book(foot, tenant, new)

    def restore(self, key: bytes, history: History, oldest: int) -> None:
        """Bring what a conversation has booked since the minute `oldest` into panes that hold nothing of it.

        Whatever the clock, which may be behind the former owner's: what he has told must not be missing for a while.
        """
        foot = history.foot = Foot(key)
        # What is past its minutes is booked by quarter-hour: a few panes in place of many.
        minutes = self.panes.oldest
        tenant, facts = history.rules.tenant, []
        for fact in history.facts():
            kind, minute, dims, number, value = fact
            if kind == OCCUPIED:
                self.panes.staff.book(tenant, dims, value, minute, 1)
            elif minute >= minutes:
                facts.append(fact)
            elif minute >= oldest:
                facts.append(Fact(kind, minute // QUARTER * QUARTER, dims, number, value))
        facts.sort(key=lambda fact: fact.minute)
        self.panes.book(foot, tenant, facts)

    def reached(self, now: int) -> Iterator[bytes]:
        """The keys of conversations whose minutes ahead the clock has reached; each is to be booked anew."""
        while self._ahead and self._ahead[0][0] <= now // MINUTE:
            yield heappop(self._ahead)[1]


def _whole(history: History, change: Change) -> tuple[list[Fact], list[Fact]]:
    """All that a conversation had booked before a change, and all that it has booked now."""
    facts = history.facts()
    return [*facts[: len(facts) - len(change.facts)], *change.before], facts


def _difference(before: Sequence[Fact], after: list[Fact]) -> tuple[list[Fact], list[Fact]]:
    """The facts that are gone, and those that are new, in the order of booking."""
    if not before:
        return [], after
    pairs = enumerate(zip(before, after, strict=False))
    same = next((i for i, (one, other) in pairs if one != other), min(len(before), len(after)))
    gone, left = Counter(before[same:]), []
    for fact in after[same:]:
        if gone[fact] > 0:
            gone[fact] -= 1
        else:
            left.append(fact)
    return list(gone.elements()), left


def _without(facts: list[Fact], taken: list[Fact]) -> list[Fact]:
    """The facts less those of `taken`, each as often as it is there."""
    rest = list(facts)
    for fact in taken:
        rest.remove(fact)
    return rest
