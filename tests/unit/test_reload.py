"""Settings that change while a worker runs: deadlines anew, nothing sent twice, formulas over what is held."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streams.clock import wall_ms
from streams.engine.ports import Output, Record
from tables.rollup import Rollup
from tables.settings import Settings
from tables.shard import Shard

T = 1_718_186_400_000
S = 1_000


def policy(target: int, name: str = "all", **more: Any) -> dict[str, Any]:
    return {"sla_policies": [{"name": name, "targets": {"first_response": target}, "warn": [0.5], **more}]}


class Desk:
    """A shard and a roll-up whose settings change."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.settings = Settings.from_mapping(config)
        self.shard = Shard(0, 1, self.settings, wall_ms, "events")
        self.shard.recovered(0)
        self.rollup = Rollup(0, 1, self.settings)
        self.changelog: dict[bytes, bytes] = {}
        self.told: list[dict[str, Any]] = []
        self.offset = 0

    def event(self, at: int, **fields: Any) -> None:
        event = {"v": 1, "tenant": "acme", "event_id": f"e{self.offset}", "at": T + at * S, "conversation_id": "c"}
        value = json.dumps(event | {"channel": "chat"} | fields).encode()
        self.go_on(at)
        self.keep(self.shard.fold([Record(None, value, self.offset, T + at * S)], T + at * S, event_time=True))
        self.offset += 1

    def message(self, at: int, author: str) -> None:
        direction = "inbound" if author == "customer" else "outbound"
        self.event(at, type="message", author=author, direction=direction, agent_id="ana", customer_id="k")

    def go_on(self, at: int) -> None:
        self.keep(self.shard.advance(T + at * S))

    def keep(self, effects: Any) -> None:
        for key, value in effects.changelog:
            self.changelog[key] = value
        self.told += [json.loads(alert.value) for alert in effects.alerts]

    def reload(self, config: dict[str, Any]) -> None:
        self.settings = Settings.from_mapping(config)
        self.shard.reload(self.settings)
        self.rollup.reload(self.settings)

    def restart(self, at: int, config: dict[str, Any]) -> None:
        """A new owner with other settings, from the changelog."""
        self.settings = Settings.from_mapping(config)
        self.shard = Shard(0, 1, self.settings, wall_ms, "events")
        for key, value in self.changelog.items():
            self.shard.restore(key, value)
        self.shard.recovered(1, T + at * S)

    def states(self) -> list[tuple[str, int, float]]:
        return [(each["state"], each["level"], (each["at"] - T) / S) for each in self.told]

    def metrics(self, at: int) -> dict[str, Any]:
        """Those of the tenant's hour."""
        views = self.shard.views(T + at * S, 0, final=True)
        self.rollup.apply([Record(each.key, each.value, 0, 0) for each in views], T + at * S)
        out: list[Output] = []
        self.rollup.publish_all(T + at * S, T + at * S, out)
        records = [json.loads(each.value) for each in out if each.topic == "kpi" and each.value is not None]
        found: dict[str, Any] = next(r for r in records if (r["scope"], r["window"]) == ("tenant", "1h"))["metrics"]
        return found


@pytest.mark.parametrize("how", ["reload", "restart"])
def test_a_shorter_target_breaches_at_once(how: str) -> None:
    desk = Desk(policy(600))
    desk.message(0, "customer")
    desk.go_on(301)
    assert desk.states() == [("imminent", 1, 300)]
    desk.reload(policy(100)) if how == "reload" else desk.restart(301, policy(100))
    desk.go_on(302)
    assert desk.states() == [("imminent", 1, 300), ("breached", 0, 302)]
    assert desk.told[-1]["deadline_at"] == T + 100 * S
    desk.message(310, "agent")
    assert desk.states()[2:] == [("met_late", 0, 310)]


def test_a_longer_target_moves_the_deadline_and_warns_once() -> None:
    desk = Desk(policy(100))
    desk.message(0, "customer")
    desk.go_on(60)
    desk.reload(policy(200))
    desk.go_on(199)
    assert desk.states() == [("imminent", 1, 50)]  # level 1 is not sent again at 100
    desk.go_on(201)
    assert desk.states()[1:] == [("breached", 0, 200)]


def test_a_policy_that_is_gone_cancels_with_the_reason() -> None:
    desk = Desk(policy(100))
    desk.message(0, "customer")
    desk.go_on(60)
    desk.reload({})
    desk.go_on(61)
    assert desk.states()[1:] == [("cancelled", 0, 61)]
    assert desk.told[-1]["reason"] == "policy"
    desk.message(70, "agent")
    assert len(desk.told) == 2


def test_a_policy_that_comes_measures_what_is_open() -> None:
    desk = Desk({})
    desk.message(0, "customer")
    desk.go_on(20)
    desk.reload(policy(100))
    desk.go_on(21)
    desk.go_on(101)
    assert desk.states() == [("imminent", 1, 50), ("breached", 0, 100)]


def test_a_breach_stands() -> None:
    desk = Desk(policy(100))
    desk.message(0, "customer")
    desk.go_on(101)
    desk.reload(policy(1_000, name="other"))
    desk.go_on(500)
    desk.message(501, "agent")
    assert [state for state, _, _ in desk.states()] == ["imminent", "breached", "met_late"]


def test_the_same_policies_again_change_nothing() -> None:
    desk = Desk(policy(100))
    desk.message(0, "customer")
    desk.go_on(55)
    before = desk.shard.histories[b"acme/c"].encode()
    desk.restart(55, policy(100))
    desk.go_on(56)
    assert desk.shard.histories[b"acme/c"].encode() == before
    assert len(desk.told) == 1


def test_an_event_from_before_the_change_is_late() -> None:
    desk = Desk(policy(600))
    desk.message(0, "customer")
    desk.message(50, "customer")
    desk.reload(policy(700))
    desk.go_on(60)
    desk.message(20, "agent")  # out of order, and before what is not folded again
    assert desk.shard.counts["late"] == 1


@pytest.mark.parametrize(
    ("formulas", "expected"),
    [
        ({"formulas": {"frt_mean": "resolved"}}, {"frt_mean_s": 60 / 2}),
        ({"formulas": {"handle_mean": "customers"}}, {"handle_mean_s": 10}),
        ({"formulas": {"fcr": "received"}}, {"fcr_ratio": 2 / 3}),
        ({"formulas": {"ces": "low_is_easy"}}, {"ces_easy": 2, "ces_ratio": 2 / 3}),
        ({"service_level": {"formula": "abandoned_missed"}}, {"service_level_ratio": 1 / 3}),
        ({"service_level": {"formula": "abandoned_met"}}, {"service_level_ratio": 2 / 3}),
    ],
)
def test_a_formula_recomputes_what_is_held(formulas: dict[str, Any], expected: dict[str, float]) -> None:
    desk = Desk({})
    desk.message(0, "customer")
    desk.message(60, "agent")
    for score in (2, 3, 6):
        desk.event(61, type="survey", survey="ces", score=score)
    desk.event(70, type="status", status="resolved")
    desk.event(71, type="message", author="customer", direction="inbound", conversation_id="d")
    desk.event(100, type="status", status="resolved", conversation_id="d")
    desk.event(110, type="message", author="customer", direction="inbound", conversation_id="e")
    desk.go_on(180)
    before = desk.metrics(180)
    desk.reload(formulas)
    after = desk.metrics(180)
    assert {name: after[name] for name in expected} == pytest.approx(expected)
    assert any(before[name] != after[name] for name in expected)
