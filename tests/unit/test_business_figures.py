"""Business figures by hand: one small house, and what its events come to."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tables.business import METRICS, MONEY, in_currency
from tests.business_desk import DAY, Desk, event, subscription

HOUR = 3_600_000


def instant(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


NOW = instant("2026-11-20T12:00")
BEFORE = instant("2026-10-01T12:00")  # before both windows


def some(figures: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(figures[name] for name in names)


def test_a_house_by_hand() -> None:
    desk = Desk()
    desk.take(
        *(subscription(f"b{n}", BEFORE, f"c{n}", "new", (0, 100)) for n in range(10)),
        subscription("e1", NOW - 3 * DAY, "c0", "expansion", (100, 150)),
        subscription("e2", NOW - 2 * DAY, "c1", "contraction", (100, 70)),
        subscription("e3", NOW - 2 * DAY, "c2", "cancel", (100, 0)),
        subscription("e4", NOW - DAY, "c3", "cancel", (100, 0)),
        subscription("e5", NOW - DAY, "new1", "new", (0, 200)),
        subscription("e6", NOW - DAY, "gone", "new", (0, 50)),
        subscription("e7", NOW, "gone", "cancel", (50, 0)),
    )
    got = desk.read()
    assert some(got, "customers_at_start", "customers_retained", "customers_lost", "customers_new") == (10, 8, 2, 1)
    assert some(got, "customer_retention_ratio", "customer_churn_ratio") == (0.8, 0.2)
    assert some(got, "mrr_start", "mrr_new", "mrr_expansion", "mrr_contraction", "mrr_churned") == (
        1000,
        200,
        50,
        30,
        200,
    )
    assert got["net_revenue_retention_ratio"] == 0.82  # (1000 + 50 - 30 - 200) / 1000
    assert got["revenue_churn_ratio"] == 0.23
    assert got["mrr_growth_ratio"] == 0.02  # (200 + 50 - 30 - 200) / 1000
    with_new = desk.read(formulas={"net_revenue_retention": "with_new"})
    assert with_new["net_revenue_retention_ratio"] == 1.02


def test_nothing_is_told_as_zeros_and_nulls_under_the_catalogue_s_names() -> None:
    got = Desk().read(now=NOW)
    assert list(got) == [metric.name for metric in METRICS]
    nulls = {metric.name for metric in METRICS if metric.name.endswith("_ratio")} | {"cost_per_resolution"}
    assert {name for name, value in got.items() if value is None} == nulls
    assert not any(got.values())


@pytest.mark.parametrize(("offset", "expected"), [(-1, (1, 1, 0)), (0, (0, 0, 1))])
def test_an_event_at_the_start_itself_is_in_the_window(offset: int, expected: tuple[int, ...]) -> None:
    desk = Desk()
    desk.take(subscription("e", instant("2026-11-01T00:00") + offset, "c", "new", (0, 9)))
    got = desk.read("mtd", NOW)
    assert some(got, "customers_at_start", "customers_retained", "customers_new") == expected


def test_windows_begin_at_local_midnight_and_move_on_with_the_local_day() -> None:
    desk = Desk("Asia/Jakarta")
    midnight = instant("2026-11-01T00:00", "Asia/Jakarta")
    desk.take(subscription("a", midnight - 1, "a", "new", (0, 1)), subscription("b", midnight, "b", "new", (0, 1)))
    last = instant("2026-11-30T23:59:59.999", "Asia/Jakarta")
    assert some(desk.read("mtd", last), "customers_at_start", "customers_new") == (1, 1)
    assert some(desk.read("30d", last), "customers_at_start", "customers_new") == (1, 1)
    assert some(desk.read("mtd", last + 1), "customers_at_start", "customers_new") == (2, 0)
    assert some(desk.read("30d", last + 1), "customers_at_start", "customers_new") == (2, 0)


def test_a_feed_that_began_later_says_what_was_before() -> None:
    desk = Desk()
    desk.take(
        subscription("a", NOW - DAY, "a", "expansion", (80, 100)),
        subscription("b", NOW - DAY, "b", "cancel", (40, 0)),
        subscription("c", NOW - DAY, "c", "new", (80, 90)),  # what is new had nothing before
    )
    got = desk.read()
    assert some(got, "mrr_start", "mrr_expansion", "mrr_churned", "mrr_new") == (120, 20, 40, 90)
    assert some(got, "customers_at_start", "customers_lost", "customers_new") == (2, 1, 1)


def test_a_movement_is_what_changed_whatever_the_event_calls_it() -> None:
    desk = Desk()
    desk.take(
        subscription("a", BEFORE, "a", "new", (0, 100)),
        subscription("b", NOW - 3 * DAY, "a", "expansion", (100, 130)),
        subscription("c", NOW - 2 * DAY, "a", "expansion", (110, 120)),  # corrects: 120, not 130
        subscription("d", NOW - DAY, "a", "cancel", (120, 120)),  # whatever it says is after
        subscription("e", NOW, "a", "new", (0, 60)),
    )
    got = desk.read()
    assert some(got, "mrr_start", "mrr_expansion", "mrr_contraction", "mrr_churned") == (100, 90, 10, 120)
    assert some(got, "customers_retained", "customers_lost", "customers_new", "mrr_new") == (1, 0, 0, 0)


def test_corrections_come_late_and_twice() -> None:
    desk = Desk()
    first = subscription("a", NOW - 5 * DAY, "a", "new", (0, 10))
    desk.take(first, subscription("c", NOW, "a", "expansion", (10, 40)))
    assert desk.read()["mrr_new"] == 40
    desk.take(subscription("b", NOW - DAY, "a", "expansion", (10, 99)), first, now=NOW)
    assert desk.read()["mrr_new"] == 40
    desk.take(subscription("0", BEFORE, "a", "new", (0, 5)), now=NOW)  # 50 days late
    got = desk.read()
    assert some(got, "mrr_start", "mrr_expansion", "mrr_contraction", "mrr_new") == (5, 94, 59, 0)
    assert desk.outcomes == ["folded", "folded", "folded", "duplicate", "folded"]


def test_of_two_events_at_an_instant_the_greater_id_is_later() -> None:
    for order in (("x", "y"), ("y", "x")):
        desk = Desk()
        mrr = {"x": 10, "y": 20}
        desk.take(*(subscription(name, NOW, "a", "new", (0, mrr[name])) for name in order))
        assert desk.read()["mrr_new"] == 20


def test_currencies_are_never_added() -> None:
    desk = Desk()
    desk.take(
        subscription("a", BEFORE, "a", "new", (0, 100)),
        subscription("b", BEFORE, "a", "new", (0, 1_000_000), "IDR"),
        subscription("c", NOW, "a", "cancel", (100, 0)),
    )
    got = desk.read()
    assert all(got[metric.name] is None for metric in MONEY)
    assert some(got, "mrr_start_eur", "mrr_churned_eur", "net_revenue_retention_ratio_eur") == (100, 100, 0)
    assert some(got, "mrr_start_idr", "mrr_churned_idr", "net_revenue_retention_ratio_idr") == (1_000_000, 0, 1)
    assert some(got, "customers_at_start", "customers_retained") == (1, 1)  # still has IDR
    chosen = desk.read(currency="EUR")
    assert some(chosen, "mrr_start", "net_revenue_retention_ratio", "mrr_start_idr") == (100, 0, 1_000_000)
    assert desk.read(currency="USD")["mrr_start"] == 0


def test_one_currency_stands_with_and_without_its_name() -> None:
    desk = Desk()
    desk.take(subscription("a", BEFORE, "a", "new", (0, 100)))
    got = desk.read(now=NOW)
    for metric in MONEY:
        assert got[metric.name] == got[in_currency(metric.name, "EUR")]


def posting(event_id: str, kind: str, amount: float, start: int, end: int, **more: str) -> dict[str, Any]:
    return event(event_id, kind, NOW, amount=amount, period_start_at=start, period_end_at=end, **more)


def test_postings_accrue_over_their_period() -> None:
    desk = Desk()
    november, december = instant("2026-11-01T00:00"), instant("2026-12-01T00:00")
    desk.take(
        posting("cost", "cost", 3000, november, december, currency="EUR"),
        posting("revenue", "revenue", 60_000, november, december, currency="EUR"),
        posting("october", "cost", 31, instant("2026-10-01T00:00"), november, currency="EUR"),
    )
    got = desk.read("mtd", NOW, cycles=(390, 1950))
    assert some(got, "support_cost", "revenue", "support_cost_ratio") == (1950, 39_000, 0.05)  # 19.5 of 30 days
    assert got["cost_per_resolution"] == 5
    received = desk.read("mtd", cycles=(390, 1950), formulas={"cost_per_resolution": "received"})
    assert received["cost_per_resolution"] == 1
    assert desk.read("mtd", cycles=(0, 5))["cost_per_resolution"] is None
    assert desk.read("30d")["support_cost"] == 1950 + 10  # from 22 October on


def test_what_accrues_by_the_clock_alone_is_known_without_a_word() -> None:
    desk = Desk()
    desk.take(posting("cost", "cost", 10, NOW + HOUR, NOW + 2 * HOUR))
    assert desk.read("mtd")["support_cost"] == 0
    assert desk.figures.accrues(NOW)
    assert desk.read("mtd", NOW + HOUR)["support_cost"] == 0
    assert desk.tell(NOW + HOUR + HOUR // 2) == 0
    assert desk.read("mtd")["support_cost"] == 5
    assert desk.tell(NOW + 3 * HOUR) == 0
    assert desk.read("mtd")["support_cost"] == 10


def test_more_bends_than_are_told_ahead() -> None:
    desk = Desk()
    minutes = range(300)
    desk.take(*(posting(f"p{n}", "cost", 1, NOW + n * 60_000, NOW + (n + 1) * 60_000) for n in minutes), now=NOW)
    assert desk.tell() > 0
    for n in minutes:
        assert desk.read("mtd", NOW + n * 60_000)["support_cost"] == n
    assert desk.read("mtd", NOW + 300 * 60_000)["support_cost"] == 300
    assert not desk.figures.accrues(desk.now)


def test_a_negative_posting_takes_back_and_a_second_of_the_same_id_is_nothing() -> None:
    desk = Desk()
    first = posting("a", "cost", 0.3, NOW - 7 * HOUR, NOW - HOUR)
    desk.take(first, posting("b", "cost", -0.1, NOW - 7 * HOUR, NOW - HOUR), first | {"amount": 7})
    assert desk.read()["support_cost"] == 0.2
    assert desk.outcomes[-1] == "duplicate"


def test_postings_ahead_come_in_any_order() -> None:
    desk = Desk()
    for n in (2, 0, 1):
        start = NOW + n * HOUR
        desk.take(posting(f"p{n}", "cost", 6 + n, start, start + HOUR), now=NOW)
    assert [desk.read("mtd", NOW + half * HOUR // 2)["support_cost"] for half in range(8)] == [
        *(0, 3, 6, 9.5, 13, 17, 21, 21)
    ]


def test_what_was_taken_back_is_nothing_at_all() -> None:
    desk = Desk()
    desk.take(
        posting("a", "revenue", 1e12, NOW - 7 * HOUR, NOW, currency="EUR"),
        posting("b", "revenue", -1e12, NOW - HOUR // 7, NOW, currency="EUR"),
        posting("c", "cost", 5, NOW - HOUR, NOW, currency="IDR"),
    )
    got = desk.read()
    assert some(got, "support_cost", "revenue", "support_cost_ratio") == (5, 0, None)
    assert "revenue_eur" not in got


def test_amounts_without_a_currency_are_in_the_house_s() -> None:
    desk = Desk()
    desk.take(posting("a", "cost", 5, NOW - 2 * HOUR, NOW - HOUR))
    assert desk.read()["support_cost"] == 5
    assert "support_cost_eur" not in desk.read()
    desk.take(posting("b", "revenue", 20, NOW - 2 * HOUR, NOW - HOUR, currency="EUR"))
    assert some(desk.read(), "support_cost_ratio", "support_cost_eur") == (0.25, 5)
    desk.take(posting("c", "revenue", 20, NOW - 2 * HOUR, NOW - HOUR, currency="USD"))
    assert some(desk.read(), "support_cost", "support_cost_eur", "support_cost_usd") == (None, 0, 0)
    assert some(desk.read(currency="USD"), "support_cost", "support_cost_eur", "support_cost_usd") == (5, 0, 5)


def test_visitors_are_counted_once_a_window() -> None:
    desk = Desk()
    desk.take(
        event("old", "visit", BEFORE, visitor_id="a"),
        event("1", "visit", NOW - 10 * DAY, visitor_id="a"),
        event("2", "visit", NOW - DAY, visitor_id="a"),
        event("3", "visit", NOW - DAY, visitor_id="b"),
        event("4", "conversion", NOW, visitor_id="a"),
        event("5", "conversion", NOW, visitor_id="unseen"),
        event("6", "visit", instant("2026-11-01T00:00") - 1, visitor_id="october"),
    )
    assert some(desk.read("mtd"), "visitors", "visitors_converted", "conversion_ratio") == (3, 2, 2 / 3)
    assert some(desk.read("30d"), "visitors", "visitors_converted", "conversion_ratio") == (4, 2, 0.5)


def test_a_visitor_more_is_counted_at_once() -> None:
    desk = Desk()
    for n in range(300):
        desk.take(event(f"{n}", "conversion" if n % 2 else "visit", NOW, visitor_id=f"{n}"))
        assert some(desk.read(), "visitors", "visitors_converted") == (n + 1, (n + 1) // 2)
    desk.restart()
    assert desk.read()["visitors"] == 300


@pytest.mark.parametrize("number", [16_384, 20_000])
def test_visitors_of_one_day_are_counted_exactly_up_to_a_limit(number: int) -> None:
    desk = Desk()
    desk.take(*(event(f"{n}", "visit", NOW, visitor_id=f"{n}") for n in range(number)))
    assert desk.read()["visitors"] == pytest.approx(number, rel=0 if number == 16_384 else 0.02)
    told = desk.read()
    desk.restart()
    assert desk.read() == told


def test_many_visitors_within_2_percent() -> None:
    desk = Desk(partitions=2)
    for n in range(40_000):
        desk.take(
            event(f"{n}", "conversion" if n % 4 == 0 else "visit", NOW - n % 20 * DAY, visitor_id=f"{n}"), now=NOW
        )
    got = desk.read()
    assert got["visitors"] == pytest.approx(40_000, rel=0.02)
    assert got["visitors_converted"] == 10_000
    desk.restart(0)
    desk.restart(1)
    assert desk.read() == got
