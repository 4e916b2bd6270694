"""Threshold alerts as timelines: what a rule tells of a series of values."""

from hashlib import blake2b

import pytest

from tests.watching import CHAT, House, T, rule

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
