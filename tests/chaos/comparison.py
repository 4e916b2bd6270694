"""Everything that a round has left in Kafka and Redis against the replay of its events."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.runs import flat, redis_records
from agents.settings import Environment
from streams.engine.core import TICK_HEADER
from tables.days import QUARTER_MS
from tables.replay import instant_of, replay
from tests.chaos.alerts import compare_alerts
from tests.chaos.traffic import Traffic
from tests.chaos.verdict import Verdict
from tests.kafka.house import House
from tests.outcomes import Difference, Reached, reached

Json = dict[str, Any]
Key = tuple[str, ...]
_KPI = ("tenant", "scope", "window")
_INTERVAL = ("tenant", "scope", "window_start_at")
_MAX_WITHIN = 0.01
"""After a correction a maximum may be that far off (contract section 4)."""
_GAUGES = ("backlog_", "oldest_waiting_", "concurrency", "agents_online")


async def compare(house: House, traffic: Traffic, instant: int) -> Verdict:
    """Judge a round that has come to its end at `instant` (ms)."""
    verdict = Verdict()
    events = [each async for each in scan(house.environment, traffic.topic) if _is_event(each)]
    verdict.events = len(events)
    _taken(verdict, events, traffic)
    came = reached(events, lambda record: traffic.taken_at(json.loads(record.value)["event_id"]) or record.timestamp)
    values = sorted((each.value for each in events), key=instant_of)
    expected = replay(values, house.settings, instant)
    kept = await _kpi(verdict, house)
    compare_records(verdict, "Kafka", expected.kpi, kept.values())
    held = await redis_records(house.environment)
    compare_records(verdict, "Redis", expected.kpi, held)
    for each in held:
        newest = kept.get(_key(each, _KPI))
        if newest is not None and newest["seq"] != each["seq"]:
            verdict.note("wrong", f"Redis {_key(each, _KPI)}: seq {each['seq']}, {newest['seq']} in Kafka")
    intervals = [
        json.loads(each.value) async for each in scan(house.environment, house.topic("kpi.intervals")) if _own(each)
    ]
    compare_intervals(verdict, expected.intervals, intervals, came)
    alerts = [each async for each in scan(house.environment, house.topic("alerts")) if each.value is not None]
    compare_alerts(verdict, alerts, expected.alerts, came)
    return verdict


async def scan(environment: Environment, topic: str) -> AsyncIterator[Any]:
    """Every record of a topic, partition by partition, never all of it in memory."""
    consumer = AIOKafkaConsumer(**environment.kafka_kwargs(), enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        await consumer._client.set_topics([topic])
        for partition in sorted(consumer._client.cluster.partitions_for_topic(topic)):
            tp = TopicPartition(topic, partition)
            consumer.assign([tp])
            end = (await consumer.end_offsets([tp]))[tp]
            while await consumer.position(tp) < end:
                for record in (await consumer.getmany(tp, timeout_ms=500)).get(tp, []):
                    yield record
    finally:
        await consumer.stop()


def _is_event(record: Any) -> bool:
    return record.value is not None and all(name != TICK_HEADER for name, _ in record.headers)


def _own(record: Any) -> bool:
    """Not a fence."""
    return bool(record.key and record.key[0] and record.value is not None)


def _taken(verdict: Verdict, events: Iterable[Any], traffic: Traffic) -> None:
    """What brokers have acknowledged they must have, once."""
    found = Counter(json.loads(each.value)["event_id"] for each in events)
    missing = traffic.acknowledged() - sum(1 for each in found if traffic.taken_at(each))
    verdict.differences += [Difference("lost", "an event that the brokers had acknowledged")] * missing
    for event_id, times in found.items():
        if times > 1:
            verdict.note("doubled", f"event {event_id}: {times} times in the topic")


# --- records ---------------------------------------------------------------------------------------


async def _kpi(verdict: Verdict, house: House) -> dict[Key, Json]:
    """The newest KPI record of each key; on the way, whether what a reader accepts grows, and what stays is newest."""
    newest: dict[Key, Json] = {}
    last: dict[Key, int] = {}
    async for record in scan(house.environment, house.topic("kpi")):
        if not _own(record):
            continue
        found: Json = json.loads(record.value)
        key, seq = _key(found, _KPI), found["seq"]
        last[key] = seq
        known = newest.get(key)
        if known is None or seq > known["seq"]:
            newest[key] = found
        elif seq < known["seq"]:
            verdict.stale += 1
        elif found != known:
            verdict.note("doubled", f"KPI {key}: two records with seq {seq}")
    for key, seq in last.items():
        if seq != newest[key]["seq"]:
            verdict.note("wrong", f"KPI {key}: compaction would keep seq {seq}, the newest is {newest[key]['seq']}")
    return newest


def compare_records(verdict: Verdict, place: str, expected: Iterable[Json], found: Iterable[Json]) -> None:
    """Judge the newest KPI records that a place holds."""
    wanted, seen = ({_key(each, _KPI): each for each in records} for records in (expected, found))
    verdict.records += len(wanted.keys() | seen.keys())
    for key in wanted.keys() - seen.keys():
        verdict.note("lost", f"{place} {key}: missing")
    for key in seen.keys() - wanted.keys():
        verdict.note("doubled", f"{place} {key}: not in the replay")
    for key in wanted.keys() & seen.keys():
        if fields := _differing(wanted[key], seen[key]):
            verdict.note("wrong", f"{place} {key}: {_told(fields)}")


def compare_intervals(verdict: Verdict, expected: Iterable[Json], found: Iterable[Json], came: Reached) -> None:
    """Judge every interval record there is: each once; their gauges are what was known at the interval's end."""
    wanted = {_key(each, _INTERVAL): each for each in expected}
    seen: dict[Key, Json] = {}
    for each in found:
        if _key(each, _INTERVAL) in seen:
            verdict.note("doubled", f"interval {_key(each, _INTERVAL)}: appears twice")
        seen[_key(each, _INTERVAL)] = each
    verdict.intervals = len(wanted.keys() | seen.keys())
    for key in wanted.keys() - seen.keys():
        verdict.note("lost", f"interval {key}: missing")
    for key in seen.keys() - wanted.keys():
        verdict.note("doubled", f"interval {key}: not in the replay")
    excused = _decided_late(came, {each["window_start_at"] + QUARTER_MS for each in wanted.values()})
    for key in wanted.keys() & seen.keys():
        late = (wanted[key]["tenant"], wanted[key]["window_start_at"] + QUARTER_MS) in excused
        fields = _differing(wanted[key], seen[key])
        gauges = [name for name in fields if late and name.startswith(_GAUGES)]
        verdict.snapshots += len(gauges)
        if fields := {name: pair for name, pair in fields.items() if name not in gauges}:
            verdict.note("wrong", f"interval {key}: {_told(fields)}")


def _decided_late(came: Reached, ends: set[int]) -> set[tuple[str, int]]:
    """Tenants and ends of intervals with an event from before the end that could be read only after it."""
    found = set()
    for (tenant, _), instants in came.items():
        for at, arrived in instants:
            end = -(-at // QUARTER_MS) * QUARTER_MS
            found |= {(tenant, each) for each in range(end, arrived + 1, QUARTER_MS) if each in ends}
    return found


def _key(record: Json, by: Key) -> Key:
    return tuple(str(record[name]) for name in by)


def _differing(wanted: Json, seen: Json) -> dict[str, tuple[Any, Any]]:
    """The fields that differ, as (replay, found); `seq` is each run's own."""
    one, other = (flat(each) for each in (wanted, seen))
    pairs = {name: (one.get(name), other.get(name)) for name in {**one, **other}}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1] and not _close(name, *pair)}


def _close(name: str, wanted: Any, seen: Any) -> bool:
    if not name.endswith("_max_s") or wanted is None or seen is None:
        return False
    return bool(abs(wanted - seen) <= _MAX_WITHIN * wanted)


def _told(fields: Mapping[str, tuple[Any, Any]]) -> str:
    return ", ".join(f"{name} is {seen}, replay {wanted}" for name, (wanted, seen) in sorted(fields.items()))
