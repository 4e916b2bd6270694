"""Presence events of agents: their order, what is kept of them, and what is told."""

from __future__ import annotations

import pytest

from streams.events import Presence
from tables import presence
from tables.bits import decode_told
from tables.history import WORK_KEPT
from tables.presence import KEPT_MS, LATE_MS, MOST_BYTES, REORDERABLE, RETAIN_MS, SWEEP_MS, Folded, Presences
from tests.oracle.presence import agents_online, online

MINUTE = 60_000
BEGIN = 29_917_440
"""A minute, in which days begin in UTC."""
NOON = (BEGIN + 720) * MINUTE
RECORDED = bytes.fromhex(
    "94012bce01c87b609493cf000001a1f11a6000a3652d300393cf000001a1f1514e80a3652d310293cf000001a1f1883d00a3652d3201"
    "93cf000001a1f1883d00a3652d3300"
)
"""The first version: at midnight online, at one busy, at two away and offline; offsets 40 to 43."""


class Desk:
    """The agents of one partition, told of one event after the other."""

    def __init__(self) -> None:
        self.presences = Presences()
        self.offset = 0

    def event(self, at: int, state: str, event_id: str = "", *, agent: str = "ana", now: int = NOON) -> Folded:
        self.offset += 1
        fields = {"tenant": "acme", "agent_id": agent, "at": at, "state": state}
        event = Presence(v=1, event_id=event_id or f"e{self.offset:05d}", **fields)  # type: ignore[arg-type]
        return self.presences.fold(event, self.offset, now)

    def minutes(self) -> list[int]:
        """The minutes in which ana was online, as told now, after noon less a day."""
        told = {agent: decode_told(payload).minutes() for _, agent, payload in self.presences.tell_all()}
        day = range(BEGIN - 720, BEGIN + 725)
        return [minute - BEGIN - 720 for minute in day if told["ana"].count(minute, minute)]


def at(minute: int, ms: int = 0) -> int:
    """An instant, in minutes from noon."""
    return NOON + minute * MINUTE + ms


# -- order ---------------------------------------------------------------------------------------------


def test_online_and_busy_are_online_away_and_offline_are_not() -> None:
    desk = Desk()
    steps = [desk.event(at(minute), state).step for minute, state in enumerate(["online", "busy", "away", "offline"])]
    assert steps == [1, 0, -1, 0]
    assert desk.minutes() == [0, 1]
    assert not desk.presences.online("acme", "ana")


def test_a_stretch_touches_every_minute_that_it_shares_an_instant_with() -> None:
    desk = Desk()
    desk.event(at(-9, 59_999), "online")
    desk.event(at(-7), "offline")
    desk.event(at(-5), "online")
    desk.event(at(-5), "offline")
    desk.event(at(-3), "online")
    desk.event(at(-3, 1), "offline")
    assert desk.minutes() == [-9, -8, -3]


def test_what_goes_on_has_no_end() -> None:
    desk = Desk()
    desk.event(at(2), "online")
    assert desk.minutes() == [2, 3, 4]
    assert desk.presences.online("acme", "ana")
    assert desk.presences.everybody() == [(("acme", "ana"), True)]
    assert not desk.presences.online("other", "ana")


def test_events_of_one_instant_are_in_order_of_their_ids() -> None:
    for ids in (("a", "b"), ("b", "a")):
        desk = Desk()
        for event_id in ids:
            desk.event(at(0), "online" if event_id == "a" else "offline", event_id)
        assert desk.minutes() == []


def test_an_event_that_comes_behind_newer_ones_takes_its_place() -> None:
    desk = Desk()
    desk.event(at(-30), "online")
    desk.event(at(-3), "offline")
    assert desk.event(at(-20), "away").outcome == "folded"
    assert desk.event(at(-10), "busy").step == 0
    assert desk.minutes() == [*range(-30, -20), *range(-10, -3)]


def test_an_event_twice_changes_nothing() -> None:
    desk = Desk()
    desk.event(at(-3), "online", "x")
    assert desk.event(at(-2), "offline", "x").outcome == "duplicate"
    assert desk.presences.online("acme", "ana")


def test_a_record_read_again_changes_nothing() -> None:
    desk = Desk()
    desk.event(at(-3), "online")
    desk.event(at(-2), "offline")
    desk.offset = 0
    again = desk.event(at(-1), "online", "other")
    assert (again.outcome, again.step) == ("replayed", 0)


def test_an_event_more_than_26_hours_before_the_newest_is_too_late() -> None:
    desk = Desk()
    desk.event(at(0), "offline")
    assert desk.event(at(0) - LATE_MS, "online").outcome == "folded"
    assert desk.event(at(0) - LATE_MS - 1, "online").outcome == "late"


# -- the changelog ---------------------------------------------------------------------------------------


def test_a_new_owner_goes_on_where_the_one_before_ended() -> None:
    desk = Desk()
    desk.event(at(-30), "online")
    last = desk.event(at(-20), "offline", agent="b/1")
    again = Desk()
    again.presences.restore(last.key, last.value)
    key, value = desk.event(at(-9), "busy")[1:3]
    assert key == b"=a|acme/ana"
    again.presences.restore(key, value)
    again.offset = desk.offset - 1
    assert again.event(at(-5), "offline").outcome == "replayed"
    assert again.event(at(-5), "offline").outcome == "folded"
    assert again.minutes() == list(range(-30, -5))
    again.presences.restore(key, None)
    assert not again.presences.online("acme", "ana")
    assert [agent for _, agent, _ in again.presences.tell_all()] == ["b/1"]


def test_recorded_bytes_decode_for_ever() -> None:
    desk = Desk()
    desk.presences.restore(b"=a|acme/ana", RECORDED)
    assert desk.minutes() == list(range(-720, -600))
    desk.offset = 42
    assert desk.event(at(-600), "online").outcome == "replayed"
    assert desk.event(at(-600), "online", "e-2").outcome == "duplicate"
    assert desk.event(at(-600), "online", "e-4").step == 1


# -- what is told ----------------------------------------------------------------------------------------


def test_only_what_has_changed_is_told() -> None:
    desk = Desk()
    desk.event(at(-30), "online")
    desk.event(at(-30), "offline", agent="budi")
    assert [(tenant, agent) for tenant, agent, _ in desk.presences.tell()] == [("acme", "ana")]
    desk.event(at(-20), "busy")
    desk.event(at(-20), "away", "a")  # before the event of its instant that stands
    assert desk.presences.tell() == []
    desk.event(at(-10), "away")
    assert [(tenant, agent) for tenant, agent, _ in desk.presences.tell()] == [("acme", "ana")]
    assert desk.presences.tell() == []


def test_a_late_event_that_changes_the_past_is_told() -> None:
    desk = Desk()
    desk.event(at(-30), "online")
    desk.event(at(-20), "offline")
    desk.presences.tell()
    desk.event(at(-25), "away")
    assert len(desk.presences.tell()) == 1
    assert desk.minutes() == list(range(-30, -25))


# -- bounds ----------------------------------------------------------------------------------------------


def test_what_no_window_holds_is_dropped_once_it_was_told() -> None:
    desk = Desk()
    old = at(0) - KEPT_MS
    desk.event(old - 2, "online", now=old)
    desk.event(old - 1, "offline", now=old)
    assert b"e00001" in desk.event(at(0), "online").value
    desk.presences.tell()
    value = desk.event(at(1), "offline").value
    assert b"e00001" not in value
    assert b"e00002" in value  # it says what was until noon


def test_of_a_stretch_dropped_nothing_is_said() -> None:
    """What was told of its last minute before must not be taken back by what is kept."""
    desk = Desk()
    old = at(-WORK_KEPT) - MINUTE
    desk.event(old - 90_000, "online", now=old)
    desk.event(old - 30_000, "offline", now=old)
    desk.presences.tell()
    desk.event(at(0), "online")
    ((_, _, payload),) = desk.presences.tell()
    told = decode_told(payload)
    assert told.first == old // MINUTE
    assert told.minutes().count(0, told.first - 1) == 0


def test_of_minutes_that_no_window_holds_nothing_is_said_of_a_new_agent() -> None:
    desk = Desk()
    desk.event(at(0) - KEPT_MS - 5 * MINUTE, "online")
    desk.event(at(0), "offline")
    ((_, _, payload),) = desk.presences.tell()
    told = decode_told(payload)
    assert told.first == NOON // MINUTE - WORK_KEPT
    assert told.minutes().count(0, NOON // MINUTE) == WORK_KEPT


def test_signs_of_life_are_let_go_of() -> None:
    desk = Desk()
    value = b""
    for each in range(2_000):
        value = desk.event(at(-300, each * 9_000), "online", now=at(0)).value
    assert len(value) < REORDERABLE * 20
    desk.event(at(1), "offline")
    assert desk.minutes() == list(range(-300, 1))


def test_an_agent_who_comes_and_goes_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "MOST_EVENTS", 400)
    desk = Desk()
    values = [desk.event(at(-600, each * 5_000), "offline" if each % 24 else "online").value for each in range(600)]
    assert values[-1].count(b"e0") == REORDERABLE + 30  # of the 344 older ones those that change something
    assert desk.event(at(-600, -1), "online").outcome == "folded"
    values = [desk.event(at(0, each * 5), "offline" if each % 2 else "online").value for each in range(600)]
    assert values[-1].count(b"e0") == 400
    assert desk.event(at(0), "online", "a").outcome == "late"
    assert desk.event(at(0, 1_500), "online").outcome == "folded"


def test_a_record_fits_the_changelog_whatever_the_ids() -> None:
    desk = Desk()
    sizes = [
        len(desk.event(at(-60, each), "offline" if each % 2 else "online", f"{each:0512d}").value)
        for each in range(1_500)
    ]
    assert MOST_BYTES // 3 < max(sizes) <= MOST_BYTES


@pytest.mark.parametrize("state", ["online", "offline"])
def test_an_agent_long_gone_is_forgotten(state: str) -> None:
    desk = Desk()
    desk.event(at(0), "online", now=at(0))
    desk.event(at(1), state, now=at(1))
    assert desk.presences.advance(at(1) + RETAIN_MS + 1) == []  # not told yet
    desk.presences.tell()
    assert desk.presences.advance(at(1) + RETAIN_MS + 2) == []  # looked for not long ago
    gone = desk.presences.advance(at(1) + RETAIN_MS + SWEEP_MS + 1)
    assert gone == ([b"=a|acme/ana"] if state == "offline" else [])
    assert len(desk.presences.tell_all()) == (state == "online")


def test_seconds_taken_for_milliseconds_cost_little() -> None:
    desk = Desk()
    desk.event(at(0) // 1000, "online", now=at(0) // 1000)
    desk.event(at(0), "offline")
    ((_, _, payload),) = desk.presences.tell_all()
    assert len(payload) < 20_000
    assert desk.minutes() == list(range(-1440, 0))


# -- the oracle ------------------------------------------------------------------------------------------


def test_the_oracle_reads_events_as_they_are_written() -> None:
    events = [
        {"agent_id": "ana", "event_id": "2", "at": 300, "state": "away"},
        {"agent_id": "ana", "event_id": "1", "at": 100, "state": "busy"},
        {"agent_id": "ana", "event_id": "1", "at": 900, "state": "online"},
        {"agent_id": "budi", "event_id": "1", "at": 100, "state": "online"},
    ]
    assert [(each.start, each.end) for each in online(events)["ana"]] == [(100, 300)]
    assert agents_online(events) == {"budi"}
    assert agents_online([events[3] | {"at": 100 + LATE_MS}, events[3] | {"event_id": "2", "at": 99}]) == {"budi"}
