"""How one partition of the roll-up is taken over and what it publishes in which order: steps for an adapter.

`take_over` and `publish` yield one step after the other; an adapter carries each out and sends its answer back in. So
that a simulation can stop between any two of them, there is neither faust nor asyncio in here.

The roll-up has three topics of its own, each with a partition that one owner at a time appends to. They are fenced: an
append that lands elsewhere than behind our last one means that there is another owner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streams.engine.journal import FENCE
from streams.engine.ports import Output, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from streams.engine.journal import Entry
    from streams.engine.ports import Rollup

PARTIALS_TOPIC: Final = "_partials"
"""What source partitions tell the roll-up; it owns no partition of it."""
STATE_TOPIC: Final = "_rollup"
"""The roll-up's own state: written down before anything that rests on it is told."""
LOG_TOPIC: Final = "kpi"
"""What it publishes; read back, it says what was published last."""
INTERVALS_TOPIC: Final = "kpi.intervals"
"""What appears once."""
OWNED: Final = (STATE_TOPIC, LOG_TOPIC, INTERVALS_TOPIC)


class Read(NamedTuple):
    """Hand the records from `start` up to `end` (not included; None: all there are) to `take`; answer: the end."""

    topic: str
    start: int
    end: int | None
    take: Callable[[Iterable[Record]], None]


class Append(NamedTuple):
    """Append and await delivery; answer: the batches it became, as a list of (offset, number of records)."""

    topic: str
    records: Sequence[Entry]


class Follow(NamedTuple):
    """Read the partials from their beginning on, for good; go on once their present end is reached."""


class Publish(NamedTuple):
    """Send to topics that are not owned."""

    outputs: Sequence[Output]


class Settle(NamedTuple):
    """Wait until all that was sent is delivered."""


Step = Read | Append | Follow | Publish | Settle


class Owner:
    """One partition of the roll-up, from an assignment to the loss of it."""

    def __init__(self, rollup: Rollup) -> None:
        self.rollup = rollup
        self.epoch = -1
        self._ends: dict[str, int] = {}
        """By topic, the offset that our next record gets."""

    def take_over(self) -> Generator[Step, Any, None]:
        """Read the own topics, fencing them on the way, then the partials; raises `Fenced`.

        The intervals come last: the partials say from where on they are to be read.
        """
        rollup = self.rollup
        yield from self._take_over(STATE_TOPIC, rollup.restore_state)
        self.epoch = yield from self._take_over(LOG_TOPIC, rollup.restore)
        rollup.recovered(self.epoch)
        yield Follow()
        fence = yield from self._fence(INTERVALS_TOPIC)
        found: list[bytes] = []
        yield from _read(INTERVALS_TOPIC, rollup.closed_from, fence, _each(lambda key, _: found.append(key)))
        rollup.already_closed(found)

    def publish(self, now: int) -> Generator[Step, Any, Sequence[Output]]:
        """Publish what is due at the wall clock's `now` (ms), and give it back; raises `Fenced`."""
        rollup = self.rollup
        outputs = rollup.due(now)
        if not outputs and not rollup.unmarked:
            return outputs
        yield from self._append(STATE_TOPIC, outputs)
        if others := [each for each in outputs if each.topic not in OWNED]:
            yield Publish(others)
        yield from self._append(LOG_TOPIC, outputs)
        yield from self._append(INTERVALS_TOPIC, outputs)
        if rollup.unmarked:
            yield Publish([rollup.marked(self._ends[INTERVALS_TOPIC])])
        yield Settle()
        return outputs

    def _take_over(self, topic: str, apply: Callable[[bytes, bytes | None], None]) -> Generator[Step, Any, int]:
        """Read all of a topic, what came in while it was fenced included; the fence's offset."""
        take = _each(apply)
        end: int = yield Read(topic, 0, None, take)
        fence = yield from self._fence(topic)
        yield from _read(topic, end, fence, take)
        return fence

    def _fence(self, topic: str) -> Generator[Step, Any, int]:
        ((fence, _),) = yield Append(topic, [(FENCE, None)])
        self._ends[topic] = fence + 1
        return int(fence)

    def _append(self, topic: str, outputs: Sequence[Output]) -> Generator[Step, Any, None]:
        records = [(each.key or b"", each.value) for each in outputs if each.topic == topic]
        if not records:
            return
        for offset, count in (yield Append(topic, records)):
            if offset != self._ends[topic]:
                raise Fenced(f"fenced: {topic} took a batch at {offset}, not {self._ends[topic]}")
            self._ends[topic] += count


def _read(topic: str, start: int, end: int, take: Callable[[Iterable[Record]], None]) -> Generator[Step, Any, None]:
    if start < end:
        yield Read(topic, start, end, take)


def _each(apply: Callable[[bytes, bytes | None], None]) -> Callable[[Iterable[Record]], None]:
    """Take records one by one, but for the fences."""

    def take(records: Iterable[Record]) -> None:
        for record in records:
            if record.key and record.key[0]:
                apply(record.key, record.value)

    return take


class Fenced(Exception):
    """Somebody else writes to a log that we own."""
