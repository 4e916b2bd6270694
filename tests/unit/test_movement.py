"""Who waits since when, and what is due when, as the lists in Redis have it."""

from __future__ import annotations

import json

import pytest

from streams.clock import wall_ms
from streams.codecs import decode
from streams.events import ConversationEvent
from tables.history import History
from tables.movement import Movement, movement
from tables.rules import Rules
from tables.settings import Settings
from tables.state import step_of
from tests.unit.test_golden import event, instant

KEY = b"acme/c/1"
SETTINGS = {
    "sla_policies": [
        {
            "name": "all",
            "targets": {"first_response": 60, "next_response": 90, "resolution": 600},
            "pause_on": {"resolution": ["pending"]},
        }
    ]
}


def after(*lines: str, at: str, settings: dict[str, object] | None = None) -> Movement:
    """What is said of a conversation after these events, at an instant."""
    rules = Rules(Settings.from_mapping(SETTINGS if settings is None else settings), "acme")
    history = History.begin("c/1", rules)
    for number, line in enumerate(lines):
        valid = decode(json.dumps(event(number, line)).encode(), wall_ms())
        assert isinstance(valid, ConversationEvent)
        history.take(step_of(valid), valid.at)
    history.advance(instant(at))
    return movement(KEY, history, instant(at))


def test_a_first_wait_and_a_cycle_are_due() -> None:
    assert after("10:00:00 customer", at="10:00:30") == Movement(
        "acme",
        "c/1",
        instant("10:00:00"),
        ("tenant", "channel:chat", "priority:normal"),
        {"first_response": instant("10:01:00"), "resolution": instant("10:10:00")},
        {"first_response": "all", "resolution": "all"},
    )


def test_what_is_breached_is_due_no_more_and_who_waits_still_waits() -> None:
    moved = after("10:00:00 customer", at="10:01:01")
    assert moved.waiting_since == instant("10:00:00")
    assert moved.deadlines == {"resolution": instant("10:10:00")}
    assert moved.policies == {"resolution": "all"}


def test_after_a_reply_nobody_waits() -> None:
    moved = after("10:00:00 customer", "10:00:10 reply ana", at="10:00:30")
    assert moved.waiting_since is None
    assert moved.scopes[2:4] == ("agent:ana", "agent:ana/channel:chat")
    assert moved.deadlines == {"resolution": instant("10:10:00")}


def test_a_deadline_that_stands_moves_with_the_clock() -> None:
    moved = after("10:00:00 customer", "10:05:00 status pending", at="10:30:00")
    assert moved.deadlines == {"resolution": instant("10:35:00")}


@pytest.mark.parametrize("lines", [["10:00:00 customer", "10:00:20 resolved"], ["10:00:00 note ana"]])
def test_outside_a_cycle_nothing_is_due(lines: list[str]) -> None:
    assert after(*lines, at="10:00:30") == Movement("acme", "c/1", None, (), {}, {})


def test_what_is_forgotten_or_has_no_policy_is_not_due() -> None:
    assert movement(KEY, None, 0) == Movement("acme", "c/1", None, (), {}, {})
    moved = after("10:00:00 customer", at="10:00:30", settings={})
    assert (moved.waiting_since, moved.deadlines, moved.policies) == (instant("10:00:00"), {}, {})
