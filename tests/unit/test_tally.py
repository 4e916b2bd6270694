"""Tallies: what adds up, what is taken back, and the maximum, which knows only so much of what was there."""

from tables.facts import FRT, MESSAGES_IN, NRT
from tables.tally import COUNT, MAX, SUM, Tally, add_duration, add_up, code, keep_largest, shift

LARGEST = code(FRT, MAX)


def booked(*values: int) -> Tally:
    pane: Tally = {}
    for value in values:
        add_duration(pane, FRT, 1, value)
        keep_largest(pane, FRT, value, 1)
    return pane


def taken_back(pane: Tally, value: int) -> int | None:
    add_duration(pane, FRT, -1, value)
    keep_largest(pane, FRT, value, -1)
    return pane.get(LARGEST)


def test_a_maximum_is_exact_until_it_is_taken_back() -> None:
    assert booked(61_003)[LARGEST] == 61_003
    assert booked(61_003, 7, 90_001, 4)[LARGEST] == 90_001
    assert taken_back(booked(61_003, 90_001), 61_003) == 90_001


def test_then_it_is_within_one_percent_of_the_greatest_that_is_left() -> None:
    left = taken_back(booked(61_003, 90_001, 5), 90_001)
    assert left is not None
    assert abs(left - 61_003) < 610
    assert isinstance(left, int)
    assert taken_back(booked(90_001), 90_001) is None


def test_durations_of_other_kinds_do_not_count() -> None:
    pane = booked(5)
    add_duration(pane, NRT, 1, 90_001)
    assert taken_back(pane, 5) is None
    assert pane[code(NRT, SUM)] == 90_001


def test_what_is_taken_back_is_as_if_it_had_never_been() -> None:
    pane = booked(61_003)
    assert (pane[code(FRT, COUNT)], pane[code(FRT, SUM)]) == (1, 61_003)
    taken_back(pane, 61_003)
    shift(pane, MESSAGES_IN, 2)
    shift(pane, MESSAGES_IN, -2)
    assert pane == {}


def test_counts_and_sums_add_up_and_of_maxima_the_greatest_stays() -> None:
    total: Tally = {}
    for pane in (booked(5), booked(9, 9), booked(7), {MESSAGES_IN: 3}):
        add_up(total, pane)
    assert (total[code(FRT, COUNT)], total[code(FRT, SUM)], total[LARGEST], total[MESSAGES_IN]) == (4, 30, 9, 3)
