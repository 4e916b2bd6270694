"""How often each feature occurs in a scenario and in what the oracle makes of it, by names that tests ask for."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

from tests.oracle import Result
from tests.oracle.calendar import Calendar
from tests.oracle.rules import rules_for
from tests.scenario_calendars import turns
from tests.scenario_features_beside import beside
from tests.scenario_parts import Config, Event

FIELDS = ("status", "priority", "survey", "state", "author", "direction", "private", "auto")
DAYS_THAT_DIFFER = ("holidays", "country_holidays", "date_overrides", "breaks")
ONE_TOUCH = 72 * 3_600_000


def features(config: Config, events: list[Event], result: Result) -> Counter[str]:
    out: Counter[str] = Counter()
    _of_config(out, config)
    _of_events(out, events)
    _of_order(out, events)
    _of_customers(out, events)
    _of_samples(out, config, result)
    _of_alerts(out, config, result.alerts)
    _of_windows(out, result.kpi)
    out.update(beside(config, events, result))
    out.update(result.counts)
    out.update("dlq " + entry["reason"] for entry in result.dlq)
    return out


def _of_config(out: Counter[str], config: Config) -> None:
    out[config["service_level"]["formula"]] += 1
    out.update(f"{figure} {variant}" for figure, variant in config.get("formulas", {}).items())
    out.update(f"override of {name}" for over in config.get("tenants", {}).values() for name in over)
    out[f"calendars {len(config['calendars'])}"] += 1
    for calendar in config["calendars"].values():
        out.update(name for name in DAYS_THAT_DIFFER if calendar.get(name))
        out["until midnight"] += any(hours[-1][1] == "24:00" for hours in calendar["hours"].values() if hours)
    out[f"policies {len(config['sla_policies'])}"] += 1
    for policy in config["sla_policies"]:
        out.update(f"match {key}" for key in policy.get("match", {"all": ""}))
        out["match a list"] += any(isinstance(value, list) for value in policy.get("match", {}).values())
        out.update(f"warn {type(level).__name__}" for level in policy.get("warn", ()))
        out.update(f"pause {metric}" for metric in policy.get("pause_on", ()))
        out["policy with a calendar" if "calendar" in policy else "policy around the clock"] += 1


def _of_events(out: Counter[str], events: list[Event]) -> None:
    for event in events:
        out.update([str(event.get("type")), f"tenant {event.get('tenant')}", f"channel {event.get('channel')}"])
        out.update(f"{field} {event[field]}" for field in FIELDS if field in event)
        if event.get("type") == "assigned":
            out.update(f"assigned {field} {'set' if event[field] else 'null'}" for field in event if "e" in field)


def _of_order(out: Counter[str], events: list[Event]) -> None:
    instants: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for event in events:
        if isinstance(event.get("at"), int) and "conversation_id" in event:
            key = (str(event.get("tenant")), str(event["conversation_id"]))
            instants[key].append((event["at"], str(event.get("event_id"))))
    for arrived in instants.values():
        ties = [(a[1], b[1]) for a, b in pairwise(arrived) if a[0] == b[0]]
        out["tie"] += sum(a != b for a, b in ties)
        out["tie against the ids"] += sum(a > b for a, b in ties)
        out["tie where UTF-16 sorts otherwise"] += sum(
            (a < b) != (a.encode("utf-16-be") < b.encode("utf-16-be")) for a, b in ties
        )


def _of_customers(out: Counter[str], events: list[Event]) -> None:
    named: dict[tuple[Any, Any], list[Any]] = defaultdict(list)
    for event in events:
        if event.get("type") == "message":
            named[event.get("tenant"), event.get("conversation_id")].append(event.get("customer_id"))
    talks: Counter[Any] = Counter()
    for (tenant, _), ids in named.items():
        talks.update({(tenant, name) for name in ids if name})
        out["customer changes"] += len(set(filter(None, ids))) > 1
        out["customer known later"] += not ids[0] and any(ids)
        out["customer never known"] += not any(ids)
    out["customer of several conversations"] += sum(count > 1 for count in talks.values())


def _of_samples(out: Counter[str], config: Config, result: Result) -> None:
    rules = rules_for(config, "-")
    turned: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for sample in result.samples:
        out[sample.kind] += 1
        out[f"{sample.kind} in business time"] += sample.business != sample.value
        if sample.kind == "frt" and "channel:chat" in sample.scopes:
            out[f"reply at T{sample.value - rules.threshold('chat'):+d}"] += 1
        if sample.kind in ("sl_abandoned", "sl_short_abandoned"):
            out[f"resolved at S{sample.value - rules.short_abandon:+d}"] += 1
        if sample.kind in ("conversations_resolved", "conversations_reopened"):
            turned[sample.subject].append((sample.at, sample.kind))
    for turns_ in turned.values():
        for (a, before), (b, after) in pairwise(turns_):
            if before != after == "conversations_reopened":
                out[f"reopened after 72 h{b - a - ONE_TOUCH:+d}"] += 1
                out["reopened within 72 h"] += b - a <= ONE_TOUCH


def _of_alerts(out: Counter[str], config: Config, alerts: list[dict[str, Any]]) -> None:
    policies: dict[tuple[str, ...], set[str]] = defaultdict(set)
    lasting = {round(t * 1000) for p in config["sla_policies"] for t in p["targets"].values()} | {86_400_000}
    clocks = {tenant: rules_for(config, tenant) for tenant in {alert["tenant"] for alert in alerts}}
    out.update(f"threshold {alert['state']}" for alert in alerts if alert["kind"] == "threshold")
    for alert in (each for each in alerts if each["kind"] == "sla"):
        metric, lasted = alert["metric"], alert["deadline_at"] - alert["started_at"]
        out.update([f"{metric} {alert['state']}", f"{alert['state']} by {alert['reason']}"])
        out["built-in"] += alert["policy"] == "built-in"
        policies[alert["tenant"], alert["conversation_id"], metric, alert["instance"]].add(alert["policy"])
        if alert["state"].startswith("met"):
            out[f"answered at deadline{alert['at'] - alert['deadline_at']:+d}"] += 1
            out["late in open time"] += alert["late_s"] * 1000 not in (0, alert["at"] - alert["deadline_at"])
        if alert["state"] == "breached":
            out["breached by re-choice"] += alert["at"] > alert["deadline_at"]
        hours = [p.hours for p in clocks[alert["tenant"]].policies if p.name == alert["policy"]]
        calendar = next((each for each in hours if isinstance(each, Calendar)), None)
        out["paused"] += not config.get("tenants") and calendar is None and lasted not in lasting
        if calendar is not None and metric != "reply_window":
            out["deadline where it closes"] += turns(calendar, alert["deadline_at"])[:1] == [alert["deadline_at"]]
            out["deadline in open time"] += lasted not in lasting
    out["policy changed within a run"] += sum(len(names) > 1 for names in policies.values())


def _of_windows(out: Counter[str], kpi: list[dict[str, Any]]) -> None:
    found = {(r["tenant"], r["window"]): r["metrics"] for r in kpi if r["scope"] == "tenant"}
    for tenant in {tenant for tenant, _ in found}:
        of = {window: found[tenant, window] for window in ("today", "mtd", "30d")}
        out["more in mtd than today"] += of["mtd"]["messages_in"] > of["today"]["messages_in"]
        out["more in 30d than mtd"] += of["30d"]["messages_in"] > of["mtd"]["messages_in"]
        out["one touch of an earlier day"] += of["30d"]["fcr_one_touch"] > of["today"]["fcr_one_touch"]
        out["fewer customers than conversations"] += (
            0 < of["30d"]["customers_handled"] < of["30d"]["conversations_handled"]
        )
