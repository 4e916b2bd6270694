"""Gauges at quarter-hours: what an owner tells of them, and what is left of it when owners change and logs shrink."""

import json

from streams.engine.ports import Effects, Output, Record
from tables import partials
from tables.days import QUARTER_MS
from tables.rollup import Rollup
from tables.settings import Settings
from tables.shard import Shard
from tables.teller import MOST_TURNS, RESENT_TURNS
from tests.timeline import T0, Event, customer, ev, status

START = T0 // QUARTER_MS * QUARTER_MS + QUARTER_MS
QUARTER_S = QUARTER_MS // 1000
FIRST_S = (START - T0) // 1000
"""The first whole quarter-hour, in seconds after T0."""
SETTINGS = Settings.from_mapping({})


class Line:
    """One partition, its changelog and its log of partials."""

    def __init__(self) -> None:
        self.changelog: dict[bytes, bytes | None] = {}
        self.partials: list[Output] = []
        self.mark = 0
        self.clock = 0
        self.offset = 0
        self.epoch = -1
        self.restart()

    def restart(self) -> None:
        """A new owner, who knows what is written."""
        self.epoch += 1
        self.shard = Shard(0, 1, SETTINGS, lambda: START + 10**9, "events")
        for key, value in self.changelog.items():
            self.shard.restore(key, value)
        self.shard.recovered(self.epoch, self.clock, self.mark)

    def take(self, event: Event) -> None:
        self.clock = max(self.clock, event["at"])
        record = Record(None, json.dumps(event).encode(), self.offset, event["at"])
        self.offset += 1
        self._keep(self.shard.fold([record], self.clock, event_time=True))

    def advance(self, now: int) -> None:
        self.clock = now
        self._keep(self.shard.advance(now))

    def _keep(self, effects: Effects) -> None:
        self.changelog.update(effects.changelog)
        self.partials += effects.snapshots
        self.mark = self.shard.mark

    def tell(self) -> None:
        self.partials += self.shard.views(self.clock, 0, final=False)

    def intervals(self) -> dict[int, dict[str, float]]:
        """The tenant's, by quarter-hours since the start, as a new roll-up closes them that reads a compacted log."""
        compacted = {each.key: each for each in self.partials}
        rollup = Rollup(0, 1, SETTINGS)
        rollup.recovered(0)
        rollup.apply([Record(each.key, each.value, 0, 0) for each in compacted.values()], self.clock)
        out: list[Output] = []
        rollup.publish_all(self.clock, self.clock, out)
        rollup.close(self.clock, out)
        found = [json.loads(each.value or b"") for each in out if each.topic == "kpi.intervals"]
        return {
            (each["window_start_at"] - START) // QUARTER_MS: each["metrics"]
            for each in found
            if each["scope"] == "tenant"
        }


def test_each_quarter_hour_outlives_compaction() -> None:
    line = Line()
    line.take(customer(FIRST_S + 1))
    line.advance(START + QUARTER_MS + 1)
    line.take(status(FIRST_S + QUARTER_S + 1, "pending"))
    line.advance(START + 2 * QUARTER_MS + 1)
    line.take(status(FIRST_S + 2 * QUARTER_S + 1, "open"))
    line.advance(START + 6 * QUARTER_MS)
    line.tell()
    pending = {quarter: metrics["backlog_pending"] for quarter, metrics in line.intervals().items()}
    assert (pending[0], pending[1], pending[2]) == (0, 1, 0)


def test_what_an_owner_did_not_live_to_tell_is_told_by_the_next() -> None:
    line = Line()
    line.take(customer(FIRST_S + 1))
    line.take(ev(FIRST_S + 1, "presence", agent_id="ana", state="online"))
    line.advance(START + QUARTER_MS + 1)
    line.tell()
    line.take(status(FIRST_S + QUARTER_S + 1, "resolved"))
    line.take(ev(FIRST_S + QUARTER_S + 1, "presence", agent_id="ana", state="offline"))
    line.restart()
    line.advance(START + 2 * QUARTER_MS + 1)  # and dies without a beat
    line.restart()
    line.advance(START + 6 * QUARTER_MS)
    line.tell()
    found = line.intervals()
    assert [(found[each]["backlog_open"], found[each]["agents_online"]) for each in (0, 1)] == [(1, 1), (0, 0)]


def beats(told: list[Output]) -> list[bool]:
    return [partials.decode_beat(each.value or b"").complete for each in told if (each.key or b"").endswith(b"|clock")]


def test_a_new_owner_has_not_told_all_while_some_of_it_waits_in_the_outbox() -> None:
    line = Line()
    line.take(customer(FIRST_S + 1))
    line.restart()
    line.advance(START + 6 * QUARTER_MS)  # so far that everything is told by way of the outbox
    assert beats(line.shard.views(line.clock, 0, final=False, settled=START)) == [False]
    line.clock += 1_000
    assert beats(line.shard.views(line.clock, 0, final=False, settled=line.clock)) == [True]


def test_a_sample_behind_the_clock_that_a_former_owner_had_reached_is_still_told() -> None:
    line = Line()
    line.take(customer(FIRST_S + 300))
    line.clock = START + 1_000  # the last that is written down of it
    line.restart()
    told = [each.key for each in line.shard.views(line.clock, 0, final=False)]
    assert b"0|acme|tenant|m%d" % ((START + 300_000) // 60_000) in told


def test_what_stands_for_long_is_told_again_after_half_a_day_of_turns_however_they_are_numbered() -> None:
    line = Line()
    line.take(customer(FIRST_S + 1))
    line.take(ev(FIRST_S + 1, "presence", agent_id="ana", state="online"))
    usual, slow = line.clock // 200, line.clock // 333

    def tells(turn: int) -> bool:
        keys = [each.key or b"" for each in line.shard.views(line.clock, 0, final=False, turn=turn)]
        return any(key.endswith(b"tenant|g") for key in keys) and any(key.endswith(b"|oana") for key in keys)

    assert tells(usual)
    assert not any(map(tells, (usual + 3, slow, slow + 3, usual + 6, slow + 6, usual + 9)))
    told = [tells(slow + step) for step in range(10, 500_000, 10_000)]
    assert 1 <= sum(told) <= 2


def test_gauges_that_do_not_change_outlive_the_log_that_told_them() -> None:
    line = Line()
    line.take(customer(FIRST_S + 1))
    line.advance(START + QUARTER_MS + 1)
    line.tell()
    line.partials.clear()  # so long ago that retention has forgotten it
    for turn in range(1, RESENT_TURNS + MOST_TURNS, MOST_TURNS):
        line.partials += line.shard.views(line.clock, 0, final=False, turn=turn)
    line.take(customer(FIRST_S + QUARTER_S + 2))  # a sample in a quarter-hour whose gauges stay what they were
    line.advance(START + 4 * QUARTER_MS)
    line.tell()
    backlog = {quarter: metrics["backlog_open"] for quarter, metrics in line.intervals().items()}
    assert backlog == {0: 1, 1: 1}  # what is only told again makes no record
