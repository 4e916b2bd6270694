"""Conversations at rest: they take little memory, and nobody can tell that they slept."""

import json
from typing import Any

import pytest

from streams.engine.ports import Effects, Record
from tables import history
from tables.replay import replay
from tables.settings import Settings
from tables.shard import Shard
from tests.kafka.house import event
from tests.scenarios import scenario

T = 1_750_000_000_000
DAY = 86_400_000


class Desk:
    """A shard, and events by their minute after T."""

    def __init__(self, **config: Any) -> None:
        self.shard = Shard(0, 1, Settings.from_mapping(config), lambda: T + 100 * DAY, "events")
        self.shard.recovered(0)
        self.offset = 0

    def event(self, minute: float, kind: str, conversation: str = "c", **more: Any) -> None:
        at = round(T + minute * 60_000)
        value = json.dumps(event(kind, conversation, at, **more)).encode()
        self.shard.advance(at)
        self.shard.fold([Record(None, value, self.offset, at)], at, event_time=True)
        self.offset += 1

    def clock(self, minute: float) -> Effects:
        """The clock goes on, and what has changed is told of."""
        now = round(T + minute * 60_000)
        effects = self.shard.advance(now)
        self.shard.views(now, 0, final=False, turn=self.offset)
        return effects

    @property
    def awake(self) -> set[bytes]:
        return {key for key, _ in self.shard.histories.awake}


def test_who_is_resolved_rests_after_an_hour_and_wakes_with_the_next_event() -> None:
    desk = Desk()
    for name in ("a", "b"):
        desk.event(0, "customer", name)
        desk.event(1, "reply", name)
    desk.event(2, "resolved", "a")
    desk.clock(61)
    assert desk.awake == {b"acme/a", b"acme/b"}
    desk.clock(80)
    assert desk.awake == {b"acme/b"}  # who is open never does
    assert set(desk.shard.histories) == {b"acme/a", b"acme/b"}
    assert [each.conversation_id for each in desk.shard.standing()] == []
    desk.event(90, "customer", "a")
    assert desk.awake == {b"acme/a", b"acme/b"}
    assert desk.shard.histories[b"acme/a"].c.state.cycles == 2


def test_a_conversation_is_forgotten_at_rest() -> None:
    desk = Desk()
    desk.event(0, "customer")
    desk.event(1, "resolved")
    desk.clock(24 * 60)
    assert desk.awake == set()
    effects = desk.clock(8 * 24 * 60)
    assert (b"acme/c", None) in effects.changelog
    assert len(desk.shard.histories) == 0


def test_a_duplicate_is_known_at_rest() -> None:
    desk = Desk()
    for _ in range(2):
        desk.event(0, "customer", event_id="m1")
        desk.event(1, "resolved", event_id="m2")
        desk.clock(24 * 60)
    assert desk.shard.counts["duplicate"] == 2


@pytest.mark.parametrize("seed", range(12))
def test_nobody_can_tell(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    config, events, until = scenario(seed)
    monkeypatch.setattr(history, "REST_MS", 1 << 60)
    expected = replay(events, config, until)
    monkeypatch.setattr(history, "REST_MS", 0)
    assert replay(events, config, until) == expected
