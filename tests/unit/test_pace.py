"""Turns become longer before a worker falls behind, one step at a time, and shorter again."""

import pytest

from streams.engine.pace import EARLY_S, LATE_S, STEPS, Pace


def periods(pace: Pace, late_s: float, turns: int) -> list[float]:
    """The different periods, in order, while every turn begins so late."""
    found = [pace.period_s]
    for _ in range(turns):
        pace.woke(late_s)
        if pace.period_s != found[-1]:
            found.append(pace.period_s)
    return found


def test_who_has_time_keeps_the_usual_pace() -> None:
    assert periods(Pace(0.2), EARLY_S / 2, 1_000) == [0.2]


def test_who_is_always_late_takes_each_step_and_no_more() -> None:
    pace = Pace(0.2)
    assert periods(pace, 0.2, 1_000) == pytest.approx([0.2 * step for step in STEPS])
    assert pace.period_s * 3 == pytest.approx(1.0)
    assert periods(pace, 0.0, 1_000) == pytest.approx([0.2 * step for step in reversed(STEPS)])


def test_a_step_is_given_time_to_help() -> None:
    pace = Pace(0.2)
    periods(pace, 0.2, 20)
    assert pace.period_s == pytest.approx(0.2 * STEPS[1])
    assert periods(pace, 0.2, 19) == [pace.period_s]


def test_between_late_and_early_nothing_changes() -> None:
    pace = Pace(0.2)
    periods(pace, 0.2, 20)
    kept = pace.period_s
    periods(pace, (LATE_S + EARLY_S) / 2, 5)
    assert periods(pace, (LATE_S + EARLY_S) / 2, 1_000)[-1] in {kept, 0.2 * STEPS[2]}


def test_one_hitch_is_no_load() -> None:
    pace = Pace(0.2)
    periods(pace, 0.001, 100)
    assert periods(pace, 0.4, 1) == [0.2]
    assert periods(pace, 0.001, 100) == [0.2]
