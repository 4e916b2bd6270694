"""Raw payloads of the providers become canonical events: read, normalise, publish."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Protocol

import structlog

from streams.channels import CHANNELS, House, Reading, read
from streams.clock import wall_ms
from streams.codecs import dead_letter, decode_business, encode, key_of
from streams.engine.ports import Output, Record
from streams.limit import DeadLetterLimit
from streams.rejects import Rejected
from tables.settings import Settings

BUSINESS = "business"

log = structlog.get_logger(__name__)


class Publish(Protocol):
    """Publishes outputs; returns once they are delivered."""

    async def __call__(self, outputs: Sequence[Output]) -> None:
        """Publish them all."""


class Ingest:
    """The agents of the raw topics. At least once: an event that comes twice has the same id."""

    def __init__(
        self,
        settings: Settings,
        key: str | None,
        publish: Publish,
        topic: Callable[[str], str],
        limit: Callable[[], DeadLetterLimit] = lambda: DeadLetterLimit(0, 0),
    ) -> None:
        self._settings = settings
        self._key = key
        self._publish = publish
        self._topic = topic
        self._limits = defaultdict[tuple[str, int], DeadLetterLimit](limit)
        self.counts: Counter[tuple[str, str]] = Counter()
        """By channel and outcome: `events`, `empty`, what was left out, and rejects by reason."""
        self._warned = False
        self._house = lru_cache(maxsize=1024)(self._house_of)

    def reload(self, settings: Settings) -> None:
        """Go on with other settings."""
        self._settings = settings
        self._house.cache_clear()

    def handlers(self) -> dict[str, Callable[[int, Sequence[Record]], Awaitable[int]]]:
        """What takes the records of each raw topic, by the topic's logical name."""
        return {
            **{f"raw.{channel}": partial(self.take, channel) for channel in CHANNELS},
            BUSINESS: self.take_business,
        }

    async def take_business(self, partition: int, records: Sequence[Record]) -> int:
        """Pass business events on, by customer or visitor, and dead letters; the greatest `at`, in ms."""
        outputs: list[Output] = []
        greatest_at = 0
        for record in records:
            if record.value is None:
                self.counts[BUSINESS, "empty"] += 1
                continue
            try:
                event = decode_business(record.value, wall_ms())
            except Rejected as rejected:
                self.counts[BUSINESS, rejected.reason] += 1
                self._limits[BUSINESS, partition].refused(record, rejected)
                outputs.append(dead_letter(record, rejected.reason, rejected.detail, self._topic(BUSINESS), partition))
            else:
                self.counts[BUSINESS, "events"] += 1
                outputs.append(Output("events", key_of(event), record.value))
                greatest_at = max(greatest_at, event.at)
        self._limits[BUSINESS, partition].read(len(records))
        if outputs:
            await self._publish(outputs)
        return greatest_at

    async def take(self, channel: str, partition: int, records: Sequence[Record]) -> int:
        """Publish the events of raw records, and dead letters for what cannot be used; the greatest `at`, in ms."""
        outputs: list[Output] = []
        greatest_at = 0
        for record in records:
            found, at = self._outputs(channel, partition, record)
            outputs += found
            greatest_at = max(greatest_at, at)
        self._limits[channel, partition].read(len(records))
        if outputs:
            if self._key is None and not self._warned:
                self._warned = True
                log.warning("no_customer_key", hint="set SIGAP_CUSTOMER_KEY: without it customers can be guessed")
            await self._publish(outputs)
        return greatest_at

    def _outputs(self, channel: str, partition: int, record: Record) -> tuple[list[Output], int]:
        """What one raw record becomes, and the greatest `at` in it."""
        if record.value is None:
            self.counts[channel, "empty"] += 1
            return [], 0
        # Kafka has headers without a value too.
        headers = {name.lower(): (text or b"").decode("utf-8", "replace") for name, text in record.headers}
        headers.setdefault("received_at", str(record.timestamp))
        try:
            reading = read(channel, record.value, headers, self._house(headers.get("tenant", "")))
        except Rejected as rejected:
            reading = Reading((), (), (rejected,))
        self.counts[channel, "events"] += len(reading.events)
        self.counts.update((channel, ignored.value) for ignored in reading.ignored)
        self.counts.update((channel, fault.reason) for fault in reading.faults)
        for fault in reading.faults[:1]:
            self._limits[channel, partition].refused(record, fault)
        letters = [
            dead_letter(record, fault.reason, fault.detail, self._topic(f"raw.{channel}"), partition)
            for fault in reading.faults[:1]  # the payload goes back whole
        ]
        events = [Output("events", key_of(each), encode(each)) for each in reading.events]
        return [*events, *letters], max((each.at for each in reading.events), default=0)

    def _house_of(self, tenant: str) -> House:
        house = self._settings.tenant(tenant or self._settings.tenant("").house.tenant).house
        return house if self._key is None else replace(house, key=self._key.encode())
