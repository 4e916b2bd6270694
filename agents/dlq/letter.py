"""One rejected record as the dead-letter topic holds it, and as it is put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from streams.codecs import DEAD_LETTER_HEADERS, RETURNED
from streams.topics import TOPICS

INPUTS: Final = tuple(
    each.name for each in TOPICS if each.name in {"events", "business"} or each.name.startswith("raw.")
)
"""Topics, without prefix, that records are put back into."""
_RECEIVED_AT: Final = "received_at"
_RAW: Final = "raw."

Headers = Sequence[tuple[str, bytes | None]]


class Kind(NamedTuple):
    """What dead letters are chosen by: reason, source topic in full, and whether it had been put back before."""

    reason: str
    topic: str
    again: bool


class Letter(NamedTuple):
    """Why a record was rejected and where from; what is missing is `?`, or None for a number."""

    reason: str
    detail: str
    topic: str
    partition: int | None
    offset: int | None
    received_at: int
    """When the broker got the record (ms)."""
    cut: str | None
    returned: int
    own: tuple[tuple[str, bytes | None], ...]
    """The record's own headers, but for `returned`."""

    @classmethod
    def of(cls, headers: Headers, timestamp: int) -> Letter:
        """The letter in a record's headers; `timestamp` (ms) is when it was rejected."""
        said = {name: (value or b"").decode("utf-8", "backslashreplace") for name, value in headers}
        return cls(
            reason=said.get("reason", "?"),
            detail=said.get("detail", ""),
            topic=said.get("source_topic", "?"),
            partition=_number(said.get("source_partition")),
            offset=_number(said.get("source_offset")),
            received_at=_number(said.get("source_timestamp")) or timestamp,
            cut=said.get("cut"),
            returned=_number(said.get(RETURNED)) or 0,
            own=tuple(each for each in headers if each[0] not in DEAD_LETTER_HEADERS and each[0] != RETURNED),
        )

    @property
    def kind(self) -> Kind:
        """What it is chosen by."""
        return Kind(self.reason, self.topic, self.returned > 0)

    @property
    def source(self) -> str:
        """`topic/partition@offset`."""
        partition, offset = ("?" if each is None else each for each in (self.partition, self.offset))
        return f"{self.topic}/{partition}@{offset}"

    def obstacle(self, prefix: str) -> str | None:
        """Why the record cannot be put back, None if it can."""
        if self.cut is not None:
            return f"the dead letter lacks a part of the record: {self.cut}"
        if self.topic not in inputs(prefix):
            return f"no topic of ours to put it back into; those are {', '.join(inputs(prefix))}"
        return None

    def headers(self, prefix: str) -> list[tuple[str, bytes | None]]:
        """The headers to put it back with: its own, and how often it was put back by then.

        A payload without a time of its own counts as sent when it was received: the first time, not now.
        """
        kept = list(self.own)
        names = {name.lower() for name, _ in kept}
        if self.topic.startswith(f"{prefix}.{_RAW}") and _RECEIVED_AT not in names:
            kept.append((_RECEIVED_AT, str(self.received_at).encode()))
        return [*kept, (RETURNED, str(self.returned + 1).encode())]


def inputs(prefix: str) -> tuple[str, ...]:
    """Full names of the topics that records are put back into."""
    return tuple(f"{prefix}.{name}" for name in INPUTS)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
