"""Occupancy by example: what conversations occupy, and how windows count it."""

from __future__ import annotations

import pytest

from tables.bits import Bits, decode_told, encode_told
from tables.occupancy import Occupancy, Occupied, Online
from tables.presence import Presences
from tables.staff import Staff
from tables.state import Dims
from tests.oracle.presence import Stretch, occupancy

MINUTE = 60_000
T = 30_000_000
"""A minute; others are counted from it."""


def at(minute: int, ms: int = 0) -> int:
    return (T + minute) * MINUTE + ms


def minutes(occupied: Occupied) -> list[int]:
    told = decode_told(occupied.payload()).minutes()
    return [minute for minute in range(-20, 700) if told.count(T + minute, T + minute)]


def told(first: int, last: int | None, spoken_of: int = -1_000) -> bytes:
    """Minutes from `first` to `last`, or from `first` on."""
    if last is None:
        return encode_told(T + spoken_of, Bits(0, 0), T + first)
    return encode_told(T + spoken_of, Bits.of(T + first, T + last), -1)


# -- a source partition --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (at(0), at(1), [0]),
        (at(0), at(1, 1), [0, 1]),
        (at(0, 59_999), at(1), [0]),
        (at(0, 59_999), at(2), [0, 1]),
        (at(0, 30_000), at(0, 30_000), []),
        (at(1), at(0), []),
        (at(0), at(480), [*range(480)]),
    ],
)
def test_a_stretch_occupies_the_minutes_it_touches(start: int, end: int, expected: list[int]) -> None:
    occupied = Occupied(0)
    occupied.add(start, end)
    assert minutes(occupied) == expected
    occupied.add(start, end, -1)
    assert minutes(occupied) == []
    assert occupied.empty


def test_conversations_overlap_and_are_taken_back_one_by_one() -> None:
    occupied = Occupied(0)
    for start, end in ((0, 5), (3, 9), (3, 9), (-4, 4)):
        occupied.add(at(start), at(end))
    occupied.add(at(3), at(9), -1)
    assert minutes(occupied) == [*range(-4, 9)]
    occupied.add(at(-4), at(4), -1)
    assert minutes(occupied) == [*range(9)]
    occupied.add(at(3), at(9), -1)
    assert minutes(occupied) == [*range(5)]


def test_the_earliest_stretch_that_goes_on_is_told() -> None:
    occupied = Occupied(0)
    for since in (at(7), at(5, 1), at(5, 2)):
        occupied.begin(since)
    assert decode_told(occupied.payload()).since == T + 5
    occupied.end(at(5, 1))
    assert decode_told(occupied.payload()).since == T + 5
    occupied.end(at(5, 2))
    assert decode_told(occupied.payload()).since == T + 7
    assert not occupied.empty
    occupied.end(at(7))
    assert decode_told(occupied.payload()).since == -1
    assert occupied.empty


def test_an_end_and_a_beginning_come_in_any_order() -> None:
    occupied = Occupied(0)
    occupied.end(at(5))
    assert decode_told(occupied.payload()).since == -1
    occupied.begin(at(5))
    assert occupied.empty


def test_minutes_let_go_of_stay_out() -> None:
    occupied = Occupied(0)
    occupied.add(at(0), at(10))
    occupied.begin(at(2))
    occupied.discard(T + 6)
    assert minutes(occupied)[:4] == [6, 7, 8, 9]
    assert decode_told(occupied.payload()).first == T + 6
    assert decode_told(occupied.payload()).since == T + 6
    occupied.discard(T + 3)
    occupied.add(at(0), at(10), -1)
    occupied.add(at(1), at(3), -1)
    occupied.end(at(2))
    assert occupied.empty
    occupied.add(at(1), at(8))
    assert minutes(occupied) == [6, 7]


def test_what_was_never_counted_is_not_taken_back() -> None:
    """A stretch counted before its minutes were let go of by an object that is no more."""
    occupied = Occupied(0)
    occupied.add(at(4), at(6))
    occupied.add(at(0), at(5), -1)
    assert minutes(occupied) == [5]
    occupied.add(at(0), at(2))
    assert minutes(occupied) == [0, 1, 5]


@pytest.mark.parametrize(
    "stretches", [[(at(5), at(6)), (at(0) // 1000, at(1))], [(at(0) // 1000, at(1)), (at(5), at(6))]]
)
def test_seconds_taken_for_milliseconds_cost_little(stretches: list[tuple[int, int]]) -> None:
    occupied = Occupied(0)
    for stretch in stretches:
        occupied.add(*stretch)
    assert len(occupied.payload()) < 20_000
    assert minutes(occupied) == [*range(-20, 1), 5]
    occupied.add(at(3) // 1000, at(4) // 1000)
    occupied.begin(1)
    assert len(occupied.payload()) < 20_000


# -- a roll-up -----------------------------------------------------------------------------------------


def test_newer_ones_win_and_former_owners_are_forgotten() -> None:
    online = Online()
    assert online.put("ana", 0, 1, 5, told(0, 4))
    assert not online.put("ana", 0, 1, 5, told(0, 9))
    assert not online.put("ana", 0, 0, 9, told(0, 9))
    assert online.put("ana", 1, 0, 1, told(3, 6))
    assert online.minutes()["ana"].count(T, T + 99) == 7
    assert online.put("ana", 0, 1, 6, told(0, 0))
    assert online.minutes()["ana"].count(T, T + 99) == 5
    held = online.held("ana", 1)
    assert held is not None
    assert held[:3] == (0, 1, told(3, 6))
    assert online.forget(1, 1, 0)
    assert not online.forget(1, 1, 0)
    assert not online.forget(0, 1, 0)
    assert online.minutes()["ana"].count(T, T + 99) == 1
    assert online.held("ana", 1) is None
    assert online.held("budi", 0) is None


def test_of_minutes_not_spoken_of_what_was_told_holds() -> None:
    online = Online()
    online.put("ana", 0, 1, 1, told(0, 9))
    online.put("ana", 0, 1, 2, told(8, None, spoken_of=5))
    assert [m for m in range(12) if online.minutes()["ana"].count(T + m, T + m)] == [0, 1, 2, 3, 4, 8, 9, 10, 11]


def test_nobody_asks_for_what_was_discarded() -> None:
    online, team = Online(), Occupancy("team:vip")
    for holder in (online, team):
        holder.put("ana", 0, 1, 1, told(0, 9))
        holder.put("budi", 0, 1, 1, told(0, 40))
        holder.put("citra", 0, 1, 1, told(0, None))
    assert team.count(T, T + 40, online, T) == (92, 92)
    for holder in (online, team):
        holder.discard(T + 30)
    assert team.count(T, T + 40, online, T) == (22, 22)
    assert online.held("ana", 0) is None
    assert online.minutes().keys() == {"budi", "citra"}
    team.discard(T + 31)
    assert team.count(T, T + 40, online, T) == (22, 22)  # too soon after the last time
    team.discard(T + 60)
    assert team._counted == {}


def test_what_was_counted_before_is_counted_anew_when_it_changes() -> None:
    online, tenant = Online(), Occupancy("tenant")
    for change, expected in [
        ((online, 0, 9), (0, 10)),
        ((tenant, 5, 20), (5, 10)),
        ((online, 0, 12), (8, 13)),
        ((tenant, 5, 7), (3, 13)),
        ((online, 20, 29), (0, 10)),
    ]:
        holder, first, last = change
        seq = 0 if (held := holder.held("ana", 0)) is None else held.seq + 1
        holder.put("ana", 0, 0, seq, told(first, last))
        assert tenant.count(T, T + 59, online, T) == expected


PRESENCE: dict[str, list[tuple[int, int | None]]] = {"ana": [(0, 9)], "budi": [(5, 15), (18, None)], "c/1": [(2, None)]}
CONVERSATIONS: list[tuple[str, str | None, int, int | None]] = [
    ("ana", "vip", 4, 12),
    ("ana", "vip", 6, 8),
    ("budi", "vip", 0, 7),
    ("budi", None, 10, 12),
    ("budi", "billing", 13, None),
    ("c/1", "vip", 1, 1),
    ("dewi", "vip", 0, None),
]
EXPECTED = [
    # Online: ana 0-8, budi 5-14 and from 18 on, c/1 from 2 on; occupied by vip: ana 4-11, budi 0-6, dewi.
    ("agent:ana", 0, 19, 0, (5, 9)),
    ("agent:ana", 4, 6, 0, (3, 3)),
    ("agent:budi", 0, 19, 0, (2 + 2 + 2 + 2, 12)),
    ("agent:c%2F1", 0, 19, 0, (0, 18)),
    ("agent:dewi", 0, 19, 0, (0, 0)),
    ("agent:nobody", 0, 19, 0, (0, 0)),
    ("tenant", 0, 19, 0, (13, 39)),
    ("tenant", 19, 19, 0, (1, 2)),
    ("tenant", 20, 19, 0, (0, 0)),
    ("team:vip", 0, 19, 0, (7, 21)),
    ("team:vip", 0, 19, 8, (5, 9)),
    ("team:vip", 0, 19, 11, (5, 9)),
    ("team:vip", 0, 19, 12, (0, 0)),
    ("team:billing", 0, 19, 0, (4, 12)),
    ("team:nobody", 0, 19, 0, (0, 0)),
]


@pytest.mark.parametrize(("scope", "first", "last", "day", "expected"), EXPECTED)
def test_scopes_count_their_agents(scope: str, first: int, last: int, day: int, expected: tuple[int, int]) -> None:
    online, holder = Online(), Occupancy(scope)
    stretches = [
        Stretch(agent, team, at(start), None if end is None else at(end)) for agent, team, start, end in CONVERSATIONS
    ]
    for agent, present in PRESENCE.items():
        for partition, (start, end) in enumerate(present):
            online.put(agent.replace("/", "%2F"), partition, 0, 0, told(start, None if end is None else end - 1))
    kept: dict[str, Occupied] = {}
    for each in stretches:
        if scope in ("tenant", f"team:{each.team}", f"agent:{each.agent}"):
            occupied = kept.setdefault(each.agent, Occupied(0))
            if each.end is None:
                occupied.begin(each.start)
            else:
                occupied.add(each.start, each.end)
    for agent, occupied in kept.items():
        holder.put(agent.replace("/", "%2F"), 0, 0, 0, occupied.payload())
    assert holder.count(T + first, T + last, online, T + day) == expected

    events = [
        {"agent_id": agent, "event_id": f"{place}{state}", "at": at(instant), "state": state}
        for agent, present in PRESENCE.items()
        for place, pair in enumerate(present)
        for state, instant in zip(("online", "offline"), pair, strict=True)
        if instant is not None
    ]
    panes = range(T + first, T + last + 1)
    assert occupancy(scope, events, stretches, panes, range(T + day, T + last + 1)) == expected


def test_an_agent_at_work_does_not_keep_the_minutes_of_others() -> None:
    staff = Staff(Presences(), 0)
    dims: list[Dims] = [("chat", agent, None, "", ()) for agent in ("ana", "budi")]
    staff.book("acme", dims[0], 3, 5, 1)
    staff.tell()
    staff.book("acme", dims[1], 100, 101, 1)  # not told yet when old minutes are let go of
    staff.discard(50)
    assert {told.agent for told in staff.tell(everything=True)} == {"budi"}
