"""Runs with an end: events in, a last tick to every partition, and what is in the topics afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from agents.past import to_the_end
from agents.settings import Environment
from agents.wallboard.store import Store
from streams import codecs
from streams.codecs import decode
from streams.engine.core import TICK_HEADER
from streams.rejects import Rejected
from tables.replay import dead

BATCH = 5_000


def key_of(value: bytes, now: int) -> bytes | None:
    """The key of an event's record; None for one that will be rejected. `now`: the wall clock in ms."""
    try:
        return codecs.key_of(decode(value, now))
    except Rejected:
        return None


async def produce(producer: AIOKafkaProducer, topic: str, records: Iterable[tuple[bytes | None, bytes]]) -> int:
    """Send (key, value) records in order and wait until all are taken; their number."""
    count, sent = 0, []
    for key, value in records:
        sent.append(await producer.send(topic, value, key=key))
        count += 1
        if len(sent) >= BATCH:
            for each in sent:
                await each
            sent.clear()
    for each in sent:
        await each
    return count


async def tick(producer: AIOKafkaProducer, topic: str, instant: int) -> None:
    """Stop the clock of every partition of the events topic at `instant` (ms)."""
    for partition in sorted(await producer.partitions_for(topic)):
        header = (TICK_HEADER, str(instant).encode())
        await producer.send_and_wait(topic, b"", partition=partition, headers=[header])


async def read_all(environment: Environment, topic: str) -> list[Any]:
    """Every record of a topic up to its present end, partition by partition."""
    consumer = AIOKafkaConsumer(
        topic, **environment.kafka_kwargs(), enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        found = await to_the_end(consumer, consumer.assignment())
        return [record for each in sorted(found) for record in found[each]]
    finally:
        await consumer.stop()


async def kpi_records(environment: Environment) -> list[dict[str, Any]]:
    """The newest KPI record of every key, in the order of a replay's."""
    newest: dict[bytes, dict[str, Any]] = {}
    for record in await read_all(environment, f"{environment.topic_prefix}.kpi"):
        if record.key and record.key[0] and record.value is not None:
            found = msgspec.json.decode(record.value)
            if record.key not in newest or found["seq"] > newest[record.key]["seq"]:
                newest[record.key] = found
    return sorted(newest.values(), key=lambda each: (each["tenant"], each["scope"], each["window"]))


async def interval_records(environment: Environment) -> list[dict[str, Any]]:
    """Every interval record, in the order of a replay's."""
    records = await read_all(environment, f"{environment.topic_prefix}.kpi.intervals")
    found = [msgspec.json.decode(each.value) for each in records if each.value is not None]
    return sorted(found, key=lambda each: (each["tenant"], each["scope"], each["window_start_at"]))


async def redis_records(environment: Environment) -> list[dict[str, Any]]:
    """Every KPI record that Redis holds."""
    store = Store(environment.redis_url())
    try:
        found = []
        for tenant in await store.tenants():
            records = await store.records(tenant, await store.names(tenant))
            found += [msgspec.json.decode(value) for _, value in records.values()]
        return found
    finally:
        await store.close()


async def alert_records(environment: Environment) -> list[dict[str, Any]]:
    """Every alert once, in the order of a replay's; a repeated delivery is byte-identical."""
    records = await read_all(environment, f"{environment.topic_prefix}.alerts")
    distinct = dict.fromkeys(record.value for record in records if record.value is not None)
    return sorted((msgspec.json.decode(each) for each in distinct), key=lambda each: (each["at"], each["alert_id"]))


async def dead_records(environment: Environment) -> list[dict[str, Any]]:
    """The dead letters, in the order of a replay's."""
    records = await read_all(environment, f"{environment.topic_prefix}.dlq")
    found = [dead(record.value, record.headers) for record in records]
    return sorted(found, key=lambda each: (each["reason"], each["value"]))


def differences(expected: Iterable[dict[str, Any]], found: Iterable[dict[str, Any]]) -> list[str]:
    """What differs between KPI records, but for `seq`; a line for each, with the key and the fields."""
    wanted = {_key(each): each for each in expected}
    seen = {_key(each): each for each in found}
    lines = [f"{key}: missing" for key in sorted(wanted.keys() - seen.keys())]
    lines += [f"{key}: not in the replay" for key in sorted(seen.keys() - wanted.keys())]
    for key in sorted(wanted.keys() & seen.keys()):
        one, other = flat(wanted[key]), flat(seen[key])
        fields = [name for name in {**one, **other} if one.get(name) != other.get(name)]
        if fields:
            lines.append(f"{key}: " + ", ".join(f"{n} is {other.get(n)}, replay {one.get(n)}" for n in fields))
    return lines


def _key(record: dict[str, Any]) -> str:
    return f"{record['tenant']}/{record['scope']}/{record['window']}"


def flat(record: dict[str, Any]) -> dict[str, Any]:
    """A record's fields and metrics side by side; without `seq`, which is each run's own."""
    return {**{name: value for name, value in record.items() if name not in {"seq", "metrics"}}, **record["metrics"]}
