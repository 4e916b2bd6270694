"""A slow, plain reading of the contract, to hold the product against.

Shares no code with the product. `replay` takes canonical events in order of arrival and gives the records
of contract section 9; `run` gives, beside them, what happened on the way.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.conversation import Conversation
from tests.oracle.face import Sample
from tests.oracle.history import Placed
from tests.oracle.records import records
from tests.oracle.rules import rules_for
from tests.oracle.tenant import Tenant
from tests.oracle.validate import WITHOUT_CONVERSATION, BadInputError, decode

__all__ = ["Result", "replay", "run"]

ALERT_ORDER = ("at", "tenant", "conversation_id", "metric", "instance", "state", "level")


@dataclass(slots=True)
class Result:
    """`counts`: how arrivals were placed (late, duplicate…), what was skipped or left out.
    `samples`: those of the final fold, of all tenants.
    `passing`: (tenant, scope) that the history knew for a while, but that its final fold does not know."""

    kpi: list[dict[str, Any]] = field(default_factory=list)
    intervals: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    dlq: list[dict[str, Any]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)
    passing: set[tuple[str, str]] = field(default_factory=set)


def replay(
    events: Iterable[Any], config: Mapping[str, Any] | None = None, until: int | None = None
) -> dict[str, list[dict[str, Any]]]:
    """The records at the end of `events` (in order of arrival): `kpi`, `intervals`, `alerts`, `dlq`."""
    result = run(events, config, until)
    return {"kpi": result.kpi, "intervals": result.intervals, "alerts": result.alerts, "dlq": result.dlq}


def run(
    events: Iterable[Any],
    config: Mapping[str, Any] | None = None,
    until: int | None = None,
    wall: int | None = None,
    *,
    intervals: bool = True,
) -> Result:
    """As `replay`; `wall` is the wall clock (ms) that no event may be more than five minutes ahead of.

    Without `intervals`, which look at every quarter of an hour, years are read in seconds."""
    world = _World(config, intervals=intervals)
    for record in events:
        world.arrive(record, until, wall)
    world.finish(until)
    return world.result


def _instant(record: Any) -> int:
    """The `at` of a record, valid or not; 0 if it has none."""
    try:
        loaded = json.loads(record) if isinstance(record, str | bytes) else record
    except ValueError:
        return 0
    at = loaded.get("at") if isinstance(loaded, dict) else 0
    return at if isinstance(at, int) else 0


class _World:
    def __init__(self, config: Mapping[str, Any] | None, *, intervals: bool) -> None:
        self.config = config
        self.with_intervals = intervals
        self.result = Result()
        self.tenants: dict[str, Tenant] = {}
        self.clock: int | None = None
        self.all: list[Conversation] = []
        self.timers: list[tuple[int, int]] = []  # instant, place in `all`

    def arrive(self, record: Any, until: int | None, wall: int | None) -> None:
        if until is not None and _instant(record) > until:
            self.result.counts["left_out"] += 1
            return
        try:
            event = decode(record, wall)
        except BadInputError as bad:
            self.result.dlq.append({"reason": bad.args[0], "event": record})
            return
        if event is None:
            self.result.counts["null"] += 1
            return
        clock, tenant = self.advance(event["at"]), self.tenant(event["tenant"])
        if event["type"] == "presence":
            tenant.staff.arrive(event)
        elif event["type"] in WITHOUT_CONVERSATION:
            tenant.business.append(event)
        else:
            self.fold(tenant, event, clock)

    def tenant(self, name: str) -> Tenant:
        if name not in self.tenants:
            self.tenants[name] = Tenant(name, rules_for(self.config, name))
        return self.tenants[name]

    def advance(self, at: int) -> int:
        old = at if self.clock is None else self.clock
        self.clock = max(old, at)
        for tenant in self.tenants.values():
            if self.with_intervals:
                tenant.intervals.move(old, self.clock, tenant)
            tenant.leave(old, self.clock)
        while self.timers and self.timers[0][0] < self.clock:
            _, place = heapq.heappop(self.timers)
            self.result.alerts += self.all[place].settle(self.clock)
        return self.clock

    def fold(self, tenant: Tenant, event: dict[str, Any], clock: int) -> None:
        conversation = self.conversation(tenant, event["conversation_id"], clock)
        placed = conversation.history.add(event, clock)
        self.result.counts[placed.value] += 1
        if placed is Placed.DUPLICATE:
            return
        conversation.refold(placed)
        self.result.alerts += conversation.settle(clock, event["at"])
        tenant.known |= conversation.life.scopes
        if self.with_intervals:
            tenant.quarters.put(conversation.place, conversation.life.samples)
        for timer in {timer for demand in conversation.demands for timer in demand.timers() if timer >= clock}:
            heapq.heappush(self.timers, (timer, conversation.place))

    def conversation(self, tenant: Tenant, conversation_id: str, clock: int) -> Conversation:
        found = tenant.current.get(conversation_id)
        if found is None or found.forgotten(clock):
            self.result.counts["forgotten"] += found is not None
            found = Conversation(tenant.name, conversation_id, tenant.rules, len(self.all))
            self.all.append(found)
            tenant.add(found)
        return found

    def finish(self, until: int | None) -> None:
        if self.clock is None:
            return
        at = self.advance(self.clock if until is None else until)
        for name, tenant in sorted(self.tenants.items()):
            view = tenant.view(at)
            self.result.alerts += tenant.alerts(view, at)
            self.result.samples += view.samples
            self.result.kpi += records(view, at)
            self.result.passing |= {(name, scope) for scope in tenant.known - view.scopes}
            ordered = sorted(tenant.intervals.records, key=lambda record: (record["scope"], record["window_start_at"]))
            self.result.intervals += ordered
        self.result.alerts.sort(key=lambda alert: tuple(alert.get(name, "") for name in ALERT_ORDER))
