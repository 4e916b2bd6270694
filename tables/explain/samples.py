"""The samples that a conversation has booked, and what they add up to in which window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tables import facts as kinds
from tables.day_windows import DAY_WINDOWS
from tables.days import today
from tables.distinct import hashed
from tables.explain.records import Moment, Number, Sample
from tables.explain.view import View
from tables.facts import MINUTE, Fact
from tables.kpis import effort, promoters, satisfaction, topics
from tables.kpis.metric import Metric
from tables.scopes import has_days, has_occupancy, scopes
from tables.settings import TenantSettings
from tables.state import Dims
from tables.tally import BUCKETS
from tables.window import Window
from tables.windows import ROLLING

OCCUPIED = "occupied"
"""The one metric that is in no KPI record: of stretches of work and of presence together `occupancy_*` is made."""
DURATIONS = dict(zip(kinds.DURATIONS, ("frt", "nrt", "resolution", "handle"), strict=True))
_TAKEN_BACK = frozenset({kinds.ONE_TOUCH_BACK, kinds.ONE_TOUCH_BACK_LATE})
METRIC_NAMES = {
    kinds.MESSAGES_IN: "messages_in",
    kinds.MESSAGES_OUT: "messages_out",
    kinds.OPENED: "conversations_opened",
    kinds.REOPENED: "conversations_reopened",
    kinds.RESOLVED: "conversations_resolved",
    kinds.SL_MET: "sl_met",
    kinds.SL_MISSED: "sl_missed",
    kinds.SL_ABANDONED: "sl_abandoned",
    **DURATIONS,
    **{kind + kinds.CALENDAR: name for kind, name in DURATIONS.items()},
    kinds.CSAT: "csat",
    kinds.NPS: "nps",
    kinds.CES: "ces",
    kinds.CUSTOMER: "customers_handled",
    kinds.OCCUPIED: OCCUPIED,
    kinds.TOPIC: topics.NAME,
    kinds.ONE_TOUCH: "fcr_one_touch",
    kinds.ONE_TOUCH_BACK: "fcr_one_touch",
    kinds.ONE_TOUCH_BACK_LATE: "fcr_one_touch",
    kinds.BOT_RESOLVED: "bot_resolved",
    kinds.DELIVERY_FAILED: "delivery_failed",
}
"""By kind; a duration whose business time is another goes by its first fact, the second one is its value beside."""
SCORES = ("csat", "nps", "ces")
MEANS = ("csat", "ces")
_ROOMS: dict[str, tuple[int, ModuleType]] = {
    "csat": (kinds.CSAT, satisfaction),
    "nps": (kinds.NPS, promoters),
    "ces": (kinds.CES, effort),
}
DISTINCT = {
    "conversations_active": frozenset({"messages_in", "messages_out"}),
    "conversations_handled": frozenset({"messages_out"}),
}
"""Distinct counts, and the samples of which one makes a conversation count."""


class Booked(NamedTuple):
    """A sample as it was booked. Of durations value and business time are in ms."""

    metric: str
    minute: int
    dims: Dims
    number: int
    """1, or -1 for what the conversation takes back by itself."""
    value: int
    business: int


def booked(facts: Iterable[Fact]) -> Iterator[Booked]:
    """What facts book, in their order; what only makes scopes known is nothing."""
    rest = iter(facts)
    for fact in rest:
        metric = METRIC_NAMES.get(fact.kind)
        if metric is None:
            continue
        number = -fact.number if fact.kind in _TAKEN_BACK else fact.number
        apart = metric in DURATIONS.values() and fact.kind not in DURATIONS
        business = next(rest).value if apart else fact.value
        yield Booked(metric, fact.minute, fact.dims, number, fact.value, business)


def windows_of(minute: int, until: int, zone: ZoneInfo) -> tuple[str, ...]:
    """The windows that hold the pane of a minute (since the epoch) at the instant `until` (ms)."""
    last, day = until // MINUTE, today(until, zone)
    starts = {name: last - length + 1 for name, length in ROLLING.items()}
    starts |= {"today": day.today, "mtd": day.mtd, "30d": day.last_30d}
    return tuple(name for name, start in starts.items() if start <= minute <= last)


def samples_of(held: Iterable[Booked], view: View) -> tuple[Sample, ...]:
    """What was booked as samples, in the order of booking; equal ones are one."""
    return tuple(_sample(each, times, view) for each, times in Counter(held).items())


def _sample(each: Booked, times: int, view: View) -> Sample:
    timed, name = each.metric in DURATIONS.values(), each.metric
    where, windows = scopes(each.dims), windows_of(each.minute, view.until, view.zone)
    topic = None
    if name == OCCUPIED:
        where = tuple(filter(has_occupancy, where))
    elif name == topics.NAME:
        topic = next(topic for topic in each.dims[4] if hashed(topic) == each.value)
        where, windows = ("tenant",), tuple(window for window in windows if window in DAY_WINDOWS)
    return Sample(
        metric=name,
        count=each.number * times,
        value_s=each.value / 1000 if timed else None,
        business_s=each.business / 1000 if timed else None,
        calendar=view.calendar(each.dims) if timed and name != DURATIONS[kinds.HANDLE] else None,
        score=each.value if name in SCORES else None,
        customer_id=view.customers[each.value] if name == METRIC_NAMES[kinds.CUSTOMER] else None,
        topic=topic,
        first_at=each.value * MINUTE if name == OCCUPIED else None,
        minute_at=each.minute * MINUTE,
        scopes=where,
        windows=windows,
    )


def counted_as(survey: str, score: int, values: TenantSettings) -> list[str]:
    """The counts of a KPI record in which a score is, by the tenant's formulas."""
    kind, room = _ROOMS[survey]
    window = Window()
    window.add({kind << BUCKETS | score: 1}, 1)
    out: dict[str, Number | None] = {}
    room.read(window, out, values)
    metrics: tuple[Metric, ...] = room.METRICS
    return [each.name for each in metrics if each.unit == "count" and out[each.name]]


# -- what they add up to --------------------------------------------------------------------------------------

Sums = dict[str, Number]


def counts_in(timeline: Iterable[Moment], values: TenantSettings) -> dict[str, dict[str, Sums]]:
    """By scope and window, what the samples of a timeline add up to; empty ones are left out."""
    out: dict[str, dict[str, Sums]] = {}
    customers: set[tuple[str, str, str]] = set()
    for sample in (sample for moment in timeline for sample in moment.samples):
        if sample.metric == OCCUPIED:
            continue
        for scope in sample.scopes:
            for window in sample.windows:
                if window in DAY_WINDOWS and not has_days(scope):
                    continue
                sums = out.setdefault(scope, {}).setdefault(window, {})
                if sample.customer_id is None:
                    _add(sums, sample, values)
                elif (key := (scope, window, sample.customer_id)) not in customers:
                    customers.add(key)
                    sums[sample.metric] = sums.get(sample.metric, 0) + 1
    return _without_nothing(out)


def _add(sums: Sums, sample: Sample, values: TenantSettings) -> None:
    name, count = sample.metric, sample.count
    if sample.value_s is not None and sample.business_s is not None:
        sums[f"{name}_count"] = sums.get(f"{name}_count", 0) + count
        for way, value in ((name, sample.value_s), (f"{name}_business", sample.business_s)):
            sums[f"{way}_sum_s"] = round(sums.get(f"{way}_sum_s", 0) + count * value, 3)
            sums[f"{way}_max_s"] = max(sums.get(f"{way}_max_s", 0), value)
    elif sample.score is not None:
        for counted in counted_as(name, sample.score, values):
            sums[counted] = sums.get(counted, 0) + count
        if name in MEANS:
            sums[f"{name}_sum"] = sums.get(f"{name}_sum", 0) + count * sample.score
    else:
        name += "" if sample.topic is None else f":{sample.topic}"
        sums[name] = sums.get(name, 0) + count
    for distinct, touches in DISTINCT.items():
        if name in touches:
            sums[distinct] = 1


def _without_nothing(found: dict[str, dict[str, Sums]]) -> dict[str, dict[str, Sums]]:
    """Without counts of 0 (durations of 0 s stay), nor windows and scopes in which nothing is left."""
    for windows in found.values():
        for window, sums in windows.items():
            windows[window] = {name: value for name, value in sums.items() if value or name.endswith("_s")}
    kept = {scope: {window: sums for window, sums in windows.items() if sums} for scope, windows in found.items()}
    return {scope: windows for scope, windows in kept.items() if windows}
