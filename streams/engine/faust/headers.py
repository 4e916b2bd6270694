"""Lets every consumer of this process read records whose headers are not text.

To Kafka, and to most clients, the name of a header is bytes. aiokafka reads it as UTF-8 and fails in the middle of a
batch, for ever: whoever has the partition next meets the same one. So the bytes of a fetch are kept until they are
read, and from such a record on they are read once more, with patience.

Overrides private parts of aiokafka: it is pinned, and a test fails when these parts move.
"""

from __future__ import annotations

from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy


class Batches:
    """The batches of a fetch, as aiokafka has them, and its bytes."""

    __slots__ = ("has_next", "next_batch", "raw", "size_in_bytes")

    def __init__(self, raw: bytes) -> None:
        records = MemoryRecords(raw)
        self.raw = raw
        self.has_next, self.next_batch, self.size_in_bytes = records.has_next, records.next_batch, records.size_in_bytes


class PatientRecords(fetcher.PartitionRecords):
    """The records of a fetch; bytes of a header's name that are no UTF-8 are escaped."""

    _aborted_transactions: list[tuple[int, int]]
    _aborted_producers: set[int]

    def __init__(self, tp: Any, batches: Batches, aborted: Any, *more: Any) -> None:
        super().__init__(tp, batches, aborted, *more)
        self._raw, self._aborted = batches.raw, list(self._aborted_transactions)

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except UnicodeDecodeError:
            # Read from the start, as what has been aborted shows on the way; what was handed out is passed over.
            self._records = _PatientBatches(self._raw)
            self._aborted_transactions, self._aborted_producers = list(self._aborted), set()
            self._records_iterator = self._unpack_records()
            return super().__next__()


class _PatientBatches(_MemoryRecordsPy):
    def next_batch(self, *_: Any) -> Any:
        taken = self._next_slice
        stock = super().next_batch()
        return _PatientBatch(taken) if stock.magic > 1 else stock  # older ones have no headers


class _PatientBatch(_DefaultRecordBatchPy):
    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Escaping(self._buffer)


class _Escaping(bytearray):
    """Bytes that are text in any case; so are their slices."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Escaping(found) if isinstance(at, slice) else found

    def decode(self, encoding: str = "utf-8", _errors: str = "") -> str:
        return super().decode(encoding, "backslashreplace")


def install() -> None:
    """Do so."""
    fetcher.MemoryRecords, fetcher.PartitionRecords = Batches, PatientRecords
