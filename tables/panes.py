"""Minute panes and gauges of one source partition: views of its conversations, by scope.

A pane equals the sum of what its conversations have booked. It is kept up to date by what is booked in order; when a
history was folded again, everything that the conversation had contributed is taken back and contributed anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from heapq import heappush

from streams.codecs import encode_id
from tables import gauges
from tables.days import QUARTER
from tables.distinct import hashed
from tables.facts import CUSTOMER, FRT, MESSAGES_IN, MESSAGES_OUT, OCCUPIED, ONE_TOUCH, SEEN, TOPIC, Fact
from tables.foot import Foot, Trace
from tables.history import History
from tables.partials import TURNS
from tables.scope_panes import Scope
from tables.scopes import scopes
from tables.staff import Staff, work_of
from tables.state import Dims
from tables.tally import (
    ACTIVE,
    ACTIVE_MARKS,
    BUCKETS,
    CUSTOMERS,
    DURATIONS,
    HANDLED,
    HANDLED_MARKS,
    MAX,
    TOPICS,
    Tally,
    add_duration,
    code,
    keep_largest,
    mark,
    shift,
)

TOUCHES = frozenset({MESSAGES_IN, MESSAGES_OUT})
"""Kinds whose order matters: of distinct conversations the newest touch counts."""
_LAST_DURATION = max(DURATIONS)
CORRECTED = 31 * 1440
"""Minutes for which a window can still hold a quarter-hour whose panes were let go of."""


class Panes:
    """All scopes of one partition."""

    def __init__(self, staff: Staff) -> None:
        self.staff = staff
        self.scopes: dict[tuple[str, str], Scope] = {}
        self.oldest = 0
        """The first minute that still has a pane of its own; older ones live in the sealed quarter-hours."""
        self.oldest_sealed = 0
        self.sealed_before = 0
        """Quarter-hours that begin before this minute may have been summed up."""
        self.dirty: tuple[set[Scope], ...] = tuple(set() for _ in range(TURNS))
        """By turn, the scopes of which there is something to tell."""
        self.moved: set[Scope] = set()
        """Scopes whose gauges have changed since the last quarter-hour."""
        self.corrected: set[tuple[Scope, int]] = set()
        """Quarter-hours whose corrections have changed since whoever writes them down cleared this."""
        self.topics: list[tuple[str, int, str]] = []
        """Tenant, hash and name of topics that nobody was told of yet."""
        self._topics: set[tuple[str, int]] = set()
        self._loose: set[Scope] = set()
        """Scopes with minutes that may have to be summed up."""
        self._holding: set[Scope] = set()
        """Scopes that hold anything of minutes or quarter-hours."""
        self._by_dims: dict[tuple[str, Dims], tuple[Scope, ...]] = {}
        """What `of` has found; topics make as many dims as there are conversations, so it is forgotten now and then."""

    def of(self, tenant: str, dims: Dims) -> tuple[Scope, ...]:
        """The scopes of a sample."""
        found = self._by_dims.get((tenant, dims))
        if found is None:
            found = tuple(self._scope(tenant, name) for name in scopes(dims))
            self._by_dims[tenant, dims] = found
        return found

    def _scope(self, tenant: str, name: str) -> Scope:
        key = (tenant, name)
        scope = self.scopes.get(key)
        if scope is None:
            scope = self.scopes[key] = Scope(tenant, name)
            self._stir(scope)  # so that it is told of even if nothing of it lasts
        return scope

    # -- samples --------------------------------------------------------------------------------------

    def book(self, foot: Foot, tenant: str, facts: list[Fact]) -> None:  # noqa: C901 - the hot loop, in one piece
        """Add facts; no touch among them is older than the newest minute that the conversation has touched."""
        i, n = 0, len(facts)
        while i < n:
            kind, minute, dims, count, _ = facts[i]
            found = self.of(tenant, dims)
            delta: Tally = {}
            touched = handled = False
            largest: list[tuple[int, int]] = []
            while True:
                if FRT <= kind < ONE_TOUCH:
                    self._worth(delta, largest, tenant, facts[i])
                elif kind != SEEN:
                    delta[kind] = delta.get(kind, 0) + count
                    if kind in TOUCHES:
                        touched = True
                        handled = handled or kind == MESSAGES_OUT
                i += 1
                if i == n or facts[i].dims is not dims or facts[i].minute != minute:
                    break
                kind, _, _, count, _ = facts[i]
            amounts = tuple(delta.items())
            for scope in found:
                # As `_pane` does it in most cases; the call would cost as much as the rest.
                pane = scope.pane if scope.open == minute else self._pane(scope, minute)
                for each, amount in amounts:
                    pane[each] = pane.get(each, 0) + amount
                for each, amount in largest:
                    if amount > pane.get(each, -1):
                        pane[each] = amount
            if touched:
                foot.newest = max(foot.newest, minute)
                if foot.active.minute != minute or foot.active.scopes is not found:
                    self._touch(foot.active, found, minute, ACTIVE, mark(ACTIVE_MARKS, foot.hash))
                if handled and (foot.handled.minute != minute or foot.handled.scopes is not found):
                    self._touch(foot.handled, found, minute, HANDLED, mark(HANDLED_MARKS, foot.hash))

    def _worth(self, delta: Tally, largest: list[tuple[int, int]], tenant: str, fact: Fact) -> None:
        kind, minute, dims, count, value = fact
        if kind <= _LAST_DURATION:
            largest.append((code(kind, MAX), value))
        if kind == OCCUPIED:
            self.staff.book(tenant, dims, value, minute, 1)
        elif kind == TOPIC:
            self._topic(tenant, fact, 1)
        else:
            _add(delta, kind, count, value)

    def _topic(self, tenant: str, fact: Fact, sign: int) -> None:
        """Count a topic of a cycle, or take it back; its name is among the dims."""
        scope = self._scope(tenant, "tenant")
        shift(self._pane(scope, fact.minute), mark(TOPICS, fact.value), sign * fact.number)
        if (tenant, fact.value) not in self._topics:
            self._topics.add((tenant, fact.value))
            self.topics += [(tenant, fact.value, topic) for topic in fact.dims[4] if hashed(topic) == fact.value]

    def _touch(
        self, trace: Trace, found: tuple[Scope, ...], minute: int, codes: tuple[int, int, int], hashed: int
    ) -> None:
        """Move the conversation, in all these scopes, from the minute of its last touch to this one."""
        newest, in_minute, in_quarter = codes
        before: int | None = trace.minute
        moved = None if trace.scopes is found else trace.move(found)
        trace.minute = minute
        for scope in found:
            if moved is not None:
                before = moved.get(scope)
                if before == minute:
                    continue
            pane = scope.pane if scope.open == minute else self._pane(scope, minute)
            if before is not None:
                old = scope.pane if scope.open == before else self._pane(scope, before)
                left = old.get(newest, 0) - 1
                if left:
                    old[newest] = left
                else:
                    old.pop(newest, None)
            if before is None or before // QUARTER != minute // QUARTER:
                pane[in_quarter] = pane.get(in_quarter, 0) + 1
                if scope.by_day:
                    pane[hashed] = pane.get(hashed, 0) + 1
            pane[newest] = pane.get(newest, 0) + 1
            if scope.trend and minute >= self.oldest:
                pane[in_minute] = pane.get(in_minute, 0) + 1

    def foot(self, key: bytes, tenant: str, facts: Iterable[Fact]) -> Foot:
        """What they hold of a conversation that stands nowhere now, by all that it has booked."""
        foot = Foot(key)
        for fact in facts:
            if fact.kind in TOUCHES:
                foot.newest = max(foot.newest, fact.minute)
                for trace in (foot.active, foot.handled) if fact.kind == MESSAGES_OUT else (foot.active,):
                    for scope in self.of(tenant, fact.dims):
                        trace.past[scope] = max(trace.past.get(scope, 0), fact.minute)
        return foot

    def rebook(self, foot: Foot, tenant: str, before: list[Fact], after: list[Fact]) -> None:
        """Take back what was contributed, contribute what is booked now; of what is in both only the touches."""
        foot.active, foot.handled = Trace(), Trace()
        both = Counter(fact for fact in before if fact.kind not in TOUCHES)
        both &= Counter(after)
        for sign, facts in ((-1, before), (1, after)):
            left = both.copy()
            touches: dict[tuple[Scope, bool], set[int]] = {}
            for fact in facts:
                if left[fact] > 0:
                    left[fact] -= 1
                    continue
                self.shift(tenant, fact, sign)
                if fact.kind in TOUCHES:
                    for scope in self.of(tenant, fact.dims):
                        touches.setdefault((scope, False), set()).add(fact.minute)
                        if fact.kind == MESSAGES_OUT:
                            touches.setdefault((scope, True), set()).add(fact.minute)
            self._retouch(foot, touches, sign)
        foot.newest = max((fact.minute for fact in after if fact.kind in TOUCHES), default=0)

    def shift(self, tenant: str, fact: Fact, sign: int) -> None:
        """Add a fact, or take it back; of a touch its count alone."""
        kind, minute, dims, count, value = fact
        if kind == OCCUPIED:
            self.staff.book(tenant, dims, value, minute, sign)
        elif kind == TOPIC:
            self._topic(tenant, fact, sign)
        else:
            for scope in self.of(tenant, dims):
                pane = self._pane(scope, minute)
                if FRT <= kind < ONE_TOUCH:
                    _add(pane, kind, sign * count, value)
                    if kind <= _LAST_DURATION:
                        keep_largest(pane, kind, value, sign)
                elif kind != SEEN:
                    shift(pane, kind, sign * count)

    def _retouch(self, foot: Foot, touches: dict[tuple[Scope, bool], set[int]], sign: int) -> None:
        """Contribute, or take back, all touches of a conversation: by scope and whether it was handled, the minutes."""
        for (scope, handled), minutes in touches.items():
            newest, in_minute, in_quarter = HANDLED if handled else ACTIVE
            hashed = mark(HANDLED_MARKS if handled else ACTIVE_MARKS, foot.hash)
            ordered = sorted(minutes)
            for minute in ordered if scope.trend else ():
                if minute >= self.oldest:
                    shift(self._pane(scope, minute), in_minute, sign)
            for minute in {quarter: m for m in reversed(ordered) for quarter in (m // QUARTER,)}.values():
                shift(self._pane(scope, minute), in_quarter, sign)
                if scope.by_day:
                    shift(self._pane(scope, minute), hashed, sign)
            shift(self._pane(scope, ordered[-1]), newest, sign)
            if sign > 0:
                (foot.handled if handled else foot.active).past[scope] = ordered[-1]

    def _pane(self, scope: Scope, minute: int) -> Tally:
        if minute < self.oldest:
            return self._sealed(scope, minute - minute % QUARTER)
        pane = scope.minutes.get(minute)
        if pane is None:
            pane = scope.minutes[minute] = {}
            self._loose.add(scope)
            self._holding.add(scope)
        if minute not in scope.dirty:
            scope.dirty.add(minute)
            self.dirty[scope.turn].add(scope)
        if minute >= self.sealed_before:
            scope.open, scope.pane = minute, pane
        else:
            quarter = minute - minute % QUARTER
            scope.sealed.pop(quarter, None)  # summed up anew when it is told
            scope.dirty_quarters.add(quarter)
        return pane

    def _sealed(self, scope: Scope, quarter: int) -> Tally:
        if quarter < self.oldest_sealed:
            if not scope.by_day:
                return {}  # in no window any more
            self.corrected.add((scope, quarter))
            self._holding.add(scope)
            scope.dirty_corrections.add(quarter)
            self.dirty[scope.turn].add(scope)
            return scope.corrections.setdefault(quarter, {})
        pane = scope.sealed.get(quarter)
        if pane is None or quarter not in scope.dirty_quarters:
            pane = scope.sealed.setdefault(quarter, {})
            scope.dirty_quarters.add(quarter)
            self.dirty[scope.turn].add(scope)
            self._holding.add(scope)
        return pane

    # -- gauges ---------------------------------------------------------------------------------------

    def gauge(self, foot: Foot, history: History, now: int) -> None:
        """Bring the gauges up to what the conversation is at `now`."""
        s = history.c.state
        work = work_of(history.rules.tenant, s)
        if work != foot.work:
            self.staff.move(foot.work, work)
            foot.work = work
        mask = gauges.mask(s, now)
        found = self.of(history.rules.tenant, history.life.dims) if mask else ()
        since = s.waiting_since if mask else 0
        if mask == foot.mask and since == foot.waiting_since and found is foot.scopes:
            return
        if found is foot.scopes:
            self._change(found, gauges.difference(foot.mask, mask))
        else:
            self._change(foot.scopes, gauges.difference(foot.mask, 0))
            self._change(found, gauges.difference(0, mask))
        if foot.waiting_since and (not since or found is not foot.scopes):
            for scope in foot.scopes:
                scope.waiting.pop(foot.key, None)
        if since and (since != foot.waiting_since or found is not foot.scopes):
            for scope in found:
                scope.waiting[foot.key] = since
                heappush(scope.heap, (since, foot.key))
        if foot.waiting_since != since:
            for scope in found:
                self._stir(scope)
        foot.mask, foot.scopes, foot.waiting_since = mask, found, since

    def present(self, tenant: str, agent: str, step: int) -> None:
        """An agent is online now (1), is not any more (-1), or has said something that changes nothing (0)."""
        for name in ("tenant", f"agent:{encode_id(agent)}"):
            scope = self._scope(tenant, name)
            if step:
                shift(scope.gauges, gauges.AGENTS_ONLINE, step)
                self._stir(scope)

    def _change(self, found: tuple[Scope, ...], difference: tuple[tuple[int, int], ...]) -> None:
        if not difference:
            return
        for scope in found:
            held = scope.gauges
            for each, amount in difference:
                value = held.get(each, 0) + amount
                if value:
                    held[each] = value
                else:
                    held.pop(each, None)
            self._stir(scope)

    def _stir(self, scope: Scope) -> None:
        self.moved.add(scope)
        if not scope.restless:
            scope.restless = True
            self.dirty[scope.turn].add(scope)

    # -- the passing of time --------------------------------------------------------------------------

    def seal(self, before: int) -> None:
        """Sum up the quarter-hours that end by the minute `before`: the new ones and those that have changed."""
        self.sealed_before = max(self.sealed_before, before)
        for scope in list(self._loose):
            known = scope.sealed
            for quarter in {m - m % QUARTER for m in scope.minutes if m < before}.difference(known):
                scope.quarter(quarter)
                scope.dirty_quarters.add(quarter)
                self.dirty[scope.turn].add(scope)
            scope.open = -1
            if all(minute < before for minute in scope.minutes):
                self._loose.discard(scope)

    def move_on(self, oldest_sealed: int) -> None:
        """Samples before this minute are corrections from now on."""
        self.oldest_sealed = max(self.oldest_sealed, oldest_sealed)
        self.oldest = max(self.oldest, oldest_sealed)

    def restore_correction(self, tenant: str, name: str, quarter: int, tally: Tally) -> None:
        """Take over what was added to a quarter-hour after a former owner had let go of it."""
        scope = self._scope(tenant, name)
        scope.corrections[quarter] = tally
        self._holding.add(scope)
        scope.dirty_corrections.add(quarter)
        self.dirty[scope.turn].add(scope)

    def discard(self, oldest: int, oldest_sealed: int) -> None:
        """Let go of minute panes before `oldest` and of quarter-hours before `oldest_sealed`; whole quarter-hours."""
        self.oldest, self.oldest_sealed = max(oldest, self.oldest), max(oldest_sealed, self.oldest_sealed)
        self._by_dims.clear()
        for scope in list(self._holding):
            scope.discard(self.oldest, self.oldest_sealed)
            corrected = self.oldest_sealed - CORRECTED
            for quarter in [q for q in scope.corrections if q < corrected and q not in scope.dirty_corrections]:
                del scope.corrections[quarter]
                self.corrected.add((scope, quarter))
            if not scope.minutes and not scope.sealed and not scope.corrections:
                self._holding.discard(scope)


def _add(pane: Tally, kind: int, count: int, value: int) -> None:
    """Add, or take back, samples that are worth a value."""
    if kind <= _LAST_DURATION:
        add_duration(pane, kind, count, value)
    elif kind == CUSTOMER:
        shift(pane, mark(CUSTOMERS, value), count)
    else:
        shift(pane, kind << BUCKETS | value, count)
