"""Business KPIs of one tenant at an instant, read from the whole list of its business events: contract section 7."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

DEFAULTS = {"cost_per_resolution": "resolved", "net_revenue_retention": "existing"}
Event = Mapping[str, Any]
Figures = dict[str, Any]


def window_start(window: str, at: int, zone: ZoneInfo) -> int:
    """Local midnight of the first of the month (`mtd`) or of the day 29 days before (`30d`)."""
    today = datetime.fromtimestamp(at // 1000, zone).date()
    day = today.replace(day=1) if window == "mtd" else today - timedelta(days=29)
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


def figures(
    events: Iterable[Event],
    start: int,
    at: int,
    cycles: tuple[int, int] = (0, 0),
    formulas: Mapping[str, str] = DEFAULTS,
    currency: str | None = None,
) -> Figures:
    """The metrics of the window from `start` to `at` (ms); `events` in order of arrival, up to `at`.

    `cycles`: conversations resolved and opened in the window; `currency`: the tenant's setting.
    """
    known = list({event["event_id"]: event for event in reversed(list(events))}.values())
    subscriptions = [event for event in known if event["type"] == "subscription"]
    out = customers(subscriptions, start)
    out |= money(subscriptions, known, start, at, cycles, formulas, currency)
    return out | visitors(known, start, at)


def customers(subscriptions: Sequence[Event], start: int) -> Figures:
    accounts = sorted({(event["customer_id"], event["currency"]) for event in subscriptions})
    at_start, now = set(), set()
    for customer, currency in accounts:
        before, after = ends(of(subscriptions, customer, currency), start)
        at_start |= {customer} if before else set()
        now |= {customer} if after else set()
    return {
        "customers_at_start": len(at_start),
        "customers_retained": len(at_start & now),
        "customers_lost": len(at_start - now),
        "customers_new": len(now - at_start),
        "customer_retention_ratio": share(len(at_start & now), len(at_start)),
        "customer_churn_ratio": share(len(at_start - now), len(at_start)),
    }


def of(subscriptions: Sequence[Event], customer: str, currency: str) -> list[Event]:
    mine = [e for e in subscriptions if e["customer_id"] == customer and e["currency"] == currency]
    return sorted(mine, key=lambda event: (event["at"], event["event_id"]))


def millionths(amount: float) -> int:
    return round(amount * 1_000_000)


def after(event: Event) -> int:
    return 0 if event["kind"] == "cancel" else millionths(event["mrr_after"])


def ends(history: Sequence[Event], start: int) -> tuple[int, int]:
    """MRR when the window began, and now."""
    before = [event for event in history if event["at"] < start]
    if before:
        return after(before[-1]), after(history[-1])
    first = history[0]
    return (0 if first["kind"] == "new" else millionths(first["mrr_before"])), after(history[-1])


def money(
    subscriptions: Sequence[Event],
    events: Sequence[Event],
    start: int,
    at: int,
    cycles: tuple[int, int],
    formulas: Mapping[str, str],
    currency: str | None,
) -> Figures:
    names = {event["currency"] for event in events if event.get("currency")}
    amounts = {name: movements(subscriptions, name, start) | postings(events, name, start, at) for name in names}
    seen = {name for name in names if any(amounts[name].values())}
    main = currency or (next(iter(seen)) if len(seen) == 1 else None)
    nameless = postings(events, None, start, at)
    if main is None and seen:
        unnamed = dict.fromkeys(ratios(movements([], "", start) | nameless, cycles, formulas))
    else:
        mine = amounts.get(main or "") or movements([], "", start) | postings([], None, start, at)
        mine = mine | {name: mine[name] + nameless[name] for name in nameless}
        unnamed = ratios(mine, cycles, formulas)
        if main in seen:
            amounts[main] = mine
    out = dict(unnamed)
    for name in seen:
        out |= {f"{key}_{name.lower()}": value for key, value in ratios(amounts[name], cycles, formulas).items()}
    return out


def movements(subscriptions: Sequence[Event], currency: str, start: int) -> dict[str, Fraction]:
    sums = dict.fromkeys(("mrr_start", "mrr_new", "mrr_expansion", "mrr_contraction", "mrr_churned"), Fraction(0))
    for customer in {event["customer_id"] for event in subscriptions if event["currency"] == currency}:
        history = of(subscriptions, customer, currency)
        mrr, now = ends(history, start)
        sums["mrr_start"] += mrr
        if not mrr:
            sums["mrr_new"] += now
            continue
        for event in history:
            if event["at"] >= start:
                rise, mrr = after(event) - mrr, after(event)
                what = "mrr_expansion" if rise > 0 else "mrr_contraction" if mrr else "mrr_churned"
                sums[what] += abs(rise)
    return sums


def postings(events: Sequence[Event], currency: str | None, start: int, at: int) -> dict[str, Fraction]:
    sums = {"support_cost": Fraction(0), "revenue": Fraction(0)}
    for event in events:
        if event["type"] in ("cost", "revenue") and event.get("currency") == currency:
            begins, ends_at = event["period_start_at"], event["period_end_at"]
            inside = max(0, min(ends_at, at) - max(begins, start))
            name = "support_cost" if event["type"] == "cost" else "revenue"
            sums[name] += Fraction(millionths(event["amount"]) * inside, ends_at - begins)
    return sums


def ratios(sums: Mapping[str, Fraction], cycles: tuple[int, int], formulas: Mapping[str, str]) -> Figures:
    start, new, expansion = sums["mrr_start"], sums["mrr_new"], sums["mrr_expansion"]
    lost = sums["mrr_contraction"] + sums["mrr_churned"]
    kept = start + expansion - lost
    counted = cycles[1] if formulas["cost_per_resolution"] == "received" else cycles[0]
    return {name: float(amount / 1_000_000) for name, amount in sums.items()} | {
        "net_revenue_retention_ratio": share(
            kept + new if formulas["net_revenue_retention"] == "with_new" else kept, start
        ),
        "revenue_churn_ratio": share(lost, start),
        "mrr_growth_ratio": share(new + expansion - lost, start),
        "support_cost_ratio": share(sums["support_cost"], sums["revenue"]),
        "cost_per_resolution": share(sums["support_cost"], counted * 1_000_000),
    }


def visitors(events: Sequence[Event], start: int, at: int) -> Figures:
    came = {event["visitor_id"] for event in events if "visitor_id" in event and start <= event["at"] <= at}
    converted = {
        event["visitor_id"] for event in events if event["type"] == "conversion" and start <= event["at"] <= at
    }
    return {
        "visitors": len(came),
        "visitors_converted": len(converted),
        "conversion_ratio": share(len(converted), len(came)),
    }


def share(part: int | Fraction, whole: int | Fraction) -> float | None:
    return float(Fraction(part) / Fraction(whole)) if whole else None
