"""How often a scenario holds what presence, occupancy and business figures turn on."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle import Result
from tests.oracle.presence import PANE, TOO_LATE
from tests.oracle.rules import rules_for
from tests.oracle.windows import BY_DAY, next_midnight, window_start
from tests.scenario_parts import Config, Event

BUSINESS = ("subscription", "cost", "revenue", "visit", "conversion")
Records = dict[tuple[str, str, str], dict[str, Any]]


def beside(config: Config, events: list[Event], result: Result) -> Counter[str]:
    out: Counter[str] = Counter()
    good = [event for event in events if type(event.get("at")) is int and event["at"] > 0]
    zones = {name: rules_for(config, name).zone for name in {record["tenant"] for record in result.kpi}}
    shifts: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in good:
        if event.get("type") == "presence" and event["tenant"] in zones:
            shifts[event["tenant"], event["agent_id"]].append(event)
    for (tenant, _), arrivals in shifts.items():
        _of_shift(out, arrivals, zones[tenant])
    _of_business(out, good, {event["event_id"]: event for event in good if event.get("type") in BUSINESS})
    records: Records = {(r["tenant"], r["scope"], r["window"]): r["metrics"] for r in result.kpi}
    _of_records(out, records)
    _of_figures(out, config, {key: m for key, m in records.items() if key[1] == "tenant" and key[2] in BY_DAY})
    for event in good:
        if event.get("type") in BUSINESS and event["tenant"] in zones:
            at, zone = event["at"], zones[event["tenant"]]
            out["business where a window begins"] += at in {window_start(window, at, zone) for window in BY_DAY}
            after = {window_start(window, at + 1, zone) for window in BY_DAY}
            out["business a ms before a window begins"] += at + 1 in after
    return out


def _of_shift(out: Counter[str], arrivals: list[Event], zone: ZoneInfo) -> None:
    newest, seen, online = 0, set[str](), None
    for event in arrivals:
        at = event["at"]
        out["presence told twice"] += event["event_id"] in seen
        out["presence out of order"] += at < newest and at >= newest - TOO_LATE and event["event_id"] not in seen
        out["presence too late"] += at < newest - TOO_LATE
        out["presence at a whole minute"] += at % PANE == 0
        seen.add(event["event_id"])
        newest = max(newest, at)
    for event in sorted(arrivals, key=lambda each: (each["at"], each["event_id"])):
        if online is not None:
            midnight = next_midnight(online, zone)
            out["online over midnight"] += event["at"] > midnight
            day = midnight - next_midnight(midnight - 25 * 3_600_000, zone)
            out["online over a change of the clocks"] += event["at"] > midnight and day != 86_400_000
        online = event["at"] if event["state"] in ("online", "busy") else None


def _of_business(out: Counter[str], good: list[Event], business: dict[str, Event]) -> None:
    told = Counter(event["event_id"] for event in good if event.get("type") in BUSINESS)
    out["business told twice"] += sum(count > 1 for count in told.values())
    newest: dict[tuple[str, str], int] = {}
    for event in business.values():
        key = str(event["tenant"]), str(event.get("customer_id", event["type"]))
        out[f"{event['type']} out of order"] += event["at"] < newest.get(key, 0)
        newest[key] = max(event["at"], newest.get(key, 0))
        out.update([f"subscription {event['kind']}"] if "kind" in event else [])
        out["posting without a currency"] += "amount" in event and event.get("currency") is None
        out["posting that takes back"] += event.get("amount", 0) < 0


def _of_records(out: Counter[str], records: Records) -> None:
    for (tenant, scope, window), metrics in records.items():
        if "occupancy_online" in metrics:
            kind = scope.partition(":")[0]
            busy, here = metrics["occupancy_occupied"], metrics["occupancy_online"]
            out[f"occupied in {window} of {kind}"] += busy > 0
            out[f"online in {window} of {kind}"] += here > 0
            out["partly occupied"] += 0 < busy < here
            of_tenant = records[tenant, "tenant", window]["occupancy_online"]
            out["a team of some agents"] += kind == "team" and 0 < here < of_tenant
        out["several agents online"] += metrics.get("agents_online", 0) > 1
        out["agent online"] += scope.startswith("agent:") and metrics.get("agents_online", 0) == 1


def _of_figures(out: Counter[str], config: Config, records: Records) -> None:
    for (tenant, _, window), metrics in records.items():
        out.update(f"{name} in {window}" for name, value in metrics.items() if value and name in FIGURES)
        seen = {name for name in metrics if name.startswith("mrr_start_")}
        out["several currencies"] += len(seen) > 1
        out["figures of no currency"] += metrics["mrr_start"] is None
        currency = rules_for(config, tenant).currency
        out["the tenant's currency among several"] += len(seen) > 1 and currency is not None
        out["a currency that nobody pays in"] += currency is not None and f"mrr_start_{currency.lower()}" not in seen


FIGURES = (
    *("customers_at_start", "customers_retained", "customers_lost", "customers_new"),
    *("mrr_start", "mrr_new", "mrr_expansion", "mrr_contraction", "mrr_churned"),
    *("customer_retention_ratio", "customer_churn_ratio", "net_revenue_retention_ratio", "revenue_churn_ratio"),
    *("mrr_growth_ratio", "support_cost", "revenue", "support_cost_ratio", "cost_per_resolution"),
    *("visitors", "visitors_converted", "conversion_ratio"),
)
