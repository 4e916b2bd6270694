"""Records of the changelog as they were once written must decode for ever, and go on as they did then.

`tests/golden/changelog/FORMAT-NAME.bin` is a record, the `.json` beside it what it must mean. What is written anew gets
a new FORMAT: `python -m tests.unit.test_changelog_bytes` writes the records that are missing and never touches one that
is there.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import yaml

from streams.clock import wall_ms
from streams.codecs import decode as decode_event
from streams.events import OfConversation
from tables import facts, state
from tables.history import History, decode
from tables.outbox import Sent
from tables.rules import Rules
from tables.settings import Settings
from tables.sla import Alert
from tables.state import State, Step, step_of
from tests.unit.test_golden import FOLDER as SCENARIOS
from tests.unit.test_golden import event as event_of

FOLDER = Path(__file__).parents[1] / "golden" / "changelog"
FORMAT = "v3"
HOUR = 3_600_000
Told = dict[str, Any]


class Format(NamedTuple):
    """What records of a format were made of."""

    settings: dict[str, Any]
    chosen: tuple[tuple[str, int | None], ...]
    """Golden scenarios, and after how many events of their first conversation; None: all of them."""
    next: int
    """The clock goes on by so many ms after the record was read."""
    after: tuple[str, ...] = ()
    """Then these events come, a minute apart."""


OFFICE = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
FORMATS = {
    "v1": Format(
        {
            "lateness_s": 60,
            "sla_policies": [
                {
                    "name": "all",
                    "targets": {"first_response": 60, "next_response": 60, "resolution": 600},
                    "warn": [0.5],
                }
            ],
        },
        (
            ("handed_over_by_the_bot", None),
            ("late_reply", None),
            ("reopened", None),
            ("sla_breached", None),
            ("sla_level_once", None),
            ("sla_retracted", None),
        ),
        HOUR,
    ),
    "v2": Format(
        {
            "lateness_s": 300,
            "calendars": {
                "office": {"tz": "UTC", "hours": OFFICE},
                "late": {"tz": "UTC", "hours": {"wed": [["08:00", "20:00"]], "thu": [["08:00", "20:00"]]}},
            },
            "sla_policies": [
                {
                    "name": "urgent",
                    "match": {"priority": "urgent"},
                    "calendar": "late",
                    "targets": {"resolution": 7200},
                    "warn": [0.5],
                },
                {
                    "name": "whatsapp",
                    "match": {"channel": "whatsapp"},
                    "targets": {"reply_window": 3600},
                    "warn": ["-10m"],
                },
                {
                    "name": "office",
                    "calendar": "office",
                    "targets": {"first_response": 900, "next_response": 900, "resolution": 7200},
                    "warn": [0.5, "-30m"],
                    "pause_on": {"first_response": ["pending"], "resolution": ["pending"]},
                },
            ],
        },
        (
            ("bot_containment", 2),
            ("bot_containment", None),
            ("business_time_over_closing", None),
            ("customers_handled", None),
            ("delivery_failed", None),
            ("handed_over_by_the_bot", None),
            ("handle_time", 5),
            ("handle_time", None),
            ("late_reply", None),
            ("one_touch_taken_back", 3),
            ("one_touch_taken_back", 4),
            ("reply_window_moved", 3),
            ("reply_window_moved", 5),
            ("sla_pause_over_a_weekend", 2),
            ("sla_pause_over_a_weekend", 3),
            ("sla_rechosen_calendar", 4),
            ("surveys", None),
            ("topics_at_the_booking_instant", None),
        ),
        48 * HOUR,
        ("note ana customer_id=k9", "reply ana", "resolved", "customer"),
    ),
}
FORMATS["v3"] = FORMATS["v2"]._replace(chosen=(*FORMATS["v2"].chosen, ("reply_window_of_a_bot_never_resumed", 3)))


def rules(format_: str) -> Rules:
    return Rules(Settings.from_mapping(FORMATS[format_].settings), "acme")


def named(format_: str) -> Iterator[tuple[str, str, int | None]]:
    """File name, scenario and number of events of each record of a format."""
    for name, count in FORMATS[format_].chosen:
        yield f"{format_}-{name}" + ("" if count is None else f"-{count}"), name, count


# -- what a record means ------------------------------------------------------------------------------------


def told(history: History, format_: str) -> Told:
    """What a record means: what it is made from and has booked; once the clock went on, its state and what it has sent
    by then; and what follows."""
    made = FORMATS[format_]
    c = history.c
    base = fields(msgspec.msgpack.decode(c.base, type=State) if c.base else State())
    tail = [fields(msgspec.msgpack.decode(raw, type=Step)) for raw in c.tail]
    stood, now = history.facts(), c.state.at + made.next
    change = history.advance(now)
    out = {"state": fields(c.state), "facts": stood, "sent": plain(c.sent)}
    out |= {"then_booked": change.facts, "then_sent": change.alerts}
    if made.after:
        out |= {"base": base, "tail": tail, "settled": c.settled} | after(history, now, made.after)
    return dict(plain(out))


def after(history: History, now: int, lines: tuple[str, ...]) -> Told:
    """What the events that come then book and send; more may be booked since."""
    booked, sent = [], []
    for number, line in enumerate(lines):
        at = now + 60_000 * number
        change = history.take(step_of(read(event_of(900 + number, f"00:00:00 {line}") | {"at": at})), at)
        assert not change.before
        booked += change.facts
        sent += change.alerts
    return {"after_booked": booked, "after_sent": sent}


def plain(value: Any) -> Any:
    return json.loads(json.dumps(msgspec.to_builtins(value)))


def fields(struct: State | Step) -> Told:
    """By name; what runs mean shows in what follows, and their fingerprint is made anew."""
    names = zip(struct.__struct_fields__, msgspec.to_builtins(struct), strict=False)
    return {name: value for name, value in names if name not in ("runs", "rules")}


# -- writing ------------------------------------------------------------------------------------------------


def timeline(name: str, count: int | None) -> list[OfConversation]:
    """The first events of the scenario's first conversation."""
    lines = yaml.safe_load((SCENARIOS / f"{name}.yaml").read_text())["timeline"]
    events = [event_of(number, line) for number, line in enumerate(lines)]
    own = [each for each in events if each["conversation_id"] == events[0]["conversation_id"]]
    return [read(each) for each in own[:count]]


def read(event: Told) -> OfConversation:
    found = decode_event(json.dumps(event).encode(), wall_ms())
    assert isinstance(found, OfConversation)
    return found


def write() -> None:
    FOLDER.mkdir(exist_ok=True)
    for file, name, count in named(FORMAT):
        path = FOLDER / f"{file}.bin"
        if path.exists():
            continue
        history, clock = History.begin("c", rules(FORMAT)), 0
        for each in timeline(name, count):
            clock = max(clock, each.at)
            history.advance(clock)
            history.remember(each.event_id, clock)
            history.take(step_of(each), clock)
        path.write_bytes(history.encode())
        meaning = told(decode(path.read_bytes(), "c", rules(FORMAT)), FORMAT)
        path.with_suffix(".json").write_text(json.dumps(meaning, indent=1, ensure_ascii=False) + "\n")


# -- the tests ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.bin")), ids=lambda path: path.stem)
def test_old_records_mean_what_they_meant(path: Path) -> None:
    format_ = path.stem.partition("-")[0]
    expected, got = (
        json.loads(path.with_suffix(".json").read_text()),
        told(decode(path.read_bytes(), "c", rules(format_)), format_),
    )
    assert got.keys() >= expected.keys()
    for name in ("state", "base"):  # fields may be added, with what they are by default
        assert got.pop(name, {}).items() >= expected.pop(name, {}).items()
    for mine, theirs in zip(got.pop("tail", []), expected.pop("tail", []), strict=True):
        assert mine.items() >= theirs.items()
    for name in ("after_booked", "after_sent"):  # more may be booked and told since
        assert not Counter(map(repr, padded(expected.pop(name, [])))) - Counter(map(repr, got.pop(name, [])))
    for name in ("then_sent", "sent"):
        expected[name] = padded(expected[name])
    assert {name: got[name] for name in expected} == expected


def padded(value: Any) -> Any:
    """With what alerts, and what was sent of a run, have since: nothing, which is what an old one without it means."""
    if not isinstance(value, list):
        return value
    alert = len(value) == len(Alert._fields) - 1 and isinstance(value[2], str)
    sent = len(value) == len(Sent.__struct_fields__) - 1 and isinstance(value[0], list) and isinstance(value[3], str)
    return [*map(padded, value), None] if alert or sent else [padded(each) for each in value]


def test_the_codes_in_records_mean_what_they_meant() -> None:
    names = (
        "SEEN MESSAGES_IN MESSAGES_OUT OPENED REOPENED RESOLVED SL_MET SL_MISSED SL_ABANDONED FRT NRT RESOLUTION HANDLE"
    )
    assert [getattr(facts, name) for name in names.split()] == [*range(13)]
    assert (facts.CALENDAR, facts.BUSINESS) == (4, 8)
    names = "CSAT NPS CES CUSTOMER OCCUPIED TOPIC"
    assert [getattr(facts, name) for name in names.split()] == [*range(21, 27)]
    names = "ONE_TOUCH ONE_TOUCH_BACK BOT_RESOLVED DELIVERY_FAILED ONE_TOUCH_BACK_LATE"
    assert [getattr(facts, name) for name in names.split()] == [*range(128, 133)]
    names = "CUSTOMER HUMAN BOT ASSIGNED HANDOFF STATUS PRIORITY TAGGED NOTHING CSAT NPS CES FAILED"
    assert [getattr(state, name) for name in names.split()] == [*range(13)]
    assert state.PHASES == {"open": 1, "pending": 2, "on_hold": 3, "resolved": 4}
    assert state.METRICS == ("first_response", "next_response", "resolution", "reply_window")


def test_today_s_format_is_among_them() -> None:
    assert {path.stem for path in FOLDER.glob(f"{FORMAT}-*.bin")} == {file for file, _, _ in named(FORMAT)}


def test_today_s_records_hold_every_field_and_every_kind_of_fact() -> None:
    means = [json.loads(path.read_text()) for path in FOLDER.glob(f"{FORMAT}-*.json")]
    filled = {name for each in means for name, value in each["state"].items() if value not in (0, "", None, False, [])}
    assert filled >= set(State.__struct_fields__) - {"runs", "rules"}
    steps = {name for each in means for step in each["tail"] for name, value in step.items() if value not in (0, None)}
    assert steps >= set(Step.__struct_fields__)
    beside = {"CALENDAR", "BUSINESS", "MINUTE", "QUARTER", "WIDTH"}
    kinds = {
        value for name, value in vars(facts).items() if name.isupper() and type(value) is int and name not in beside
    }
    kinds |= {facts.FRT + facts.CALENDAR, facts.FRT + facts.BUSINESS}
    assert {fact[0] for each in means for fact in each["facts"]} >= kinds


if __name__ == "__main__":
    write()
