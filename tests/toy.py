"""A shard and a roll-up that count: what the engine does wrong shows in a number."""

import json
from collections.abc import Iterable, Sequence

from streams.engine.ports import Effects, Output, Record

ALERT_EVERY = 10


class ToyShard:
    """Counts records by key. Every tenth is an alert; a value `timer:MS` is an alert once the clock is past MS."""

    def __init__(self, partition: int = 0, padding: int = 0) -> None:
        self.partition = partition
        self.counts: dict[bytes, int] = {}
        self.applied: dict[bytes, int] = {}
        self.timers: dict[bytes, int] = {}
        self.epoch = -1
        self.at = 0
        self.changed: set[bytes] = set()
        self._padding = "x" * padding

    def restore(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self.counts.pop(key, None)
            self.applied.pop(key, None)
            self.timers.pop(key, None)
            return
        self.counts[key], self.applied[key], timer, at, _ = json.loads(value)
        self.timers.pop(key, None)
        if timer:
            self.timers[key] = timer
        self.at = max(self.at, at)

    def recovered(self, epoch: int, now: int = 0, mark: int = 0) -> None:  # noqa: ARG002 - the protocol's
        assert epoch > self.epoch
        self.epoch = epoch
        self.changed = set(self.counts)

    def fold(self, records: Sequence[Record], now: int, *, event_time: bool) -> Effects:
        del now, event_time
        changed: dict[bytes, None] = {}
        effects = Effects([], [], [])
        for record in records:
            key = record.key or b""
            if record.value == b"broken":
                raise ValueError("a broken shard")
            if record.value == b"bad":
                effects.rejects.append(Output("dlq", key, record.value))
                continue
            if record.offset <= self.applied.get(key, -1):
                continue
            self.applied[key] = record.offset
            self.counts[key] = count = self.counts.get(key, 0) + 1
            self.at = max(self.at, record.timestamp)
            if record.value and record.value.startswith(b"timer:"):
                self.timers[key] = int(record.value[6:])
            if count % ALERT_EVERY == 0:
                effects.alerts.append(Output("alerts", key + b":%d" % count, b"count"))
            changed[key] = None
        self.changed.update(changed)
        effects.changelog.extend((key, self._encode(key)) for key in changed)
        return effects

    def advance(self, now: int) -> Effects:
        effects = Effects([], [], [])
        for key, instant in list(self.timers.items()):
            if instant < now:
                del self.timers[key]
                effects.changelog.append((key, self._encode(key)))
                effects.alerts.append(Output("alerts", b"%s:timer:%d" % (key, instant), b"timer"))
        return effects

    @property
    def mark(self) -> int:
        return 0

    @property
    def greatest_at(self) -> int:
        return self.at

    def views(self, now: int, lag_ms: int, *, final: bool, **_: int | None) -> list[Output]:
        changed, self.changed = self.changed, set()
        head = [self.partition, self.epoch]
        outputs = [Output("_partials", key, json.dumps([*head, self.counts[key]]).encode()) for key in sorted(changed)]
        clock = json.dumps([*head, now, lag_ms, final]).encode()
        return [*outputs, Output("_partials", b"clock:%d" % self.partition, clock, self.partition)]

    def _encode(self, key: bytes) -> bytes:
        return json.dumps(
            [self.counts[key], self.applied[key], self.timers.get(key, 0), self.at, self._padding]
        ).encode()


class ToyRollup:
    """Publishes every key's count, newest epoch and count first, with a `seq` that grows."""

    def __init__(self, partition: int = 0) -> None:
        self.partition = partition
        self.newest: dict[bytes, tuple[int, int]] = {}
        self.published: dict[bytes, tuple[int, int]] = {}
        self.epoch = -1

    def restore(self, key: bytes, value: bytes | None) -> None:
        if value is not None:
            count, seq = json.loads(value)
            self.published[key] = count, seq

    def restore_state(self, key: bytes, value: bytes | None) -> None:
        """It has none."""

    def recovered(self, epoch: int) -> None:
        self.epoch = epoch

    closed_from = 0
    unmarked = False

    def ahead(self, records: Sequence[Record], now: int) -> None:
        self.apply(records, now)

    def already_closed(self, keys: Iterable[bytes]) -> None:
        assert not list(keys)

    def marked(self, offset: int) -> Output:
        raise AssertionError(offset)

    def apply(self, records: Sequence[Record], now: int) -> None:
        del now
        for record in records:
            key, value = record.key or b"", record.value
            if value is None or key.startswith(b"clock:"):
                continue
            _, epoch, count = json.loads(value)
            self.newest[key] = max(self.newest.get(key, (-1, -1)), (epoch, count))

    def due(self, now: int) -> list[Output]:
        outputs = []
        for key, (_, count) in self.newest.items():
            before, seq = self.published.get(key, (-1, 0))
            if before != count:
                self.published[key] = count, max(seq + 1, now)
                outputs.append(Output("kpi", key, json.dumps(self.published[key]).encode()))
        return outputs
