"""A worker of today's starts on the logs that a worker of an earlier version has left, and the end is as if it had
always been there.

`tests/golden/logs/FORMAT/` holds them, taken when a worker stopped in the middle of `run.yaml` there. What is written
anew gets a new FORMAT, with a `run.yaml` of its own: `python -m tests.unit.test_upgrade` then writes its logs, and
never touches those that are there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import msgspec
import pytest

from agents.feed import _alert_item, _series
from streams.engine import frontier
from streams.engine.journal import FENCE, Head, Replay
from streams.engine.local import Log
from tables.replay import Result, replay
from tests.simulation.rules import of_rules
from tests.simulation.world import World
from tests.upgrade.golden import (
    FED,
    FEEDS,
    FORMAT,
    FORMATS,
    Event,
    Told,
    begin,
    source,
    stopped,
    write_missing,
    written,
)
from tests.upgrade.kinds import kinds
from tests.upgrade.run import Logs, divided, latest

QUARTER_MS = 900_000
SEEDS = 20


class Upgraded(NamedTuple):
    """What came of it, and what the replay of all events says."""

    before: Logs
    """As it was."""
    kafka: Logs
    expected: Result


@cache
def upgraded(name: str) -> Upgraded:
    told = Told(name)
    before, _ = stopped(told)
    run, later = stopped(told)
    for log in run.kafka.partials:  # the driver keeps them from the roll-up
        log.records = [each for each in log.records if not (each.key or b"").startswith(frontier.KEY)]
    run.start()
    for place, record in later:
        run.arrive(place, record)
    end = run.finish()
    events = [record.value or b"" for log in run.kafka.source for record in log.records if record.key]
    events.sort(key=lambda each: (msgspec.json.decode(each)["at"], msgspec.json.decode(each)["event_id"]))
    return Upgraded(before.kafka, run.kafka, replay(events, told.settings, end, wall=lambda: run.now))


# What has been told for the first time since then is in no old record, and no old record is written anew: only what
# the version before knew is compared, of what it has told itself too.


def values(logs: Iterable[Log]) -> list[bytes]:
    return [record.value for log in logs for record in log.records if record.value is not None]


def records(told: Iterable[bytes], known: set[str]) -> dict[tuple[str, str, str, int], Event]:
    """By tenant, scope, window and, of intervals, their beginning; none twice."""
    found: dict[tuple[str, str, str, int], Event] = {}
    for each in map(msgspec.json.decode, told):
        key = each["tenant"], each["scope"], each["window"], each["window_start_at"]
        assert key not in found
        metrics = {name: value for name, value in each["metrics"].items() if name in known}
        found[key] = {"as_of": each["as_of"], "partial": each["partial"], "metrics": metrics}
    return found


def same(got: Iterable[bytes], expected: Iterable[bytes], before: Iterable[bytes]) -> None:
    known = {name for each in before for name in msgspec.json.decode(each)["metrics"]}
    mine, theirs = records(got, known), records(expected, known)
    assert mine.keys() == theirs.keys()
    assert [(mine[key], theirs[key]) for key in mine if mine[key] != theirs[key]] == []


@pytest.mark.parametrize("name", FORMATS)
def test_the_final_records_are_those_of_a_replay(name: str) -> None:
    before, after, expected = upgraded(name)
    same(latest(after.owned["kpi"]), map(msgspec.json.encode, expected.kpi), values(before.owned["kpi"]))


@pytest.mark.parametrize("name", FORMATS)
def test_every_interval_is_told_once_and_as_in_a_replay(name: str) -> None:
    before, after, expected = (
        values(upgraded(name).before.owned["kpi.intervals"]),
        values(upgraded(name).kafka.owned["kpi.intervals"]),
        map(msgspec.json.encode, upgraded(name).expected.intervals),
    )
    same(after, expected, before)


def alerts(told: Iterable[Event], kind: str, known: Iterable[str] | None = None) -> Counter[str]:
    """How often each was told, by what is `known` of it: all, if nothing is said."""
    return Counter(
        repr([(name, each.get(name)) for name in sorted(known or each)]) for each in told if each["kind"] == kind
    )


def published(kafka: Logs) -> list[Event]:
    return [msgspec.json.decode(record.value or b"") for record in kafka.alerts]


@pytest.mark.parametrize("name", FORMATS)
def test_every_sla_alert_is_told_once_and_as_in_a_replay(name: str) -> None:
    done = upgraded(name)
    known = {field for each in published(done.before) if each["kind"] == "sla" for field in each}
    assert alerts(published(done.kafka), "sla", known) == alerts(done.expected.alerts, "sla", known)


@pytest.mark.parametrize("name", FORMATS)
def test_threshold_alerts_go_on(name: str) -> None:
    """As in the replay, but for the second by which a roll-up may see a value later; only the last word of a rule on a
    scope is told once more, as it was: it may not have been delivered.
    """
    done = upgraded(name)
    assert list(of_rules(done.kafka.alerts, done.expected.alerts)) == []
    before, told = ([each for each in published(kafka) if each["kind"] == "threshold"] for kafka in done[:2])
    after = told[len(before) :]
    again = [each for each in after if each in before]
    assert episodes(told) == episodes(done.expected.alerts)
    last = {(each["rule"], each["scope"]): each for each in before}
    assert alerts(again, "threshold") <= alerts(last.values(), "threshold")


def episodes(told: Iterable[Event]) -> dict[tuple[str, str], list[str]]:
    """By rule and scope, what was told of it, repetitions left out."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for each in told:
        if each["kind"] == "threshold":
            found.setdefault((each["rule"], each["scope"]), {})[each["alert_id"]] = each["state"]
    return {of: [*states.values()] for of, states in found.items()}


@pytest.mark.parametrize("name", FORMATS)
def test_the_numbers_of_records_go_on_rising(name: str) -> None:
    done = upgraded(name)
    seqs = {record.key: record.value for log in done.before.owned["kpi"] for record in log.records}
    told = [each for each in done.kafka.history if each.topic == "kpi" and each.value is not None]
    assert told
    for each in told:
        assert number(each.value) > number(seqs.get(each.key))
        seqs[each.key] = each.value


def number(value: bytes | None) -> int:
    return int(msgspec.json.decode(value)["seq"]) if value else 0


@pytest.mark.parametrize("name", FORMATS)
def test_what_stood_in_the_middle_is_in_the_logs(name: str) -> None:
    """An alert not yet told, rules pending and firing, and work that was folded and not committed."""
    told = Told(name)
    kafka, expected = stopped(told)[0].kafka, upgraded(name).expected
    until = {each["alert_id"] for each in expected.alerts if each["kind"] == "sla" and each["at"] < told.stops_at}
    assert len(until - {each["alert_id"] for each in published(kafka)}) == 1
    standing = {rule: told[-1] for (rule, _), told in episodes(published(kafka)).items()}
    assert {*standing.values()} == {"pending", "firing"}
    assert any(log.end > done for log, done in zip(kafka.source, kafka.commits, strict=True))
    heads = [head_of(log) for log in kafka.changelog]
    assert max(head.clock for head in heads) == told.stops_at
    assert {head.mark for head in heads} == {-(-told.stops_at // QUARTER_MS) * QUARTER_MS}
    assert {head.stop_at for head in heads} == {None}
    assert [head.epoch for head in heads] == [
        max(each.offset for each in log.records if each.key == FENCE) for log in kafka.changelog
    ]


def head_of(log: Log) -> Head:
    """Where a partition of the changelog stands."""
    found = Replay(lambda _key, _value: None)
    found.apply(log.records)
    assert found.head is not None
    return found.head


@pytest.mark.parametrize("name", FORMATS)
def test_what_else_is_read_at_the_start(name: str) -> None:
    """Redis is given the past; workers know how far others have fed the events."""
    logs = written(Told(name))
    feeds = [each.value for log in logs.values() for each in log.records if (each.key or b"") == FEEDS]
    assert [frontier.decode(value or b"") for value in feeds] == [FED]
    for topic in ("alerts-0", "kpi.minutes-0", "kpi.intervals-0", "kpi.intervals-1"):
        values = [each.value for each in logs[topic].records if each.value is not None]
        assert values
        given = map(_alert_item, values) if topic == "alerts-0" else _series(topic.rpartition("-")[0], values)
        assert [each[-1] for each in given] == values


# -- every kind of record -----------------------------------------------------------------------------------


def test_today_s_logs_hold_every_kind_of_record() -> None:
    """All that the rest of the run, and workers that break, write today. What is missing here is new: it needs logs of
    a new format, of a run that writes it.
    """
    told = Told(FORMAT)
    held = kinds({name: log for name, log in written(told).items() if not name.startswith("events")})
    run = begin(told)
    for place, record in source(told):
        if record.timestamp > told.stops_at:
            run.arrive(place, record)
    seen = [kinds(run.kafka.all())]
    for seed in range(SEEDS):
        world = World(seed)
        world.run()
        seen.append(kinds(divided(world.kafka)))
    missing = {(topic, kind) for each in seen for topic, those in each.items() for kind in those - held[topic]}
    assert missing == set()


if __name__ == "__main__":
    write_missing(Told(FORMAT))
