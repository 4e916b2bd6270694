# ruff: noqa: SLF001 - that is what this file is there for
"""The thread of Faust's consumer that talks to the group and fetches, made to know where each fetch began.

Overrides private parts of Faust and aiokafka: both are pinned, and a test fails when these parts move.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import aiokafka
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.clock import running_s, wall_ms
from streams.engine.faust import headers
from streams.engine.ports import Record

_POLL_S = 0.2
_LEADERS_ONLY = 10
"""The last version of a fetch that only a partition's leader answers (KIP-392)."""
_ELECTED_MS = 250
"""How long a fetch waits for a new leader; then the next one asks again."""


class Progress(NamedTuple):
    """What the broker said last about a partition: its end, and when it was asked (real ms).

    Not when the answer was read: a process that was asleep reads an old one, and later records are on their way.
    """

    end: int
    asked_ms: int


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Its methods run in the thread, through `call_thread`."""

    def _create_worker_consumer(self, _transport: Any) -> Any:
        # Always Faust's assignor: partition i of every topic with as many partitions goes to one worker. Stock Faust
        # falls back to round robin when there are no tables.
        engine = self.app.driver
        config = engine.config
        self._assignor = self.app.assignor
        headers.install()
        return aiokafka.AIOKafkaConsumer(
            **config.client,
            client_id=f"{config.group}-source",
            group_id=self.app.conf.id,
            group_instance_id=config.instance_id,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            isolation_level="read_committed",  # what a producer has taken back never was
            auto_offset_reset="earliest",
            max_poll_interval_ms=int(self.app.conf.broker_max_poll_interval * 1000),
            max_partition_fetch_bytes=config.fetch_bytes,
            fetch_max_wait_ms=config.fetch_wait_ms,
            session_timeout_ms=int(config.session_s * 1000),
            rebalance_timeout_ms=int(config.rebalance_s * 1000),
            heartbeat_interval_ms=int(config.heartbeat_s * 1000),
        )

    async def on_start(self) -> None:
        """Connect, and let the lease know of every heartbeat that the coordinator has answered."""
        await super().on_start()
        coordinator = self._consumer._coordinator
        stock, lease = coordinator._do_heartbeat, self.app.driver.lease

        async def heartbeat() -> bool:
            answered: bool = await stock()
            if answered:
                lease.renew(running_s())
            return answered

        coordinator._do_heartbeat = heartbeat
        note_progress(self._consumer._fetcher)

    async def poll(self, wanted: frozenset[TP], limit: int) -> list[tuple[TP, int, list[Record], int]]:
        """Fetched records as (partition, position before, records, position after); both may be empty."""
        consumer = self._ensure_consumer()
        fetcher, subscriptions = consumer._fetcher, consumer._subscription
        if consumer._closed or fetcher._closed:
            raise aiokafka.errors.ConsumerStoppedError
        # Without a poll now and then the group believes a worker without partitions dead.
        with subscriptions.fetch_context():
            if not wanted or subscriptions.reassignment_in_progress:
                return []
            found = await self._drain(fetcher, subscriptions, wanted, limit)
            if not found:
                waiter = fetcher._create_fetch_waiter()
                await asyncio.wait([waiter], timeout=_POLL_S)
                if not waiter.done():
                    waiter.cancel()
                elif not waiter.cancelled():
                    waiter.result()  # the coordinator's errors come this way
                if not subscriptions.reassignment_in_progress:
                    found = await self._drain(fetcher, subscriptions, wanted, limit)
            return found

    async def _drain(
        self, fetcher: Any, subscriptions: Any, wanted: frozenset[TP], limit: int
    ) -> list[tuple[TP, int, list[Record], int]]:
        """What is there; nothing here waits, so positions and records belong together."""
        assignment = subscriptions.subscription.assignment
        if assignment is None:
            return []
        before: dict[Any, int | None] = {}
        for tp in wanted & assignment.tps:
            state = assignment.state_value(tp)
            before[tp] = state.position if state.has_valid_position else None
            fetched = getattr(fetcher._records.get(tp), "_partition_records", None)
            if fetched is not None:
                fetched._consumer_record = _record  # saves building a ConsumerRecord for each
        if not before:
            return []
        answer = await fetcher.fetched_records(frozenset(before), timeout=0, max_records=limit)
        found = []
        for tp, start in before.items():
            records, state = answer.get(tp, []), assignment.state_value(tp)
            # Without a record too: the marks that transactions leave are no records, but offsets.
            if records or (start is not None and state.has_valid_position and state.position != start):
                first = records[0].offset if start is None else start
                found.append((TP(tp.topic, tp.partition), first, records, state.position))
        return found

    async def seek_to(self, tp: TP, offset: int) -> None:
        """Let the partition go on at `offset`."""
        self._ensure_consumer().seek(TopicPartition(*tp), offset)

    async def first_wanted(self, tp: TP) -> int:
        """The committed offset, but not before the first one that the partition still has."""
        committed: int | None = await self._ensure_consumer().committed(TopicPartition(*tp))
        return max(committed or 0, await self.first(tp))

    async def first(self, tp: TP) -> int:
        """The first offset that the partition has."""
        offsets = await self._ensure_consumer().beginning_offsets([TopicPartition(*tp)])
        offset: int = offsets[TopicPartition(*tp)]
        return offset

    async def end(self, tp: TP) -> int:
        """The offset that the partition's next record gets."""
        offsets = await self._ensure_consumer().end_offsets([TopicPartition(*tp)])
        offset: int = offsets[TopicPartition(*tp)]
        return offset

    def progress(self, tp: TP) -> Progress | None:
        """What the broker said last; None before it has. Called from the main thread: it only reads."""
        subscription = self._ensure_consumer()._subscription.subscription
        assignment = subscription.assignment if subscription is not None else None
        state = assignment.state_value(tp) if assignment is not None else None
        progress: Progress | None = getattr(state, "progress", None)
        return progress


def note_progress(fetcher: Any) -> None:
    """Let every answered fetch leave a `Progress` on the states of the partitions that it told of."""
    stock = fetcher._proc_fetch_request
    leaders: dict[TopicPartition, int] = {}

    async def fetch(assignment: Any, node_id: int, request: Any) -> bool:
        tps = [TopicPartition(topic, one[0]) for topic, partitions in request.topics for one in partitions]
        states = {tp: state for tp in tps if (state := assignment.state_value(tp)) is not None}
        before, asked_ms = {tp: state.timestamp for tp, state in states.items()}, wall_ms()
        # Of a later version any replica answers, also a leader of yesterday, whose end is an old one.
        request._CLASSES = [each for each in request._CLASSES if each.API_VERSION <= _LEADERS_ONLY]
        found: bool = await stock(assignment, node_id, request)
        told = [tp for tp, state in states.items() if state.timestamp != before[tp]]
        for tp in states.keys() - set(told):
            leaders.pop(tp, None)
        # A leader just elected may not know yet how much of its log has been acknowledged, and tells an end that lies
        # before what producers were promised. Asked for the end outright, it answers only once it knows (KIP-207).
        elected = [tp for tp in told if leaders.get(tp) != node_id]
        ends = await _ends(fetcher, elected) if elected else {}
        for tp in told:
            if tp not in elected or tp in ends:
                leaders[tp] = node_id
                states[tp].progress = Progress(max(states[tp].highwater, ends.get(tp, 0)), asked_ms)
        return found

    fetcher._proc_fetch_request = fetch


async def _ends(fetcher: Any, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
    """The ends of partitions; none while one of them is not known."""
    try:
        ends: dict[TopicPartition, int] = await fetcher.end_offsets(tps, _ELECTED_MS)
    except KafkaError:
        return {}
    return ends


def _record(_tp: Any, record: Any) -> Record:
    return Record(record.key, record.value, record.offset, record.timestamp, tuple(record.headers))
