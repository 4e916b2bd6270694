"""What a quarter-hour's sum must follow, and what becomes of panes that are past."""

from heapq import heappush

import pytest

from tables import corrections
from tables.days import QUARTER
from tables.facts import MESSAGES_IN, Fact
from tables.foot import Foot
from tables.gauges import OLDEST_WAITING
from tables.panes import CORRECTED, Panes
from tables.presence import Presences
from tables.scope_panes import Scope
from tables.staff import Staff
from tables.tally import ACTIVE_LAST

DAY = 1_440
DIMS = ("chat", None, None, "normal", ())


def test_a_minute_that_changes_again_before_it_was_told_is_summed_up_anew() -> None:
    panes, foot = Panes(Staff(Presences(), 0)), Foot(b"acme/c1")
    panes.book(foot, "acme", [Fact(MESSAGES_IN, 3, DIMS)])
    panes.seal(15)  # the minute is still dirty: nobody has been told of it
    panes.book(foot, "acme", [Fact(MESSAGES_IN, 40, DIMS)])  # the newest touch moves out of minute 3
    panes.seal(30)
    scope = panes.scopes["acme", "tenant"]
    assert ACTIVE_LAST not in scope.sealed[0]
    assert scope.sealed[0][MESSAGES_IN] == 1


def tell(panes: Panes) -> set[str]:
    """As whoever tells does: nothing is left to be told. Gives the names of the scopes that had something."""
    told = set()
    for dirty in panes.dirty:
        while dirty:
            scope = dirty.pop()
            told.add(scope.name)
            scope.dirty.clear()
            scope.dirty_quarters.clear()
            scope.dirty_corrections.clear()
            scope.open, scope.restless = -1, False
    return told


def message(minute: int) -> Fact:
    return Fact(MESSAGES_IN, minute, DIMS)


@pytest.mark.parametrize("told_every", [15, 120])
def test_what_no_window_holds_is_let_go_of(told_every: int) -> None:
    """A message every seven minutes for two days; minutes are kept for 90, quarter-hours for a day."""
    panes, foot = Panes(Staff(Presences(), 0)), Foot(b"acme/c1")
    for minute in range(0, 2 * DAY, 7):
        if minute // told_every != (minute - 7) // told_every:
            now = minute - minute % QUARTER
            panes.seal(now - QUARTER)
            tell(panes)
            panes.discard(now - 90, now - DAY)
        panes.book(foot, "acme", [message(minute)])
    for scope in panes.scopes.values():
        assert min(scope.minutes) == -(-panes.oldest // 7) * 7
        assert min(scope.sealed) == panes.oldest_sealed
        assert {q: tally[MESSAGES_IN] for q, tally in scope.sealed.items()} == {
            q: sum(minute % 7 == 0 for minute in range(q, q + QUARTER)) for q in scope.sealed
        }
        assert scope.corrections == {}
    tell(panes)
    panes.discard(3 * DAY, 3 * DAY)
    assert [scope.name for scope in panes.scopes.values() if scope.minutes or scope.sealed] == []
    assert panes._holding == set()
    panes.seal(3 * DAY)
    assert panes._loose == set()


def test_what_is_always_active_is_let_go_of_too() -> None:
    """A message every minute for eight hours; each quarter-hour is summed up just before old ones are let go of."""
    panes, foot = Panes(Staff(Presences(), 0)), Foot(b"acme/c1")
    for minute in range(8 * 60):
        panes.book(foot, "acme", [message(minute)])
        if minute % QUARTER == 0:
            panes.seal(minute - QUARTER)
            panes.discard(minute - 90, minute - 180)
        tell(panes)
    for scope in panes.scopes.values():
        assert len(scope.minutes) <= 90 + QUARTER
        assert len(scope.sealed) <= 180 // QUARTER
        assert {tally[MESSAGES_IN] for tally in scope.sealed.values()} == {QUARTER}


def test_what_dims_stand_for_is_not_remembered_for_ever() -> None:
    """Free-text topics make as many dims as there are conversations."""
    panes, foot = Panes(Staff(Presences(), 0)), Foot(b"acme/c1")
    for each in range(100):
        panes.book(foot, "acme", [Fact(MESSAGES_IN, 3, (*DIMS[:4], (f"t{each}",)))])
    tell(panes)
    panes.discard(2, 0)
    assert panes._by_dims == {}
    panes.book(foot, "acme", [Fact(MESSAGES_IN, 4, DIMS)])
    assert [panes.scopes["acme", "tenant"].minutes[minute].get(ACTIVE_LAST) for minute in (3, 4)] == [None, 1]


def test_what_nobody_was_told_of_is_not_let_go_of() -> None:
    panes = Panes(Staff(Presences(), 0))
    panes.book(Foot(b"acme/c1"), "acme", [message(3)])
    panes.seal(QUARTER)
    panes.discard(2 * DAY, 2 * DAY)
    assert {name for _, name in panes.scopes} == {"tenant", "channel:chat", "priority:normal"}
    for scope in panes.scopes.values():
        assert scope.quarter(0)[MESSAGES_IN] == 1
    assert tell(panes) == {"tenant", "channel:chat", "priority:normal"}


def test_what_comes_later_than_all_panes_is_a_correction_of_the_scopes_kept_by_day() -> None:
    panes, foot = Panes(Staff(Presences(), 0)), Foot(b"acme/c1")
    panes.book(foot, "acme", [message(3)])
    tell(panes)
    panes.move_on(DAY)
    panes.move_on(QUARTER)  # never back
    panes.rebook(foot, "acme", [message(3)], [message(3), message(20), message(DAY + 1)])
    held = {
        scope.name: {quarter: tally[MESSAGES_IN] for quarter, tally in scope.corrections.items() if quarter}
        for scope in panes.scopes.values()
    }
    assert held == {"tenant": {15: 1}, "channel:chat": {15: 1}, "priority:normal": {}}
    assert tell(panes) == {"tenant", "channel:chat", "priority:normal"}
    written = dict(corrections.changed(panes))
    assert corrections.changed(panes) == []
    assert b"=c|acme|tenant|15" in written

    panes.seal(DAY + QUARTER)
    tell(panes)
    panes.discard(2 * DAY, 2 * DAY)
    again = Panes(Staff(Presences(), 0))
    for key, value in written.items():
        corrections.restore(again, key, value)
        corrections.restore(again, key, None)
    restored = {scope.name: scope.corrections for scope in again.scopes.values()}
    assert restored == {scope.name: scope.corrections for scope in panes.scopes.values() if scope.corrections}
    assert all(scope.dirty_corrections == set(scope.corrections) for scope in again.scopes.values())
    assert tell(again) == {"tenant", "channel:chat"}

    panes.discard(0, 15 + CORRECTED)
    corrections.changed(panes)
    assert {name for (_, name), scope in panes.scopes.items() if 15 in scope.corrections} == {"tenant", "channel:chat"}
    panes.discard(0, 15 + CORRECTED + 1)
    gone = [(b"=c|acme|channel:chat|15", None), (b"=c|acme|tenant|15", None)]
    assert sorted(corrections.changed(panes)) == gone
    assert [scope.name for scope in panes.scopes.values() if scope.corrections] == []
    assert panes._holding == set()


def test_the_oldest_wait_is_found_among_many_that_have_ended() -> None:
    scope = Scope("acme", "tenant")
    for number in range(1_000):
        key = b"%d" % number
        scope.waiting[key] = number + 1
        heappush(scope.heap, (number + 1, key))
        if number % 10:
            del scope.waiting[key]
        scope.waiting[b"0"] = number + 1  # it waits anew, and is behind all others
        heappush(scope.heap, (number + 1, b"0"))
        assert scope.oldest_waiting() == (11 if number >= 10 else number + 1)
        assert len(scope.heap) <= 2 * len(scope.waiting) + 64
    assert scope.gauges_now() == {OLDEST_WAITING: 11}
    scope.waiting.clear()
    assert scope.oldest_waiting() == 0
    assert scope.gauges_now() == {}
