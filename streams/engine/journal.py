"""What the engine itself writes to a changelog partition, and how such a partition is read back.

Engine records have keys that start with a zero byte: a **fence** begins an owner's time, its offset is the owner's
epoch; a **head** comes first in every batch and says whose batch it is and where the partition's clock stood; an
**outbox** entry holds alerts until they are delivered, its tombstone says that they are.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from streams.engine.ports import GARBLED, Output, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from streams.engine.ports import Record

Entry = tuple[bytes, bytes | None]
"""Key and value of a changelog record; None deletes the key."""

FENCE = b"\0f"
HEAD = b"\0h"
OUTBOX = b"\0o"

_HEAD = struct.Struct(">qqqqq")
_WITHOUT_MARK = struct.calcsize(">qqqq")
_OUTBOX_KEY = struct.Struct(">qq")
_NO_STOP = -1

MAX_BATCH = 850_000
"""Bytes of records in a batch; a broker takes 1 MiB unless told otherwise."""
_RECORD_OVERHEAD = 24

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Output])


class Head(NamedTuple):
    """Whose batch it is, and the partition's clock when it was written (ms)."""

    epoch: int
    clock: int
    greatest_timestamp: int
    stop_at: int | None
    mark: int = 0
    """The shard's own."""

    def encode(self) -> bytes:
        """As a record's value."""
        stop_at = _NO_STOP if self.stop_at is None else self.stop_at
        return _HEAD.pack(self.epoch, self.clock, self.greatest_timestamp, stop_at, self.mark)

    @classmethod
    def decode(cls, value: bytes) -> Head:
        """Read a record's value; raises `Unreadable`."""
        if len(value) == _WITHOUT_MARK:  # of an earlier version
            value += bytes(_HEAD.size - _WITHOUT_MARK)
        try:
            epoch, clock, timestamp, stop_at, mark = _HEAD.unpack(value)
        except struct.error as error:
            raise Unreadable(HEAD, error) from None
        return cls(epoch, clock, timestamp, None if stop_at == _NO_STOP else stop_at, mark)


def outbox_key(epoch: int, seq: int) -> bytes:
    """Key of the outbox entry of an owner's chunk `seq`."""
    return OUTBOX + _OUTBOX_KEY.pack(epoch, seq)


def encode_outputs(outputs: Sequence[Output]) -> bytes:
    """Pack outputs for the outbox."""
    return _encoder.encode(outputs)


def decode_outputs(value: bytes) -> list[Output]:
    """Read an outbox entry; raises `Unreadable`.

    >>> one = Output("alerts", b"k", b"v", None, (("h", b"x"),))
    >>> decode_outputs(encode_outputs([one])) == [one]
    True
    """
    try:
        return _decoder.decode(value)
    except GARBLED as error:
        raise Unreadable(OUTBOX, error) from None


def pack_outputs(outputs: Sequence[Output]) -> list[bytes]:
    """Outbox entries for outputs, in order; none larger than half a batch.

    >>> len(pack_outputs([Output("alerts", b"k", b"x" * 200_000)] * 5))
    3
    """
    packed: list[bytes] = []
    group: list[Output] = []
    size = 0
    for output in outputs:
        size += len(output.key or b"") + len(output.value or b"") + _RECORD_OVERHEAD
        if size > MAX_BATCH // 2 and group:
            packed.append(encode_outputs(group))
            group, size = [], len(output.value or b"") + _RECORD_OVERHEAD
        group.append(output)
    if group:
        packed.append(encode_outputs(group))
    return packed


def split(head: Head, entries: Sequence[Entry], *, before: Head | None = None, kept: int = 0) -> list[list[Entry]]:
    """The batches of one append: one wherever it fits, for a batch is written whole or not at all.

    The first `kept` entries are what is published and never lost: as long as some of them are not written, batches have
    the head `before`, lest a new owner believes that what they tell of has been told.

    >>> [len(batch) for batch in split(Head(0, 0, 0, None), [(b"k", b"x" * 500_000)] * 3)]
    [2, 2, 2]
    """
    batches: list[list[Entry]] = [[]]
    size = 0
    for entry in entries:
        size += _size(entry)
        if size > MAX_BATCH and batches[-1]:
            batches.append([])
            size = _size(entry)
        batches[-1].append(entry)
    written = 0
    for batch in batches:
        written += len(batch)
        batch.insert(0, (HEAD, (head if before is None or written >= kept else before).encode()))
    return batches


def _size(entry: Entry) -> int:
    key, value = entry
    return len(key) + _RECORD_OVERHEAD + (len(value) if value else 0)


class Replay:
    """Reads a changelog partition back, in log order.

    A batch written by an owner after a newer owner's fence is a zombie's: it is left out, and `stolen` are the keys
    whose newest record is such a one, so that the value before it must be written again.
    """

    def __init__(self, restore: Callable[[bytes, bytes | None], None]) -> None:
        self._restore = restore
        self._owner = -1
        self._writer = -1
        self.head: Head | None = None
        self.outbox: dict[bytes, bytes] = {}
        self.stolen: set[bytes] = set()

    def apply(self, records: Iterable[Record]) -> None:
        """Take the next records."""
        restore, stolen = self._restore, self.stolen
        for record in records:
            key = record.key
            if not key:
                continue
            if key[0] == 0:
                self._engine_record(key, record)
            elif self._writer < self._owner:
                stolen.add(key)
            else:
                restore(key, record.value)
                if stolen:
                    stolen.discard(key)

    def _engine_record(self, key: bytes, record: Record) -> None:
        if key == FENCE:
            self._writer = self._owner = max(self._owner, record.offset)
            return
        if key == HEAD and record.value is not None:
            head = Head.decode(record.value)
            self._writer = head.epoch
            self._owner = max(self._owner, head.epoch)
            if head.epoch == self._owner:
                self.head = head
            return
        if self._writer < self._owner:
            return
        if record.value is None:
            self.outbox.pop(key, None)
        elif key.startswith(OUTBOX):
            self.outbox[key] = record.value


class Recall:
    """Finds the last rightful values of some keys: a second reading, after the first found `stolen` ones."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self.values: dict[bytes, bytes | None] = dict.fromkeys(keys)
        self._replay = Replay(self._note)

    def _note(self, key: bytes, value: bytes | None) -> None:
        if key in self.values:
            self.values[key] = value

    def apply(self, records: Iterable[Record]) -> None:
        """Take the next records."""
        self._replay.apply(records)
