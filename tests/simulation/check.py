"""What must hold at the end of a seed: everything equals the replay of the same events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec

from streams.engine.journal import FENCE, Replay
from streams.engine.local import Log
from tables.history import decode
from tables.kpis import read_gauges
from tables.replay import Result, dead, instant_of, replay
from tables.rules import Rules
from tables.shard import Shard
from tests.outcomes import Alert, unexplained
from tests.simulation.rules import of_rules
from tests.simulation.world import World

Event = dict[str, Any]
_decode = msgspec.json.decode
_GAUGES = frozenset(read_gauges({}, 0, "tenant"))


def problems(world: World) -> list[str]:
    """What is wrong, as lines; none if all is well."""
    values = [each.value for each in world.scenario.arrivals]
    values.sort(key=_order)
    expected = replay(values, world.scenario.settings, world.instant, wall=lambda: world.now)
    return [
        *_kpi(world, expected),
        *_intervals(world, expected),
        *_sla(world, expected),
        *of_rules(world.kafka.alerts, expected.alerts),
        *_dead(world, expected),
        *_sequences(world),
        *_logs(world),
    ]


def _order(value: bytes) -> tuple[int, str]:
    """That in which events count, whatever order they arrive in."""
    at = instant_of(value)
    return at, str(_decode(value).get("event_id")) if at else ""


def _kpi(world: World, expected: Result) -> Iterator[str]:
    wanted = {(each["tenant"], each["scope"], each["window"]): each for each in expected.kpi}
    found: dict[tuple[str, str, str], Event] = {}
    for log in world.kafka.owned["kpi"]:
        last = {record.key: record.value for record in log.records if record.key and record.key[0]}
        for value in last.values():
            record = _decode(value or b"")
            found[record["tenant"], record["scope"], record["window"]] = record
    yield from _records("kpi", wanted, found, world)


def _intervals(world: World, expected: Result) -> Iterator[str]:
    wanted = {(each["tenant"], each["scope"], each["window_start_at"]): each for each in expected.intervals}
    found: dict[Any, Event] = {}
    for log in world.kafka.owned["kpi.intervals"]:
        for value in [record.value for record in log.records if record.value is not None]:
            record = _decode(value)
            key = record["tenant"], record["scope"], record["window_start_at"]
            # Only a worker that froze while it wrote may say again, in the same words, what its successor says.
            if key in found and not (found[key] == record and world.group.fenced_intervals):
                yield f"interval {key}: twice"
            found[key] = record
    if not _exact(world):  # gauges are a snapshot, of what was known then
        wanted, found = _sampled(wanted), _sampled(found)
    yield from _records("interval", wanted, found, world)


def _exact(world: World) -> bool:
    """Whether nothing was ever known too late."""
    return world.scenario.ordered and not world.group.ahead


def _sampled(records: dict[Any, Event]) -> dict[Any, Event]:
    """Interval records without gauges; those that have no samples are there because of gauges alone."""
    less = {
        key: record | {"metrics": {name: value for name, value in record["metrics"].items() if name not in _GAUGES}}
        for key, record in records.items()
    }
    return {key: each for key, each in less.items() if any(map(_is_sample, each["metrics"].items()))}


def _is_sample(metric: tuple[str, Any]) -> bool:
    name, value = metric
    return bool(value) and not name.startswith("occupancy")


def _records(what: str, wanted: dict[Any, Event], found: dict[Any, Event], world: World) -> Iterator[str]:
    for records, others, where in ((wanted, found, "missing"), (found, wanted, "not in the replay")):
        for key in sorted(records.keys() - others.keys()):
            # What was out of order for a while may have made a scope known.
            if _exact(world) or any(records[key]["metrics"].values()):
                yield f"{what} {key}: {where}"
    for key in sorted(wanted.keys() & found.keys()):
        one, other = (_flat(each[key]) for each in (wanted, found))
        for name in one.keys() | other.keys():
            if one.get(name) != other.get(name) and not (_is_near(name, one, other) and not _exact(world)):
                yield f"{what} {key}: {name} is {other.get(name)}, replay {one.get(name)}"


def _is_near(name: str, one: Event, other: Event) -> bool:
    """A maximum may be within 1 % after a correction, and percentiles are no greater than it."""
    if not name.endswith(("_max_s", "_p50_s", "_p90_s", "_p95_s")) or None in (one.get(name), other.get(name)):
        return False
    return bool(abs(one[name] - other[name]) <= 0.01 * one[name] + 0.001)


def _flat(record: Event) -> Event:
    return {**{name: value for name, value in record.items() if name not in {"seq", "metrics"}}, **record["metrics"]}


def _sla(world: World, expected: Result) -> Iterator[str]:
    values = [record.value or b"" for record in world.kafka.alerts]
    found: list[Alert] = [_decode(each) for each in dict.fromkeys(values)]
    wanted = [each for each in expected.alerts if each["kind"] == "sla"]
    got = [each for each in found if each["kind"] == "sla"]
    if _exact(world):
        true, sent = (dict.fromkeys(map(repr, each)) for each in (wanted, got))
        yield from (f"alert missing: {each}" for each in true if each not in sent)
        yield from (f"alert not in the replay: {each}" for each in sent if each not in true)
        return
    reached = defaultdict(list)
    for arrival in world.scenario.arrivals:
        if (at := instant_of(arrival.value)) and b"conversation_id" in arrival.value:
            body = _decode(arrival.value)
            # To a worker whose clock is ahead it came later.
            reached[body["tenant"], body["conversation_id"]].append((at, arrival.instant + world.group.ahead))
    for difference in unexplained(wanted, [(each, 0) for each in got], reached):
        yield f"{difference.what}: {difference.text}"


def _dead(world: World, expected: Result) -> Iterator[str]:
    found = {repr(dead(each.value, each.headers)) for each in world.kafka.rejects}
    wanted = {repr(each) for each in expected.dlq}
    yield from (f"dead letter missing: {each}" for each in wanted - found)
    yield from (f"dead letter not in the replay: {each}" for each in found - wanted)


def _sequences(world: World) -> Iterator[str]:
    """Of rightful owners: whoever has fenced a topic last."""
    owners: dict[tuple[str, int], object] = {}
    last: dict[bytes, int] = {}
    for topic, partition, key, value, writer in world.kafka.history:
        if key == FENCE:
            owners[topic, partition] = writer
        elif topic == "kpi" and owners[topic, partition] is writer:
            seq = _decode(value or b"")["seq"]
            if seq <= last.get(key, 0):
                yield f"kpi {key.decode()}: seq {seq} after {last[key]}"
            last[key] = seq


def _logs(world: World) -> Iterator[str]:
    """Everything is committed, and the state is what the changelog says, compacted or not."""
    kafka = world.kafka
    for worker in world.group.workers:
        for partition, run in worker.sources.items():
            if kafka.commits[partition] != kafka.source[partition].end:
                yield f"source {partition}: committed {kafka.commits[partition]} of {kafka.source[partition].end}"
            whole = _state(kafka.changelog[partition])
            kafka.changelog[partition].compact(world.now + 1)
            if whole != _state(kafka.changelog[partition]):
                yield f"source {partition}: another state after compaction"
            assert isinstance(run.core.shard, Shard)
            for key in list(run.core.shard.histories):
                history = run.core.shard.histories[key]
                tenant, _, name = key.decode().partition("/")
                written = decode(whole[key], name, Rules(world.scenario.settings, tenant))
                history.c.applied = written.c.applied  # a duplicate is not written down
                if whole[key] != history.encode():
                    yield f"source {partition}: {key.decode()} is not what the changelog says"


def _state(log: Log) -> dict[bytes, bytes]:
    state: dict[bytes, bytes] = {}

    def restore(key: bytes, value: bytes | None) -> None:
        if value is None:
            state.pop(key, None)
        else:
            state[key] = value

    Replay(restore).apply(log.records)
    return state
