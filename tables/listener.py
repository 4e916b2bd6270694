"""What the source partitions tell a roll-up: their clocks and their partials; the counterpart of `tables.teller`.

Partials come in any order, twice, and from former owners: what is kept of a scope is the newest of each partition.
"""

from __future__ import annotations

from collections.abc import Sequence

from streams.engine.ports import GARBLED, Output, Record, Unreadable
from tables import partials
from tables.business.figures import Figures, Said
from tables.days import QUARTER, QUARTER_MS
from tables.facts import MINUTE
from tables.history import FACTS_KEPT, WORK_KEPT
from tables.intervals import Mark, Pending, decode_mark
from tables.occupancy import ByAgent, Online, Part
from tables.repair import Repair
from tables.scopes import has_trend
from tables.settings import Settings
from tables.subjects import BUSINESS
from tables.tracked import Tracked


class Source:
    """What is known of a source partition."""

    __slots__ = ("clock", "complete", "epoch", "final", "heard", "lag_ms", "seq", "since", "told")

    def __init__(self) -> None:
        self.epoch = -1
        self.seq = -1
        self.clock = 0
        self.lag_ms = 0
        self.complete = False
        self.final = False
        self.heard = 0
        self.told = 0
        self.since = 0


class Listener:
    """What one partition of the roll-up has been told, and what of it is to be published."""

    def __init__(self, partition: int, partitions: int, settings: Settings) -> None:
        self.scopes: dict[str, Tracked] = {}
        self.topics: dict[str, dict[int, str]] = {}
        """By tenant and hash, what topics are called."""
        self.new_topics: list[tuple[str, int, str]] = []
        """Those that are not written down yet."""
        self._online: dict[str, Online] = {}
        self._business: dict[str, Figures] = {}
        self._staffed: dict[str, list[Tracked]] = {}
        """By tenant, the scopes that have an occupancy."""
        self._sources = {each: Source() for each in range(partitions)}
        self.restless: dict[str, Tracked] = {}
        """Scopes of which something has come since they were published."""
        self.minutes: set[tuple[str, int]] = set()
        """Scopes and minutes whose minute record is to be published once the minute is over."""
        self.pending = Pending()
        self.mark = Mark(0, 0)
        """How far intervals have been closed, as the topic of the partials has it."""
        self._partition = partition
        self.settings = settings
        self._routes: dict[bytes, tuple[Tracked, int]] = {}
        self._repair = Repair()
        self._began = 0
        """When the first record was asked for, in ms of the wall clock."""

    # -- the source partitions ------------------------------------------------------------------------

    @property
    def clock(self) -> int:
        """The greatest clock of the source partitions, in ms: the instant that records speak of."""
        return max(source.clock for source in self._sources.values())

    def shade(self, now: int) -> tuple[bool, int]:
        """Whether records are partial at the wall clock's `now`, and by how many ms they lag."""
        lag, partial = 0, False
        self._began = self._began or now
        for source in self._sources.values():
            behind = max(source.lag_ms, now - (source.heard or self._began) if not source.final else 0)
            if behind > partials.BEHIND_MS or not source.complete:
                partial, lag = True, max(lag, behind)
        return partial, lag

    @property
    def told(self) -> int:
        """The clock (ms) up to which all partitions have told everything."""
        return min(source.told for source in self._sources.values())

    @property
    def final(self) -> bool:
        """Whether no clock will go on, and all has been told."""
        return all(source.final and source.complete for source in self._sources.values())

    # -- partials -------------------------------------------------------------------------------------

    def track(self, tenant: str, scope: str) -> Tracked:
        """A scope, known from now on."""
        key = f"{tenant}/{scope}"
        tracked = self.scopes.get(key)
        if tracked is None:
            tracked = self.scopes[key] = Tracked(tenant, scope)
            self.restless[key] = tracked
            if tracked.occupancy is not None:
                self._staffed.setdefault(tenant, []).append(tracked)
        return tracked

    def apply(self, records: Sequence[Record], now: int) -> None:
        """Take over partials; `now` is the wall clock."""
        for key, value, *_ in records:
            if key is None or value is None:
                continue
            try:
                self._take(key, value, now)
            except GARBLED as error:
                raise Unreadable(key, error) from error

    def _take(self, key: bytes, value: bytes, now: int) -> None:
        stem, _, what = key.rpartition(b"|")
        if what == b"closed":
            self.mark = max(self.mark, decode_mark(value))
        elif what == b"clock":
            self._beat(int(stem), partials.decode_beat(value), now)
        elif what[:1] == b"n":
            tenant = stem.decode().split("|")[1]
            self.name_topic(tenant, int(what[1:]), partials.decode_share(value).payload.decode())
        elif what[:1] == b"=":
            self._summary(stem, what, value, now)
        elif what[:1] == b"o":
            self._share(stem, what, value, now)
        else:
            self._partial(stem, what, value, now)

    def _beat(self, partition: int, beat: partials.Beat, now: int) -> None:
        source = self._sources[partition]
        if (beat.epoch, beat.seq) <= (source.epoch, source.seq):
            return
        if beat.epoch > source.epoch:
            source.complete = False
        if beat.complete and not source.complete:
            minute = beat.clock // MINUTE + QUARTER
            oldest, oldest_work = minute - FACTS_KEPT, minute - WORK_KEPT
            for tenant, figures in self._business.items():
                if figures.forget(partition, beat.epoch):
                    self._rouse_house(tenant, now)
            for online in self._online.values():
                online.forget(partition, beat.epoch, oldest_work)
            for tracked in self.scopes.values():
                had = tracked.windows.forget(partition, beat.epoch, oldest)
                if tracked.occupancy is not None:
                    had = tracked.occupancy.forget(partition, beat.epoch, oldest_work) or had
                if had:
                    self.restless[tracked.key] = tracked
        source.told, source.since = max(source.told, beat.told), beat.since
        if beat.epoch > source.epoch:
            source.epoch = beat.epoch
            for tracked in self.scopes.values():
                self._end(tracked, partition)
        source.epoch, source.seq = beat.epoch, beat.seq
        source.clock = max(source.clock, beat.clock)
        source.lag_ms, source.complete, source.final, source.heard = beat.lag_ms, beat.complete, beat.final, now

    def _partial(self, stem: bytes, what: bytes, value: bytes, now: int) -> None:
        key = stem + b"|" + what
        route = self._routes.get(stem)
        if route is None:
            partition, tenant, scope = stem.decode().split("|")
            route = self._routes[stem] = (self.track(tenant, scope), int(partition))
        tracked, source = route
        if what[:1] == b"s":
            self._snapshot(tracked, source, partials.decode_snapshot(value))
            return
        windows = tracked.windows
        stamp = partials.decode_stamp(value)
        held = windows.stamp(what, source)
        if self._repair.knows(key, stamp, held):
            return
        partial = partials.decode_partial(value)
        if partial.epoch < self._sources[source].epoch and self._sources[source].complete:
            if held is not None:
                self._repair.older(key, now, of_former_owner=True)
            return
        if what == b"g":
            taken = windows.put_gauges(source, partial.epoch, partial.seq, partial.tally)
        else:
            kind, place = what[:1], int(what[1:])
            if kind != b"c":
                self._stir(tracked, (place - place % QUARTER) * MINUTE)
            taken = windows.put(kind, place, source, partial.epoch, partial.seq, partial.tally)
            if kind == b"m" and taken and partial.tally and has_trend(tracked.name):
                self.minutes.add((tracked.key, place))
        if taken:
            self._sources[source].clock = max(self._sources[source].clock, partial.clock)
        if taken:
            self._rouse(tracked, now)
        if taken or held is None:
            self._repair.newest(key)
        else:
            self._repair.older(key, now, of_former_owner=partial.epoch < held[0])

    def _share(self, stem: bytes, what: bytes, value: bytes, now: int) -> None:
        """Minutes of an agent: online, or occupied by conversations of a scope."""
        partition, tenant, scope = stem.decode().split("|")
        source, agent, key = int(partition), what[1:].decode(), stem + b"|" + what
        minutes = self._minutes_of(tenant, scope)
        held = minutes.held(agent, source)
        if self._repair.knows(key, partials.decode_stamp(value), held and (held.epoch, held.seq)):
            return
        share = partials.decode_share(value)
        stale = share.epoch < self._sources[source].epoch and self._sources[source].complete
        if not stale and minutes.put(agent, source, share.epoch, share.seq, share.payload):
            self._repair.newest(key)
            for tracked in self._concerned(tenant, scope, agent):
                tracked.occupancy_of = 0
                self._rouse(tracked, now)
        elif held is not None:
            self._repair.older(key, now, of_former_owner=share.epoch < max(held.epoch, self._sources[source].epoch))

    def _summary(self, stem: bytes, what: bytes, value: bytes, now: int) -> None:
        """Business figures of a tenant."""
        partition, tenant, _ = stem.decode().split("|")
        source, name, key = int(partition), what.decode(), stem + b"|" + what
        figures = self.business(tenant)
        held = figures.held(source, name)
        if self._repair.knows(key, partials.decode_stamp(value), held and (held.epoch, held.seq)):
            return
        share = partials.decode_share(value)
        stale = share.epoch < self._sources[source].epoch and self._sources[source].complete
        if not stale and figures.put(source, name, share.epoch, share.seq, share.payload):
            self._repair.newest(key)
            self._rouse_house(tenant, now)
        elif held is not None:
            self._repair.older(key, now, of_former_owner=share.epoch < max(held.epoch, self._sources[source].epoch))

    def _rouse_house(self, tenant: str, now: int) -> None:
        """Business figures of a tenant have changed; `now` is the wall clock."""
        tracked = self.track(tenant, "tenant")
        if tracked.windows.by_day is not None:
            for window in tracked.windows.by_day.windows.values():
                window.moved |= BUSINESS
        self._rouse(tracked, now)

    def _rouse(self, tracked: Tracked, now: int) -> None:
        """Something of a scope's present has changed; `now` is the wall clock."""
        if tracked.key not in self.restless:
            tracked.stirred_at = now
            self.restless[tracked.key] = tracked

    def _minutes_of(self, tenant: str, scope: str) -> ByAgent:
        if scope == partials.ONLINE:
            return self.online(tenant)
        occupancy = self.track(tenant, scope).occupancy
        if occupancy is None:
            raise LookupError(f"{scope} has no occupancy")
        return occupancy

    def _concerned(self, tenant: str, scope: str, agent: str) -> list[Tracked]:
        """The scopes known here whose occupancy changes when the minutes of an agent do."""
        if scope != partials.ONLINE:
            return [self.scopes[f"{tenant}/{scope}"]]
        return [
            tracked
            for tracked in self._staffed.get(tenant, ())
            if tracked.name in {"tenant", f"agent:{agent}"}
            or (tracked.occupancy is not None and agent in tracked.occupancy.minutes())
        ]

    def name_topic(self, tenant: str, mark: int, name: str, *, known: bool = False) -> None:
        """Note what a topic is called; with `known` it is written down already."""
        names = self.topics.setdefault(tenant, {})
        if mark not in names:
            names[mark] = name
            if not known:
                self.new_topics.append((tenant, mark, name))

    def business(self, tenant: str) -> Figures:
        """The business figures of a tenant, known where its scope `tenant` is at home."""
        found = self._business.get(tenant)
        if found is None:
            found = self._business[tenant] = Figures()
        return found

    def online(self, tenant: str) -> Online:
        """When the agents of a tenant were online."""
        found = self._online.get(tenant)
        if found is None:
            found = self._online[tenant] = Online()
        return found

    def _snapshot(self, tracked: Tracked, partition: int, snapshot: partials.Snapshot) -> None:
        if tracked.past.put(partition, snapshot):
            self._stir(tracked, snapshot.at - QUARTER_MS)
            self._end(tracked, partition)

    def _end(self, tracked: Tracked, partition: int) -> None:
        """What a former owner said of the gauges holds until the first quarter-hour that the owner of now has seen."""
        source, last = self._sources[partition], tracked.past.newest(partition)
        if last is not None and last.epoch < source.epoch and last.at < source.since and last.tally:
            self._snapshot(tracked, partition, partials.Snapshot(source.epoch, -1, source.since, {}, last.tally))

    def _stir(self, tracked: Tracked, start: int) -> None:
        self.pending.stir(start, self.settings.tenant(tracked.tenant).lateness_ms, tracked.key)

    def _newest(self, key: bytes) -> tuple[tuple[int, int], bytes] | None:
        """Stamp and value of what is held under a partial's key."""
        stem, _, what = key.rpartition(b"|")
        partition, tenant, scope = stem.decode().split("|")
        clock = self._sources[int(partition)].clock
        if what[:1] in {b"o", b"="}:
            source = int(partition)
            part: Part | Said | None
            if what[:1] == b"o":
                part = self._minutes_of(tenant, scope).held(what[1:].decode(), source)
            else:
                part = self.business(tenant).held(source, what.decode())
            if part is None:
                return None
            return (part.epoch, part.seq), partials.encode(partials.Share(part.epoch, part.seq, clock, part.payload))
        held = self.scopes[f"{tenant}/{scope}"].windows.held(what.decode(), int(partition))
        if held is None:
            return None
        return held[:2], partials.encode(partials.Partial(held[0], held[1], clock, held[2]))

    def send_again(self, now: int, out: list[Output]) -> None:
        """Send the newest value of every key that an older one has overwritten; `now` is the wall clock."""
        for key, value in self._repair.again(now, self._newest):
            out.append(Output(partials.TOPIC, key, value, self._partition))
