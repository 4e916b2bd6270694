"""The roll-up's side of the business figures: what all partitions have told of one tenant, and its metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from tables.business.curve import Curve, nearest
from tables.business.metrics import Accrued, Cycles, read_customers, read_money, read_visitors
from tables.business.money import settle
from tables.business.names import CURVES, SEGMENTS, SUMS
from tables.business.postings import COST, REVENUE
from tables.business.sums import Sums
from tables.business.visitors import Visitors
from tables.business.visits import CAME, CONVERTED, Segment, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tables.kpis.metric import Value

DAY_MS: Final = 86_400_000
HELD_MS: Final = 33 * DAY_MS
"""How long a day of visitors is held: a month, and what lies between the clocks of partitions."""

_sums = msgspec.json.Decoder(dict[int, Sums]).decode
_curves = msgspec.json.Decoder(dict[str, Curve]).decode
_segment = msgspec.json.Decoder(Segment).decode


class Said(NamedTuple):
    """A summary as it came; newer ones have a greater (epoch, seq)."""

    epoch: int
    seq: int
    payload: bytes


class Figures:
    """Of one tenant. Summaries may come twice, late and from former owners of a partition."""

    __slots__ = ("_curves", "_said", "_sums", "_swept", "_visitors")

    def __init__(self) -> None:
        self._said: dict[tuple[int, str], Said] = {}
        self._sums: dict[int, dict[int, Sums]] = {}
        """By partition and by where the window begins, in ms."""
        self._curves: dict[int, dict[str, Curve]] = {}
        self._visitors = Visitors()
        self._swept = 0

    def held(self, partition: int, what: str) -> Said | None:
        """What is held of a summary."""
        return self._said.get((partition, what))

    def put(self, partition: int, what: str, epoch: int, seq: int, payload: bytes) -> bool:
        """Take a summary, unless a newer one is held; whether it was taken."""
        held = self._said.get((partition, what))
        if held is not None and (epoch, seq) <= held[:2]:
            return False
        self._said[partition, what] = Said(epoch, seq, payload)
        if held is not None and held.payload == payload:
            return True
        if what == SUMS:
            self._sums[partition] = _sums(payload)
        elif what == CURVES:
            self._curves[partition] = _curves(payload)
        else:
            self._visitors.put(partition, what.removeprefix(SEGMENTS), _segment(payload))
        return True

    def forget(self, partition: int, epoch: int) -> bool:
        """Let go of what owners of a partition before `epoch` have told; whether there was anything."""
        old = [what for (of, what), said in self._said.items() if of == partition and said.epoch < epoch]
        for what in old:
            self._drop(partition, what)
        return bool(old)

    def accrues(self, as_of: int) -> bool:
        """Whether the figures change after `as_of` (ms) by the clock alone."""
        return any(curve.goes_on(as_of) for curves in self._curves.values() for curve in curves.values())

    def read(
        self, start: int, as_of: int, cycles: Cycles, formulas: Mapping[str, str], currency: str | None
    ) -> dict[str, Value]:
        """The metrics of the window from `start` to `as_of`, both in ms.

        `cycles` are those of the conversations in the window, `formulas` and `currency` the tenant's settings.
        """
        if as_of - self._swept >= DAY_MS:
            self._sweep(as_of)
        sums = Sums()
        for told in self._sums.values():
            if told:
                sums.merge(told[nearest(told, start)])
        out = read_customers(sums)
        out.update(read_money(sums.money, self._accrued(start, as_of), cycles, formulas, currency))
        visitors = self._visitors
        out.update(read_visitors(visitors.count(CAME, start, as_of), visitors.count(CONVERTED, start, as_of)))
        return out

    def _accrued(self, start: int, as_of: int) -> dict[str, Accrued]:
        sums: dict[str, dict[str, int]] = {}
        for curves in self._curves.values():
            for name, curve in curves.items():
                kind, _, currency = name.partition("|")
                held = sums.setdefault(currency, {COST: 0, REVENUE: 0})
                held[kind] += curve.accrued(start, as_of)
        return {currency: Accrued(settle(held[COST]), settle(held[REVENUE])) for currency, held in sums.items()}

    def _sweep(self, as_of: int) -> None:
        """Let go of the days that no window holds any more."""
        self._swept = as_of
        for partition, what in [key for key in self._said if key[1].startswith(SEGMENTS)]:
            if parse(what.removeprefix(SEGMENTS))[1] < as_of - HELD_MS:
                self._drop(partition, what)

    def _drop(self, partition: int, what: str) -> None:
        del self._said[partition, what]
        if what == SUMS:
            del self._sums[partition]
        elif what == CURVES:
            del self._curves[partition]
        else:
            self._visitors.forget(partition, what.removeprefix(SEGMENTS))
