"""Another time zone while a worker runs: days begin elsewhere, and nothing that is held is lost or counted twice."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from streams.engine.ports import Output, Record
from tables.day_windows import Day, DayWindows
from tables.days import day_end, day_start, today
from tables.facts import MESSAGES_IN, MINUTE
from tables.rollup import Rollup
from tables.settings import Settings
from tables.shard import Shard
from tests.timeline import T0, Event, customer, ev, status

HOUR_S, DAY_S = 3_600, 86_400
JAKARTA, NEW_YORK, UTC = "Asia/Jakarta", "America/New_York", "UTC"


class Line:
    """One partition with its roll-up, both of which go on, and what the roll-up wrote down."""

    def __init__(self, zone: str) -> None:
        self.settings = Settings.from_mapping({"timezone": zone})
        self.shard = Shard(0, 1, self.settings, lambda: T0 + 10**12, "events")
        self.shard.recovered(0, T0 - 30 * DAY_S * 1000)
        self.rollup = Rollup(0, 1, self.settings)
        self.rollup.recovered(0)
        self.offset = 0
        self.partials: dict[bytes | None, bytes | None] = {}
        self.written: dict[tuple[str, bytes], bytes | None] = {}

    def take(self, event: Event) -> None:
        self.follow(event["at"])
        record = Record(None, json.dumps(event).encode(), self.offset, event["at"])
        self.offset += 1
        self.shard.fold([record], event["at"], event_time=True)
        self.follow(event["at"])

    def follow(self, now: int) -> list[Output]:
        """The clock goes on to `now` (ms)."""
        told = [*self.shard.advance(now).snapshots, *self.shard.views(now, 0, final=False)]
        self.rollup.apply([Record(each.key, each.value, 0, now) for each in told], now)
        self.partials |= {each.key: each.value for each in told}
        out = self.rollup.due(now)
        self.written |= {(each.topic, each.key or b""): each.value for each in out}
        return out

    def reload(self, zone: str) -> None:
        """Other settings, as by SIGHUP."""
        self.settings = Settings.from_mapping({"timezone": zone})
        self.shard.reload(self.settings)
        self.rollup.reload(self.settings)

    def restart(self) -> None:
        """A new roll-up, from what the one before has written down."""
        self.rollup = Rollup(0, 1, self.settings)
        for (topic, key), value in self.written.items():
            if topic == "_rollup":
                self.rollup.restore_state(key, value)
        self.rollup.recovered(1)
        self.rollup.apply([Record(key, value, 0, 0) for key, value in self.partials.items()], self.shard.mark)

    def metrics(self, now: int, window: str, scope: str = "tenant") -> dict[str, Any]:
        self.follow(now)
        out: list[Output] = []
        self.rollup.publish_all(now, now, out)
        (found,) = (json.loads(each.value or b"") for each in out if each.key == f"acme/{scope}/{window}".encode())
        metrics: dict[str, Any] = found["metrics"]
        return metrics


def subscription(second: float, name: str, before: int, after: int) -> Event:
    event = ev(second, "subscription", name, customer_id="k", mrr_before=before, mrr_after=after, currency="USD")
    return event | {"kind": "expansion"}


def work(line: Line, days: int) -> None:
    """Each day four hours online, one occupied, from the hour of T0 (16:27 UTC) on; and somebody pays more and more."""
    for hour in range(0, 96, 4):  # around the beginning of the windows
        line.take(subscription((days - 31) * DAY_S + hour * HOUR_S, f"b{hour}", hour, hour + 4))
    for day in range(days):
        start = day * DAY_S
        line.take(ev(start, "presence", agent_id="ana", state="online"))
        line.take(customer(start, f"m{day}"))
        line.take(ev(start, "assigned", f"a{day}", agent_id="ana"))
        line.take(status(start + HOUR_S - 60, "resolved", f"r{day}"))
        line.take(ev(start + 4 * HOUR_S - 60, "presence", f"p{day}", agent_id="ana", state="offline"))
        line.take(subscription(start, f"s{day}", 96 + day, 97 + day))


def occupancy(metrics: dict[str, Any]) -> tuple[int, int]:
    return round((metrics["occupancy_ratio"] or 0) * metrics["occupancy_online"]), metrics["occupancy_online"]


@pytest.mark.parametrize(("before", "after"), [(UTC, JAKARTA), (JAKARTA, UTC), (JAKARTA, NEW_YORK), (NEW_YORK, UTC)])
@pytest.mark.parametrize("restarted", [False, True])
def test_figures_of_days_are_those_of_a_worker_that_knew_it(before: str, after: str, *, restarted: bool) -> None:
    moved, always = Line(before), Line(after)
    for line in (moved, always):
        work(line, 8)
    now = T0 + (8 * DAY_S + 2 * HOUR_S) * 1000
    moved.follow(now)
    moved.reload(after)
    if restarted:
        moved.restart()
    for later in (0, 1_000, 90_000, HOUR_S * 1000, DAY_S * 1000, 3 * DAY_S * 1000):
        got, expected = moved.metrics(now + later, "30d"), always.metrics(now + later, "30d")
        assert occupancy(got) == pytest.approx(occupancy(expected), abs=1)
        differ = {name for name in expected if got[name] != expected[name]}
        assert differ <= {"occupancy_ratio", "occupancy_online"}
        assert moved.metrics(now + later, "today") == always.metrics(now + later, "today")


@pytest.mark.parametrize(("before", "after"), [(UTC, JAKARTA), (JAKARTA, UTC), (JAKARTA, NEW_YORK)])
def test_a_day_that_is_closed_keeps_its_date(before: str, after: str) -> None:
    """Its minutes are no longer told apart: it counts where most of it lies, and is not let go of before."""
    windows = DayWindows()
    start = day_start(T0 - 33 * DAY_S * 1000, ZoneInfo(before))
    for _ in range(34):
        end = day_end(start, ZoneInfo(before))
        windows.put(Day(start // MINUTE, end // MINUTE, {MESSAGES_IN: 1}, {}))
        start = end
    windows.recount(today(T0, ZoneInfo(after)), [])
    assert {name: window.counts[MESSAGES_IN] for name, window in windows.windows.items()} == {"mtd": 29, "30d": 30}
