"""How far the topics that feed the events have been passed on: the clock must not run ahead of what is still there.

Without this a wait would be called missed while the reply to it lies in a raw topic that is being caught up with.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY = b"feeds|"
"""What the key of a worker's word on its feeding partitions begins with, in the topic of the partials."""
_HISTORY = 64

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(dict[str, int]).decode


class Frontier:
    """How far, in ms, a clock may go by what each feeding partition has delivered to the events.

    What was true once stays true, so the greatest that anybody has said of a partition counts, and of all partitions
    the smallest.
    """

    def __init__(self) -> None:
        self._reached: dict[str, int] = {}
        self._known: deque[tuple[int, int]] = deque([(0, 0)], maxlen=_HISTORY)

    def expect(self, sources: Iterable[str]) -> None:
        """These partitions feed the events; until something is said of one, nothing is known of the whole."""
        for source in sources:
            self._reached.setdefault(source, 0)

    def note(self, said: dict[str, int], now: int) -> None:
        """Take over what is said of partitions at the real instant `now` (ms)."""
        reached = self._reached
        for source, instant in said.items():
            reached[source] = max(reached.get(source, 0), instant)
        least = min(reached.values(), default=0)
        if least > self._known[-1][1]:
            self._known.append((now, least))

    def instant(self, asked: int) -> int:
        """How far a clock may go by what the broker said of the events at the real instant `asked` (ms).

        What was delivered to the events before it was said here is part of any later answer of the broker.
        """
        if not self._reached:
            return asked
        return min(asked, next((instant for noted, instant in reversed(self._known) if noted <= asked), 0))
