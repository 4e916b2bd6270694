"""All rules of all tenants over the scopes of one partition of the roll-up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from types import MappingProxyType
from typing import Final

from streams.engine.ports import Output
from tables.kpis.metric import Value
from tables.thresholds.journal import Journal
from tables.thresholds.records import ThresholdAlert
from tables.thresholds.rule import RESOLVED, Rule
from tables.thresholds.watch import NEVER, Watch

ByWindow = Mapping[str, tuple[Watch, ...]]
_NOTHING: Final[ByWindow] = MappingProxyType({})


class Watches:
    """Values in, alerts out.

    `rules` gives the rules of a tenant. After the assignment: `restore` for every record of the state, `recovered`
    once, then values of the scopes (all of them once), and only then `advance`. What `changes` gives is to be written
    before the alerts are published; `delivered` says that all alerts given so far have been.

    All instants are event time, in ms.
    """

    def __init__(self, rules: Callable[[str], tuple[Rule, ...]]) -> None:
        self._rules = rules
        self._journal = Journal()
        self._wanted: dict[tuple[str, str], ByWindow] = {}
        self._watches: dict[bytes, Watch] = {}
        self._agenda: list[tuple[int, int, Watch]] = []
        """When something is to be decided; stale where the watch says another instant."""
        self._planned = 0
        self._gone: dict[bytes, ThresholdAlert] = {}
        """Open episodes of rules that are no longer in the settings."""
        self._settled = 0
        """Every instant before this one is decided."""

    def anew(self) -> Watches:
        """The same state under the rules as they are now; every value is to be observed again."""
        fresh = Watches(self._rules)
        for key, page in self._journal.pages.items():
            fresh.restore(key, page.encode())
        fresh.recovered()
        fresh._settled = self._settled
        return fresh

    # -- the state ------------------------------------------------------------------------------------

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Apply one record of the state, in log order."""
        key.decode()  # one that is no text is refused here, where it is read
        self._journal.restore(key, value)

    def recovered(self) -> list[Output]:
        """The state has been read to its end; gives what is to be published again, as a crash may have lost it."""
        again = list(self._journal.tell_again())
        for key, page in list(self._journal.pages.items()):
            tenant, _, rest = key.decode().partition("/")
            scope, _, _ = rest.rpartition("/")
            self.wanted(tenant, scope)
            watch, last = self._watches.get(key), page.last
            if last is not None and last.state != RESOLVED and (watch is None or not last.continues(watch.rule)):
                self._gone[key] = last
            elif watch is None and last is None:
                self._journal.forget(key)
        return again

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """Records of the state (key, value) to be written before the alerts given so far are published."""
        return self._journal.changes()

    def delivered(self) -> None:
        """All alerts given so far have been delivered; what ended is no more told after a restart."""
        self._journal.delivered()

    # -- values ---------------------------------------------------------------------------------------

    def wanted(self, tenant: str, scope: str) -> ByWindow:
        """The rules that look at a scope, by window; most scopes have none."""
        found = self._wanted.get((tenant, scope))
        if found is None:
            found = self._wanted[tenant, scope] = self._make(tenant, scope)
        return found

    def _make(self, tenant: str, scope: str) -> ByWindow:
        by_window: dict[str, tuple[Watch, ...]] = {}
        for rule in self._rules(tenant):
            if rule.covers(scope):
                watch = Watch(rule, tenant, scope)
                self._watches[watch.key] = watch
                by_window[rule.window] = (*by_window.get(rule.window, ()), watch)
                self._resume(watch)
        return by_window or _NOTHING

    def _resume(self, watch: Watch) -> None:
        page = self._journal.pages.get(watch.key)
        if page is None:
            return
        watch.decided = page.at
        if page.last is not None and page.last.continues(watch.rule):
            watch.resume(page.last, page.age)
            self._plan(watch)

    def observe(self, tenant: str, scope: str, window: str, metrics: Mapping[str, Value], at: int) -> list[Output]:
        """Take the metrics that a window of a scope has from the instant `at` on; give the alerts before it.

        Of several readings for one instant the last counts. One for an instant that is decided already (behind the
        last `advance`) counts for the first that is not.
        """
        told = self._retire(at)
        for watch in self.wanted(tenant, scope).get(window, ()):
            reading = watch.read(metrics)
            if reading is not None:
                alerts = watch.stage(reading, max(at, self._settled, watch.decided + 1))
                told += [self._journal.tell(watch.key, alert) for alert in alerts]
                self._plan(watch)
        return told

    # -- time -----------------------------------------------------------------------------------------

    def advance(self, at: int, *, final: bool = False) -> list[Output]:
        """Decide every instant before `at`: all values up to there have been observed. Alerts are in order of `at`.

        With `final`, for the end of a run, the values of the instant itself count too; a hold that ends just then is
        not over.
        """
        told = self._retire(at)
        self._settled = max(self._settled, at)
        stop = at + 1 if final else at
        woken: list[Watch] = []
        while self._agenda and self._agenda[0][0] < stop:
            instant, _, watch = heappop(self._agenda)
            if watch.due == instant:
                watch.due = NEVER
                woken.append(watch)
        alerts = [(watch.key, alert) for watch in woken for alert in watch.settle(at, final=final)]
        alerts.sort(key=lambda each: each[1].at)
        told += [self._journal.tell(key, alert) for key, alert in alerts]
        for watch in woken:
            self._plan(watch)
        return told

    def next_due(self) -> int:
        """The next instant at which something is to be decided, once the clock is past it; 0 if there is none."""
        agenda = self._agenda
        while agenda and agenda[0][2].due != agenda[0][0]:
            heappop(agenda)
        return agenda[0][0] if agenda else 0

    def _plan(self, watch: Watch) -> None:
        for since in watch.age:
            self._journal.grows(watch.key, since)
        instant = watch.next_at
        if instant != watch.due:
            watch.due = instant
            if instant != NEVER:
                self._planned += 1
                heappush(self._agenda, (instant, self._planned, watch))

    def _retire(self, at: int) -> list[Output]:
        """End the episodes of rules that are gone."""
        gone, self._gone = self._gone, {}
        return [self._journal.tell(key, last.ended(max(at, last.at + 1))) for key, last in gone.items()]
