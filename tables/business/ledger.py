"""Business events of one partition: what is kept of them, and what the roll-up is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from streams.business import Business, Conversion, Cost, Revenue, Subscription
from streams.engine.ports import GARBLED, Unreadable
from tables.business.accounts import Accounts, Outcome
from tables.business.curve import Entry
from tables.business.customer import Customer
from tables.business.names import CURVES, SEGMENTS, SUMS
from tables.business.periods import KEPT_MS, next_day, starts
from tables.business.postings import Postings
from tables.business.visits import Segment, Visits, parse
from tables.days import day_start
from tables.distinct import hashed

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

SWEEP_MS: Final = 3_600_000

_pack = msgspec.msgpack.Encoder().encode
_customer = msgspec.msgpack.Decoder(Customer).decode
_entry = msgspec.msgpack.Decoder(Entry).decode
_segment = msgspec.msgpack.Decoder(Segment).decode
_tell = msgspec.json.Encoder().encode  # its integers may have any length


class Folded(NamedTuple):
    """What became of an event, and the changelog records that have changed; None deletes one."""

    outcome: Outcome
    changed: dict[bytes, bytes | None]


class Told(NamedTuple):
    """One summary: absolute, and the newest of its tenant and name stands."""

    tenant: str
    what: str
    payload: bytes


class Ledger:
    """The business side of one source partition; `zone_of` gives a tenant's time zone."""

    def __init__(self, zone_of: Callable[[str], ZoneInfo]) -> None:
        self._zone_of = zone_of
        self._books: dict[str, _Book] = {}
        self._restless: set[str] = set()
        """Tenants of whom there is something to tell."""
        self._turns_at = 0
        """The instant (ms) from which on the clock alone gives something to tell."""
        self._swept = 0
        self._restored: dict[bytes, bytes | None] = {}

    # -- recovery -------------------------------------------------------------------------------------

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Apply one changelog record; those that begin with `=` are the ledger's."""
        self._restored[key] = value

    def recovered(self) -> None:
        """All has been restored: the next `tell` tells everything. Raises `Unreadable`."""
        segments: dict[str, dict[str, Segment]] = {}
        for key, value in self._restored.items():
            if value is None:
                continue
            try:
                what, _, name = key.decode().partition("|")
                tenant, _, name = name.partition("/")
                if what == SUMS:
                    self._book(tenant).accounts.restore(name, _customer(value))
                elif what == CURVES:
                    self._book(tenant).postings.restore(name, _entry(value))
                else:
                    parse(name)
                    segments.setdefault(tenant, {})[name] = _segment(value)
            except GARBLED as error:
                raise Unreadable(key, error) from error
        for tenant, named in segments.items():
            self._book(tenant).visits.restore(named)
        self._restored.clear()

    def reload(self) -> None:
        """Time zones may have changed: of a tenant that has another one everything is told anew."""
        for tenant, book in self._books.items():
            zone = self._zone_of(tenant)
            if zone != book.zone:
                book.move(zone)
                self._turns_at = 0

    # -- events and the clock -------------------------------------------------------------------------

    def fold(self, event: Business, offset: int, now: int) -> Folded:
        """Take an event; `now` (ms) is the partition's clock.

        Twice the same event changes nothing. A visit is not told from another of the same visitor and day: it is
        always `folded`.
        """
        book = self._book(event.tenant)
        oldest = now - KEPT_MS
        changed: dict[bytes, bytes | None] = {}
        outcome: Outcome = "folded"
        if isinstance(event, Subscription):
            outcome = book.accounts.take(event, offset, oldest)
            name = event.customer_id
            if outcome == "folded":
                changed[_key(SUMS, event.tenant, name)] = _pack(book.accounts.customers[name])
                book.restless.add(SUMS)
        elif isinstance(event, (Cost, Revenue)):
            outcome = book.postings.take(event, offset, oldest)
            entry = book.postings.entries.get(event.event_id)
            if outcome == "folded" and entry is not None:
                changed[_key(CURVES, event.tenant, event.event_id)] = _pack(entry)
                book.restless.add(CURVES)
        elif event.at >= oldest:
            day = day_start(event.at, book.zone)
            converted = isinstance(event, Conversion)
            for name in book.visits.take(day, hashed(event.visitor_id), converted=converted):
                changed[_key(SEGMENTS, event.tenant, name)] = _pack(book.visits.segment(name))
                book.restless.add(SEGMENTS + name)
        if changed:
            self._restless.add(event.tenant)
        return Folded(outcome, changed)

    def advance(self, now: int) -> dict[bytes, bytes | None]:
        """Forget what no window can hold any more at `now` (ms): the changelog records to delete."""
        gone: dict[bytes, bytes | None] = {}
        if now - self._swept >= SWEEP_MS:
            self._swept = now
            oldest = now - KEPT_MS
            for tenant, book in self._books.items():
                days = book.visits.forget(oldest)
                book.restless.difference_update(SEGMENTS + name for name in days)
                for what, names in (
                    (SUMS, book.accounts.forget(oldest)),
                    (CURVES, book.postings.forget(oldest)),
                    (SEGMENTS, days),
                ):
                    gone.update((_key(what, tenant, name), None) for name in names)
        return gone

    # -- what is told ---------------------------------------------------------------------------------

    def tell(self, now: int) -> list[Told]:
        """What has changed since the last call; of a tenant for whom a day has begun, everything. `now` in ms."""
        if now >= self._turns_at:
            tenants = list(self._books)
        elif self._restless:
            tenants = sorted(self._restless)
        else:
            return []
        told = [Told(tenant, *each) for tenant in tenants for each in self._books[tenant].tell(now)]
        self._restless.clear()
        self._turns_at = min((book.turns_at for book in self._books.values()), default=0)
        return told

    def _book(self, tenant: str) -> _Book:
        book = self._books.get(tenant)
        if book is None:
            book = self._books[tenant] = _Book(self._zone_of(tenant))
            self._turns_at = 0
        return book


class _Book:
    """One tenant's."""

    __slots__ = ("_ends", "accounts", "postings", "restless", "turns_at", "visits", "zone")

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self.accounts = Accounts()
        self.postings = Postings()
        self.visits = Visits()
        self.restless: set[str] = set()
        """Names of what is to be told."""
        self.turns_at = 0
        self._ends = 0
        """When the local day ends, in ms."""

    def move(self, zone: ZoneInfo) -> None:
        """Go on in another time zone; the days of visitors stay, for when exactly somebody came is not kept."""
        self.zone, self._ends = zone, 0
        self.accounts.begin_anew()

    def tell(self, now: int) -> list[tuple[str, bytes]]:
        if now >= self._ends:
            self._ends = next_day(now, self.zone)
            begins = starts(now, self.zone)
            self.accounts.shift(begins)
            self.postings.shift(begins, now)
            self.restless.update((SUMS, CURVES), (SEGMENTS + name for name in self.visits.since(begins[0])))
        elif now >= self.turns_at:
            self.restless.add(CURVES)
        self.postings.go_on(now)
        told = [(what, self._payload(what)) for what in sorted(self.restless)]
        self.restless.clear()
        good_until = self.postings.good_until
        self.turns_at = self._ends if good_until is None else min(self._ends, good_until)
        return told

    def _payload(self, what: str) -> bytes:
        if what == SUMS:
            return _tell(self.accounts.sums)
        if what == CURVES:
            return _tell({name: curve.told() for name, curve in self.postings.curves.items()})
        return _tell(self.visits.segment(what.removeprefix(SEGMENTS)))


def _key(what: str, tenant: str, name: str) -> bytes:
    return f"{what}|{tenant}/{name}".encode()
