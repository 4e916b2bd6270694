"""Replay: the same computation over recorded events with a simulated clock, without a broker (contract section 9)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from streams.clock import wall_ms
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
    wall: Callable[[], int] = wall_ms,
) -> Result:
    """Run canonical events, in order of arrival, through the computation.

    The clock (ms) is the greatest `at` seen so far; timers act at their instants on the way; it ends at `until`
    (default: the greatest `at`), and events after that are left out. `wall` gives the wall clock in ms, for the
    check that no event lies ahead of it.
    """
    settings = config if isinstance(config, Settings) else Settings.from_mapping(config or {})
    run = _Run(settings, wall)
    latenesses = settings.latenesses_ms
    closing = 0
    for offset, event in enumerate(events):
        value = event if isinstance(event, bytes) else msgspec.json.encode(event)
        if until is not None and instant_of(value) > until:
            continue
        at = _valid_instant(value, wall())
        if at > run.clock:
            run.go_on(at)
            if at > closing:
                run.show()
                run.rollup.close(at, run.out)
        run.fold(Record(None, value, offset, at))
        closing = min(-((late - run.clock) // QUARTER_MS) * QUARTER_MS + late for late in latenesses)
        if offset % VIEWS_EVERY == 0:
            run.show()
    run.finish(until)
    out = run.out

    def records(topic: str) -> list[dict[str, Any]]:
        return [msgspec.json.decode(each.value) for each in out if each.topic == topic and each.value is not None]

    told = records("alerts")
    return Result(
        sorted(records("kpi"), key=lambda each: (each["tenant"], each["scope"], each["window"])),
        sorted(told, key=lambda each: (each["at"], each["alert_id"])),
        sorted(records("kpi.intervals"), key=lambda each: (each["tenant"], each["scope"], each["window_start_at"])),
        sorted(
            (dead(each.value, each.headers) for each in run.rejects), key=lambda each: (each["reason"], each["value"])
        ),
        run.shard.counts,
        run.clock,
    )


class _Run:
    """One shard and its roll-up, on a simulated clock."""

    def __init__(self, settings: Settings, wall: Callable[[], int]) -> None:
        self.shard = Shard(0, 1, settings, wall, "events")
        self.shard.recovered(0)
        self.rollup = Rollup(0, 1, settings)
        self.clock = 0
        self.out: list[Output] = []
        self.rejects: list[Output] = []
        self._rules = settings.has_rules

    def go_on(self, at: int) -> None:
        """Let the clock go on to the instant before `at`, and everything happen that comes before it."""
        if self._rules and self.clock:
            self._watch(at)
        self._keep(self.shard.advance(at))

    def fold(self, record: Record) -> None:
        """Take an event."""
        self._keep(self.shard.fold([record], self.clock, event_time=True))
        self.clock = max(self.clock, self.shard.greatest_at)
        self._keep(self.shard.advance(self.clock))
        if self._rules:
            self.show()
            self.out += self.rollup.observe(self.clock)
            self.out += self.rollup.decide(self.clock)

    def show(self, *, final: bool = False) -> None:
        """Let the roll-up have what has changed."""
        self._tell(self.shard.views(self.clock, 0, final=final))

    def finish(self, until: int | None) -> None:
        """Let the clock go on to the end, and everything be published."""
        if until is not None and until > self.clock:
            self.go_on(until)
        self.clock = self.clock if until is None else until
        self._keep(self.shard.advance(self.clock))
        if self.clock:
            self.show(final=True)
            self.rollup.publish_all(self.clock, self.clock, self.out)
            self.rollup.close(self.clock, self.out)
            self.out += self.rollup.decide(self.clock, final=True)

    def _watch(self, until: int) -> None:
        """Let the rules see every instant before `until` at which something may change by the clock alone."""
        while True:
            due = self.shard.next_due
            instants = [each for each in (due, self.rollup.next_change(self.clock)) if each > self.clock]
            if not instants or min(instants) >= until:
                return
            self.clock = min(instants)
            ages_next = self.shard.next_due == self.clock + 1  # a backlog that is a bracket older then, not now
            self._keep(self.shard.advance(self.clock + (not ages_next)))
            self.show()
            self.out += self.rollup.observe(self.clock)
            self.out += self.rollup.decide(self.clock + 1)

    def _keep(self, effects: Effects) -> None:
        self.out += effects.alerts
        self.rejects += effects.rejects
        self._tell(effects.snapshots)

    def _tell(self, outputs: Iterable[Output]) -> None:
        self.rollup.apply([Record(each.key, each.value, 0, self.clock) for each in outputs], self.clock)


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
