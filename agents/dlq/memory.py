"""What has been put back of one partition: a position for each kind of dead letter, kept with a committed offset."""

from __future__ import annotations

import json
from typing import Final

from agents.dlq.letter import Kind

GREATEST: Final = 4_000
"""Bytes that a broker keeps beside a committed offset, with some to spare (`offset.metadata.max.bytes`)."""


class Memory:
    """Every kind is done up to `upto`, but those in `left`: they are done up to an offset of their own.

    So a run that chooses some kinds neither loses the others nor does its own again.

    >>> memory, future, cut = Memory(0), Kind("future", "sigap.events", False), Kind("not_json", "sigap.events", False)
    >>> memory.leave(cut, 3)
    >>> memory.passed(10)
    >>> memory.due(future, 9), memory.due(cut, 2), memory.due(cut, 3), memory.due(future, 10)
    (False, False, True, True)
    """

    def __init__(self, upto: int, left: dict[Kind, int] | None = None) -> None:
        self.upto = upto
        self.left = dict(left or {})
        self._seen: dict[Kind, int] = {}

    @property
    def first(self) -> int:
        """The first offset that may have something to do."""
        return min((self.upto, *self.left.values()))

    def due(self, kind: Kind, offset: int) -> bool:
        """Whether this letter has not been done yet."""
        return offset >= self.left.get(kind, self.upto)

    def leave(self, kind: Kind, offset: int) -> None:
        """This due letter is left for another run."""
        self._seen.setdefault(kind, offset)

    def passed(self, offset: int) -> None:
        """Every letter from `first` up to `offset` (not included) has been done, or left."""
        self.upto = max(self.upto, offset)
        reached = {kind: max(position, offset) for kind, position in self.left.items()} | self._seen
        self.left = {kind: position for kind, position in reached.items() if position < self.upto}

    def encode(self) -> tuple[int, str]:
        """The offset to commit and the text beside it.

        The text is left out where it would be too long: then some are put back once more, none is lost.
        """
        left = [[*kind, position] for kind, position in sorted(self.left.items())]
        text = json.dumps({"upto": self.upto, "left": left}, separators=(",", ":"))
        return self.first, text if len(text.encode()) <= GREATEST else ""

    @classmethod
    def decode(cls, offset: int, text: str) -> Memory:
        """What `encode` gave; the offset alone where the text is not ours, as after a reset by Kafka's tools."""
        try:
            held = json.loads(text)
            left = {Kind(str(reason), str(topic), bool(again)): int(at) for reason, topic, again, at in held["left"]}
            memory = cls(int(held["upto"]), left)
        except (ValueError, KeyError, TypeError):
            return cls(offset)
        return memory if memory.first == offset else cls(offset)
