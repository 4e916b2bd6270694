"""A format of golden logs: the run that they are of, how they are written, and how they are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zlib import crc32

import yaml

from streams.codecs import decode, key_of
from streams.engine import frontier
from streams.engine.local import Log
from streams.engine.ports import Record
from streams.events import MAX_AT
from tables.settings import Settings
from tests.unit.test_golden import event as event_of
from tests.unit.test_golden import instant
from tests.upgrade.files import read, write
from tests.upgrade.run import Run

FOLDER = Path(__file__).parents[1] / "golden" / "logs"
FORMAT = "v1"
FORMATS = sorted(path.parent.name for path in FOLDER.glob("*/run.yaml"))
FEEDS = frontier.KEY + b"raw.email-0"
FED = {"raw.email-0": instant("57:10:00"), "raw.chat-1": instant("57:10:30")}
AMOUNTS = {"amount", "mrr_before", "mrr_after", "capacity"}
INSTANTS = {"from": "period_start_at", "to": "period_end_at"}
SILENT_MS = 10_000
Event = dict[str, Any]


class Told:
    """A format's `run.yaml`."""

    def __init__(self, name: str) -> None:
        self.folder = FOLDER / name
        told = yaml.safe_load((self.folder / "run.yaml").read_text())
        self.settings = Settings.from_mapping(told["settings"])
        self.partitions: int = told["partitions"]
        self.new_worker_at = instant(told["new_worker_at"])
        self.stops_at = instant(told["stops_at"])
        self.timeline: list[str] = told["timeline"]


def event(number: int, line: str) -> Event:
    """An event of the timeline; a business event's amounts are numbers."""
    found = event_of(number, line)
    numbers = {name: int(found[name]) for name in AMOUNTS & found.keys()}
    periods = {INSTANTS[name]: instant(found.pop(name)) for name in INSTANTS.keys() & found.keys()}
    return found | numbers | periods


def source(told: Told) -> list[tuple[int, Record]]:
    """All events in order, each with its partition."""
    found = []
    for number, line in enumerate(told.timeline):
        value = json.dumps(event(number, line)).encode()
        read_back = decode(value, MAX_AT)
        key = key_of(read_back)
        found.append((crc32(key) % told.partitions, Record(key, value, 0, read_back.at)))
    return found


def begin(told: Told) -> Run:
    """A run of today's version up to where the worker stops."""
    events = source(told)
    run = Run(told.settings, told.partitions, events[0][1].timestamp)
    run.start()
    for place, record in events:
        if run.now < told.new_worker_at <= record.timestamp:
            run.start()
        if record.timestamp <= told.stops_at:
            run.arrive(place, record)
    run.go_on(told.stops_at - SILENT_MS)
    return run


def write_missing(told: Told) -> None:
    if (told.folder / "commits.json").exists():
        return
    run = begin(told)
    run.stop(told.stops_at)
    run.kafka.partials[0].add(FEEDS, frontier.encode(FED), run.now)
    run.clean()
    events = [Log() for _ in range(told.partitions)]
    for place, record in source(told):
        events[place].add(record.key, record.value, record.timestamp)
    logs = run.kafka.all() | {f"events-{place}": log for place, log in enumerate(events)}
    for name, log in logs.items():
        write(told.folder / f"{name}.tsv", log)
    (told.folder / "commits.json").write_text(json.dumps(run.kafka.commits) + "\n")


def written(told: Told) -> dict[str, Log]:
    """The logs by topic and partition: `kpi-0`."""
    return {path.stem: read(path) for path in told.folder.glob("*.tsv")}


def stopped(told: Told) -> tuple[Run, list[tuple[int, Record]]]:
    """All as it was when the worker stopped, and the events that come afterwards."""
    run = Run(told.settings, told.partitions, told.stops_at)
    logs = written(told)
    run.kafka.take_over(logs)
    run.kafka.commits = json.loads((told.folder / "commits.json").read_text())
    later = []
    for place in range(told.partitions):
        for record in logs[f"events-{place}"].records:
            if record.timestamp <= told.stops_at:
                run.kafka.source[place].add(record.key, record.value, record.timestamp)
            else:
                later.append((place, record))
    return run, sorted(later, key=lambda each: each[1].timestamp)
