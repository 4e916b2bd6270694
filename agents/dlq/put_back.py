"""Dead letters back into their source topics: read, put back, delivered, and only then remembered."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from agents.dlq.letter import Kind, Letter
from agents.dlq.memory import Memory
from agents.settings import Environment
from agents.topics import PATIENCE_S, TopicsError, partition_counts
from streams.clock import running_s, wall_ms
from streams.topics import BY_NAME

KEPT_MS: Final = 7 * 86_400_000
"""Brokers forget a committed offset after 7 days, conversations forget event ids after as many: without a position only
younger letters are taken, for those surely were not put back before, or are recognised."""
_POLL_MS = 500
_SILENT_S = 60.0
_OBSTACLES = 10


class Fate(StrEnum):
    """What became of a letter that was chosen."""

    PUT_BACK = "put back"
    REFUSED = "refused before"  # put back by an earlier run and rejected again
    IMPOSSIBLE = "cannot be"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters to put back. Empty `reasons`: all; `topic` (in full) None: all; `limit` None: all."""

    reasons: frozenset[str] = frozenset()
    topic: str | None = None
    again: bool = False
    limit: int | None = None
    from_start: bool = False
    dry_run: bool = False

    def asks_for(self, kind: Kind) -> bool:
        """Whether reason and topic are asked for."""
        return (not self.reasons or kind.reason in self.reasons) and self.topic in {None, kind.topic}


@dataclass(slots=True)
class Outcome:
    """What a run did, so far."""

    counts: Counter[tuple[str, str, Fate]] = field(default_factory=Counter)
    """By reason, source topic and fate."""
    obstacles: list[str] = field(default_factory=list)
    """A line for each of the first letters that cannot be put back."""
    older: int = 0
    """Letters left out for their age."""
    read: int = 0
    to_read: int = 0

    def total(self, fate: Fate) -> int:
        """Letters of a fate."""
        return sum(count for (*_, found), count in self.counts.items() if found is fate)


class Returns:
    """One run over the dead-letter topic."""

    def __init__(self, environment: Environment, choice: Choice, told: Callable[[Outcome], None]) -> None:
        self._environment = environment
        self._prefix = environment.topic_prefix
        self._choice = choice
        self._told = told
        self.outcome = Outcome()

    async def run(self, say: Callable[[str], None], patience_s: float = PATIENCE_S) -> Outcome:
        """Put back what was chosen, up to the present end of the topic.

        Raises `TopicsError`, and aiokafka's `KafkaError`; what was delivered by then is remembered, a few letters less.
        """
        counts = await partition_counts(self._environment, say, patience_s)
        name = BY_NAME["dlq"].full_name(self._prefix)
        if name not in counts:
            raise TopicsError([f"{name}: missing; `sigap topics create` creates it"])
        async with AsyncExitStack() as stack:
            consumer = await stack.enter_async_context(self._consumer())
            producer = None
            if not self._choice.dry_run:
                producer = AIOKafkaProducer(**self._environment.kafka_kwargs(), linger_ms=5, acks="all")
                await stack.enter_async_context(producer)
            partitions = [TopicPartition(name, each) for each in range(counts[name])]
            consumer.assign(partitions)
            begins, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
            memories = await self._memories(consumer, partitions, begins)
            starts = {
                each: begins[each] if self._choice.from_start else max(begins[each], memories[each].first)
                for each in partitions
            }
            self.outcome.to_read = sum(max(0, ends[each] - starts[each]) for each in partitions)
            for each in partitions:
                consumer.seek(each, starts[each])
                async for letters in _read(consumer, each, ends[each]):
                    end = await self._put_back(letters, memories[each], producer, counts)
                    memories[each].passed(letters[-1].offset + 1 if end is None else end)
                    await self._remember(consumer, each, memories[each])
                    if end is not None:
                        return self.outcome
                memories[each].passed(ends[each])
                await self._remember(consumer, each, memories[each])
        return self.outcome

    async def _put_back(
        self, records: Sequence[Any], memory: Memory, producer: Any, counts: dict[str, int]
    ) -> int | None:
        """Put back what is due; returns once it is delivered: the offset to stop at if the limit is reached."""
        sent = []
        end = None
        for record in records:
            if self.outcome.total(Fate.PUT_BACK) == self._choice.limit:
                end = record.offset
                break
            self.outcome.read += 1
            letter = Letter.of(record.headers, record.timestamp)
            fate = self._fate(letter, record.offset, memory)
            if fate is None:
                continue
            self.outcome.counts[letter.reason, letter.topic, fate] += 1
            if fate is Fate.PUT_BACK and letter.topic not in counts:
                raise TopicsError([f"{letter.topic}: missing; `sigap topics create` creates it"])
            if fate is Fate.PUT_BACK and producer is not None:
                # State lives by partition: back to where the conversation's other events are, whoever chose that.
                fits = letter.partition is not None and letter.partition < counts[letter.topic]
                sent.append(
                    await producer.send(
                        letter.topic,
                        record.value,
                        key=record.key,
                        partition=letter.partition if fits else None,
                        headers=letter.headers(self._prefix),
                    )
                )
        await asyncio.gather(*sent)
        self._told(self.outcome)
        return end

    def _fate(self, letter: Letter, offset: int, memory: Memory) -> Fate | None:
        kind, choice = letter.kind, self._choice
        due, asked = memory.due(kind, offset), choice.asks_for(kind)
        if not asked or (kind.again and not choice.again):
            if due:
                memory.leave(kind, offset)
            return Fate.REFUSED if due and asked else None
        if not due and not choice.from_start:
            return None
        if (obstacle := letter.obstacle(self._prefix)) is not None:
            if len(self.outcome.obstacles) < _OBSTACLES:
                self.outcome.obstacles.append(f"{letter.reason}  {letter.source}: {obstacle}")
            return Fate.IMPOSSIBLE
        return Fate.PUT_BACK

    # --- what is remembered ------------------------------------------------------------------------

    @property
    def _group(self) -> str:
        return f"{self._prefix}-dlq-replay"

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[Any]:
        consumer = AIOKafkaConsumer(
            **self._environment.kafka_kwargs(),
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # retention may overtake us
            isolation_level="read_committed",
        )
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    async def _memories(
        self, consumer: Any, partitions: list[TopicPartition], begins: dict[TopicPartition, int]
    ) -> dict[TopicPartition, Memory]:
        """What earlier runs have done; without a word of them, everything that is too old to be sure."""
        for each in partitions:
            await consumer.committed(each)  # waits for the group's coordinator, which a new cluster has to make first
        admin = AIOKafkaAdminClient(**self._environment.kafka_kwargs())
        await admin.start()
        try:
            committed = await admin.list_consumer_group_offsets(self._group, partitions=partitions)
        finally:
            await admin.close()
        young = await consumer.offsets_for_times(dict.fromkeys(partitions, wall_ms() - KEPT_MS))
        ends = await consumer.end_offsets(partitions)
        memories = {}
        for each in partitions:
            offset, text = committed[each]
            if offset >= 0:
                memories[each] = Memory.decode(offset, text or "")
                continue
            first = young[each].offset if young[each] is not None else ends[each]
            memories[each] = Memory(first)
            if not self._choice.from_start:
                self.outcome.older += first - begins[each]
        return memories

    async def _remember(self, consumer: Any, partition: TopicPartition, memory: Memory) -> None:
        if not self._choice.dry_run:
            async with asyncio.timeout(_SILENT_S):
                await consumer.commit({partition: memory.encode()})


async def _read(consumer: Any, partition: TopicPartition, end: int) -> AsyncIterator[list[Any]]:
    """The partition's records up to `end` (not included), a fetch at a time; `TopicsError` after long silence."""
    heard = running_s()
    while await consumer.position(partition) < end:
        found = (await consumer.getmany(partition, timeout_ms=_POLL_MS)).get(partition, [])
        if records := [each for each in found if each.offset < end]:
            heard = running_s()
            yield records
        elif running_s() - heard > _SILENT_S:
            raise TopicsError([f"{partition.topic}: Kafka has not answered for {_SILENT_S:.0f} s"])
