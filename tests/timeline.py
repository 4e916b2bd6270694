"""Timelines to work out by hand: events so many seconds after an instant, and what came of them."""

from __future__ import annotations

from typing import Any

from tests.oracle import Result

T0 = 1_717_000_020_000  # 2024-05-29 16:27:00 UTC, a whole minute
Event = dict[str, Any]


def ev(second: float, kind: str, name: str | None = None, **fields: Any) -> Event:
    at = T0 + round(second * 1000)
    common = {"v": 1, "tenant": "acme", "event_id": name or f"{kind}@{second:09}", "type": kind, "at": at}
    return common | {"conversation_id": "c1", "channel": "chat"} | fields


def customer(second: float, name: str | None = None, **fields: Any) -> Event:
    return ev(second, "message", name, **{"direction": "inbound", "author": "customer"} | fields)


def reply(second: float, name: str | None = None, agent: str = "ana", **fields: Any) -> Event:
    return ev(second, "message", name, direction="outbound", author="agent", agent_id=agent, **fields)


def bot(second: float) -> Event:
    return ev(second, "message", direction="outbound", author="bot")


def status(second: float, to: str, name: str | None = None) -> Event:
    return ev(second, "status", name, status=to)


def kpi(result: Result, scope: str = "tenant", window: str = "1h") -> dict[str, Any]:
    (record,) = (r for r in result.kpi if (r["tenant"], r["scope"], r["window"]) == ("acme", scope, window))
    metrics: dict[str, Any] = record["metrics"]
    return metrics


def at(second: float) -> int:
    return T0 + round(second * 1000)


def alerts(result: Result, metric: str | None = None) -> list[tuple[str, str, float]]:
    """(state with its level, instance, seconds after T0) of each alert, in order of time."""
    return [
        (a["state"] + (str(a["level"]) if a["level"] else ""), a["instance"], (a["at"] - T0) / 1000)
        for a in result.alerts
        if metric in (None, a["metric"])
    ]


def policy(name: str = "all", match: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "match": match or {}, "targets": {"first_response": 60}} | more


def sla(*policies: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return {"sla_policies": list(policies), **settings}
