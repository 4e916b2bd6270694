"""Windows kept up to date are windows counted anew."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tables import subjects
from tables.days import QUARTER, Today
from tables.facts import MESSAGES_IN, ONE_TOUCH_BACK_LATE, OPENED
from tables.sketch import bucket
from tables.stamped import maxima
from tables.tally import (
    ACTIVE_LAST,
    ACTIVE_MINUTE,
    ACTIVE_QUARTER,
    BUCKETS,
    COUNT,
    DURATIONS,
    MAX,
    SUM,
    Tally,
    add_up,
    code,
)
from tables.window import Window
from tables.windows import ROLLING, ScopeWindows

DAY = 1_000 * QUARTER
"""The minute at which the day begins."""
TODAY = Today(DAY, DAY, DAY)


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    tally: Tally = {}
    for each in draw(st.lists(st.sampled_from([1, 2, 3, ACTIVE_LAST]), unique=True)):
        tally[each] = draw(st.integers(1, 9))
    for kind in draw(st.lists(st.sampled_from(DURATIONS), unique=True)):
        values = draw(st.lists(st.integers(0, 1_000_000), min_size=1, max_size=4))
        tally |= {code(kind, COUNT): len(values), code(kind, SUM): sum(values), code(kind, MAX): max(values)}
        for value in values:
            each = kind << BUCKETS | bucket(value)
            tally[each] = tally.get(each, 0) + 1
    return tally


minutes = st.integers(DAY - 40, DAY + 100)
puts = st.tuples(minutes, st.integers(0, 2), tallies())
rolls = st.integers(0, 40)
scripts = st.lists(st.one_of(puts, rolls), max_size=40)


def held(window: Window) -> tuple[Any, ...]:
    sketches = {kind: buckets for kind, buckets in window.sketches.items() if buckets}
    largest = {each: value for each, value in window.largest.items() if value}
    return window.counts, sketches, largest


@given(tallies(), tallies())
def test_add_and_take_back_are_inverse(one: Tally, other: Tally) -> None:
    window, alone = Window(), Window()
    window.add(one, 1)
    alone.add(one, 1)
    window.add(other, 1)
    window.add(other, -1)
    assert held(window) == held(alone)
    window.add(one, -1)
    assert held(window) == held(Window())


@given(st.lists(tallies(), max_size=6), st.randoms())
def test_adding_up_is_associative_and_commutative(parts: list[Tally], rng: Any) -> None:
    total: Tally = {}
    for part in parts:
        add_up(total, part)
    shuffled = list(parts)
    rng.shuffle(shuffled)
    while len(shuffled) > 1:  # any two neighbours first
        place = rng.randrange(len(shuffled) - 1)
        both: Tally = {}
        add_up(both, shuffled[place])
        add_up(both, shuffled[place + 1])
        shuffled[place : place + 2] = [both]
    assert total == (shuffled[0] if shuffled else {})


@given(scripts)
def test_kept_up_to_date_is_counted_anew(script: list[Any]) -> None:
    """Panes of three partitions come in any order, older ones after the windows have gone on, some a second time."""
    windows, now, panes = ScopeWindows(), DAY, {}
    windows.roll(now, TODAY, DAY)
    for seq, step in enumerate(script):
        if isinstance(step, int):
            now += step
            windows.roll(now, TODAY, DAY)
            windows.look_up_largest()
        else:
            minute, partition, tally = step
            if minute > now - 60:  # what is older stays as it is in the minute panes; see the quarter-hours
                panes[minute, partition] = tally
                windows.put_minute(minute, partition, 0, seq, tally)
    windows.bring_in()
    windows.look_up_largest()
    for name, length in {**ROLLING, "today": now - DAY + 1}.items():
        total: Tally = {}
        for (minute, _), tally in panes.items():
            if now - length < minute <= now:
                add_up(total, tally)
        fresh = Window()
        fresh.add(total, 1)
        fresh.set_largest([maxima(total)])
        assert held(windows.today if name == "today" else windows.rolling[name]) == held(fresh), name


@given(scripts, st.randoms())
def test_quarter_hours_stand_for_their_minutes(script: list[Any], rng: Any) -> None:
    windows, now, panes = ScopeWindows(), DAY, {}
    windows.roll(now, TODAY, DAY)
    for seq, step in enumerate(script):
        if isinstance(step, int):
            now += step
            windows.roll(now, TODAY, DAY)
        else:
            minute, _, tally = step
            if DAY <= minute <= now and minute > now - 60:
                panes[minute] = tally
                windows.put_minute(minute, 0, 0, 2 * seq, tally)
                quarter = minute - minute % QUARTER
                if quarter + QUARTER <= now - QUARTER and rng.random() < 0.7:
                    total: Tally = {}
                    for each in range(quarter, quarter + QUARTER):
                        add_up(total, panes.get(each, {}))
                    windows.put_quarter(quarter, 0, 0, 2 * seq + 1, total)
    for quarter in {minute - minute % QUARTER for minute in panes}:  # in the end all that is sealed is told
        if any(key[0] == quarter for key in windows.sealed):
            total = {}
            for each in range(quarter, quarter + QUARTER):
                add_up(total, panes.get(each, {}))
            windows.put_quarter(quarter, 0, 0, 10_000, total)
    day: Tally = {}
    for tally in panes.values():
        add_up(day, tally)
    fresh = Window()
    fresh.add(day, 1)
    windows.bring_in()
    assert held(windows.today)[:2] == held(fresh)[:2]
    windows.bring_in()
    windows.look_up_largest()
    assert windows.today.largest == maxima(day)


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 2), tallies()), max_size=20), st.sets(st.integers(0, 2)))
def test_one_minute_and_one_quarter_hour_are_what_was_told_of_them(told: list[Any], sealing: set[int]) -> None:
    """Some partitions have told the sum of the first quarter-hour, in which one message more has come."""
    windows, panes = ScopeWindows(), {}
    windows.roll(DAY + 29, TODAY, DAY)
    for seq, (ago, partition, tally) in enumerate(told):
        panes[DAY + ago, partition] = tally
        windows.put_minute(DAY + ago, partition, 0, seq, tally)

    def is_counted(window: Window, wanted: list[Tally], touch: int) -> None:
        total: Tally = {}
        for tally in wanted:
            add_up(total, tally)
        total.pop(ONE_TOUCH_BACK_LATE, None)
        fresh = Window(touch)
        fresh.add(total, 1)
        fresh.set_largest([maxima(total)])
        assert held(window) == held(fresh)
        assert window.touched(ACTIVE_LAST, 0) == total.get(touch, 0)

    for minute in range(DAY - 1, DAY + 30):
        here = [tally for (each, _), tally in panes.items() if each == minute]
        is_counted(windows.one_minute(minute), here, ACTIVE_MINUTE)
    first = [tally for (minute, partition), tally in panes.items() if minute < DAY + 15 and partition not in sealing]
    for partition in sealing:
        total: Tally = {MESSAGES_IN: 1, ACTIVE_QUARTER: 1, ONE_TOUCH_BACK_LATE: 1}
        for (minute, each), tally in panes.items():
            if minute < DAY + 15 and each == partition:
                add_up(total, tally)
        first.append(total)
        windows.put_quarter(DAY, partition, 0, 1, total)
    is_counted(windows.one_quarter(DAY), first, ACTIVE_QUARTER)
    second = [tally for (minute, _), tally in panes.items() if minute >= DAY + 15]
    is_counted(windows.one_quarter(DAY + 15), second, ACTIVE_QUARTER)


# -- owners come and go -----------------------------------------------------------------------------------

Place = tuple[int, int]
"""A minute, or the first one of a quarter-hour, and a source partition."""
Said = dict[Place, tuple[int, int, Tally]]
"""With epoch and number."""
tellings = st.tuples(st.sampled_from([b"m", b"m", b"q"]), st.integers(0, 59), st.integers(0, 1), tallies())
orders = st.tuples(st.just(b"forget"), st.integers(-20, 59), st.integers(0, 1), st.integers(0, 3))
epochs = st.tuples(st.just(b"epoch"), st.integers(0, 3))


def standing(said: Said) -> dict[Place, Tally]:
    return {place: tally for place, (_, _, tally) in said.items()}


@given(st.lists(st.one_of(tellings, tellings, orders, epochs, st.integers(0, 9)), max_size=40))
def test_what_a_former_owner_said_is_forgotten_where_the_next_one_knows_better(script: list[Any]) -> None:
    """Minutes and quarter-hours of two partitions, told by owners of several epochs, in any order."""
    windows, now, epoch, minutes, quarters = ScopeWindows(), DAY + 70, 0, Said(), Said()
    windows.roll(now, TODAY, DAY)
    for seq, step in enumerate(script, start=1):
        match step:
            case int():
                now += step
                windows.roll(now, TODAY, DAY)
            case (b"epoch", later):
                epoch = later
            case (b"forget", ago, partition, before):
                gone = [
                    (said, place)
                    for said in (minutes, quarters)
                    for place, (owner, _, _) in said.items()
                    if place[0] >= now - ago and place[1] == partition and owner < before
                ]
                assert windows.forget(partition, before, now - ago) == bool(gone)
                for said, place in gone:
                    if said is minutes:
                        said[place] = (before, 0, {})
                    else:
                        del said[place]
            case (kind, ago, partition, tally):
                said, minute = (minutes, now - ago) if kind == b"m" else (quarters, now - ago - (now - ago) % QUARTER)
                known = said.get((minute, partition), (-1, 0, {}))
                newer = known[:2] < (epoch, seq)
                assert windows.put(kind, minute, partition, epoch, seq, tally) == newer
                if newer:
                    said[minute, partition] = (epoch, seq, tally)
                key = kind + b"%d" % minute
                assert windows.held(key.decode(), partition) == said[minute, partition]
                assert windows.stamp(key, partition) == said[minute, partition][:2]
    windows.bring_in()
    windows.look_up_largest()
    by_quarter = standing(quarters)
    uncovered = {(m, p): t for (m, p), t in standing(minutes).items() if (m - m % QUARTER, p) not in by_quarter}
    for name, window in windows.named.items():
        told = uncovered | by_quarter if name == "today" else standing(minutes)
        total: Tally = {}
        for (minute, _), tally in told.items():
            if minute > now - ROLLING.get(name, now - DAY + 1):
                add_up(total, tally)
        fresh = Window()
        fresh.add(total, 1)
        fresh.set_largest([maxima(total)])
        assert held(window) == held(fresh), name


def test_gauges_of_a_former_owner_are_forgotten() -> None:
    windows = ScopeWindows()
    assert windows.stamp(b"g", 3) is None
    assert windows.put_gauges(3, 5, 1, {1: 2})
    assert not windows.put_gauges(3, 4, 9, {1: 7})
    assert not windows.put_gauges(3, 5, 1, {1: 7})
    assert windows.stamp(b"g", 3) == (5, 1)
    assert windows.held("g", 3) == (5, 1, {1: 2})
    assert not windows.forget(3, 5, 0)
    assert not windows.forget(2, 6, 0)
    assert windows.forget(3, 6, 0)
    assert windows.gauges == {}


def test_a_pane_that_says_the_same_again_moves_nothing() -> None:
    windows, tally = ScopeWindows(), {1: 2, code(DURATIONS[0], MAX): 5}
    windows.roll(DAY, TODAY, DAY)
    windows.put_minute(DAY, 0, 1, 1, tally)
    windows.bring_in()
    windows.look_up_largest()
    for window in windows.named.values():
        assert window.moved
        window.moved = 0
    assert windows.put_minute(DAY, 0, 1, 2, dict(tally))
    windows.put_minute(DAY, 0, 1, 3, {**tally, OPENED: 1})
    windows.bring_in()
    windows.look_up_largest()
    assert {window.moved for window in windows.named.values()} == {subjects.OPENINGS}
    assert windows.stamp(b"m%d" % DAY, 0) == (1, 3)
