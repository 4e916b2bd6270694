"""Replay: the same computation over recorded events with a simulated clock, without a broker (contract section 9)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from streams.codecs import decode
from streams.engine.ports import Effects, Output, Record
from streams.rejects import Rejected
from tables.days import QUARTER_MS
from tables.rollup import Rollup
from tables.settings import Settings
from tables.shard import Shard

VIEWS_EVERY = 2_000


class Result(NamedTuple):
    """What a replay writes: records as dictionaries, in the order of section 9."""

    kpi: list[dict[str, Any]]
    alerts: list[dict[str, Any]]
    intervals: list[dict[str, Any]]
    dlq: list[dict[str, Any]]
    counts: Counter[str]
    until: int


def replay(
    events: Iterable[bytes | dict[str, Any]],
    config: Settings | dict[str, Any] | None = None,
    until: int | None = None,
    *,
    wall: Callable[[], int],
) -> Result:
    """Run canonical events, in order of arrival, through the computation.

    The clock (ms) is the greatest `at` seen so far; timers act at their instants on the way; it ends at `until`
    (default: the greatest `at`), and events after that are left out. `wall` gives the wall clock in ms, for the
    check that no event lies ahead of it.
    """
    settings = config if isinstance(config, Settings) else Settings.from_mapping(config or {})
    shard = Shard(0, 1, settings, wall, "events")
    shard.recovered(0)
    rollup = Rollup(0, 1, settings)
    alerts: list[bytes] = []
    rejects: list[Output] = []

    def keep(effects: Effects) -> None:
        alerts.extend(alert.value for alert in effects.alerts if alert.value is not None)
        rejects.extend(effects.rejects)
        rollup.apply([Record(each.key, each.value, 0, clock) for each in effects.snapshots], clock)

    def show(*, final: bool) -> None:
        views = shard.views(clock, 0, final=final)
        rollup.apply([Record(each.key, each.value, 0, clock) for each in views], clock)

    out: list[Output] = []
    latenesses = settings.latenesses_ms

    def closes_next() -> int:
        return min(-((late - clock) // QUARTER_MS) * QUARTER_MS + late for late in latenesses)

    clock = 0
    closing = 0
    for offset, event in enumerate(events):
        value = event if isinstance(event, bytes) else msgspec.json.encode(event)
        if until is not None and instant_of(value) > until:
            continue
        at = _valid_instant(value, wall())
        if at > clock:
            keep(shard.advance(at))
            if at > closing:
                show(final=False)
                rollup.close(at, out)
        keep(shard.fold([Record(None, value, offset, at)], clock, event_time=True))
        if shard.greatest_at > clock:
            clock = shard.greatest_at
            closing = closes_next()
        keep(shard.advance(clock))
        if offset % VIEWS_EVERY == 0:
            show(final=False)
    clock = until if until is not None else clock
    keep(shard.advance(clock))
    if clock:
        show(final=True)
        rollup.publish_all(clock, clock, out)
        rollup.close(clock, out)

    def records(topic: str) -> list[dict[str, Any]]:
        return [msgspec.json.decode(each.value) for each in out if each.topic == topic and each.value is not None]

    told = [msgspec.json.decode(each) for each in alerts]
    return Result(
        sorted(records("kpi"), key=lambda each: (each["tenant"], each["scope"], each["window"])),
        sorted(told, key=lambda each: (each["at"], each["alert_id"])),
        sorted(records("kpi.intervals"), key=lambda each: (each["tenant"], each["scope"], each["window_start_at"])),
        sorted((dead(each.value, each.headers) for each in rejects), key=lambda each: (each["reason"], each["value"])),
        shard.counts,
        clock,
    )


class _Peek(msgspec.Struct):
    at: int = 0


_peek = msgspec.json.Decoder(_Peek).decode


def instant_of(value: bytes) -> int:
    """The `at` of a record, valid or not; 0 if it has none."""
    try:
        return _peek(value).at
    except msgspec.DecodeError:
        return 0


def last_instant(events: Iterable[bytes], now: int) -> int:
    """The greatest `at` of the events that are valid at the wall clock's `now` (ms); 0 without any."""
    return max((at for at in (_valid_instant(event, now) for event in events)), default=0)


def _valid_instant(value: bytes, now: int) -> int:
    try:
        return decode(value, now).at
    except Rejected:
        return 0


def dead(value: bytes | None, headers: Iterable[tuple[str, bytes]]) -> dict[str, Any]:
    """A dead letter as a replay writes it: why, and the record."""
    said = {name: text.decode() for name, text in headers}
    return {
        "reason": said["reason"],
        "detail": said.get("detail", ""),
        "value": (value or b"").decode(errors="replace"),
    }
