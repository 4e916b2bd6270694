"""Money in whole micro-units, so that sums are exact in any order."""

from __future__ import annotations

from typing import Final

MICRO: Final = 1_000_000
"""Micro-units in a unit of a currency."""
FINE: Final = 1 << 128
"""What accrues in a millisecond is counted in this part of a micro-unit."""
SETTLED: Final = 1 << 64
"""What has accrued in all, in this part of a micro-unit."""
_DUST: Final = FINE // SETTLED


def micro(amount: float) -> int:
    """An amount in micro-units.

    >>> micro(0.1) + micro(0.2) == micro(0.3)
    True
    """
    return round(amount * MICRO)


def settle(accrued: int) -> int:
    """From 1/`FINE` to 1/`SETTLED` of a micro-unit: what rounding each millisecond has left out does not show.

    >>> settle(FINE // 3 * 3) == SETTLED
    True
    """
    return (accrued + _DUST // 2) // _DUST
