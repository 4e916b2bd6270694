"""A house's business events through ledgers and figures, with a changelog, partitions and no broker."""

from __future__ import annotations

import json
from typing import Any
from zlib import crc32
from zoneinfo import ZoneInfo

from streams.business import Business
from streams.codecs import decode, key_of
from tables.business import Cycles, Figures, Ledger
from tables.days import today
from tables.facts import MINUTE

DAY = 86_400_000
FORMULAS = {"cost_per_resolution": "resolved", "net_revenue_retention": "existing"}
AHEAD = 4_000_000_000_000
Event = dict[str, Any]
TENANT = "acme"


def event(event_id: str, kind: str, at: int, /, **fields: Any) -> Event:
    return {"v": 1, "tenant": TENANT, "event_id": event_id, "type": kind, "at": at, **fields}


def subscription(event_id: str, at: int, customer: str, kind: str, mrr: tuple[float, float], cur: str = "EUR") -> Event:
    before, after = mrr
    more = {"kind": kind, "mrr_before": before, "mrr_after": after, "currency": cur}
    return event(event_id, "subscription", at, customer_id=customer, **more)


def start_of(window: str, at: int, zone: ZoneInfo) -> int:
    begins = today(at, zone)
    return (begins.mtd if window == "mtd" else begins.last_30d) * MINUTE


class Desk:
    """Takes events at the clock's instants and reads figures; each partition has a changelog."""

    def __init__(self, zone: str = "UTC", partitions: int = 1) -> None:
        self.zone = ZoneInfo(zone)
        self.now = 0
        self.outcomes: list[str] = []
        self.figures = Figures()
        self.log: list[dict[bytes, bytes | None]] = [{} for _ in range(partitions)]
        self.ledgers = [self._ledger() for _ in range(partitions)]
        self.epochs = [0] * partitions
        self.seq = 0
        self.offset = 0

    def _ledger(self) -> Ledger:
        return Ledger(lambda _: self.zone)

    def take(self, *events: Event, now: int | None = None) -> None:
        for each in events:
            found = decode(json.dumps(each).encode(), AHEAD)
            assert isinstance(found, Business)
            self.now = max(self.now, each["at"] if now is None else now)
            place = crc32(key_of(found)) % len(self.ledgers)
            self.log[place].update(self.ledgers[place].advance(self.now))
            folded = self.ledgers[place].fold(found, self.offset, self.now)
            self.offset += 1
            self.log[place].update(folded.changed)
            self.outcomes.append(folded.outcome)

    def move(self, zone: str) -> None:
        """Go on in another time zone."""
        self.zone = ZoneInfo(zone)
        for ledger in self.ledgers:
            ledger.reload()

    def restart(self, place: int = 0) -> None:
        """A new owner of a partition, from the changelog alone."""
        self.ledgers[place] = self._ledger()
        for key, value in self.log[place].items():
            self.ledgers[place].restore(key, value)
        self.ledgers[place].recovered()
        self.epochs[place] += 1

    def tell(self, now: int | None = None) -> int:
        """The partitions tell what has changed; how many summaries it was."""
        self.now = max(self.now, now or 0)
        count = 0
        for place, ledger in enumerate(self.ledgers):
            self.log[place].update(ledger.advance(self.now))
            for told in ledger.tell(self.now):
                self.seq += 1
                count += 1
                assert told.tenant == TENANT
                assert self.figures.put(place, told.what, self.epochs[place], self.seq, told.payload)
            self.figures.forget(place, self.epochs[place])
        return count

    def read(
        self,
        window: str = "30d",
        now: int | None = None,
        cycles: tuple[int, int] = (0, 0),
        formulas: dict[str, str] | None = None,
        currency: str | None = None,
    ) -> dict[str, Any]:
        self.tell(now)
        start = start_of(window, self.now, self.zone)
        return self.figures.read(start, self.now, Cycles(*cycles), FORMULAS | (formulas or {}), currency)
