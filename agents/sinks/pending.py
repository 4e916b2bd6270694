"""What waits to be written to Redis: the latest value of every key, bounded."""

from collections import deque
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, cast

import orjson

K = TypeVar("K")

BATCH = 100
"""Items one script writes: it holds the server up for about a millisecond."""

KpiItem = tuple[str, str, str, int, bytes]
"""tenant, scope, window, seq, record (JSON)"""
SeriesItem = tuple[str, str, int, int, bytes]
"""tenant, `trend:{scope}` or `intervals:{scope}`, start_at (ms), seq, record (JSON)"""
AlertItem = tuple[str, str, bytes]
"""tenant, alert_id, alert (JSON)"""


class Waiting(NamedTuple):
    """The absolute state of one conversation: since when it waits, in which scopes, and its SLA deadlines."""

    tenant: str
    partition: int
    epoch: int
    conversation_id: str
    waiting_since: int | None
    scopes: tuple[str, ...]
    deadlines: Mapping[str, int]
    policies: Mapping[str, str] = MappingProxyType({})
    """By the same metrics, the policies that the deadlines come from."""


class Batch(NamedTuple):
    """Arguments of one call of one script for one tenant; `owner` packs them, and hears what became of them."""

    tenant: str
    owner: "Queue"
    head: tuple[int, ...]
    items: list[Any]


class Queue(Protocol):
    """Items for one script, the latest of each key."""

    script: str
    width: int
    """Arguments an item makes."""

    def __len__(self) -> int: ...

    def take(self) -> list[Batch]:
        """All of them, the queue is empty after it."""

    def pack(self, batch: Batch) -> bytes:
        """The items as arguments on the wire."""

    def written(self, batch: Batch, again: list[int]) -> None:
        """The script took the batch, but for the items at these places: they must be sent once more."""

    def put_back(self, batch: Batch) -> None:
        """Return what was not written, behind whatever is newer."""


class _Latest(Generic[K]):
    """Records by tenant and key; a lower seq never replaces a higher one."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tenants: dict[str, dict[K, tuple[int, bytes]]] = {}
        self.overflowed = False

    def __len__(self) -> int:
        return sum(map(len, self._tenants.values()))

    def take(self) -> list[Batch]:
        """All of them, in batches."""
        taken, self._tenants = self._tenants, {}
        return [
            Batch(tenant, cast("Queue", self), (), items[i : i + BATCH])
            for tenant, latest in taken.items()
            for items in [list(latest.items())]
            for i in range(0, len(items), BATCH)
        ]

    def put_back(self, batch: Batch) -> None:
        """Return what was not written, where nothing newer has come."""
        latest = self._tenants.setdefault(batch.tenant, {})
        for key, value in batch.items:
            latest.setdefault(key, value)

    def written(self, batch: Batch, again: list[int]) -> None:
        """Nothing to note."""

    def _put(self, tenant: str, key: K, seq: int, body: bytes) -> None:
        latest = self._tenants.get(tenant)
        if latest is None:
            latest = self._tenants[tenant] = {}
        held = latest.get(key)
        if held is None and len(latest) >= self._limit:
            self.overflowed = True
        elif held is None or held[0] <= seq:
            latest[key] = (seq, body)


class KpiQueue(_Latest[str]):
    """KPI records by tenant and `scope:window`.

    Of a record that Redis has taken only what changed since is sent, with the seq that it must still have there.
    """

    script, width = "kpi", 3

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._written: dict[tuple[str, str], tuple[int, bytes]] = {}

    def put(self, records: Iterable[KpiItem]) -> None:
        """Keep the records, but for new keys beyond the limit."""
        put = self._put
        for tenant, scope, window, seq, body in records:
            put(tenant, f"{scope}:{window}", seq, body)

    def pack(self, batch: Batch) -> bytes:
        """The arguments of `kpi.lua`."""
        parts = []
        for name, (seq, body) in batch.items:
            held = self._written.get((batch.tenant, name))
            # One sent again, as by a new owner, has no change that could be told, not even of its seq.
            change = None if held is None or held[0] == seq else _change(held[1], body)
            if held is None or change is None:
                parts.append(_words(name.encode(), b"", body))
            else:
                parts.append(_words(name.encode(), b"%d" % held[0], change))
        return b"".join(parts)

    def written(self, batch: Batch, again: list[int]) -> None:
        """Redis has these records now; those at the places `again` must be sent whole."""
        for name, value in batch.items:
            self._written[batch.tenant, name] = value
        for place in again:
            del self._written[batch.tenant, batch.items[place][0]]
        self.put_back(batch._replace(items=[batch.items[place] for place in again]))


class SeriesQueue(_Latest[tuple[str, int]]):
    """Records of minutes and intervals by tenant, series and start."""

    script, width = "series", 3

    def put(self, records: Iterable[SeriesItem]) -> None:
        """Keep the records, but for new keys beyond the limit."""
        for tenant, series, start, seq, body in records:
            self._put(tenant, (series, start), seq, body)

    def pack(self, batch: Batch) -> bytes:
        """The arguments of `series.lua`."""
        return b"".join([_words(series.encode(), b"%d" % start, body) for (series, start), (_, body) in batch.items])


class AlertQueue:
    """Alerts in order; beyond the limit the oldest go, as they would go from the stream."""

    script, width = "alerts", 2

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tenants: dict[str, deque[tuple[str, bytes]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._tenants.values()))

    def put(self, records: Iterable[AlertItem]) -> None:
        """Append the alerts."""
        for tenant, alert_id, body in records:
            self._queue(tenant).append((alert_id, body))

    def put_before(self, records: Iterable[AlertItem]) -> None:
        """Put alerts before those that wait; what comes twice is written once."""
        waiting, self._tenants = self._tenants, {}
        self.put(records)
        for tenant, alerts in waiting.items():
            self._queue(tenant).extend(alerts)

    def take(self) -> list[Batch]:
        """All of them, in order."""
        taken, self._tenants = self._tenants, {}
        return [
            Batch(tenant, self, (), items[i : i + BATCH])
            for tenant, queue in taken.items()
            for items in [list(queue)]
            for i in range(0, len(items), BATCH)
        ]

    def pack(self, batch: Batch) -> bytes:
        """The arguments of `alerts.lua`."""
        return b"".join([_words(alert_id.encode(), body) for alert_id, body in batch.items])

    def written(self, batch: Batch, again: list[int]) -> None:
        """Nothing to note."""

    def put_back(self, batch: Batch) -> None:
        """Return what was not written, before whatever came since."""
        newer = self._queue(batch.tenant)
        room = self._limit - len(newer)
        newer.extendleft(reversed(batch.items[-room:] if room else []))

    def _queue(self, tenant: str) -> deque[tuple[str, bytes]]:
        return self._tenants.setdefault(tenant, deque(maxlen=self._limit))


class _Partition:
    __slots__ = ("changes", "epoch")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.changes: dict[str, Waiting] = {}


class WaitingQueue:
    """The latest state of conversations by tenant and source partition, of the newest epoch only."""

    script, width = "waiting", 2

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._partitions: dict[tuple[str, int], _Partition] = {}
        self.sweeps: dict[tuple[str, int], int] = {}
        self.overflowed = False

    def __len__(self) -> int:
        return sum(len(held.changes) for held in self._partitions.values()) + len(self.sweeps)

    def put(self, changes: Iterable[Waiting]) -> None:
        """Keep the changes, but for those of an older owner than one seen here, and new ones beyond the limit."""
        for change in changes:
            held = self._of(change.tenant, change.partition, change.epoch)
            if held is None:
                continue
            if len(held.changes) >= self._limit and change.conversation_id not in held.changes:
                self.overflowed = True
            else:
                held.changes[change.conversation_id] = change

    def takeover(self, tenant: str, partition: int, epoch: int, members: Iterable[Waiting]) -> None:
        """Write the members, then remove what older epochs left."""
        self.put(members)
        if self._of(tenant, partition, epoch) is not None:
            self.sweeps[tenant, partition] = epoch

    def take(self) -> list[Batch]:
        """All changes; sweeps stay."""
        batches = []
        for (tenant, partition), held in self._partitions.items():
            changes = list(held.changes.values())
            held.changes = {}
            batches += [
                Batch(tenant, self, (partition, held.epoch), changes[i : i + BATCH])
                for i in range(0, len(changes), BATCH)
            ]
        return batches

    def pack(self, batch: Batch) -> bytes:
        """The arguments of `waiting.lua`."""
        return b"".join(
            [
                _words(
                    item.conversation_id.encode(),
                    orjson.dumps((item.waiting_since, item.scopes, item.deadlines, dict(item.policies)))
                    if item.waiting_since is not None or item.deadlines
                    else b"",
                )
                for item in batch.items
            ]
        )

    def written(self, batch: Batch, again: list[int]) -> None:
        """Nothing to note."""

    def put_back(self, batch: Batch) -> None:
        """Return what was not written, where nothing newer has come."""
        partition, epoch = batch.head
        held = self._of(batch.tenant, partition, epoch)
        if held is not None:
            for change in batch.items:
                held.changes.setdefault(change.conversation_id, change)

    def _of(self, tenant: str, partition: int, epoch: int) -> _Partition | None:
        held = self._partitions.get((tenant, partition))
        if held is None or held.epoch < epoch:
            held = self._partitions[tenant, partition] = _Partition(epoch)
        return held if held.epoch == epoch else None


def _change(before: bytes, body: bytes) -> bytes | None:
    """The fields of a record that differ from those of the one before; None if it has others, by name or number.

    >>> _change(b'{"v":1,"seq":1,"metrics":{"a":1,"b":2}}', b'{"v":1,"seq":2,"metrics":{"a":1,"b":3}}')
    b'"seq":2,"b":3}}'
    """
    old, new = before.split(b","), body.split(b",")
    if len(old) != len(new) or (b'"top_topics":[' in body and _list(before) != _list(body)):
        return None
    changed = [(was, after) for was, after in zip(old, new, strict=True) if was != after]
    for was, after in changed:
        if not after.startswith(was[: was.rfind(b":") + 1]):
            return None
    return b",".join([after for _, after in changed])


def _list(body: bytes) -> bytes:
    """The list in a record, which is sent whole or not at all."""
    return body.partition(b'"top_topics":[')[2].partition(b"]")[0]


def _words(*words: bytes) -> bytes:
    return b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words])
