"""The one producer of a worker: whole batches, acknowledged by every replica in sync, never sent twice."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError
from aiokafka.partitioner import murmur2

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.engine.faust.config import EngineConfig
    from streams.engine.ports import Output

_log = logging.getLogger(__name__)
_BATCH_BYTES = 1_000_000
_RETRY_S = 1.0


class Delivery(NamedTuple):
    """A batch on its way: awaited, the future's `offset` is that of the first of its `records`."""

    future: asyncio.Future[Any]
    records: int


class Publisher:
    """Sends batches. An awaited delivery either succeeds or raises; there is no third case."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._producer: Any = None

    async def start(self) -> None:
        """Connect; as long as no broker is there, try again."""
        while self._producer is None:
            producer = AIOKafkaProducer(
                **self._config.client,
                client_id=f"{self._config.group}-engine",
                acks="all",
                enable_idempotence=True,
                linger_ms=0,
                max_batch_size=_BATCH_BYTES,
                max_request_size=_BATCH_BYTES + 48_576,
            )
            try:
                await producer.start()
            except KafkaConnectionError as error:
                await producer.stop()
                _log.warning("no broker at %s, trying again: %s", self._config.bootstrap, error)
                await asyncio.sleep(_RETRY_S)
            else:
                self._producer = producer

    async def stop(self) -> None:
        """Close; what has not been delivered is given up."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await producer.stop()

    async def send(
        self, topic: str, partition: int, records: Iterable[tuple[bytes | None, bytes | None, list[Any]]]
    ) -> list[Delivery]:
        """Send (key, value, headers) as one batch, or as several in order where they exceed one."""
        sent: list[Delivery] = []
        producer = self._producer
        batch = producer.create_batch()
        for key, value, headers in records:
            if batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
                sent.append(await self._submit(batch, topic, partition))
                batch = producer.create_batch()
                batch.append(timestamp=None, key=key, value=value, headers=headers)
        if batch.record_count():
            sent.append(await self._submit(batch, topic, partition))
        return sent

    async def publish(self, outputs: Iterable[Output]) -> list[Delivery]:
        """Send outputs, each to its partition or to the one of its key, as Kafka's own clients choose it."""
        groups: dict[tuple[str, int], list[Output]] = {}
        for output in outputs:
            topic = self._config.topic(output.topic)
            partition = output.partition
            if partition is None:
                partition = await self._partition(topic, output.key if output.order is None else output.order)
            groups.setdefault((topic, partition), []).append(output)
        sent: list[Delivery] = []
        for (topic, partition), group in groups.items():
            sent += await self.send(topic, partition, [(one.key, one.value, list(one.headers)) for one in group])
        return sent

    async def partitions(self, topic: str) -> frozenset[int]:
        """The partitions of a topic."""
        found: frozenset[int] = frozenset(await self._producer.partitions_for(topic))
        return found

    async def _partition(self, topic: str, key: bytes | None) -> int:
        count = len(await self.partitions(topic))
        return 0 if key is None else (murmur2(key) & 0x7FFFFFFF) % count

    async def _submit(self, batch: Any, topic: str, partition: int) -> Delivery:
        batch.close()  # a closed batch does not linger
        while True:
            try:
                future = await self._producer.send_batch(batch, topic, partition=partition)
            except KafkaTimeoutError:
                # Not accepted, so not sent: the batch before it still waits for its brokers.
                _log.warning("%s-%d takes nothing, trying again", topic, partition)
            else:
                return Delivery(future, batch.record_count())
