"""What is remembered of quarter-hours until their intervals close."""

import pytest

from tables.days import QUARTER_MS
from tables.gauges import BACKLOG_OPEN, OLDEST_WAITING
from tables.intervals import Mark, Past, Pending, add_up, decode_mark, encode_mark
from tables.partials import Snapshot
from tables.tally import Tally

Q = QUARTER_MS


def snapshot(at: int, number: int, *, epoch: int = 1, seq: int = 1, was: Tally | None = None) -> Snapshot:
    return Snapshot(epoch, seq, at, {BACKLOG_OPEN: number}, was)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_gauges_are_those_of_the_last_snapshot_until_then(order: tuple[int, ...]) -> None:
    past = Past()
    told = (snapshot(2 * Q, 5, was={BACKLOG_OPEN: 4}), snapshot(4 * Q, 6), snapshot(5 * Q, 7))
    for place in order:
        assert past.put(0, told[place])
    assert [past.at(n * Q) for n in range(7)] == [{BACKLOG_OPEN: each} for each in (4, 4, 5, 5, 6, 7, 7)]
    assert past.newest(0) == told[2]
    assert past.newest(1) is None


def test_of_one_instant_the_newest_counts() -> None:
    past = Past()
    for epoch, seq, number, newer in (
        (2, 5, 1, True),
        (2, 5, 2, False),
        (1, 9, 3, False),
        (2, 6, 4, True),
        (3, 1, 5, True),
    ):
        assert past.put(0, snapshot(Q, number, epoch=epoch, seq=seq)) == newer
    assert past.at(Q) == {BACKLOG_OPEN: 5}
    assert past.at(0) == {}
    assert past.put(0, snapshot(0, 8))
    assert (past.at(0), past.at(Q)) == ({BACKLOG_OPEN: 8}, {BACKLOG_OPEN: 5})


def test_partitions_add_up_and_the_oldest_wait_is_the_smallest() -> None:
    past = Past()
    for partition, tally in enumerate(
        ({1: 2, OLDEST_WAITING: 50}, {1: 3, OLDEST_WAITING: 40}, {2: 1, OLDEST_WAITING: 45})
    ):
        past.put(partition, Snapshot(1, 1, Q, tally, None))
    assert past.at(Q) == {1: 5, 2: 1, OLDEST_WAITING: 40}
    assert add_up([{1: 2}, {1: -2}]) == {}


def test_what_nobody_will_ask_for_is_forgotten_but_for_what_still_stands() -> None:
    past = Past()
    for n in (1, 2, 4):
        past.put(0, snapshot(n * Q, n))
        past.put(1, snapshot(n * Q, 10 * n))
    past.forget(2 * Q - 1)
    assert past.at(Q) == {BACKLOG_OPEN: 11}
    past.forget(2 * Q)
    assert past.at(Q) == {}
    past.forget(3 * Q)
    assert past.at(3 * Q) == {BACKLOG_OPEN: 22}
    past.forget(99 * Q)
    assert past.at(99 * Q) == {BACKLOG_OPEN: 44}


def test_intervals_close_in_order_once_the_clock_has_passed_them() -> None:
    pending = Pending()
    assert pending.take(Q) == []
    pending.stir(3 * Q, 100, "b")
    pending.stir(3 * Q, 100, "a")
    pending.stir(3 * Q, 100, "a")
    pending.stir(Q, 100, "z")
    pending.stir(2 * Q, 100 + Q, "y")  # of a tenant with another lateness: it closes with the one after it
    assert pending.take(2 * Q + 100) == []
    assert pending.take(2 * Q + 101) == [(Q, "z")]
    assert pending.watermark == 2 * Q + 101
    assert pending.take(2 * Q) == []
    assert pending.watermark == 2 * Q + 101
    pending.stir(Q, 100, "late")
    pending.stir(Q, 101, "just not")
    assert pending.take(4 * Q + 101) == [(Q, "just not"), (2 * Q, "y"), (3 * Q, "a"), (3 * Q, "b")]
    assert pending.take(99 * Q) == []


def test_what_was_stirred_before_the_watermark_was_known_is_not_told_again() -> None:
    """A new owner reads the marks after what they are about."""
    pending = Pending()
    pending.stir(Q, 0, "told")
    pending.stir(2 * Q, 0, "not told")
    pending.watermark = 3 * Q
    assert pending.take(4 * Q) == [(2 * Q, "not told")]


def test_a_mark_goes_on_as_its_bytes() -> None:
    assert decode_mark(encode_mark(Mark(7, 9))) == Mark(7, 9)
