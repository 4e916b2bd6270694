"""Faust's consumer, made to deliver chunks, to lose nothing across a rebalance, and to commit what the engine says.

Overrides private parts of Faust and aiokafka: both are pinned, and a test fails when these parts move.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.clock import running_s
from streams.engine.faust.fetch import ConsumerThread, Progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streams.engine.ports import Record

_log = logging.getLogger(__name__)
_IDLE_S = 0.05


class Chunk(NamedTuple):
    """Records of one partition that continue it from `start`; `next_offset` is where the chunk after it starts.

    There may be none: offsets without a record are Kafka's own (compaction, marks of transactions). `epoch` is the
    consumer's count of seeks of this partition: a chunk of an older one is not wanted.
    """

    tp: TP
    start: int
    records: list[Record]
    next_offset: int
    epoch: int


class Consumer(driver.Consumer):
    """Chunks in, engine-marked offsets out. `app.driver` is asked for both."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._epochs: dict[TP, int] = defaultdict(int)
        self._done: dict[TP, int] = {}
        self._generation = -1
        self.last_commit_s: float | None = None

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # --- the reading path --------------------------------------------------------------------------

    async def _drain_messages(self, fetcher: Any) -> None:
        engine = self.app.driver
        config, pace = engine.config, engine.config.fetch_pace_s
        try:
            while not (self.should_stop or fetcher.should_stop):
                if not self.flow_active:
                    await self.wait(self.can_resume_flow)
                    continue
                wanted = frozenset(engine.wanted())
                epochs = {tp: self._epochs[tp] for tp in wanted}
                found = await self._thread.call_thread(self._thread.poll, wanted, 2 * config.chunk_records)
                count = 0
                for tp, start, records, following in found:
                    count += len(records)
                    for chunk in _chunks(tp, start, records, following, epochs[tp], config.chunk_records):
                        await self._hand_over(chunk)
                if count < config.chunk_records:
                    await asyncio.sleep(pace if wanted else _IDLE_S)
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                engine.fatal("the consumer was stopped")
        except Exception as error:  # noqa: BLE001 - Faust would restart the fetcher and lose what it held
            _log.exception("fetching failed")
            engine.fatal(f"fetching failed: {error!r}")

    async def _hand_over(self, chunk: Chunk) -> None:
        # A seek, a rebalance or a stop since the fetch: these records come again from where the seek led.
        if chunk.epoch == self._epochs[chunk.tp] and self.flow_active:
            self.app.driver.handed(chunk)
            await self.callback(self._to_message(chunk.tp, chunk))

    def _to_message(self, tp: TP, chunk: Chunk) -> ConsumerMessage:
        timestamp = chunk.records[-1].timestamp if chunk.records else 0
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            chunk.next_offset - 1,
            timestamp / 1000.0,
            0,
            (),
            None,
            chunk,
            None,
            None,
            None,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    def epoch(self, tp: TP) -> int:
        """Which seek of the partition counts."""
        return self._epochs[tp]

    async def rewind(self, tp: TP, offset: int) -> bool:
        """Let the partition go on at `offset`; what was fetched before is dropped. False: it is no longer ours."""
        self._epochs[tp] += 1
        try:
            await self._thread.call_thread(self._thread.seek_to, tp, offset)
        except IllegalStateError:
            return False
        finally:
            self._epochs[tp] += 1
        return True

    async def first_wanted(self, tp: TP) -> int:
        """Where an owner of the partition starts: the commit, else the beginning."""
        offset: int = await self._thread.call_thread(self._thread.first_wanted, tp)
        return offset

    async def bounds(self, tp: TP) -> tuple[int, int]:
        """The partition's first offset, and the one that its next record gets."""
        first: int = await self._thread.call_thread(self._thread.first, tp)
        end: int = await self._thread.call_thread(self._thread.end, tp)
        return first, end

    def progress(self, tp: TP) -> Progress | None:
        """What the broker said last about the partition."""
        progress: Progress | None = self._thread.progress(tp)
        return progress

    async def perform_seek(self) -> None:
        """Nothing: every partition is sought by its runner, once its state is there."""

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nothing: the engine accounts for offsets by chunk."""

    # --- commits -----------------------------------------------------------------------------------

    def mark_done(self, tp: TP, next_offset: int, generation: int) -> None:
        """Everything before `next_offset` may be committed, if that generation is still in force."""
        if generation == self._generation and next_offset > self._done.get(tp, -1):
            self._done[tp] = next_offset

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (tp for tp in list(self._done) if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        return self._done.get(tp)

    async def _commit_offsets(self, offsets: Any, start_new_transaction: bool = True) -> bool:  # noqa: FBT001, FBT002
        did: bool = await super()._commit_offsets(offsets, start_new_transaction)
        if did:
            self.last_commit_s = running_s()
        return did

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Nothing: the driver's own status tells what is stuck."""

    # --- the group ---------------------------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: Iterable[TP]) -> None:
        """Complete what is in flight and commit it before the partitions go."""
        self.stop_flow()
        await self.app.driver.on_revoked()
        await self.force_commit()
        self._generation = -1
        self._done.clear()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: Iterable[TP], generation_id: int = 0) -> None:
        """Start the partitions' runners; they recover beside the flow."""
        for tp in assigned:
            self._epochs[tp] += 1
        self._done.clear()
        self._generation = generation_id
        await super().on_partitions_assigned(assigned, generation_id)
        self.app.driver.on_assigned(frozenset(assigned), generation_id)

    async def on_stop(self) -> None:
        """Complete what is in flight, so that the last commit covers it."""
        await self.app.driver.on_revoked()
        await super().on_stop()


def _chunks(tp: TP, start: int, records: list[Record], following: int, epoch: int, limit: int) -> Iterator[Chunk]:
    for index in range(0, max(len(records), 1), limit):
        piece = records[index : index + limit]
        last = index + limit >= len(records)
        next_offset = following if last else piece[-1].offset + 1
        yield Chunk(tp, start, piece, next_offset, epoch)
        start = next_offset


class Transport(driver.Transport):
    """Faust's transport with the consumer above."""

    Consumer = Consumer
