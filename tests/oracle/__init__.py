"""A slow, plain reading of the contract, to hold the product against.

Shares no code with the product. `replay` takes canonical events in order of arrival and gives the records
of contract section 9; `run` gives, beside them, what happened on the way.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.oracle.demands import Demand, demands
from tests.oracle.face import Sample
from tests.oracle.fold import fold
from tests.oracle.history import History, Placed
from tests.oracle.intervals import Intervals, Quarters
from tests.oracle.life import Life
from tests.oracle.outbox import Outbox, as_record
from tests.oracle.rules import Rules, rules_for
from tests.oracle.validate import WITHOUT_CONVERSATION, BadInputError, decode
from tests.oracle.windows import Standing, records, stand

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


class _Conversation:
    """A conversation from its first event until it is forgotten."""

    def __init__(self, tenant: str, conversation_id: str, rules: Rules) -> None:
        self.tenant, self.conversation_id, self.rules = tenant, conversation_id, rules
        self.history = History(rules)
        self.life = Life()
        self.demands: list[Demand] = []
        self.outbox = Outbox()
        self.stood: Standing | None = None

    def refold(self, placed: Placed) -> None:
        """All anew, but for the demands of runs that had ended before an event that was only appended."""
        before = [] if placed is Placed.REORDERED else self.demands
        self.life = fold(self.history.entries, self.rules)
        self.demands = demands(self.life, self.history.entries, self.rules, self.tenant, before)
        self.stood = None

    def forgotten(self, clock: int) -> bool:
        return self.history.forgotten(clock) and not self.life.faces[-1].in_cycle

    def settle(self, clock: int, cause_at: int | None = None) -> list[dict[str, Any]]:
        due = [demand.due(clock) for demand in self.demands]
        sent = self.outbox.settle(due, cause_at, self.life.faces[-1])
        return [as_record(alert, self.tenant, self.conversation_id) for alert in sent]

    def standing(self, clock: int) -> Standing:
        """At a clock that does not go back."""
        if self.stood is None or clock >= self.stood.until:
            face = self.life.faces[-1]
            breaches = [d.breach for d in self.demands if d.breach is not None and d.run.cycle == face.cycle]
            self.stood = stand(face, breaches, clock)
        return self.stood


class _World:
    def __init__(self, config: Mapping[str, Any] | None, *, intervals: bool) -> None:
        self.config = config
        self.with_intervals = intervals
        self.result = Result()
        self.rules: dict[str, Rules] = {}
        self.intervals: dict[str, Intervals] = {}
        self.quarters: dict[str, Quarters] = defaultdict(Quarters)
        self.clock: int | None = None
        self.current: dict[tuple[str, str], _Conversation] = {}
        self.all: list[_Conversation] = []
        self.timers: list[tuple[int, int]] = []  # instant, place in `all`
        self.places: dict[int, int] = {}
        self.known: set[tuple[str, str]] = set()

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
        else:
            clock = self.advance(event["at"])
            if event["type"] not in WITHOUT_CONVERSATION:
                self.fold(event, clock)

    def advance(self, at: int) -> int:
        old = at if self.clock is None else self.clock
        self.clock = max(old, at)
        for tenant, intervals in self.intervals.items():
            intervals.move(old, self.clock, partial(self.standing, tenant), self.quarters[tenant].of)
        while self.timers and self.timers[0][0] < self.clock:
            _, place = heapq.heappop(self.timers)
            self.result.alerts += self.all[place].settle(self.clock)
        return self.clock

    def fold(self, event: dict[str, Any], clock: int) -> None:
        conversation = self.conversation(event["tenant"], event["conversation_id"], clock)
        placed = conversation.history.add(event, clock)
        self.result.counts[placed.value] += 1
        if placed is Placed.DUPLICATE:
            return
        conversation.refold(placed)
        self.result.alerts += conversation.settle(clock, event["at"])
        self.known.update((conversation.tenant, scope) for scope in conversation.life.scopes)
        place = self.places[id(conversation)]
        if self.with_intervals:
            self.quarters[conversation.tenant].put(place, conversation.life.samples)
        for timer in {timer for demand in conversation.demands for timer in demand.timers() if timer >= clock}:
            heapq.heappush(self.timers, (timer, place))

    def conversation(self, tenant: str, conversation_id: str, clock: int) -> _Conversation:
        found = self.current.get((tenant, conversation_id))
        if found is None or found.forgotten(clock):
            self.result.counts["forgotten"] += found is not None
            if tenant not in self.rules:
                self.rules[tenant] = rules_for(self.config, tenant)
                if self.with_intervals:
                    self.intervals[tenant] = Intervals(tenant, self.rules[tenant])
            found = _Conversation(tenant, conversation_id, self.rules[tenant])
            self.current[tenant, conversation_id] = found
            self.places[id(found)] = len(self.all)
            self.all.append(found)
        return found

    def standing(self, tenant: str, at: int) -> list[Standing]:
        mine = [one for one in self.current.values() if one.tenant == tenant]
        return [one.standing(at) for one in mine if one.life.faces[-1].in_cycle]

    def finish(self, until: int | None) -> None:
        if self.clock is None:
            return
        at = self.advance(self.clock if until is None else until)
        for tenant, rules in sorted(self.rules.items()):
            mine = [conversation for conversation in self.all if conversation.tenant == tenant]
            lives = [fold(conversation.history.entries, rules, horizon=at) for conversation in mine]
            samples = [sample for life in lives for sample in life.samples]
            self.result.samples += samples
            scopes = {scope for life in lives for scope in life.scopes}
            standing = self.standing(tenant, at)
            self.result.kpi += records(tenant, rules, scopes, samples, standing, at)
            self.known -= {(tenant, scope) for scope in scopes}
        for _, intervals in sorted(self.intervals.items()):
            ordered = sorted(intervals.records, key=lambda record: (record["scope"], record["window_start_at"]))
            self.result.intervals += ordered
        self.result.passing = self.known
        self.result.alerts.sort(key=lambda alert: tuple(alert[name] for name in ALERT_ORDER))
