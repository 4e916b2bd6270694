"""Threshold alerts through a restart: nothing lost, nothing told under two ids."""

from typing import Any

import msgspec
import pytest

from streams.engine.ports import Output
from tables.thresholds import Rule, Watches
from tests.watching import CHAT, House, T, rule


def test_a_hold_goes_on_through_a_restart() -> None:
    house = House(rule(for_s=60))
    house.value(0, 0.5)
    house.clock(1)
    first = house.told
    house = house.restarted(rule(for_s=60))
    assert house.recovered() == ["pending 0"]
    assert house.told == first
    assert house.value(30_000, 0.5) == []
    assert house.clock(60_001) == ["firing 60000"]


def test_what_ended_is_told_again_only_until_it_is_delivered() -> None:
    house = House(rule())
    house.value(0, 0.5)
    house.value(10, 0.9)
    house.clock(11)
    again = house.restarted(rule())
    assert again.recovered() == ["firing 0", "resolved 10"]  # none of them known to be delivered
    again.watches.delivered()
    again.clock(12)
    assert again.restarted(rule()).recovered() == []


def test_what_is_open_is_told_again_as_it_was() -> None:
    house = House(rule())
    house.value(0, 0.5)
    house.clock(1)
    told = house.told
    house.watches.delivered()
    house.value(5, 0.6)
    house.clock(6)
    house = house.restarted(rule(severity="page"))
    house.recovered()
    assert house.told == told


def test_what_is_told_again_is_kept_until_it_is_delivered() -> None:
    house = House(rule())
    house.value(0, 0.5)
    house.value(10, 0.9)
    house.clock(11)
    for _ in range(2):
        house = house.restarted(rule())
        assert house.recovered() == ["firing 0", "resolved 10"]
    house.value(20, 0.5)
    assert house.clock(21) == ["firing 20"]
    assert house.restarted(rule()).recovered() == ["firing 0", "resolved 10", "firing 20"]


def test_an_age_goes_on_growing_through_a_restart() -> None:
    patient = rule(metric="oldest_waiting_s", above=60, for_s=30)
    house = House(patient)
    house.value(0, None, oldest_waiting_at=T)
    assert house.clock(60_002) == ["pending 60001"]
    house = house.restarted(patient)
    house.recovered()
    assert house.value(200_000, None, oldest_waiting_at=T) == ["firing 90001"]
    assert house.told[0]["value"] == 90.001


def test_an_age_that_is_over_by_new_numbers_ends_right_after_what_was_told() -> None:
    house = House(rule(metric="oldest_waiting_s", below=60, clear=60, for_s=30))
    house.value(0, None, oldest_waiting_at=T)
    assert house.clock(30_001) == ["pending 0", "firing 30000"]
    house = house.restarted(rule(metric="oldest_waiting_s", below=10, clear=10, for_s=30))
    house.recovered()
    assert house.clock(40_000) == ["resolved 30001"]


def test_event_time_may_step_back_in_a_restart() -> None:
    house = House(rule())
    house.value(0, 0.5)
    house.value(10, 0.9)
    house.clock(11)
    house.watches.delivered()
    house.clock(12)
    house = house.restarted(rule())
    house.recovered()
    house.value(3, 0.5)  # what was true at 3 is known to have ended at 10
    assert house.value(10, 0.9) == []
    assert house.clock(100) == []


def test_new_numbers_judge_an_open_episode() -> None:
    house = House(rule())
    house.value(0, 0.7)
    house.clock(1)
    house = house.restarted(rule(below=0.6, clear=0.65, for_s=5))
    house.recovered()
    house.value(20, 0.7)
    assert house.clock(21) == ["resolved 20"]
    assert (house.told[0]["started_at"], house.told[0]["threshold"]) == (T, 0.6)


@pytest.mark.parametrize(
    "rules", [(), (rule(name="other"),), (rule(window="1h"),), (rule(above=0.5, clear=0.5),), (rule(scope="agent:*"),)]
)
def test_an_episode_of_a_rule_that_is_gone_ends(rules: tuple[Rule, ...]) -> None:
    house = House(rule())
    house.value(0, 0.7)
    house.clock(1)
    house.watches.delivered()
    house = house.restarted(*rules)
    assert house.recovered() == ["firing 0"]
    early = house.restarted(*rules)
    early.recovered()
    assert early.clock(-5) == ["resolved 1"]  # event time has stepped back
    assert house.clock(90) == ["resolved 90"]
    assert house.told[0]["value"] is None
    house.watches.delivered()
    assert house.clock(91) == []
    house = house.restarted(*rules)
    assert house.recovered() == []
    if not any(each.name == "slow-chat" and each.scope == CHAT for each in rules):
        assert set(house.log.values()) == {None}


def test_an_age_that_is_known_to_have_ended_ends_nothing_after_a_restart() -> None:
    short = rule(metric="oldest_waiting_s", below=10, clear=10, no_data="keep")

    def wait(house: House, at: int, since: int | None) -> list[str]:
        return house.value(at, None, oldest_waiting_at=None if since is None else T + since)

    house = House(short)
    wait(house, 0, 0)
    assert wait(house, 1_000, None) == ["firing 0"]
    house.clock(2_000)
    house = house.restarted(short)
    assert house.recovered() == ["firing 0"]
    assert wait(house, 11_000, None) == []
    assert wait(house, 20_000, 15_000) == []
    assert house.clock(30_000) == ["resolved 25000"]


def test_state_of_today_can_be_read_for_ever() -> None:
    key = b"acme/channel:chat/slow-chat"
    value = (
        b'[1767000000000,[{"alert_id":"f2a4b2ee06ad0fff7b9a1c0ee4b3bd9f","kind":"threshold","state":"pending",'
        b'"rule":"slow-chat","severity":"warning","tenant":"acme","scope":"channel:chat","metric":"service_level_ratio",'
        b'"window":"15m","comparison":"below","threshold":0.8,"clear":0.85,"value":0.5,"started_at":1767000000000,'
        b'"at":1767000000000,"for_s":60.0,"v":1}]]'
    )
    house = House(rule(for_s=60))
    house.watches.restore(key, value)
    house.watches.restore(b"acme/tenant/slow-chat", b"[1767000000000]")
    assert house.recovered() == ["pending 0"]
    assert house.clock(60_001) == ["firing 60000"]
    assert list(house.log) == [b"acme/tenant/slow-chat", key]

    written = House(rule(for_s=60))
    written.value(0, 0.5)
    written.clock(1)
    (kept,) = written.log.items()
    value = value.removesuffix(b"]") + b",[]]"  # since when an age grows, of rules about one
    assert kept == (key, value.replace(b"f2a4b2ee06ad0fff7b9a1c0ee4b3bd9f", written.told[0]["alert_id"].encode()))


def test_under_rules_read_anew_an_episode_goes_on() -> None:
    rules = [rule(), rule(name="waiting", metric="oldest_waiting_s", above=60)]
    watches = Watches(lambda _: tuple(rules))
    metrics = {"service_level_ratio": 0.5, "oldest_waiting_at": T}
    watches.observe("acme", CHAT, "15m", metrics, T)
    assert told(watches.advance(T)) == []
    assert [each["state"] for each in told(watches.advance(T + 1))] == ["firing"]
    rules[:] = [rule(below=0.4, clear=0.45), *rules[1:]]
    fresh = watches.anew()
    assert told(fresh.observe("acme", CHAT, "15m", metrics, T - 5)) == []
    assert fresh.next_due() == T + 1  # what was decided stays decided
    (ended,) = told(fresh.advance(T + 10))
    assert (ended["state"], ended["at"], ended["started_at"]) == ("resolved", T + 1, T)
    assert [each["at"] for each in told(fresh.advance(T + 60_002))] == [T + 60_001]


def told(outputs: list[Output]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(each.value or b"") for each in outputs]
