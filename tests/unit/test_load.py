import os
from collections import Counter

import pytest
from aiokafka.partitioner import DefaultPartitioner

from agents.commands.load import cpu_s
from agents.load_events import Conversations
from agents.load_meter import Meter
from streams.codecs import decode
from tables.replay import replay
from tests.bench import pure
from tests.bench.shape import generate, zone

NOW = 1_795_000_000_000


def test_events_are_canonical_and_go_where_their_key_says() -> None:
    made = Conversations("r1", "load", 20, 50, 4, seed=1)
    choose = DefaultPartitioner()
    for each in (made.produce(NOW + i) for i in range(2_000)):
        event = decode(each.value, NOW + 5_000)
        assert each.key.decode() == f"load/{getattr(event, 'conversation_id')}"  # noqa: B009 - every kind has one
        assert each.partition == choose(each.key, [0, 1, 2, 3], [0, 1, 2, 3])


def test_messages_are_counted_as_the_records_of_agents_count_them() -> None:
    made = Conversations("r1", "load", 20, 50, 4, seed=1)
    events = [made.produce(NOW + i) for i in range(2_000)]
    result = replay([each.value for each in events], {}, NOW + 2_000, wall=lambda: NOW + 5_000)
    sent = Counter(each.agent for each in events if each.agent is not None)
    counted = {
        record["scope"]: record["metrics"]["messages_in"] + record["metrics"]["messages_out"]
        for record in result.kpi
        if record["window"] == "1h"
    }
    assert {made.scopes[agent]: count for agent, count in sent.items()} == {
        scope: counted[scope] for scope in made.scopes if counted.get(scope)
    }
    kinds = {scope.partition(":")[0] for scope in counted}
    assert kinds == {"tenant", "channel", "agent", "team", "topic", "priority"}


def test_agents_are_online_and_occupied_until_they_go() -> None:
    made = Conversations("r1", "load", 20, 50, 4, seed=1)
    came = [value for _, value in made.presence("online", NOW)]
    values = came + [made.produce(NOW + i).value for i in range(2_000)]
    went = made.presence("offline", NOW + 2_000)
    assert [key for key, _ in went] == [f"load/{scope.removeprefix('agent:')}".encode() for scope in made.scopes]
    for events, online in ((values, 20), (values + [value for _, value in went], 0)):
        result = replay(events, {}, NOW + 2_001, wall=lambda: NOW + 5_000)
        house = {each["window"]: each["metrics"] for each in result.kpi if each["scope"] == "tenant"}
        assert house["now"]["agents_online"] == online
        assert house["1h"]["occupancy_ratio"] == 1.0


def test_the_kth_message_is_out_when_k_are_counted() -> None:
    meter = Meter(2)
    meter.sent(0, 1.0, counts=False)  # warm-up: counted by the records, not measured
    meter.sent(0, 2.0, counts=True)
    meter.sent(0, 3.0, counts=True)
    meter.seen(0, 1, 3.5)
    assert meter.latencies == []
    meter.seen(0, 3, 4.0)
    assert meter.latencies == [2.0, 1.0]
    assert meter.missing == 0
    assert meter.report()["p50_ms"] == 2000.0


def test_nothing_measured_is_said_as_such() -> None:
    assert Meter(1).report() == {
        "measured": 0, "missing": 0, "p50_ms": None, "p90_ms": None, "p99_ms": None, "max_ms": None
    }  # fmt: skip


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="Linux only")  # noqa: PTH110
def test_cpu_time_of_a_process() -> None:
    assert 0 < cpu_s(os.getpid()) < 1e6
    with pytest.raises(OSError, match="No such file"):
        cpu_s(2**30)


def test_the_bench_and_the_computation_agree_on_a_small_day() -> None:
    found = pure.run(generate(3_000, 200, 4, NOW), 4, NOW)
    assert found["wrong"] == {}


@pytest.mark.parametrize(("hour", "name"), [(22, "Etc/GMT"), (0, "Etc/GMT+2"), (15, "Etc/GMT-7"), (11, "Etc/GMT-11")])
def test_the_bench_runs_late_in_a_local_day(hour: int, name: str) -> None:
    assert zone(hour * 3_600_000 + 1_800_000) == name
