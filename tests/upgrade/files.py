"""Logs as files that one can read: `TOPIC-PARTITION.tsv`, a record a line.

A line has offset, the broker's timestamp (ms), key and value, as text with what is not printable escaped as in Python;
`\\N` is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from streams.engine.local import Log
from streams.engine.ports import Record

_NONE = r"\N"
_HEAD = "offset\ttimestamp\tkey\tvalue\n"


def write(path: Path, log: Log) -> None:
    """Write a partition down."""
    assert not any(record.headers for record in log.records)
    path.write_text(_HEAD + "".join(f"{_line(record)}\n" for record in log.records), encoding="ascii")


def read(path: Path) -> Log:
    """The partition that `write` wrote."""
    log = Log()
    log.records = [*_records(path)]
    log.end = log.records[-1].offset + 1 if log.records else 0
    return log


def _records(path: Path) -> Iterator[Record]:
    for line in path.read_text(encoding="ascii").removeprefix(_HEAD).splitlines():
        offset, timestamp, key, value = line.split("\t")
        yield Record(_bytes(key), _bytes(value), int(offset), int(timestamp))


def _line(record: Record) -> str:
    return f"{record.offset}\t{record.timestamp}\t{_text(record.key)}\t{_text(record.value)}"


def _text(value: bytes | None) -> str:
    return _NONE if value is None else value.decode("latin-1").encode("unicode_escape").decode("ascii")


def _bytes(text: str) -> bytes | None:
    return None if text == _NONE else text.encode("ascii").decode("unicode_escape").encode("latin-1")
