"""Business figures in any order, split in any way, over any day: the same as the plain reading of all events."""

import json
from datetime import datetime
from math import isclose
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.rejects import REASONS, classify
from tests.business_desk import DAY, FORMULAS, Desk, Event, event, start_of, subscription
from tests.fuzz import targets
from tests.oracle import business as oracle
from tests.property.test_codecs_fuzz import json_values, reason_of

unhurried = settings(deadline=None)  # a busy machine is no bug

NOWS = [
    ("UTC", "2026-11-20T12:00"),
    ("UTC", "2026-03-01T00:00"),
    ("Europe/Berlin", "2026-03-31T23:59:59.999"),  # the clocks have gone forward
    ("America/New_York", "2026-11-30T00:00"),  # and back
    ("America/Havana", "2026-04-06T09:00"),  # forward over midnight
    ("Australia/Lord_Howe", "2026-04-05T12:30"),  # by half an hour
    ("Asia/Kathmandu", "2026-12-31T18:00"),
]
WINDOWS = ("mtd", "30d")
AMOUNTS = [0, 0.01, 0.1, 10, 33.33, 100, 1e12]
CURRENCIES = ["EUR", "EUR", "IDR"]


class House(NamedTuple):
    """Where and when a history is read."""

    zone: str
    now: int


def house(zone: str, text: str) -> House:
    return House(zone, int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000))


houses = st.sampled_from([house(*each) for each in NOWS])


def instants(at: House, days: int) -> st.SearchStrategy[int]:
    """Instants of the last `days`, often where something begins."""
    edges = [start_of(window, at.now, ZoneInfo(at.zone)) for window in WINDOWS]
    near = [min(edge + ms, at.now) for edge in edges for ms in (-1, 0, 1)] + [at.now, at.now - DAY]
    return st.sampled_from(near) | st.integers(0, days * 24).map(lambda hours: at.now - hours * 3_600_000)


@st.composite
def histories(draw: st.DrawFn, at: House, days: int = 60, size: int = 25) -> list[Event]:
    """Events of a house, each with an id of its own, in no order."""
    when = instants(at, days)
    out: list[Event] = []
    for number in range(draw(st.integers(0, size))):
        kind = draw(st.sampled_from(["subscription"] * 4 + ["cost", "revenue", "visit", "conversion"]))
        out.append(draw(written(f"{draw(st.integers(0, 9))}-{number}", kind, when)))
    return out


@st.composite
def written(draw: st.DrawFn, event_id: str, kind: str, when: st.SearchStrategy[int]) -> Event:
    at, money = draw(when), st.sampled_from(AMOUNTS)
    if kind == "subscription":
        said = draw(st.sampled_from(["new", "expansion", "contraction", "cancel"]))
        mrr = (draw(money), draw(money))
        return subscription(event_id, at, draw(st.sampled_from("abc")), said, mrr, draw(st.sampled_from(CURRENCIES)))
    if kind in ("visit", "conversion"):
        return event(event_id, kind, at, visitor_id=draw(st.sampled_from("xyz")))
    start = draw(when)
    end = start + draw(st.sampled_from([1, 999, 3_600_000, 7 * DAY, 30 * DAY, 400 * DAY]))
    amount = draw(money) * draw(st.sampled_from([1, 1, -1]))
    currency = draw(st.sampled_from([*CURRENCIES, None]))
    return event(event_id, kind, at, amount=amount, period_start_at=start, period_end_at=end, currency=currency)


formulas = st.fixed_dictionaries(
    {
        "cost_per_resolution": st.sampled_from(["resolved", "received"]),
        "net_revenue_retention": st.sampled_from(["existing", "with_new"]),
    }
)
cycles = st.tuples(st.integers(0, 3), st.integers(0, 3))
currencies = st.sampled_from([None, None, "EUR", "USD"])


def differences(got: Event, expected: Event) -> list[str]:
    lines = [f"{name}: in one of them only" for name in got.keys() ^ expected.keys()]
    for name in got.keys() & expected.keys():
        have, want = got[name], expected[name]
        if (have is None) != (want is None) or (want and not isclose(have, want, rel_tol=1e-12)):
            lines.append(f"{name}: expected {want}, got {have}")
        if want == 0 and have != 0:
            lines.append(f"{name}: expected nothing, got {have}")
    return lines


@unhurried
@given(st.data(), houses)
def test_any_order_and_duplication_is_read_as_the_oracle_reads_it(data: st.DataObject, at: House) -> None:
    events = data.draw(histories(at))
    again = data.draw(st.lists(st.sampled_from(events), max_size=4)) if events else []
    arrivals = data.draw(st.permutations(events + again))
    desk = Desk(at.zone, partitions=data.draw(st.integers(1, 3)))
    for arrival in arrivals:
        desk.take(arrival)
        match data.draw(st.sampled_from(["on", "on", "tell", "restart"])):
            case "tell":
                desk.tell()
            case "restart":
                desk.restart()
    chosen, counted, currency = data.draw(formulas), data.draw(cycles), data.draw(currencies)
    for window in WINDOWS:
        got = desk.read(window, at.now, counted, chosen, currency)
        start = oracle.window_start(window, at.now, ZoneInfo(at.zone))
        assert differences(got, oracle.figures(arrivals, start, at.now, counted, chosen, currency)) == []


@unhurried
@given(st.data(), houses)
def test_a_split_to_partitions_and_a_new_owner_change_nothing_at_all(data: st.DataObject, at: House) -> None:
    events = data.draw(histories(at))
    one, split = Desk(at.zone), Desk(at.zone, partitions=3)
    one.take(*events)
    split.take(*data.draw(st.permutations(events)))
    for window in WINDOWS:
        assert split.read(window, at.now) == one.read(window, at.now)
    for place in range(3):
        split.restart(place)
    for window in WINDOWS:
        assert split.read(window) == one.read(window)


@unhurried
@given(st.data(), houses)
def test_as_the_clock_goes_on_windows_move_and_late_events_find_their_place(data: st.DataObject, at: House) -> None:
    # Lest customers be forgotten, and then be as if never seen, each has something that stays.
    first = at.now - 201 * DAY
    events = [subscription(f"first-{name}", first, name, "new", (0, 5), "USD") for name in "abc"]
    events += data.draw(histories(at, days=200, size=40))
    late = st.sampled_from([0, 0, 3_600_000, 20 * DAY, 60 * DAY])
    arrivals = sorted(((each["at"] + data.draw(late), n, each) for n, each in enumerate(events)), key=lambda x: x[:2])
    desk = Desk(at.zone, partitions=data.draw(st.integers(1, 2)))
    seen: list[Event] = []
    for now, _, each in arrivals:
        desk.take(each, now=now)
        seen.append(each)
        match data.draw(st.sampled_from(["on", "tell", "read", "restart"])):
            case "tell":
                desk.tell()
            case "restart":
                desk.restart()
            case "read":
                check(desk, seen)
    desk.tell(max(desk.now, at.now))
    check(desk, seen)


def check(desk: Desk, seen: list[Event]) -> None:
    for window in WINDOWS:
        start = oracle.window_start(window, desk.now, desk.zone)
        assert start == start_of(window, desk.now, desk.zone)
        assert differences(desk.read(window), oracle.figures(seen, start, desk.now, formulas=FORMULAS)) == []


@unhurried
@given(st.data(), houses)
def test_nothing_is_kept_of_what_no_window_can_hold(data: st.DataObject, at: House) -> None:
    events = data.draw(histories(at))
    desk = Desk(at.zone)
    desk.take(*events)
    desk.tell(at.now + 600 * DAY)
    living = {key for key, value in desk.log[0].items() if value is not None}
    kept = [e for e in events if e["type"] == "subscription" and ends_alive(e, events)]
    assert living == {f"=s|acme/{e['customer_id']}".encode() for e in kept}


def ends_alive(one: Event, events: list[Event]) -> bool:
    mine = [e for e in events if e.get("customer_id") == one["customer_id"]]
    last = {e["currency"]: e for e in sorted(mine, key=lambda e: (e["at"], e["event_id"]))}
    return any(e["kind"] != "cancel" and e["mrr_after"] for e in last.values())


spoilt = st.builds(
    lambda written, changes, gone: {name: each for name, each in (written | changes).items() if name not in gone},
    houses.flatmap(lambda at: histories(at, size=1)).filter(bool).map(lambda events: events[0]),
    st.dictionaries(
        st.sampled_from(["amount", "mrr_after", "currency", "kind", "period_end_at", "visitor_id", "at"]),
        json_values | st.floats() | st.text(max_size=4),
        max_size=2,
    ),
    st.sets(
        st.sampled_from(["v", "type", "currency", "amount", "mrr_before", "customer_id", "visitor_id"]), max_size=1
    ),
)


@unhurried
@given(spoilt)
def test_the_slow_look_finds_what_the_quick_one_refuses(record: Event) -> None:
    value = json.dumps(record).encode()
    targets.event(value)
    found = classify(value)
    assert found.reason in REASONS
    if found.detail.startswith("half of a surrogate"):  # no fault found
        refused = reason_of(value)
        assert refused is None or refused.startswith("future:")
    else:
        assert reason_of(value) == str(found)
