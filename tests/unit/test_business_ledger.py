"""What a partition keeps of business events and tells of them, and what the roll-up takes and lets go."""

import json
from zoneinfo import ZoneInfo

import msgspec
import pytest

from streams.business import Business
from streams.codecs import decode
from tables.business import Cycles, Figures, Folded, Ledger
from tables.business.curve import Entry
from tables.business.customer import MAX_CHANGES, Change, Customer
from tables.business.visits import Segment
from tests.business_desk import AHEAD, DAY, FORMULAS, Desk, Event, event, start_of, subscription

NOW = 1_795_176_000_000  # 2026-11-20 12:00 UTC
UTC = ZoneInfo("UTC")


def fold(ledger: Ledger, given: Event, offset: int = 0, now: int = NOW) -> Folded:
    found = decode(json.dumps(given).encode(), AHEAD)
    assert isinstance(found, Business)
    return ledger.fold(found, offset, now)


def cost(event_id: str, end: int, amount: float = 1) -> Event:
    return event(event_id, "cost", end, amount=amount, period_start_at=end - DAY, period_end_at=end, currency=None)


def test_what_is_written_holds_every_id_and_deletes_nothing() -> None:
    ledger = Ledger(lambda _: UTC)
    odd = 'a/b|"ü'
    assert list(fold(ledger, subscription("1", NOW, odd, "new", (0, 1))).changed) == [f"=s|acme/{odd}".encode()]
    assert list(fold(ledger, cost(odd, NOW)).changed) == [f"=p|acme/{odd}".encode()]
    midnight = NOW - DAY // 2
    assert list(fold(ledger, event("2", "conversion", NOW, visitor_id=odd)).changed) == [
        f"=v|acme/v{midnight}.0".encode(),
        f"=v|acme/c{midnight}.0".encode(),
    ]
    desk = Desk()
    desk.take(subscription("1", NOW, odd, "new", (0, 1)), cost(odd, NOW), event("2", "visit", NOW, visitor_id=odd))
    before = desk.read()
    desk.restart()
    assert desk.read() == before


def test_read_again_from_the_topic_or_sent_twice_changes_nothing() -> None:
    ledger = Ledger(lambda _: UTC)
    for given in (subscription("1", NOW, "a", "new", (0, 1)), cost("2", NOW)):
        assert fold(ledger, given, offset=7).outcome == "folded"
        assert fold(ledger, given, offset=7) == Folded("replayed", {})
        assert fold(ledger, given, offset=8) == Folded("duplicate", {})
    visit = event("3", "visit", NOW, visitor_id="v")
    assert fold(ledger, visit).changed
    assert fold(ledger, visit) == Folded("folded", {})


def test_only_what_has_changed_is_told_and_everything_once_a_local_day() -> None:
    ledger = Ledger(lambda _: ZoneInfo("Asia/Jakarta"))
    for given in (subscription("1", NOW, "a", "new", (0, 1)), cost("2", NOW), event("3", "visit", NOW, visitor_id="v")):
        fold(ledger, given)
    midnight = start_of("30d", NOW + 30 * DAY, ZoneInfo("Asia/Jakarta"))
    everything = ["=p", "=s", f"=vv{midnight - DAY}.0"]
    assert [told.what for told in ledger.tell(NOW)] == everything
    assert ledger.tell(NOW + 1) == []
    fold(ledger, subscription("4", NOW, "b", "new", (0, 1)))
    assert [told.what for told in ledger.tell(NOW + 2)] == ["=s"]
    assert ledger.tell(midnight - 1) == []
    assert [told.what for told in ledger.tell(midnight)] == everything
    assert ledger.tell(midnight + 1) == []


def test_the_next_day_s_windows_are_told_ahead() -> None:
    ahead, behind = Desk(), Desk()
    for desk in (ahead, behind):
        desk.take(subscription("1", NOW - 29 * DAY, "a", "new", (0, 7)), cost("2", NOW, 240))
        desk.tell(NOW)
    tomorrow = NOW + DAY
    start = start_of("30d", tomorrow, UTC)
    told_yesterday = behind.figures.read(start, tomorrow, Cycles(0, 0), FORMULAS, None)
    assert told_yesterday == ahead.read(now=tomorrow)
    assert (told_yesterday["customers_at_start"], told_yesterday["support_cost"]) == (1, 240)


def test_a_partition_that_lags_by_days_speaks_of_its_last_day() -> None:
    desk = Desk()
    desk.take(subscription("1", NOW - 29 * DAY, "a", "new", (0, 7)), subscription("2", NOW, "b", "new", (0, 7)))
    desk.tell()
    later = NOW + 3 * DAY
    got = desk.figures.read(start_of("30d", later, UTC), later, Cycles(0, 0), FORMULAS, None)
    assert (got["customers_at_start"], got["customers_new"]) == (1, 1)


def test_newer_summaries_win_and_former_owners_are_forgotten() -> None:
    first, second = Ledger(lambda _: UTC), Ledger(lambda _: UTC)
    fold(first, subscription("1", NOW, "a", "new", (0, 1)))
    fold(first, event("2", "visit", NOW, visitor_id="v"))
    fold(second, subscription("1", NOW, "a", "new", (0, 9)))
    figures = Figures()

    def read() -> tuple[object, ...]:
        got = figures.read(start_of("30d", NOW, UTC), NOW, Cycles(0, 0), FORMULAS, None)
        return got["mrr_new"], got["visitors"]

    old = {told.what: told.payload for told in first.tell(NOW)}
    new = {told.what: told.payload for told in second.tell(NOW)}
    for what, payload in old.items():
        assert figures.put(0, what, 3, 5, payload)
        assert not figures.put(0, what, 3, 5, payload)
        assert not figures.put(0, what, 2, 9, payload)
    assert read() == (1, 1)
    assert figures.put(0, "=s", 4, 1, new["=s"])
    assert read() == (9, 1)
    assert figures.held(0, "=s") == (4, 1, new["=s"])
    assert not figures.forget(1, 4)
    assert figures.forget(0, 4)
    assert not figures.forget(0, 4)
    assert read() == (9, 0)
    assert figures.held(0, "=p") is None


def test_days_of_visitors_are_let_go_when_no_window_holds_them() -> None:
    desk = Desk()
    segments = []
    for day in range(80):
        desk.take(event(f"{day}", "visit", NOW + day * DAY, visitor_id=f"{day}"))
        assert desk.read()["visitors"] == min(day + 1, 30)
        segments.append(f"v{NOW + day * DAY - DAY // 2}.0")
    kept = [name for name in segments if desk.log[0][f"=v|acme/{name}".encode()] is not None]
    assert kept == segments[-62:]
    held = [name for name in segments if desk.figures.held(0, f"=v{name}") is not None]
    assert held == segments[-33:]


def test_what_is_older_than_two_months_is_past() -> None:
    desk = Desk()
    desk.take(event("now", "visit", NOW, visitor_id="a"))
    past = NOW - 90 * DAY
    desk.take(
        subscription("2", past, "a", "new", (0, 20)),
        subscription("3", past + DAY, "a", "expansion", (20, 30)),
        subscription("1", past - DAY, "a", "new", (0, 10)),  # something newer is known
        cost("4", past),
        event("5", "visit", past, visitor_id="b"),
        now=NOW,
    )
    got = desk.read()
    assert (got["mrr_start"], got["mrr_expansion"], got["support_cost"], got["visitors"]) == (30, 0, 0, 1)
    assert len(desk.log[0]) == 2


def test_a_customer_without_mrr_is_forgotten_and_one_with_it_never() -> None:
    desk = Desk()
    desk.take(
        subscription("1", NOW, "stays", "new", (0, 20)),
        subscription("2", NOW, "goes", "new", (0, 20)),
        subscription("3", NOW + 1, "goes", "cancel", (20, 0)),
    )
    desk.tell(NOW + 63 * DAY)
    assert desk.log[0][b"=s|acme/goes"] is None
    assert desk.read(now=NOW + 9_000 * DAY)["mrr_start"] == 20


def test_who_is_forgotten_while_the_clock_leaps_is_in_no_window() -> None:
    desk = Desk()
    desk.take(
        subscription("1", NOW - 40 * DAY, "goes", "new", (0, 20)), subscription("2", NOW, "goes", "cancel", (20, 0))
    )
    assert desk.read()["customers_lost"] == 1
    got = desk.read(now=NOW + 100 * DAY)
    assert (got["customers_at_start"], got["mrr_start"]) == (0, 0)


def test_of_a_customer_with_very_many_changes_the_oldest_are_past() -> None:
    desk = Desk()
    number = MAX_CHANGES + 10
    desk.take(*(subscription(f"{n:05}", NOW - number + n, "a", "expansion", (n, n + 1)) for n in range(number)))
    got = desk.read()
    assert (got["mrr_start"], got["mrr_expansion"]) == (10, MAX_CHANGES)
    assert (got["customers_retained"], got["customers_new"]) == (1, 0)


@pytest.mark.parametrize(
    ("kind", "hexed", "meaning"),
    [
        (
            Customer,
            (
                "93079196cd03e8a26531a36e6577cb0000000000000000cb4024000000000000a345555281a34944529601a26530a6"
                "63616e63656ccb3ff8000000000000cb0000000000000000a3494452"
            ),
            Customer(
                7,
                [Change(1000, "e1", "new", 0.0, 10.0, "EUR")],
                {"IDR": Change(1, "e0", "cancel", 1.5, 0.0, "IDR")},
            ),
        ),
        (Entry, "9605a4636f7374cb4028800000000000010aa0", Entry(5, "cost", 12.25, 1, 10, "")),
        (Segment, "9193020406", Segment([2, 4, 6])),
    ],
)
def test_records_of_the_changelog_are_read_for_ever(kind: type, hexed: str, meaning: object) -> None:
    assert msgspec.msgpack.decode(bytes.fromhex(hexed), type=kind) == meaning


@pytest.mark.parametrize(("before", "after"), [("UTC", "Asia/Jakarta"), ("Asia/Jakarta", "America/New_York")])
def test_another_time_zone_is_taken_up_as_if_it_had_always_been(before: str, after: str) -> None:
    moved, always = Desk(before), Desk(after)
    edge = start_of("30d", NOW, ZoneInfo(after))
    for desk in (moved, always):
        for day in range(35, 0, -1):
            at = edge + (5 - day) * DAY
            desk.take(
                subscription(f"s{day}", at, f"c{day}", "new", (0, day)),
                subscription(f"t{day}", at + DAY // 2, f"c{day}", "expansion", (day, day + 1)),
                cost(f"p{day}", at + DAY // 3, 24),
            )
            desk.tell()
        desk.tell(NOW)
    moved.move(after)
    for later in range(0, 40 * DAY, DAY // 4):
        for window in ("mtd", "30d"):
            assert moved.read(window, NOW + later) == always.read(window, NOW + later)


@pytest.mark.parametrize(("before", "after"), [("Asia/Jakarta", "America/New_York"), ("Asia/Jakarta", "UTC")])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_day_of_visitors_counted_in_another_time_zone_keeps_its_date(
    before: str, after: str, *, restarted: bool
) -> None:
    desk = Desk(before)
    for day in range(40):
        at = NOW + day * DAY
        desk.take(event(f"{day}", "visit", at, visitor_id=f"{day}"))
    desk.move(after)
    if restarted:
        desk.restart()
        desk.figures = Figures()
    assert desk.read()["visitors"] == 30
    assert desk.read("mtd")["visitors"] == 29  # it is 2026-12-29
