"""Results to Redis: never in the way of Kafka, never behind for longer than Redis is away."""

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any

import structlog
from redis.exceptions import RedisError, ResponseError

from agents.sinks.layout import PAST, TENANTS, prefix
from agents.sinks.link import Link, words
from agents.sinks.pending import (
    AlertItem,
    AlertQueue,
    Batch,
    KpiItem,
    KpiQueue,
    Queue,
    SeriesItem,
    SeriesQueue,
    Waiting,
    WaitingQueue,
)
from agents.tasks import end
from streams.clock import wall_ms

__all__ = ["RedisSink", "SinkFailed", "Waiting"]

_LINGER_S = 0.02  # lets records of one moment share a script
_BEAT_S = 1.0
_ROUND = 30  # batches a round trip
_BACKOFF_S = (0.1, 5.0)

Past = Callable[[Collection[int]], Awaitable[object]]

log = structlog.get_logger(__name__)


class SinkFailed(Exception):
    """Nothing is written to Redis any more, for a reason that trying again does not mend."""


class RedisSink:
    """Writes KPI records, minutes, intervals, alerts and waiting conversations in the layout of `agents.sinks.layout`.

    The methods that take records only enqueue, and must be called in the event loop that `start` was called in.
    While Redis is away the latest value of every key is kept (up to `limit` keys of a kind) and written afterwards.
    `resync` is called when Redis is found to have lost what was written (flushed, replaced, restored from an older
    snapshot) or when the limit was exceeded: it must enqueue everything once more. Nothing is expected of Redis at
    the first contact: whoever starts a sink sends what it recovered. `past` is called with the partitions
    given to `restore` of which Redis does not hold the past: first the one that must enqueue their alerts, which newer
    ones wait for, then the one for their minutes and intervals, which nothing waits for.
    `clock` (ms) is the clock of the run, which readers of ages go by.
    """

    def __init__(
        self,
        url: str,
        *,
        resync: Callable[[], object],
        past: tuple[Past, Past] | None = None,
        clock: Callable[[], int] = wall_ms,
        tenants: Iterable[str] = (),
        durable: bool = True,
        limit: int = 500_000,
        timeout_s: float = 5.0,
    ) -> None:
        self._link = Link(url, timeout_s)
        self._resync = resync
        self._past = past
        self._clock = clock
        self._durable = durable
        self._kpi, self._series = KpiQueue(limit), SeriesQueue(limit)
        self._alerts, self._waiting = AlertQueue(10_000), WaitingQueue(limit)
        # In the order in which they are written.
        self._queues: tuple[Queue, ...] = (self._alerts, self._kpi, self._waiting, self._series)
        self._tenants = set(tenants)
        self._writer = secrets.token_hex(8)
        self._sent = 0
        self._written: dict[str, int] = {}
        self._resync_due = False
        self._past_due: set[int] = set()
        self._restoring: tuple[list[int], asyncio.Task[None]] | None = None
        self._alerts_held = False
        self._oldest: float | None = None
        self._in_flight = 0
        self._alerts_in_flight = False
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._backoff = _BACKOFF_S[0]
        self.connected = False
        """Whether the last exchange with Redis went well."""
        self.errors = 0
        """Failed exchanges, refused scripts and failed resyncs."""
        self.written = 0
        """Items written."""
        self.refused = 0
        """Items that Redis holds a newer or the same version of."""
        self.dropped = 0
        """Items that no script could take."""
        self.resyncs = 0
        """How often everything was sent once more."""

    @property
    def pending(self) -> int:
        """Items not written yet."""
        return sum(map(len, self._queues)) + self._in_flight

    @property
    def alerts_pending(self) -> bool:
        """Whether alerts are not written yet."""
        return bool(len(self._alerts)) or self._alerts_in_flight

    @property
    def behind_s(self) -> float:
        """Age of the oldest item not written yet."""
        return 0.0 if self._oldest is None else time.monotonic() - self._oldest

    def kpi(self, records: Iterable[KpiItem]) -> None:
        """Records as (tenant, scope, window, seq, JSON)."""
        self._kpi.put(records)
        self._woken()

    def series(self, records: Iterable[SeriesItem]) -> None:
        """Records of minutes and intervals as (tenant, `trend:{scope}` or `intervals:{scope}`, start_at, seq, JSON)."""
        self._series.put(records)
        self._woken()

    def alerts(self, records: Iterable[AlertItem]) -> None:
        """Alerts as (tenant, alert_id, JSON), in order."""
        self._alerts.put(records)
        self._woken()

    def past_alerts(self, records: Iterable[AlertItem]) -> None:
        """Alerts that came before those not written yet, in order; some may be among these: for `resync`."""
        self._alerts.put_before(records)
        self._woken()

    def waiting(self, changes: Iterable[Waiting]) -> None:
        """The state of conversations, each whole: no `waiting_since` and no deadlines removes it."""
        self._waiting.put(changes)
        self._woken()

    def takeover(self, tenant: str, partition: int, epoch: int, members: Iterable[Waiting]) -> None:
        """All conversations of a partition of which this process is the owner now; whatever older owners left goes."""
        self._waiting.takeover(tenant, partition, epoch, members)
        self._woken()

    def restore(self, partition: int) -> None:
        """Have the past of a partition of the results written, unless Redis holds it."""
        if self._past is not None:
            self._past_due.add(partition)
            self._wake.set()

    def start(self) -> None:
        """Begin to write, in the running event loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="redis-sink")

    async def stop(self, drain_s: float = 5.0) -> None:
        """Write what is pending for at most `drain_s`, then let go. Raises as `raise_failure` does."""
        deadline = time.monotonic() + drain_s
        if (task := self._task) is None:
            return
        while self.pending and not task.done() and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        self._task = None
        await end(task, *([self._restoring[1]] if self._restoring is not None else []))
        _raise_failure(task)

    def raise_failure(self) -> None:
        """Raise `SinkFailed` if the writing has ended by itself: what is pending would wait for good."""
        if self._task is not None and self._task.done():
            _raise_failure(self._task)

    def _woken(self) -> None:
        if self._oldest is None:
            self._oldest = time.monotonic()
        self._wake.set()

    async def _run(self) -> None:
        while True:
            try:
                await self._link.open()
                await self._serve()
            except (RedisError, OSError, TimeoutError) as error:
                self.errors += 1
                if self.connected or self.errors == 1:
                    log.warning("redis_away", error=str(error), pending=self.pending)
            finally:
                self.connected = False
                await self._link.close()
            await asyncio.sleep(self._backoff * random.uniform(0.5, 1.0))  # noqa: S311
            self._backoff = min(self._backoff * 2, _BACKOFF_S[1])

    async def _serve(self) -> None:
        beat_at = 0.0
        self._begin_past_anew()
        # Lost data must be known before anything is written: alerts are to stand in their order.
        await self._beat()
        if self._resync_due:  # a full queue must be written before more is put into it
            self._resync_if_due()
        while True:
            await self._restore()
            tenants = len(self._tenants)
            await self._flush()
            if time.monotonic() >= beat_at or len(self._tenants) > tenants:
                await self._beat()
                beat_at = time.monotonic() + _BEAT_S
            if not self.connected:
                log.info("redis_connected", resync=self._resync_due)
            self.connected, self._backoff = True, _BACKOFF_S[0]
            self._resync_if_due()
            try:
                async with asyncio.timeout(max(0.0, beat_at - time.monotonic())):
                    await self._wake.wait()
                    await asyncio.sleep(_LINGER_S)
            except TimeoutError:
                continue

    def _resync_if_due(self) -> None:
        full = [queue for queue in (self._kpi, self._series, self._waiting) if queue.overflowed]
        if not full and not self._resync_due:
            return
        for queue in full:
            queue.overflowed = False
        self._resync_due = False
        self._begin_past_anew()
        self.resyncs += 1
        self._resync()

    async def _restore(self) -> None:
        """Find out which part of the past is missing, have it read beside the rest, and note that it is there."""
        if self._restoring is not None and self._restoring[1].done():
            lost = self._restoring[0]
            await self._flush()
            await self._link.round_trip([b"*%d\r\n%b" % (2 + len(lost), words("SADD", PAST, *lost))])
            self._restoring = None
        if self._past is None or self._restoring is not None or not (due := sorted(self._past_due)):
            return
        (held,) = await self._link.round_trip([b"*%d\r\n%b" % (2 + len(due), words("SMISMEMBER", PAST, *due))])
        self._past_due.difference_update(due)
        if lost := [partition for partition, there in zip(due, held, strict=True) if not there]:
            self._alerts_held = True
            self._restoring = lost, asyncio.create_task(self._read_past(*self._past, lost), name="redis-past")

    def _begin_past_anew(self) -> None:
        """What is being read may have been missing in a Redis that is no more: this one is asked once more."""
        if self._restoring is not None:
            lost, task = self._restoring
            task.cancel()
            self._past_due.update(lost)
            self._restoring, self._alerts_held = None, False

    async def _read_past(self, alerts: Past, series: Past, partitions: list[int]) -> None:
        await self._patient(alerts, partitions)
        self._alerts_held = False
        self._wake.set()
        await self._patient(series, partitions)
        self._wake.set()

    async def _patient(self, read: Past, partitions: list[int]) -> None:
        while True:
            try:
                await read(partitions)
            except Exception:
                self.errors += 1
                log.exception("past_not_read", partitions=partitions)
                await asyncio.sleep(_BEAT_S)
            else:
                return

    async def _flush(self) -> None:
        self._wake.clear()
        # Alerts stand in their order: newer ones wait for the past.
        held = self._alerts_held and bool(len(self._alerts))
        queues = self._queues[1:] if self._alerts_held else self._queues
        oldest, self._oldest = self._oldest, self._oldest if held else None
        self._in_flight = sum(map(len, queues))
        self._alerts_in_flight = not held and bool(len(self._alerts))
        batches = [batch for queue in queues for batch in queue.take()]
        sweeps, self._waiting.sweeps = self._waiting.sweeps, {}
        done = 0
        try:
            while done < len(batches):
                part = batches[done : done + _ROUND]
                await self._write(part)
                done += len(part)
                self._in_flight -= sum(len(batch.items) for batch in part)
            for tenant, partition in list(sweeps):
                await self._sweep(tenant, partition, sweeps[tenant, partition])
                del sweeps[tenant, partition]
        except BaseException:
            for batch in reversed(batches[done:]):
                batch.owner.put_back(batch)
            self._waiting.sweeps = sweeps | self._waiting.sweeps
            self._oldest = oldest
            raise
        finally:
            self._in_flight = 0
            self._alerts_in_flight = False

    async def _write(self, batches: list[Batch]) -> None:
        numbers, packets = [], []
        for batch in batches:
            self._tenants.add(batch.tenant)
            self._sent += 1
            numbers.append(self._sent)
            body, count = batch.owner.pack(batch), len(batch.items) * batch.owner.width
            head: tuple[str | int, ...] = (self._writer, self._sent, *batch.head)
            packets.append(self._link.call(batch.owner.script, prefix(batch.tenant), *head, body=body, count=count))
        answers = await self._link.round_trip(packets)
        for batch, number, answer in zip(batches, numbers, answers, strict=True):
            if self._unusable(answer):
                self.dropped += len(batch.items)
                log.error("redis_script_failed", script=batch.owner.script, error=str(answer))
                continue
            self._check(batch.tenant, number, answer)
            again = answer[2] if len(answer) > 2 else []  # noqa: PLR2004 - the script says which
            batch.owner.written(batch, again)
            self.refused += answer[1]
            self.written += len(batch.items) - answer[1] - len(again)

    async def _sweep(self, tenant: str, partition: int, epoch: int) -> None:
        cursor = "0"
        while True:
            self._sent += 1
            number = self._sent
            call = self._link.call("sweep", prefix(tenant), self._writer, number, partition, epoch, cursor)
            (answer,) = await self._link.round_trip([call])
            if self._unusable(answer):
                log.error("redis_script_failed", script="sweep", error=str(answer))
                return
            self._check(tenant, number, answer)
            cursor = answer[2].decode()
            if cursor == "0":
                return

    async def _beat(self) -> None:
        tenants = sorted(self._tenants)
        if not tenants:
            return
        numbers, packets = [], [b"*%d\r\n%b" % (2 + len(tenants), words("SADD", TENANTS, *tenants))]
        for tenant in tenants:
            self._sent += 1
            numbers.append(self._sent)
            head = (self._writer, self._sent, wall_ms(), self._clock(), int(self._durable))
            packets.append(self._link.call("beat", prefix(tenant), *head))
        answers = await self._link.round_trip(packets)
        for tenant, number, answer in zip(tenants, numbers, answers[1:], strict=True):
            if not self._unusable(answer):
                self._check(tenant, number, answer)

    def _check(self, tenant: str, number: int, answer: list[Any]) -> None:
        if answer[0] < self._written.get(tenant, 0):
            # One resync covers all tenants.
            self._written.clear()
            self._resync_due = True
            log.warning("redis_lost_data", tenant=tenant)
        self._written[tenant] = number

    def _unusable(self, answer: object) -> bool:
        """Whether a script failed on its input, so that trying again is of no use. Raises other errors."""
        if not isinstance(answer, ResponseError):
            return False
        if type(answer) is ResponseError and "user_script" in str(answer) and not str(answer).startswith("MISCONF"):
            self.errors += 1
            return True
        raise answer


def _raise_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        raise SinkFailed(f"writing to Redis: {type(error).__name__}: {error}") from error
