"""Business: customers and their monthly recurring revenue (MRR), what service costs, and visitors.

They need events on `sigap.business`. Money is in the tenant's currency (the setting `currency`, else the only one
seen); beside each such metric stands one a currency, with its name at the end: `mrr_new_eur`.

>>> from tables.business.sums import Sums
>>> customers = read_customers(Sums(at_start=10, retained=8, new=1))
>>> customers["customers_lost"], customers["customer_retention_ratio"], customers["customer_churn_ratio"]
(2, 0.8, 0.2)
>>> formulas = {"net_revenue_retention": "existing", "cost_per_resolution": "resolved"}
>>> mrr = {"EUR": [amount * MICRO for amount in (1000, 200, 50, 30, 200)]}  # start, new, up, down, lost
>>> spent = {"EUR": Accrued(cost=300 * MICRO * SETTLED, revenue=1200 * MICRO * SETTLED)}
>>> money = read_money(mrr, spent, Cycles(resolved=60, opened=75), formulas, None)
>>> [money[f"{name}_ratio"] for name in ("net_revenue_retention", "revenue_churn", "mrr_growth", "support_cost")]
[0.82, 0.23, 0.02, 0.25]
>>> money["cost_per_resolution"], money["cost_per_resolution_eur"]
(5.0, 5.0)
>>> read_visitors(200, 30)["conversion_ratio"]
0.15
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tables.business.catalogue import CUSTOMERS, MONEY, VISITORS
from tables.business.customer import CHURNED, CONTRACTION, EXPANSION, NEW, START
from tables.business.money import MICRO, SETTLED
from tables.kpis.metric import Value, ratio

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tables.business.sums import Sums

METRICS: Final = (*CUSTOMERS, *MONEY, *VISITORS)
"""Of the windows `mtd` and `30d` of the scope `tenant`."""


class Cycles(NamedTuple):
    """Cycles of conversations in the window."""

    resolved: int
    opened: int


class Accrued(NamedTuple):
    """What has accrued in the window in one currency, in 1/`SETTLED` of a micro-unit."""

    cost: int = 0
    revenue: int = 0

    def plus(self, other: Accrued) -> Accrued:
        """Both together."""
        return Accrued(self.cost + other.cost, self.revenue + other.revenue)


def in_currency(name: str, currency: str) -> str:
    """The name of a metric of `MONEY` in one currency.

    >>> in_currency("mrr_new", "EUR")
    'mrr_new_eur'
    """
    return f"{name}_{currency.lower()}"


def read_customers(sums: Sums) -> dict[str, Value]:
    """The metrics of `CUSTOMERS`."""
    lost = sums.at_start - sums.retained
    return {
        "customers_at_start": sums.at_start,
        "customers_retained": sums.retained,
        "customers_lost": lost,
        "customers_new": sums.new,
        "customer_retention_ratio": ratio(sums.retained, sums.at_start),
        "customer_churn_ratio": ratio(lost, sums.at_start),
    }


def read_visitors(visitors: int, converted: int) -> dict[str, Value]:
    """The metrics of `VISITORS`."""
    return {
        "visitors": visitors,
        "visitors_converted": converted,
        "conversion_ratio": ratio(converted, visitors),
    }


def read_money(
    mrr: Mapping[str, list[int]],
    accrued: Mapping[str, Accrued],
    cycles: Cycles,
    formulas: Mapping[str, str],
    currency: str | None,
) -> dict[str, Value]:
    """The metrics of `MONEY`, and those of every currency seen: one with an amount other than 0 in the window.

    `mrr` as in `Sums`, both by currency, postings without one under "". Without a suffix are the figures of `currency`,
    the tenant's setting, or else of the only currency seen; amounts without a currency are taken to be in that one.
    With several currencies and no setting they are None.
    """
    seen = {name for name in (*mrr, *accrued) if name and (any(mrr.get(name, ())) or any(accrued.get(name, ())))}
    main = currency or (min(seen) if len(seen) == 1 else "")
    known = bool(main) or not seen
    out: dict[str, Value] = {} if known else {metric.name: None for metric in MONEY}
    for name in sorted(seen | ({main} if known else set())):
        sums = accrued.get(name, Accrued())
        if name == main and name:
            sums = sums.plus(accrued.get("", Accrued()))
        figures = _money(mrr.get(name, [0] * 5), sums, cycles, formulas)
        if name == main:
            out.update(figures)
        if name in seen:
            out.update({in_currency(each, name): value for each, value in figures.items()})
    return out


def _money(mrr: list[int], accrued: Accrued, cycles: Cycles, formulas: Mapping[str, str]) -> dict[str, Value]:
    start, new = mrr[START], mrr[NEW]
    expansion, contraction, churned = mrr[EXPANSION], mrr[CONTRACTION], mrr[CHURNED]
    now = start + expansion - contraction - churned
    retained = now + new if formulas["net_revenue_retention"] == "with_new" else now
    counted = cycles.opened if formulas["cost_per_resolution"] == "received" else cycles.resolved
    return {
        "mrr_start": start / MICRO,
        "mrr_new": new / MICRO,
        "mrr_expansion": expansion / MICRO,
        "mrr_contraction": contraction / MICRO,
        "mrr_churned": churned / MICRO,
        "net_revenue_retention_ratio": ratio(retained, start),
        "revenue_churn_ratio": ratio(churned + contraction, start),
        "mrr_growth_ratio": ratio(now - start + new, start),
        "support_cost": accrued.cost / (SETTLED * MICRO),
        "revenue": accrued.revenue / (SETTLED * MICRO),
        "support_cost_ratio": ratio(accrued.cost, accrued.revenue),
        "cost_per_resolution": ratio(accrued.cost, counted * SETTLED * MICRO),
    }
