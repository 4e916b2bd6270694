"""What a window says of all customers: a sum of what it says of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from tables.business.customer import Reading


class Sums(msgspec.Struct, array_like=True):
    """Customers, and MRR by currency in micro-units at the places from `START` to `CHURNED`."""

    at_start: int = 0
    retained: int = 0
    """Of those at the start, who are customers now."""
    new: int = 0
    """Customers now, who were none at the start."""
    money: dict[str, list[int]] = {}

    def count(self, reading: Reading, sign: int) -> None:
        """Add one customer, or take it back with -1."""
        if reading.at_start:
            self.at_start += sign
            self.retained += sign * reading.now
        else:
            self.new += sign * reading.now
        for currency, amounts in reading.money.items():
            self._pay(currency, [sign * amount for amount in amounts])

    def merge(self, other: Sums) -> None:
        """Add what another partition says."""
        self.at_start += other.at_start
        self.retained += other.retained
        self.new += other.new
        for currency, amounts in other.money.items():
            self._pay(currency, amounts)

    def copy(self) -> Sums:
        """The same, to be changed by itself."""
        return Sums(self.at_start, self.retained, self.new, {name: [*each] for name, each in self.money.items()})

    def _pay(self, currency: str, amounts: list[int]) -> None:
        held = self.money.get(currency, (0,) * len(amounts))
        paid = [a + b for a, b in zip(held, amounts, strict=True)]
        if any(paid):
            self.money[currency] = paid
        else:
            self.money.pop(currency, None)
