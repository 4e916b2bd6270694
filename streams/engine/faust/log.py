"""A partition used as a log of state: read to its end, then written by one owner at a time."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from streams.clock import running_s
from streams.engine.ports import Record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from types import TracebackType

    from streams.engine.faust.config import EngineConfig
    from streams.engine.faust.producer import Delivery, Publisher
    from streams.engine.journal import Entry

_log = logging.getLogger(__name__)
_RETRY_S = 1.0
_SILENT_S = 10.0
_FETCH_BYTES = 4 * 1024 * 1024


class FencedLog:
    """One partition: a context in which it can be read, and sends that outlive it.

    Reading takes no part in any consumer group. Whether an append landed where it was expected is for the caller to
    check: that is the fence.
    """

    def __init__(self, config: EngineConfig, publisher: Publisher, topic: str, partition: int) -> None:
        self._config = config
        self._publisher = publisher
        self._tp = TopicPartition(topic, partition)
        self._consumer: Any = None

    async def __aenter__(self) -> Self:
        while self._consumer is None:
            consumer = AIOKafkaConsumer(
                **self._config.client,
                client_id=f"{self._config.group}-recovery",
                enable_auto_commit=False,
                auto_offset_reset="earliest",  # the start may have been trimmed
                max_partition_fetch_bytes=_FETCH_BYTES,
                fetch_max_wait_ms=50,
            )
            try:
                await consumer.start()
            except KafkaConnectionError as error:
                await consumer.stop()
                _log.warning("no broker at %s, trying again: %s", self._config.bootstrap, error)
                await asyncio.sleep(_RETRY_S)
            except BaseException:  # cancelled: the partition has gone to another worker
                await consumer.stop()
                raise
            else:
                consumer.assign([self._tp])
                self._consumer = consumer
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        consumer, self._consumer = self._consumer, None
        await consumer.stop()

    async def end(self) -> int:
        """The offset that the next record gets."""
        while True:
            try:
                ends: dict[TopicPartition, int] = await self._consumer.end_offsets([self._tp])
            except KafkaError as error:
                if not error.retriable:
                    raise
                _log.warning("the end of %s-%d is unknown, trying again: %s", *self._tp, error)
                await asyncio.sleep(_RETRY_S)
            else:
                return ends[self._tp]

    async def read(self, start: int, end: int) -> AsyncIterator[list[Record]]:
        """Batches of the records from `start`, or from the first one there is, up to `end` (not included)."""
        if start >= end:
            return
        consumer, tp, heard = self._consumer, self._tp, running_s()
        consumer.seek(tp, start)
        while True:
            answer = await consumer.getmany(tp, timeout_ms=200)
            if records := answer.get(tp):
                heard = running_s()
                yield [
                    Record(one.key, one.value, one.offset, one.timestamp, one.headers)
                    for one in records
                    if one.offset < end
                ]
            # What compaction removed at the end leaves a position behind it without a record.
            if await consumer.position(tp) >= end:
                return
            if running_s() - heard > _SILENT_S:
                heard = running_s()
                _log.warning("still reading %s-%d: no answer since %.0f s", *tp, _SILENT_S)

    async def send(self, records: Sequence[Entry]) -> list[Delivery]:
        """Send records as one batch wherever they fit, after every earlier one; deliveries are to be awaited."""
        return await self._publisher.send(
            self._tp.topic, self._tp.partition, [(key, value, []) for key, value in records]
        )

    async def append(self, records: Sequence[Entry]) -> list[tuple[int, int]]:
        """Append and await: the batches it became, as (offset, number of records)."""
        return [((await one.future).offset, one.records) for one in await self.send(records)]
