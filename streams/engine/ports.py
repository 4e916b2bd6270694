"""The shapes that pass between the engine and what it drives."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Unreadable(Exception):
    """A record of our own logs that is none, by its key. The worker ends: what it knows is not what the log says."""

    def __init__(self, key: bytes, error: Exception) -> None:
        super().__init__(f"record {key!r}: damaged, or of a newer version ({type(error).__name__}: {error})")


GARBLED: Final = (msgspec.DecodeError, struct.error, ValueError, LookupError)
"""What reading a record that is none ends in, by itself."""


class Record(NamedTuple):
    """One record read from a topic; `timestamp` is the broker's, in ms."""

    key: bytes | None
    value: bytes | None
    offset: int
    timestamp: int
    headers: tuple[tuple[str, bytes], ...] = ()


class Output(NamedTuple):
    """One record to publish. `topic` is the logical name without the prefix (`alerts`, `dlq`, `_partials`).

    `partition` None leaves the choice to `order`, or without it to the key: what has the same stays in order.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    order: bytes | None = None


class Effects(NamedTuple):
    """What a fold or a timer demands of the outside, in the order of the fields."""

    changelog: list[tuple[bytes, bytes | None]]
    """State to append to the shard's changelog partition; None deletes the key. Keys never start with a zero byte."""
    alerts: list[Output]
    """Published after the changelog's delivery, never lost: the engine keeps them in the changelog's outbox."""
    rejects: list[Output]
    """Dead letters: published before the source offset is done."""
    snapshots: Sequence[Output] = ()
    """What holds for an instant that will not come again: published as alerts are, never lost."""


class Shard(Protocol):
    """The state of one source partition. Synchronous, no I/O, never reads a clock."""

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Apply one changelog record, in log order."""

    def recovered(self, epoch: int, now: int = 0, mark: int = 0) -> None:
        """The changelog has been applied to its end; rebuild what is derived. Raises `Unreadable`.

        `epoch` grows with every owner. `now` (ms) is the partition's clock, `mark` what the former owner had there.
        """

    @property
    def mark(self) -> int:
        """A number that is kept with the state, for `recovered`."""

    def fold(self, records: Sequence[Record], now: int, *, event_time: bool) -> Effects:
        """Fold source records, in offset order.

        `now` (ms) is the partition's clock before them. With `event_time` the clock on the way is the greatest `at`
        alone, else the smaller of that and the greatest broker timestamp; never less than `now`.
        """

    def advance(self, now: int) -> Effects:
        """Let every timer act whose instant is strictly before `now` (ms)."""

    @property
    def greatest_at(self) -> int:
        """The greatest `at` folded so far, in ms (0: none)."""

    def views(
        self, now: int, lag_ms: int, *, final: bool, turn: int | None = None, settled: int | None = None
    ) -> list[Output]:
        """What changed in the partials, and this partition's clock; absolute values.

        `final` says that `now` is the last instant of a run, `settled` the clock (ms) up to which everything that was
        demanded has been delivered; without it all has. `turn` counts the wall clock's turns: what changed may
        wait for a turn of its own, the same in every partition; without it everything is told.
        """


class Rollup(Protocol):
    """What one partition of the partials becomes. Synchronous, no I/O, never reads a clock.

    Whatever takes records of a log raises `Unreadable` for one that is none.
    """

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Apply one record of the roll-up's own topic, in log order."""

    def restore_state(self, key: bytes, value: bytes | None) -> None:
        """Apply one record of the roll-up's own state, in log order; before `restore`."""

    def recovered(self, epoch: int) -> None:
        """The own topics have been read to its end; `epoch` grows with every owner. The partials come next."""

    def apply(self, records: Sequence[Record], now: int) -> None:
        """Take partials, in offset order; from the topic's beginning after every assignment."""

    def ahead(self, records: Sequence[Record], now: int) -> None:
        """Take partials before they come by way of their topic."""

    @property
    def closed_from(self) -> int:
        """From which offset on the intervals hold what is not known to be out. Asked once the partials were read."""

    def already_closed(self, keys: Iterable[bytes]) -> None:
        """The keys of what the intervals hold from there on."""

    @property
    def unmarked(self) -> bool:
        """Whether `marked` is to be called once what was published is delivered."""

    def marked(self, offset: int) -> Output:
        """A partial that says that everything published is out, the intervals ending at `offset`."""

    def due(self, now: int) -> list[Output]:
        """What must be published at `now` (ms). Not called before the partials were read to their end."""
