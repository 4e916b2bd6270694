"""One tenant's customers in one partition, and the sums over them for each window."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Literal

from tables.business.customer import Customer, change_of
from tables.business.sums import Sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.business import Subscription

Outcome = Literal["folded", "duplicate", "replayed"]
"""What became of an event: taken, known by its id, or read again from the topic."""


class Accounts:
    """A change of one customer changes the sums by what that customer adds to them; none is added up anew."""

    __slots__ = ("_ending", "_recent", "customers", "sums")

    def __init__(self) -> None:
        self.customers: dict[str, Customer] = {}
        self.sums: dict[int, Sums] = {}
        """By where the window begins, in ms."""
        self._recent: set[str] = set()
        """Customers with a change since the first of these: for the others all windows are alike."""
        self._ending: list[tuple[int, str]] = []
        """Customers without MRR, by their last change."""

    def restore(self, name: str, customer: Customer) -> None:
        """Take a customer from the changelog; `shift` comes later."""
        self.customers[name] = customer
        self._recent.add(name)
        self._watch(name, customer)

    def take(self, event: Subscription, offset: int, oldest: int) -> Outcome:
        """Take an event; `oldest` (ms): what is older is past."""
        name = event.customer_id
        customer = self.customers.get(name)
        if customer is None:
            customer = self.customers[name] = Customer(-1, [], {})
        elif offset <= customer.applied:
            return "replayed"
        elif customer.knows(event.event_id):
            return "duplicate"
        self._count(customer, -1)
        customer.take(change_of(event), oldest)
        customer.applied = offset
        self._count(customer, 1)
        self._recent.add(name)
        self._watch(name, customer)
        return "folded"

    def shift(self, starts: Sequence[int]) -> None:
        """Have sums for the windows that begin at `starts` (ms), in order, and for no others."""
        first = min((*starts, *self.sums))
        self._recent = {name for name in self._recent if self.customers[name].newest >= first}
        for start in starts:
            if start not in self.sums:
                self.sums[start] = self._begin(start)
        self.sums = {start: self.sums[start] for start in starts}

    def begin_anew(self) -> None:
        """Windows begin elsewhere from now on: the next `shift` adds up everybody."""
        self.sums = {}
        self._recent = set(self.customers)

    def forget(self, oldest: int) -> list[str]:
        """Forget customers without MRR whose last change is older than `oldest` (ms); who they were."""
        gone = []
        while self._ending and self._ending[0][0] < oldest:
            _, name = heappop(self._ending)
            customer = self.customers.get(name)
            if customer is not None and customer.newest < oldest and not customer.living:
                self._count(customer, -1)
                self._recent.discard(name)
                del self.customers[name]
                gone.append(name)
        return gone

    def _begin(self, start: int) -> Sums:
        """The sums of a window from those of an earlier one: they differ by the customers who changed between."""
        before = max((held for held in self.sums if held < start), default=None)
        if before is None:
            sums = Sums()
            for customer in self.customers.values():
                sums.count(customer.read(start), 1)
            return sums
        sums = self.sums[before].copy()
        for name in self._recent:
            customer = self.customers[name]
            if customer.changed(before, start):
                sums.count(customer.read(before), -1)
                sums.count(customer.read(start), 1)
        return sums

    def _count(self, customer: Customer, sign: int) -> None:
        for start, sums in self.sums.items():
            sums.count(customer.read(start), sign)

    def _watch(self, name: str, customer: Customer) -> None:
        if not customer.living:
            heappush(self._ending, (customer.newest, name))
