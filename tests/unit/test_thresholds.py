"""Threshold alerts as timelines: what a rule tells of a series of values."""

from hashlib import blake2b
from typing import Any

import msgspec
import pytest

from tables.settings import Settings, SettingsError
from tables.settings_model import AlertRule
from tables.thresholds import Rule, Watches, rule_of

T = 1_767_000_000_000
CHAT = "channel:chat"


def entry(**given: Any) -> dict[str, Any]:
    """A rule of the settings file: the service level of the chat below 0.8, over at 0.85, unless given."""
    plain = {"name": "slow-chat", "scope": CHAT, "metric": "service_level_ratio", "window": "15m"}
    return plain | ({} if "above" in given else {"below": 0.8, "clear": 0.85}) | given


def rule(**given: Any) -> Rule:
    return rule_of(AlertRule(**entry(**given)))


class House:
    """A tenant's rules, and all that they tell. Instants are ms after T."""

    def __init__(self, *rules: Rule) -> None:
        self.log: dict[bytes, bytes | None] = {}
        self.watches = Watches(lambda tenant: rules if tenant == "acme" else ())

    def value(self, at: int, value: float | None, scope: str = CHAT, **others: float | None) -> list[str]:
        metrics = {"service_level_ratio": value, **others}
        return self.keep(self.watches.observe("acme", scope, "15m", metrics, T + at))

    def clock(self, at: int, *, final: bool = False) -> list[str]:
        return self.keep(self.watches.advance(T + at, final=final))

    def keep(self, outputs: list[Any]) -> list[str]:
        self.told = [msgspec.json.decode(each.value) for each in outputs]
        assert [each.key.decode() for each in outputs] == [each["alert_id"] for each in self.told]
        assert {each.topic for each in outputs} <= {"alerts"}
        self.log |= dict(self.watches.changes())
        return [f"{each['state']} {each['at'] - T}" for each in self.told]

    def restarted(self, *rules: Rule) -> "House":
        """Another worker that knows only what was written."""
        other = House(*rules)
        other.log = dict(self.log)
        for key, value in self.log.items():
            other.watches.restore(key, value)
        return other

    def recovered(self) -> list[str]:
        return self.keep(self.watches.recovered())


# --- an episode ------------------------------------------------------------------------------------


def test_without_a_hold_it_fires_at_once_and_ends_at_clear() -> None:
    house = House(rule())
    assert house.value(0, 0.9) == house.value(5, 0.8) == []  # the threshold itself is not below it
    assert house.value(10, 0.79) == []
    assert house.clock(11) == ["firing 10"]
    assert house.value(20, 0.84) == house.clock(21) == []  # better, but not clear
    assert house.value(30, 0.85) == []
    assert house.clock(31) == ["resolved 30"]


def test_the_record() -> None:
    house = House(rule(for_s=1.5, severity="page"))
    house.value(0, 0.5)
    house.clock(1)
    house.value(1_000, 0.25)
    house.clock(1_501)
    (record,) = house.told
    identity = record.pop("alert_id")
    assert record == {
        "v": 1,
        "kind": "threshold",
        "state": "firing",
        "rule": "slow-chat",
        "severity": "page",
        "tenant": "acme",
        "scope": CHAT,
        "metric": "service_level_ratio",
        "window": "15m",
        "comparison": "below",
        "threshold": 0.8,
        "clear": 0.85,
        "value": 0.25,
        "started_at": T,
        "at": T + 1_500,
        "for_s": 1.5,
    }
    text = f"acme\x1fslow-chat\x1f{CHAT}\x1f{T}\x1ffiring"
    assert identity == blake2b(text.encode(), digest_size=16).hexdigest()


def test_the_hold_runs_out_at_its_instant_once_the_clock_is_past() -> None:
    house = House(rule(for_s=120))
    house.value(7, 0.5)
    assert house.clock(8) == ["pending 7"]
    assert house.clock(120_007) == []
    assert house.watches.next_due() == T + 120_007
    assert house.clock(500_000) == ["firing 120007"]
    assert house.watches.next_due() == 0


def test_a_value_at_the_very_end_of_the_hold_comes_first() -> None:
    house = House(rule(for_s=60))
    house.value(0, 0.5)
    house.value(60_000, 0.8)
    assert house.clock(60_001) == ["resolved 60000"]
    house.value(60_001, 0.7)
    assert house.value(120_001, 0.6) == ["pending 60001"]
    assert house.clock(120_002) == ["firing 120001"]
    assert house.told[0]["value"] == 0.6


def test_a_break_starts_the_hold_anew() -> None:
    house = House(rule(for_s=60))
    house.value(0, 0.5)
    assert house.value(59_999, 0.82) == ["pending 0"]  # clear is not needed to end what does not fire yet
    assert house.value(60_000, 0.5) == ["resolved 59999"]
    assert house.clock(119_999) == ["pending 60000"]
    assert house.clock(120_001) == ["firing 120000"]


def test_a_hold_of_a_fraction_of_a_second() -> None:
    house = House(rule(for_s=0.0015))
    house.value(0, 0.5)
    assert house.clock(2) == ["pending 0"]
    assert house.clock(3) == ["firing 2"]
    assert house.told[0]["for_s"] == 0.002


def test_only_the_last_value_of_an_instant_counts() -> None:
    house = House(rule())
    for at in range(0, 50, 10):
        house.value(at, 0.1)
        assert house.value(at, 0.9) == []
    assert house.clock(50) == []


def test_flapping_at_the_threshold_has_an_id_for_each_transition() -> None:
    house, ids = House(rule(clear=None)), list[str]()
    for at in range(20):
        house.value(at, 0.8 if at % 2 else 0.79)
        ids += [each["alert_id"] for each in house.told]
    assert len(ids) == len(set(ids)) == 19


def test_above_is_the_mirror_of_below() -> None:
    house = House(rule(above=5, clear=3, for_s=1))
    house.value(0, 5)
    house.value(1, 6)
    assert house.value(2, 5) == ["pending 1"]
    assert house.value(3, 9) == ["resolved 2"]
    assert house.value(2_000, 4) == ["pending 3", "firing 1003"]
    assert house.value(3_000, 3) == []
    assert house.clock(3_001) == ["resolved 3000"]


# --- no data ---------------------------------------------------------------------------------------


def test_no_data_starts_nothing_and_ends_what_is_open() -> None:
    house = House(rule(for_s=1))
    house.value(0, None)
    house.value(1, 0.5)
    assert house.value(2, None) == ["pending 1"]
    assert house.value(3, 0.5) == ["resolved 2"]
    assert house.value(2_000, None) == ["pending 3", "firing 1003"]
    assert house.clock(2_001) == ["resolved 2000"]
    assert house.told[0]["value"] is None


def test_no_data_may_be_told_to_change_nothing() -> None:
    house = House(rule(for_s=1, no_data="keep"))
    house.value(0, None)
    house.value(1, 0.5)
    assert house.value(2, None) == ["pending 1"]
    assert house.clock(1_002) == ["firing 1001"]
    assert house.told[0]["value"] is None
    assert house.value(2_000, 0.9) == []
    assert house.clock(2_001) == ["resolved 2000"]


# --- the clock -------------------------------------------------------------------------------------


def test_event_time_governs_while_a_partition_lags() -> None:
    house = House(rule(for_s=60))
    house.value(0, 0.5)
    house.clock(1)
    for at in range(10_000, 60_000, 10_000):  # whatever the wall clock says
        assert house.clock(at) == []
    house.value(59_000, 0.9)
    assert house.clock(500_000) == ["resolved 59000"]


def test_what_comes_for_a_decided_instant_counts_for_the_next() -> None:
    house = House(rule())
    house.value(0, 0.5)
    house.clock(100)
    house.value(50, 0.9)
    assert house.clock(101) == ["resolved 100"]


def test_the_end_of_a_run_reads_its_last_values_but_ends_no_hold() -> None:
    house = House(rule(), rule(name="patient", for_s=1))
    house.value(0, 0.5)
    house.clock(1)
    house.value(1_000, 0.9)
    assert house.clock(1_000) == []
    assert house.clock(1_000, final=True) == ["resolved 1000"] * 2

    house = House(rule(for_s=1))
    house.value(0, 0.5)
    house.clock(1)
    house.value(1_000, 0.6)
    assert house.clock(1_000, final=True) == []


def test_alerts_come_in_order_of_their_instants() -> None:
    rules = [rule(name=f"r{hold}", for_s=hold) for hold in (5, 1, 3)]
    house = House(*rules)
    house.value(0, 0.5)
    assert house.clock(10_000) == ["pending 0"] * 3 + ["firing 1000", "firing 3000", "firing 5000"]


@pytest.mark.parametrize(("above", "fires"), [(0.25, 251), (300, 300_001), (-1, 10), (1e300, None)])
def test_an_age_passes_its_limit_by_the_clock(above: float, fires: int | None) -> None:
    house = House(rule(metric="oldest_waiting_s", above=above))
    house.value(10, None, oldest_waiting_at=T, oldest_waiting_s=0.01)
    expected = [] if fires is None else [f"firing {fires}"]
    assert house.clock(fires or 0) == []
    assert house.clock(10_000_000) == expected
    house.value(10_000_000, None, oldest_waiting_at=T + 9_999_999, oldest_waiting_s=0.001)
    house.clock(10_000_001)
    house.value(10_000_002, None, oldest_waiting_at=None)
    house.clock(99_000_000)
    house.value(99_000_000, None, oldest_waiting_at=None)
    assert house.watches.next_due() == 0


def test_an_age_can_grow_out_of_an_alert() -> None:
    house = House(rule(metric="oldest_waiting_s", below=60, clear=90))
    house.value(0, None, oldest_waiting_at=T)
    assert house.clock(200_000) == ["firing 0", "resolved 90000"]


# --- scopes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selector", "scopes"),
    [
        ("tenant", ["tenant"]),
        ("channel:*", ["channel:chat", "channel:email"]),
        ("agent:*", ["agent:ana", "agent:budi%2Fjkt"]),
        ("agent:budi%2fjkt", ["agent:budi%2Fjkt"]),
        ("agent:*/channel:chat", ["agent:ana/channel:chat"]),
        ("agent:*/channel:*", ["agent:ana/channel:chat", "agent:ana/channel:email"]),
        ("agent:ana/channel:*", ["agent:ana/channel:chat", "agent:ana/channel:email"]),
    ],
)
def test_selectors(selector: str, scopes: list[str]) -> None:
    every = ["tenant", "channel:chat", "channel:email", "agent:ana", "agent:budi%2Fjkt", "team:a"]
    every += ["agent:ana/channel:chat", "agent:ana/channel:email", "priority:normal"]
    watches = House(rule(scope=selector)).watches
    assert [each for each in every if watches.wanted("acme", each)] == scopes
    assert not watches.wanted("other", scopes[0])


def test_every_scope_has_its_own_episode() -> None:
    house = House(rule(scope="agent:*"))
    house.value(0, 0.5, "agent:ana")
    house.value(0, 0.9, "agent:budi")
    house.value(5, 0.5, "agent:budi")
    house.clock(6)
    assert [(each["scope"], each["at"] - T) for each in house.told] == [("agent:ana", 0), ("agent:budi", 5)]
    assert len({each["alert_id"] for each in house.told}) == 2


# --- a restart -------------------------------------------------------------------------------------


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
    assert kept == (key, value.replace(b"f2a4b2ee06ad0fff7b9a1c0ee4b3bd9f", written.told[0]["alert_id"].encode()))


# --- the settings ----------------------------------------------------------------------------------


def test_rules_of_the_settings() -> None:
    settings = Settings.from_mapping({"alert_rules": [entry(for_s=0.0016)], "tenants": {"b": {"alert_rules": []}}})
    (found,) = settings.tenant("acme").alert_rules
    assert (found.hold_ms, found.severity, found.no_data, found.clear) == (2, "warning", "resolve", 0.85)
    assert settings.tenant("b").alert_rules == ()
    assert rule(clear=None).clear == 0.8


BY_DAY = " is kept for tenant, channel, team and agent scopes; allowed: 5m, 15m, 30m, 1h, today"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"metric": "servce_level_ratio"}, "metric: no metric 'servce_level_ratio'; did you mean service_level_ratio?"),
        ({"window": "now"}, "window: service_level_ratio is no gauge; allowed: 5m, 15m, 30m, 1h, today, mtd, 30d"),
        ({"metric": "backlog_open"}, "window: backlog_open is a gauge; allowed: now"),
        ({"scope": "topic:a", "window": "30d"}, "window: 30d" + BY_DAY),
        ({"scope": "agent:*/channel:chat", "window": "mtd"}, "window: mtd" + BY_DAY),
        ({"scope": "agent:bu*"}, "scope: * stands for a whole id; allowed: agent:*"),
        ({"no_data": "drop"}, "no_data: 'drop' is not allowed; allowed: 'resolve' or 'keep'"),
    ],
)
def test_what_is_wrong_with_a_rule(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_mapping({"tenants": {"acme": {"alert_rules": [entry(**given)]}}})
    assert caught.value.problems == [f"tenants.acme.alert_rules[0].{said}"]


@pytest.mark.parametrize("scope", ["tenant", CHAT, "team:*", "agent:*"])
def test_the_windows_of_days_are_allowed_where_they_are_kept(scope: str) -> None:
    Settings.from_mapping(
        {"alert_rules": [entry(scope=scope, window=window, name=window) for window in ("mtd", "30d")]}
    )


def test_two_rules_of_one_name() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_mapping({"alert_rules": [entry(), entry(scope="tenant")]})
    assert caught.value.problems == ["alert_rules[1].name: 'slow-chat' is already the name of another entry"]
