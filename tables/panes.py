"""Minute panes and gauges of one source partition: views of its conversations, by scope.

A pane equals the sum of what its conversations have booked. It is kept up to date by what is booked in order; when a
history was folded again, everything that the conversation had contributed is taken back and contributed anew.
"""

from __future__ import annotations

from heapq import heappop, heappush
from zlib import crc32

from tables import gauges
from tables.facts import FRT, MESSAGES_IN, MESSAGES_OUT, NRT, SEEN, Fact
from tables.history import History
from tables.scopes import has_trend, scopes
from tables.sketch import bucket, middle
from tables.state import Dims
from tables.tally import (
    ACTIVE_LAST,
    ACTIVE_MINUTE,
    ACTIVE_QUARTER,
    BUCKETS,
    COUNT,
    HANDLED_LAST,
    HANDLED_MINUTE,
    HANDLED_QUARTER,
    MAX,
    MAXIMA,
    SUM,
    Tally,
    code,
)

QUARTER = 15
"""Minutes in a quarter-hour."""
PANES_KEPT = 90
"""Minutes for which a pane is kept by itself: the longest rolling window, and time for corrections."""
TURNS = 3
"""Every scope is told of in one turn of so many: the partials of all partitions then come together."""
_DURATIONS = frozenset({FRT, NRT})
_TOUCHES = frozenset({MESSAGES_IN, MESSAGES_OUT})
_ACTIVE = (ACTIVE_LAST, ACTIVE_MINUTE, ACTIVE_QUARTER)
_HANDLED = (HANDLED_LAST, HANDLED_MINUTE, HANDLED_QUARTER)


class Scope:
    """What one scope of one tenant holds in this partition."""

    __slots__ = (
        "dirty",
        "dirty_quarters",
        "gauges",
        "heap",
        "minutes",
        "name",
        "open",
        "pane",
        "place",
        "restless",
        "sealed",
        "snapshot",
        "tenant",
        "trend",
        "turn",
        "waiting",
    )

    def __init__(self, tenant: str, name: str) -> None:
        self.tenant = tenant
        self.name = name
        self.place = crc32(f"{tenant}/{name}".encode())
        self.turn = (self.place >> 16) % TURNS
        self.trend = has_trend(name)
        self.open = -1
        """The minute of `pane`: of those to be told of, the one booked last."""
        self.pane: Tally = {}
        self.minutes: dict[int, Tally] = {}
        self.sealed: dict[int, Tally] = {}
        """Sums of past quarter-hours, by the minute they begin at."""
        self.dirty: set[int] = set()
        self.dirty_quarters: set[int] = set()
        self.gauges: Tally = {}
        self.restless = False
        """Whether the gauges have changed since they were last sent."""
        self.snapshot: Tally | None = None
        """The gauges at the last quarter-hour at which they had changed."""
        self.waiting: dict[bytes, int] = {}
        self.heap: list[tuple[int, bytes]] = []

    def gauges_now(self) -> Tally:
        """The gauges, with the oldest wait."""
        oldest = self.oldest_waiting()
        return {**self.gauges, gauges.OLDEST_WAITING: oldest} if oldest else dict(self.gauges)

    def oldest_waiting(self) -> int:
        """The smallest `waiting_since` in ms, 0 when none waits."""
        heap, waiting = self.heap, self.waiting
        if len(heap) > 2 * len(waiting) + 64:
            heap[:] = sorted((since, key) for key, since in waiting.items())
        while heap and waiting.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        return heap[0][0] if heap else 0


class Trace:
    """In which minute a conversation touched its scopes last."""

    __slots__ = ("minute", "past", "scopes")

    def __init__(self) -> None:
        self.scopes: tuple[Scope, ...] = ()
        self.minute = 0
        self.past: dict[Scope, int] = {}
        """The last minute of other scopes, touched before."""

    def move(self, found: tuple[Scope, ...]) -> dict[Scope, int]:
        """The next touch is of other scopes: the last minutes of those that were touched before."""
        past = self.past
        for scope in self.scopes:
            past[scope] = self.minute
        self.scopes = found
        return {scope: past.pop(scope) for scope in found if scope in past}


class Foot:
    """What the panes hold of one conversation."""

    __slots__ = ("active", "ahead", "handled", "key", "mask", "newest", "scopes", "waiting_since")

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.active = Trace()
        self.handled = Trace()
        self.ahead: list[Fact] = []
        """Booked, but in minutes that the clock has not reached."""
        self.newest = 0
        """The newest minute with a touch."""
        self.mask = 0
        self.scopes: tuple[Scope, ...] = ()
        self.waiting_since = 0


class Panes:
    """All scopes of one partition."""

    def __init__(self) -> None:
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
        self._loose: set[Scope] = set()
        """Scopes with minutes that may have to be summed up."""
        self._holding: set[Scope] = set()
        """Scopes that hold anything of minutes or quarter-hours."""
        self._by_dims: dict[tuple[str, Dims], tuple[Scope, ...]] = {}

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
        """Add facts none of which is older than the newest minute that the conversation has touched."""
        i, n = 0, len(facts)
        while i < n:
            kind, minute, dims, count, value = facts[i]
            found = self.of(tenant, dims)
            delta: Tally = {}
            touched = handled = False
            largest: list[tuple[int, int]] = []
            while True:
                if kind in _DURATIONS:
                    _add_duration(delta, kind, count, value)
                    largest.append((code(kind, MAX), value))
                elif kind != SEEN:
                    delta[kind] = delta.get(kind, 0) + count
                    if kind in _TOUCHES:
                        touched = True
                        handled = handled or kind == MESSAGES_OUT
                i += 1
                if i == n or facts[i].dims is not dims or facts[i].minute != minute:
                    break
                kind, _, _, count, value = facts[i]
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
                    self._touch(foot.active, found, minute, _ACTIVE)
                if handled and (foot.handled.minute != minute or foot.handled.scopes is not found):
                    self._touch(foot.handled, found, minute, _HANDLED)

    def _touch(self, trace: Trace, found: tuple[Scope, ...], minute: int, codes: tuple[int, int, int]) -> None:
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
            pane[newest] = pane.get(newest, 0) + 1
            if scope.trend:
                pane[in_minute] = pane.get(in_minute, 0) + 1

    def rebook(self, foot: Foot, tenant: str, before: list[Fact], after: list[Fact]) -> None:
        """Take back what was contributed, contribute what is booked now."""
        foot.active, foot.handled = Trace(), Trace()
        for sign, facts in ((-1, before), (1, after)):
            touches: dict[tuple[Scope, bool], set[int]] = {}
            for kind, minute, dims, count, value in facts:
                for scope in self.of(tenant, dims):
                    pane = self._pane(scope, minute)
                    if kind in _DURATIONS:
                        _add_duration(pane, kind, sign * count, value)
                        _keep_largest(pane, kind, value, sign)
                    elif kind != SEEN:
                        self._shift(scope, minute, kind, sign * count)
                        if kind in _TOUCHES:
                            touches.setdefault((scope, False), set()).add(minute)
                            if kind == MESSAGES_OUT:
                                touches.setdefault((scope, True), set()).add(minute)
            for (scope, handled), minutes in touches.items():
                newest, in_minute, in_quarter = _HANDLED if handled else _ACTIVE
                ordered = sorted(minutes)
                for minute in ordered if scope.trend else ():
                    self._shift(scope, minute, in_minute, sign)
                for minute in {quarter: m for m in reversed(ordered) for quarter in (m // QUARTER,)}.values():
                    self._shift(scope, minute, in_quarter, sign)
                self._shift(scope, ordered[-1], newest, sign)
                if sign > 0:
                    (foot.handled if handled else foot.active).past[scope] = ordered[-1]
        foot.newest = max((fact.minute for fact in after if fact.kind in _TOUCHES), default=0)

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
            if scope.sealed.pop(quarter, None) is not None:
                scope.dirty_quarters.add(quarter)  # summed up anew when it is told
                self._loose.add(scope)
        return pane

    def _sealed(self, scope: Scope, quarter: int) -> Tally:
        if quarter < self.oldest_sealed:
            return {}  # in no window any more
        scope.dirty_quarters.add(quarter)
        self.dirty[scope.turn].add(scope)
        self._holding.add(scope)
        return scope.sealed.setdefault(quarter, {})

    def _shift(self, scope: Scope, minute: int, each: int, amount: int) -> None:
        pane = self._pane(scope, minute)
        value = pane.get(each, 0) + amount
        if value:
            pane[each] = value
        else:
            pane.pop(each, None)

    # -- gauges ---------------------------------------------------------------------------------------

    def gauge(self, foot: Foot, history: History, now: int) -> None:
        """Bring the gauges up to what the conversation is at `now`."""
        s = history.c.state
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

    def quarter(self, scope: Scope, quarter: int) -> Tally:
        """The sum of a quarter-hour that is to be told, from its minutes if one of them has changed since."""
        total = scope.sealed.get(quarter)
        if total is None:
            total = scope.sealed[quarter] = {}
            for minute in range(quarter, quarter + QUARTER):
                add_up(total, scope.minutes.get(minute, {}))
        return total

    def seal(self, before: int) -> None:
        """Sum up the quarter-hours that end by the minute `before`: the new ones and those that have changed."""
        self.sealed_before = max(self.sealed_before, before)
        for scope in list(self._loose):
            known = scope.sealed
            for quarter in {m - m % QUARTER for m in scope.minutes if m < before}.difference(known):
                self.quarter(scope, quarter)
                scope.dirty_quarters.add(quarter)
                self.dirty[scope.turn].add(scope)
            scope.open = -1
            if all(minute < before for minute in scope.minutes):
                self._loose.discard(scope)

    def discard(self, oldest: int, oldest_sealed: int) -> None:
        """Let go of minute panes before `oldest` and of quarter-hours before `oldest_sealed`; whole quarter-hours."""
        self.oldest, self.oldest_sealed = max(oldest, self.oldest), max(oldest_sealed, self.oldest_sealed)
        for scope in list(self._holding):
            if scope.dirty or scope.dirty_quarters:
                continue  # what nobody was told of is still wanted, by intervals
            for minute in [m for m in scope.minutes if m < oldest]:
                del scope.minutes[minute]
            for quarter in [q for q in scope.sealed if q < oldest_sealed]:
                del scope.sealed[quarter]
            if not scope.minutes and not scope.sealed:
                self._holding.discard(scope)


def add_up(total: Tally, pane: Tally) -> None:
    """Add a pane to a total, in place."""
    for each, amount in pane.items():
        total[each] = max(total.get(each, 0), amount) if each in MAXIMA else total.get(each, 0) + amount


def _add_duration(pane: Tally, kind: int, count: int, value: int) -> None:
    for each, amount in (
        (code(kind, COUNT), count),
        (code(kind, SUM), count * value),
        (kind << BUCKETS | bucket(value), count),
    ):
        total = pane.get(each, 0) + amount
        if total:
            pane[each] = total
        else:
            pane.pop(each, None)


def _keep_largest(pane: Tally, kind: int, value: int, sign: int) -> None:
    """Keep a pane's maximum; when it is taken back, what is left is known by its bucket."""
    each = code(kind, MAX)
    held = pane.get(each, 0)
    if sign > 0:
        pane[each] = max(held, value)
    elif bucket(value) >= bucket(held):
        left = [c & (1 << BUCKETS) - 1 for c in pane if c >> BUCKETS == kind]
        if left:
            pane[each] = round(middle(max(left)))
        else:
            pane.pop(each, None)
