"""Minutes of agents until their day is written down, more than a day after its end: nothing may forget them before."""

import json

import pytest

from streams.engine.ports import Output, Record
from tables import partials
from tables.rollup import Rollup
from tests.timeline import T0, Event, customer, ev, reply, status
from tests.unit.test_snapshots import FIRST_S, SETTINGS, START, Line

HOUR_S = 3_600


def presence(at_s: float, state: str) -> Event:
    return ev(at_s, "presence", agent_id="ana", state=state)


def occupancy(line: Line) -> tuple[int, int]:
    """Minutes occupied and online of the last 30 days, as a new roll-up has them that reads a compacted log."""
    rollup = Rollup(0, 1, SETTINGS)
    rollup.recovered(0)
    compacted = {each.key: each for each in line.partials}
    rollup.apply([Record(each.key, each.value, 0, 0) for each in compacted.values()], line.clock)
    out: list[Output] = []
    rollup.publish_all(line.clock, line.clock, out)
    (found,) = (json.loads(each.value or b"") for each in out if each.key == b"acme/tenant/30d")
    metrics = found["metrics"]
    return metrics["occupancy_ratio"] * metrics["occupancy_online"], metrics["occupancy_online"]


@pytest.mark.parametrize("hours", [1, 27, 36, 48])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_new_roll_up_knows_them(hours: int, *, restarted: bool) -> None:
    line = Line()
    for each in (
        presence(0, "online"),
        customer(0),
        ev(60, "assigned", agent_id="ana"),
        status(30 * 60, "resolved"),
        presence(HOUR_S - 60, "offline"),
    ):
        line.take(each)
        line.tell()
    line.advance(T0 + hours * HOUR_S * 1000)
    if restarted:
        line.restart()
    line.tell()
    # Later work of the same agent tells of him anew.
    line.take(presence(hours * HOUR_S, "online"))
    line.take(customer(hours * HOUR_S))
    line.take(presence(hours * HOUR_S, "offline"))
    line.tell()
    occupied, online = occupancy(line)
    assert online == pytest.approx(59, abs=1)
    assert occupied == pytest.approx(30, abs=1)


def test_what_is_told_of_an_agent_does_not_overtake_what_was_told_before() -> None:
    """One chunk spans two days: what is told on the way goes by the outbox, and later than a view."""
    line = Line()
    events = [presence(0, "online"), presence(HOUR_S, "offline"), presence(80 * HOUR_S, "busy")]
    records = [Record(None, json.dumps(each).encode(), place, each["at"]) for place, each in enumerate(events)]
    effects = line.shard.fold(records, T0, event_time=True)
    assert any(b"|oana" in (each.key or b"") for each in effects.snapshots)
    now = events[-1]["at"]
    early = line.shard.views(now, 0, final=False, settled=T0)
    assert not any(b"|oana" in (each.key or b"") for each in early)
    assert told(early) == 0  # intervals must not close without what is still in the outbox
    later = line.shard.views(now + 1_000, 0, final=False, settled=now)
    assert any(b"|oana" in (each.key or b"") for each in later)
    assert told(later) == now


def told(views: list[Output]) -> int:
    (beat,) = (partials.decode_beat(each.value or b"") for each in views if (each.key or b"").endswith(b"|clock"))
    return beat.told


def test_who_is_of_a_team_is_known_to_an_interval_that_closes_days_later() -> None:
    """As after an outage: the clock goes on by days at once, behind an interval that is still open."""
    line, rollup, out = Line(), Rollup(0, 1, SETTINGS), list[Output]()
    rollup.recovered(0)

    def follow() -> None:
        line.tell()
        told, line.partials = line.partials, []
        rollup.apply([Record(each.key, each.value, 0, 0) for each in told], line.clock)
        out.extend(rollup.due(line.clock))

    for each in (
        presence(FIRST_S, "online"),
        ev(FIRST_S + 60, "handoff", team="vip"),
        ev(FIRST_S + 60, "assigned", agent_id="ana"),
        status(FIRST_S + 600, "resolved"),
        reply(FIRST_S + 3 * HOUR_S + 60),
    ):
        line.take(each)
        follow()
    line.advance(START + 120 * HOUR_S * 1000)
    for _ in range(2):
        follow()
    records = [json.loads(each.value or b"") for each in out if each.topic == "kpi.intervals"]
    found = {
        (each["window_start_at"] - START) // 60_000: each["metrics"]["occupancy_online"]
        for each in records
        if each["scope"] == "team:vip"
    }
    assert found == {0: 15, 180: 15}
