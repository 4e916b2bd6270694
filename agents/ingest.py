"""Raw payloads of the providers become canonical events: read, normalise, publish."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Protocol

from streams.channels import CHANNELS, House, read
from streams.codecs import dead_letter, encode, key_of
from streams.engine.ports import Output, Record
from streams.rejects import Rejected
from tables.settings import Settings


class Publish(Protocol):
    """Publishes outputs; returns once they are delivered."""

    async def __call__(self, outputs: Sequence[Output]) -> None:
        """Publish them all."""


class Ingest:
    """The agents of the raw topics. At least once: an event that comes twice has the same id."""

    def __init__(self, settings: Settings, key: str | None, publish: Publish, topic: Callable[[str], str]) -> None:
        self._settings = settings
        self._key = key
        self._publish = publish
        self._topic = topic
        self.counts: Counter[tuple[str, str]] = Counter()
        """By channel and outcome: `events`, `empty`, what was left out, and rejects by reason."""
        self._house = lru_cache(maxsize=1024)(self._house_of)

    def handlers(self) -> dict[str, Callable[[int, Sequence[Record]], Awaitable[None]]]:
        """What takes the records of each raw topic, by the topic's logical name."""
        return {f"raw.{channel}": partial(self.take, channel) for channel in CHANNELS}

    async def take(self, channel: str, partition: int, records: Sequence[Record]) -> None:
        """Publish the events of raw records, and dead letters for what cannot be used."""
        outputs = [each for record in records for each in self.outputs(channel, partition, record)]
        if outputs:
            await self._publish(outputs)

    def outputs(self, channel: str, partition: int, record: Record) -> list[Output]:
        """What one raw record becomes."""
        if record.value is None:
            self.counts[channel, "empty"] += 1
            return []
        headers = {name.lower(): text.decode("utf-8", "replace") for name, text in record.headers}
        headers.setdefault("received_at", str(record.timestamp))
        faults: tuple[Rejected, ...]
        try:
            reading = read(channel, record.value, headers, self._house(headers.get("tenant", "")))
        except Rejected as rejected:
            events, faults = [], (rejected,)
        else:
            events, faults = [Output("events", key_of(each), encode(each)) for each in reading.events], reading.faults
            self.counts.update((channel, ignored.value) for ignored in reading.ignored)
        self.counts[channel, "events"] += len(events)
        for fault in faults:
            self.counts[channel, fault.reason] += 1
        letters = [
            dead_letter(record, fault.reason, fault.detail, self._topic(f"raw.{channel}"), partition)
            for fault in faults[:1]  # the payload goes back whole
        ]
        return [*events, *letters]

    def _house_of(self, tenant: str) -> House:
        house = self._settings.tenant(tenant or self._settings.tenant("").house.tenant).house
        return house if self._key is None else replace(house, key=self._key.encode())
