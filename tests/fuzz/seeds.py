"""What fuzzing begins with: the golden files, and payloads like those of the providers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import yaml

from streams.engine.frontier import KEY
from tests.fuzz.payloads import MAILS, OWN, REAL
from tests.upgrade.files import read

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
_BUSINESS = (b'"subscription"', b'"cost"', b'"revenue"', b'"visit"', b'"conversion"')


def events() -> Iterator[bytes]:
    yield from _values("events")


def business() -> Iterator[bytes]:
    yield from (value for value in events() if any(each in value for each in _BUSINESS))


def payloads(source: str) -> Iterator[bytes]:
    """Of a channel, or of a chat platform."""
    yield from (json.dumps(body).encode() for channel, of, body in OWN + REAL if source in {channel, of})


def mails() -> Iterator[bytes]:
    yield from MAILS


def conversations() -> Iterator[bytes]:
    yield from (path.read_bytes() for path in sorted(GOLDEN.glob("changelog/*.bin")))
    yield from (line.partition(b"\n")[2] for line in records("_conversations", b"acme/"))


def records(topic: str, begins: bytes = b"") -> Iterator[bytes]:
    """Records of a topic whose keys begin so: key, line's end, value."""
    for path in sorted(GOLDEN.glob(f"logs/*/{topic}-*.tsv")):
        for record in read(path).records:
            if record.value is not None and (record.key or b"").startswith(begins):
                yield b"%b\n%b" % (record.key or b"", record.value)


def partials() -> Iterator[bytes]:
    yield from (line for line in records("_partials") if not line.startswith(KEY))


def feeds() -> Iterator[bytes]:
    yield from (line.partition(b"\n")[2] for line in records("_partials", KEY))


def kpis() -> Iterator[bytes]:
    yield from _values("kpi")


def settings() -> Iterator[bytes]:
    """Those of the demo and of every golden scenario."""
    yield b"calendars: &all {a: &a {tz: !!str UTC}, b: {<<: [*a, *a]}}\nnames: !!map {}\ndedup_max: !!int 1\n"
    yield (ROOT / "deploy" / "local" / "demo.yaml").read_bytes()
    yield from (yaml.safe_dump(each).encode() for each in _mappings())


def mappings() -> Iterator[bytes]:
    yield from (json.dumps(each, default=str).encode() for each in _mappings())


def _mappings() -> Iterator[object]:
    for path in sorted(GOLDEN.glob("scenarios/*.yaml")) + sorted(GOLDEN.glob("logs/*/run.yaml")):
        if found := yaml.safe_load(path.read_bytes()).get("settings"):
            yield found


def _values(topic: str) -> Iterator[bytes]:
    yield from (line.partition(b"\n")[2] for line in records(topic))
