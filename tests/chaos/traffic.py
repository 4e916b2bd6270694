"""Events live from a seed: when each was sent, taken by the brokers, and done with by the workers."""

import asyncio
import contextlib
import json
from array import array
from collections import deque
from itertools import islice
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, KafkaTimeoutError
from aiokafka.partitioner import murmur2

from streams.clock import wall_ms
from tests.kafka.chatter import chatter
from tests.kafka.house import Event, House

BACKLOG_MS = 20 * 60_000
"""What lies in the topic before the workers come: time enough for an interval to close in any round."""
BACKLOG = 6_000
_STEP_S = 0.05
_ASK_S = 1.0


class Traffic:
    """Sends events, each with the instant of its sending, and never gives one up."""

    def __init__(self, house: House, seed: int, rate: int, partitions: int) -> None:
        self.topic = house.topic("events")
        self._rate = rate
        # One a second of each conversation at most: state is bounded by what it holds, not by how fast it comes.
        self._events = chatter(seed, max(200, rate))
        self._taken = array("q")
        self._waiting: list[deque[tuple[asyncio.Future[Any], int]]] = [deque() for _ in range(partitions)]
        self._committed = [0] * partitions
        self._worst_s = 0.0
        self._producer = AIOKafkaProducer(
            bootstrap_servers=house.environment.kafka,
            enable_idempotence=True,
            linger_ms=2,
            max_batch_size=1_000_000,
            max_request_size=4_000_000,
        )
        self._admin_of = {"bootstrap_servers": house.environment.kafka, "request_timeout_ms": 3_000}
        self._group = house.prefix

    async def start(self) -> None:
        """Connect, and put the backlog into the topic."""
        await self._producer.start()
        first = wall_ms() - BACKLOG_MS
        for number, each in enumerate(islice(self._events, BACKLOG)):
            await self._send(each, first + number * BACKLOG_MS // BACKLOG)
        await self._producer.flush()

    async def stop(self) -> None:
        """Disconnect."""
        with contextlib.suppress(TimeoutError):  # it would wait for brokers for ever
            await asyncio.wait_for(self._producer.stop(), 10.0)

    async def run(self, stop: asyncio.Event) -> None:
        """Send at the rate until told to stop, then wait until every event is taken."""
        loop = asyncio.get_running_loop()
        began, sent = loop.time(), 0
        while not stop.is_set():
            await asyncio.sleep(_STEP_S)
            due = int((loop.time() - began) * self._rate)
            for each in islice(self._events, due - sent):
                await self._send(each, wall_ms())
            sent = due
        await self._producer.flush()

    async def _send(self, event: Event, at: int) -> None:
        value = json.dumps(event | {"at": at}).encode()
        key = f"{event['tenant']}/{event['conversation_id']}".encode()
        partition = (murmur2(key) & 0x7FFFFFFF) % len(self._waiting)
        number = len(self._taken)
        self._taken.append(0)

        def taken(future: asyncio.Future[Any]) -> None:
            if not future.cancelled() and future.exception() is None:
                self._taken[number] = wall_ms()

        while True:
            try:
                future = await self._producer.send(self.topic, value, key, partition=partition)
            except KafkaTimeoutError:
                continue  # not accepted: what came before it still waits for its brokers
            future.add_done_callback(taken)
            self._waiting[partition].append((future, wall_ms()))
            return

    # --- what has become of them -------------------------------------------------------------------

    @property
    def sent(self) -> int:
        """How many events."""
        return len(self._taken)

    def taken_at(self, event_id: str) -> int:
        """When the brokers said that they have an event (ms), 0 if never: until then nobody may have read it."""
        return self._taken[int(event_id.rpartition("-")[2]) - 1]

    def acknowledged(self) -> int:
        """How many events the brokers have taken."""
        return sum(1 for each in self._taken if each)

    def done_since(self, instant: int) -> bool:
        """Whether the workers have done with all that was sent before an instant (ms)."""
        return all(not waiting or waiting[0][1] >= instant for waiting in self._waiting)

    def worst_s(self) -> float:
        """The greatest age of an event not yet done with, since this was asked last."""
        worst, self._worst_s = self._worst_s, 0.0
        return worst

    async def watch(self) -> None:
        """Follow the commits of the workers' group."""
        while True:
            await asyncio.sleep(_ASK_S)
            with contextlib.suppress(KafkaError, OSError, TimeoutError):  # no coordinator at present
                await asyncio.wait_for(self._ask(), 5.0)
            now = wall_ms()
            for partition, waiting in enumerate(self._waiting):
                while waiting and waiting[0][0].done() and self._gone(waiting[0][0], partition):
                    waiting.popleft()
                if waiting:
                    self._worst_s = max(self._worst_s, (now - waiting[0][1]) / 1000)

    def _gone(self, future: asyncio.Future[Any], partition: int) -> bool:
        offset: int = future.result().offset
        return offset < self._committed[partition]

    async def _ask(self) -> None:
        admin = AIOKafkaAdminClient(**self._admin_of)
        try:
            await admin.start()
            for tp, commit in (await admin.list_consumer_group_offsets(self._group)).items():
                if tp.topic == self.topic:
                    self._committed[tp.partition] = max(self._committed[tp.partition], commit.offset)
        finally:
            await admin.close()
