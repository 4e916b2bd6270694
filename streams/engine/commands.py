"""What the core asks an adapter to do, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from streams.engine.journal import Entry
    from streams.engine.ports import Output


class Read(NamedTuple):
    """Read the changelog from `start` up to `end` (not included), hand it to `restored`, then call `recovered`."""

    start: int
    end: int


class Append(NamedTuple):
    """Append to the changelog, as one batch where it fits, after every earlier one; then call `delivered`."""

    seq: int
    records: list[Entry]


class Publish(NamedTuple):
    """Publish and await delivery, then call `published`."""

    seq: int
    outputs: list[Output]


class MarkDone(NamedTuple):
    """Everything before this source offset may be committed."""

    next_offset: int


class Seek(NamedTuple):
    """Let the source go on at this offset; chunks fetched before are no longer wanted."""

    offset: int


class Ready(NamedTuple):
    """The partition is recovered and runs."""

    epoch: int


class Crash(NamedTuple):
    """End the process at once; nothing more may be written."""

    reason: str


Command = Read | Append | Publish | MarkDone | Seek | Ready | Crash
