"""Records of the changelog as they were once written must decode for ever, and go on as they did then.

`tests/golden/changelog/NAME.bin` is a record, `NAME.json` what it must mean. Records of a new format get a new FORMAT:
`python -m tests.unit.test_changelog_bytes` writes those that are missing and never touches one that is there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from streams.clock import wall_ms
from streams.codecs import decode as decode_event
from streams.events import Presence
from tables.history import History, decode
from tables.rules import Rules
from tables.settings import Settings
from tables.sla import Alert
from tables.state import step_of
from tests.unit.test_golden import FOLDER as SCENARIOS
from tests.unit.test_golden import event as event_of

FOLDER = Path(__file__).parents[1] / "golden" / "changelog"
FORMAT = "v1"
CHOSEN = ("handed_over_by_the_bot", "late_reply", "reopened", "sla_breached", "sla_level_once", "sla_retracted")
NEXT = 3_600_000
"""The clock goes on by so many ms after the record was read."""


def told(history: History) -> dict[str, Any]:
    """What a record means: the state, what it has booked, what it has sent, and what follows within the hour."""
    state, facts, sent = history.c.state, history.facts(), history.c.sent
    change = history.advance(state.at + NEXT)
    told = {"state": state, "facts": facts, "sent": sent, "then_booked": change.facts, "then_sent": change.alerts}
    shown = {name: msgspec.to_builtins(value) for name, value in told.items()}
    names = history.c.state.__struct_fields__
    shown["state"] = dict(zip(names, shown["state"], strict=False))
    del shown["state"]["runs"]  # what they mean shows in what follows
    loaded: dict[str, Any] = json.loads(json.dumps(shown))
    return loaded


def rules() -> Rules:
    policy = {"name": "all", "targets": {"first_response": 60, "next_response": 60, "resolution": 600}, "warn": [0.5]}
    return Rules(Settings.from_mapping({"lateness_s": 60, "sla_policies": [policy]}), "acme")


def write() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in CHOSEN:
        path = FOLDER / f"{FORMAT}-{name}.bin"
        if path.exists():
            continue
        history, clock = History.begin("c", rules()), 0
        for number, line in enumerate(yaml.safe_load((SCENARIOS / f"{name}.yaml").read_text())["timeline"]):
            event = decode_event(json.dumps(event_of(number, line)).encode(), wall_ms())
            assert not isinstance(event, Presence)
            clock = max(clock, event.at)
            history.advance(clock)
            history.remember(event.event_id, event.at, clock)
            history.take(step_of(event), clock)
        path.write_bytes(history.encode())
        meaning = told(decode(path.read_bytes(), "c", rules()))
        path.with_suffix(".json").write_text(json.dumps(meaning, indent=1, ensure_ascii=False) + "\n")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.bin")), ids=lambda path: path.stem)
def test_old_records_mean_what_they_meant(path: Path) -> None:
    got = told(decode(path.read_bytes(), "c", rules()))
    expected = json.loads(path.with_suffix(".json").read_text())
    state = expected.pop("state")
    assert got.pop("state").items() >= state.items()  # fields may be added, with what they are by default
    assert got == padded(expected)


def padded(expected: dict[str, Any]) -> dict[str, Any]:
    """With the reason that alerts have since: none, which is what an old one without it means."""
    alerts = [*expected["then_sent"], *(sent[0] for sent in expected["sent"]), *(sent[2] for sent in expected["sent"])]
    for alert in alerts:
        if alert is not None and len(alert) < len(Alert._fields):
            alert.append(None)
    return expected


def test_today_s_format_is_among_them() -> None:
    assert len(list(FOLDER.glob(f"{FORMAT}-*.bin"))) == len(CHOSEN)


if __name__ == "__main__":
    write()
