"""Scenarios checked by hand, one rule of the contract each: `tests/golden/scenarios/*.yaml`.

A timeline has one event a line, in order of arrival: `HH:MM:SS[.mmm] what words… name=value…`, counted from the
beginning of 12 June 2024 (a Wednesday), UTC, so that 33:00:00 is on Thursday at nine; its conversation is `c`, its
channel `chat`, its tenant `acme` unless the line says otherwise (`in=`, `channel=`, `tenant=`), and its id the number
of its line (`id=`). `kpis` says what some metrics of a record must be; `alerts`, where given, are all alerts, in any
order, with as many of their fields as are written; `counts` are outcomes of records, `dlq` the number of dead letters,
`absent` scopes without records. `intervals` says of a scope which intervals it has records of, all of them, by their
start, and what some metrics of each must be.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tables.replay import Result, replay
from tests.comparison import close, differences

FOLDER = Path(__file__).parents[1] / "golden" / "scenarios"
DAY = datetime(2024, 6, 12, tzinfo=UTC)
Event = dict[str, Any]
Words = list[str]
Metrics = dict[str, float | None]
SCOPES = ("tenant", "channel:", "agent:", "team:", "priority:", "topic:")


def instant(text: str) -> int:
    """`10:00:00` or `10:00:00.001` on the day, in ms."""
    hours, minutes, seconds = text.split(":")
    return round((DAY + timedelta(hours=int(hours), minutes=int(minutes))).timestamp() * 1000) + round(
        float(seconds) * 1000
    )


def message(direction: str, author: str) -> Callable[[Words], Event]:
    def event(words: Words) -> Event:
        said: Event = {"type": "message", "direction": direction, "author": author}
        if author == "agent":
            said["agent_id"] = words.pop(0)
        return said | dict.fromkeys(words, True)

    return event


WHAT: dict[str, Callable[[Words], Event]] = {
    "customer": message("inbound", "customer"),
    "reply": message("outbound", "agent"),
    "note": lambda words: message("outbound", "agent")([*words, "private"]),
    "bot": message("outbound", "bot"),
    "system": message("outbound", "system"),
    "assigned": lambda _: {"type": "assigned"},
    "handoff": lambda words: {"type": "handoff"} | ({"team": words[0]} if words else {}),
    "status": lambda words: {"type": "status", "status": words[0]},
    "resolved": lambda _: {"type": "status", "status": "resolved"},
    "priority": lambda words: {"type": "priority", "priority": words[0]},
    "tag": lambda words: {"type": "tagged", "add": words, "remove": []},
    "untag": lambda words: {"type": "tagged", "add": [], "remove": words},
    "survey": lambda words: {"type": "survey", "survey": words[0], "score": int(words[1])},
}
FIELDS = {"in": "conversation_id", "id": "event_id", "agent": "agent_id"}


def event(number: int, line: str) -> Event:
    time, what, *rest = shlex.split(line)
    words = [word for word in rest if "=" not in word]
    given = dict(word.split("=") for word in rest if "=" in word)
    said = WHAT[what](words) if what in WHAT else {"type": what}
    common = {"v": 1, "tenant": "acme", "event_id": f"{number:03}", "at": instant(time)}
    common |= {"conversation_id": "c", "channel": "chat"}
    named = {FIELDS.get(name, name): None if value == "null" else value for name, value in given.items()}
    return common | said | named


def alert(line: str) -> Event:
    """`10:00:30 first_response imminent 1`, then pairs of words: `of` ID, `deadline` TIME, `late` SECONDS…"""
    time, metric, state, *words = line.split()
    level = int(words.pop(0)) if state == "imminent" else 0
    wanted: Event = {"at": instant(time), "metric": metric, "state": state, "level": level}
    for name, value in zip(words[::2], words[1::2], strict=True):
        match name:
            case "of":
                wanted["instance"] = value
            case "deadline":
                wanted["deadline_at"] = instant(value)
            case "late":
                wanted["late_s"] = float(value)
            case "started":
                wanted["started_at"] = instant(value)
            case "policy" | "reason" | "team" | "priority":
                wanted[name] = value
            case _:
                wanted[FIELDS[name]] = value
    return wanted


def check_alerts(lines: list[str], got: list[Event]) -> None:
    left = list(got)
    for line in lines:
        wanted = alert(line)
        found = [each for each in left if wanted.items() <= each.items()]
        assert found, f"no alert {line!r} in {left}"
        left.remove(found[0])
    assert left == []


def check_kpis(kpis: dict[str, Metrics], result: Result) -> None:
    records = {f"{r['tenant']}/{r['scope']} {r['window']}": r["metrics"] for r in result.kpi}
    for name, metrics in kpis.items():
        check_metrics(name, metrics, records.get(name) or records[f"acme/{name}"])


def check_metrics(name: str, metrics: Metrics, have: Metrics) -> None:
    for metric, value in metrics.items():
        ok = close(metric, value, have[metric]) or (value and abs((have[metric] or 0) - value) < 1e-9)
        assert ok, f"{name} {metric}: expected {value}, got {have[metric]}"


def check_intervals(intervals: dict[str, dict[str, Metrics]], got: list[Event]) -> None:
    for name, told in intervals.items():
        tenant, scope = ("acme", name) if name.startswith(SCOPES) else name.split("/", 1)
        theirs = {r["window_start_at"]: r["metrics"] for r in got if (r["tenant"], r["scope"]) == (tenant, scope)}
        assert theirs.keys() == {instant(f"{start}:00") for start in told}, name
        for start, metrics in told.items():
            check_metrics(f"{name} {start}", metrics, theirs[instant(f"{start}:00")])


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    told = yaml.safe_load(path.read_text())
    known = {"title", "rule", "settings", "timeline", "until", "kpis", "intervals", "alerts", "counts", "dlq", "absent"}
    assert told.keys() <= known
    assert told["title"]
    assert told["rule"]
    events = [event(number, line) for number, line in enumerate(told["timeline"], start=1)]
    settings, until = told.get("settings", {}), instant(told["until"])
    result = replay(events, settings, until)
    check_kpis(told.get("kpis", {}), result)
    check_intervals(told.get("intervals", {}), result.intervals)
    assert {each["v"] for each in result.alerts} <= {1}
    if "alerts" in told:
        check_alerts(told["alerts"], result.alerts)
    assert len(result.dlq) == told.get("dlq", 0)
    for outcome, number in told.get("counts", {}).items():
        assert result.counts[outcome] == number, outcome
    assert not {r["scope"] for r in result.kpi} & set(told.get("absent", []))
    assert differences(events, settings, until) == []  # and the oracle reads it the same way
