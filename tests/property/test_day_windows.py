"""Windows kept by day, in parts that are closed and parts that live, are windows counted anew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from tables import distinct
from tables.day_windows import DAY_WINDOWS, Day, DayWindows, Worked, decode, encode
from tables.days import QUARTER, day_end, today
from tables.distinct import Distinct
from tables.facts import MINUTE
from tables.stamped import maxima
from tables.tally import ACTIVE_MARKS, CUSTOMERS, HANDLED_MARKS, TOPICS, Tally, add_up, mark
from tables.window import Window
from tables.windows import ScopeWindows
from tests.property.test_windows import held, tallies

ZONE = ZoneInfo("Europe/Berlin")
SETTLED = 26 * 60
unhurried = settings(deadline=None)  # a busy machine is no bug
CLASSES = (CUSTOMERS, ACTIVE_MARKS, HANDLED_MARKS, TOPICS)
Where = tuple[int, int]
"""A minute, or the first one of a quarter-hour, and a source partition."""


def minute_of(local: datetime) -> int:
    return int(local.timestamp()) // 60


START = minute_of(datetime(2024, 2, 27, 12, tzinfo=ZONE))  # the month and, on 31 March, the clocks change soon


def first_minutes(now: int) -> tuple[dict[str, int], dict[str, tuple[int, int]]]:
    """Where the windows begin, and from where to where those before them last."""
    local = datetime.fromtimestamp(now * 60, ZONE).date()
    month = local.replace(day=1)
    before = (month - timedelta(days=1)).replace(day=1)
    same_days = min(before + timedelta(days=local.day), month)
    days = [month, local - timedelta(days=29), before, same_days, local - timedelta(days=59)]
    mtd, last_30d, start, end, start_30d = (minute_of(datetime(d.year, d.month, d.day, tzinfo=ZONE)) for d in days)
    return {"mtd": mtd, "30d": last_30d}, {"mtd": (start, end), "30d": (start_30d, last_30d)}


@st.composite
def marked(draw: st.DrawFn) -> Tally:
    tally = draw(tallies())
    for class_ in draw(st.lists(st.sampled_from(CLASSES), unique=True)):
        tally[mark(class_, draw(st.integers(0, 5)))] = draw(st.integers(1, 3))
    return tally


passing = st.sampled_from([1, 14, 15, 61, 600, 1_440, 3_000, 9_000, 30_000])
panes = st.tuples(st.just("pane"), st.integers(0, 2_000), st.integers(0, 1), marked())
corrections = st.tuples(st.just("correction"), st.integers(1_500, 90_000), st.integers(0, 1), marked())
restarts = st.tuples(st.just("restart"))
scripts = st.lists(st.one_of(passing, passing, panes, panes, corrections, restarts), max_size=30)


class Desk:
    """The windows of one scope, all that was told of it, and what was written down of closed days."""

    def __init__(self) -> None:
        self.windows = ScopeWindows(by_day=True, topics=True)
        self.now = START
        self.seq = 0
        self.panes: dict[Where, Tally] = {}
        self.corrections: dict[Where, Tally] = {}
        self.days: dict[int, bytes] = {}
        self.pass_by(0)

    @property
    def by_day(self) -> DayWindows:
        found = self.windows.by_day
        assert found is not None
        return found

    def pass_by(self, minutes: int) -> None:
        self.now += minutes
        self.windows.roll(self.now, today(self.now * MINUTE, ZONE), self.now)
        for day in self.windows.close_days(self.now - SETTLED, ZONE):
            assert day.start not in self.days, "a day is closed once"
            assert day.end <= self.now - SETTLED
            assert day.end == day_end(day.start * MINUTE, ZONE) // MINUTE
            self.days[day.start] = encode(day)
        for start in self.windows.expired_days():
            del self.days[start]

    def put(self, kind: str, ago: int, partition: int, tally: Tally) -> None:
        self.seq += 1
        minute = self.now - ago
        if kind == "pane" and minute >= self.by_day.closed_before:
            self.panes[minute, partition] = tally
            assert self.windows.put(b"m", minute, partition, 0, self.seq, tally)
        elif kind == "correction":
            quarter = minute - minute % QUARTER
            self.corrections[quarter, partition] = tally
            assert self.windows.put(b"c", quarter, partition, 0, self.seq, tally)
            assert not self.windows.put(b"c", quarter, partition, 0, self.seq, {1: 99})
            assert self.windows.held(f"c{quarter}", partition) == (0, self.seq, tally)
            assert self.windows.stamp(b"c%d" % quarter, partition) == (0, self.seq)
            assert self.windows.stamp(b"c%d" % quarter, 7) is None

    def restart(self) -> None:
        """From what was written down, and from what is told anew."""
        self.windows = ScopeWindows(by_day=True, topics=True)
        for value in self.days.values():
            self.by_day.put(decode(value))
        for (minute, partition), tally in self.panes.items():
            if minute >= self.by_day.closed_before:
                self.windows.put(b"m", minute, partition, 0, self.seq, tally)
        for (quarter, partition), tally in self.corrections.items():
            self.windows.put(b"c", quarter, partition, 0, self.seq, tally)
        self.pass_by(0)

    def play(self, script: list[Any]) -> None:
        for step in script:
            match step:
                case int():
                    self.pass_by(step)
                case ("restart",):
                    self.restart()
                case (kind, ago, partition, tally):
                    self.put(kind, ago, partition, tally)

    def told(self) -> Iterator[tuple[int, Tally]]:
        for told in (self.panes, self.corrections):
            for (minute, _), tally in told.items():
                yield minute, tally


def sum_of(desk: Desk, start: int, end: int) -> Tally:
    total: Tally = {}
    for minute, tally in desk.told():
        if start <= minute < end:
            add_up(total, tally)
    return total


def ids(window: Window) -> dict[int, dict[int, int]]:
    return {class_: each.counts for class_, each in window.distinct.items()}


@unhurried
@given(scripts)
def test_days_kept_up_to_date_are_counted_anew(script: list[Any]) -> None:
    """Panes are told while they are in no closed day, what comes later as corrections; workers come and go."""
    desk = Desk()
    desk.play(script)
    starts, _ = first_minutes(desk.now)
    desk.windows.bring_in()
    desk.windows.look_up_largest()
    for name in DAY_WINDOWS:
        total = sum_of(desk, starts[name], desk.now + 1)
        fresh = Window(None)
        fresh.add(total, 1)
        fresh.set_largest([maxima(total)])
        window = desk.windows.named[name]
        assert desk.windows.start(name) == starts[name]
        assert held(window) == held(fresh), name
        assert ids(window) == ids(fresh), name


@unhurried
@given(scripts)
def test_topics_of_the_windows_before_are_known_from_midnight_on(script: list[Any]) -> None:
    desk = Desk()
    desk.play(script)
    desk.pass_by(1_440)
    _, before = first_minutes(desk.now)
    counted = desk.by_day.topics_before
    assert counted is not None
    for name, (start, end) in before.items():
        fresh = Window(None)
        fresh.add(sum_of(desk, start, end), 1)
        assert counted[name] == fresh.distinct[TOPICS].counts, name


@unhurried
@given(st.lists(st.integers(0, 4_000), min_size=1, max_size=40), st.integers(0, 3))
def test_very_many_ids_of_a_day_are_kept_as_the_sample_that_all_of_them_have(marks: list[int], more: int) -> None:
    with patch.object(distinct, "LIMIT", 4):
        desk = Desk()
        for class_ in (CUSTOMERS, TOPICS):
            for place, each in enumerate(marks):
                desk.put("pane", 200 + place, class_ % 2, {mark(class_, each): 1, 1: 1})
        desk.pass_by(3 * 1_440)
        for each in range(more):
            desk.put("pane", each, 0, {mark(CUSTOMERS, each): 1})
        desk.restart()
        total = sum_of(desk, START - 30 * 1_440, desk.now + 1)
        window = desk.windows.named["30d"]
        for class_ in CLASSES:
            union = Distinct()
            for each in total:
                if each >> distinct.BITS == class_:
                    union.add(each & ((1 << distinct.BITS) - 1), total[each])
            assert (window.distinct[class_].level, window.distinct[class_].counts) == (union.level, union.counts)
        assert window.counts == {1: 2 * len(marks)}
        for day in map(decode, desk.days.values()):
            assert day.levels.keys() <= {CUSTOMERS, TOPICS}
            for class_ in CLASSES:
                assert sum(each >> distinct.BITS == class_ for each in day.tally) <= 4


@unhurried
@given(st.lists(st.integers(1, 4_000), max_size=12), st.integers(0, 3_000))
def test_agent_minutes_of_past_days_are_counted_until_they_are_settled(steps: list[int], lag: int) -> None:
    def count(first: int, last: int) -> Worked:
        return sum(1 for minute in range(first, last + 1) if minute % 7 == 0), last - first + 1

    desk = Desk()
    fixed: dict[int, Worked] = {}
    for step in (0, *steps):
        desk.pass_by(step)
        day = desk.windows.day.today
        present = count(day, desk.now)
        for start, worked in desk.by_day.count_days(desk.now, desk.now - lag, present, ZONE, count):
            end = day_end(start * MINUTE, ZONE) // MINUTE
            assert start not in fixed
            assert end <= desk.now - lag
            assert worked == count(start, end - 1)
            fixed[start] = worked
        starts, _ = first_minutes(desk.now)
        for name in DAY_WINDOWS:
            assert desk.windows.named[name].occupancy == count(starts[name], desk.now)
        assert desk.by_day.worked.keys() <= fixed.keys()


def test_a_day_goes_on_as_its_bytes() -> None:
    day = Day(START, START + 1_440, {1: 2}, {CUSTOMERS: 3})
    assert decode(encode(day)) == day


def test_a_scope_that_is_not_kept_by_day_takes_no_correction() -> None:
    windows = ScopeWindows()
    assert not windows.put(b"c", START, 0, 1, 1, {1: 2})
    assert windows.held(f"c{START}", 0) is None
    assert windows.stamp(b"c%d" % START, 0) is None
    assert windows.close_days(START, ZONE) == []
    assert windows.expired_days() == []
