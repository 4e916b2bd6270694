"""The conversations of a partition: those to which something may happen at any moment, and those at rest, as bytes.

A resolved conversation is remembered for days, in case it is reopened; at rest it takes a fraction of the memory.
"""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator
from itertools import chain

from tables.history import History


class Histories:
    """By key, `tenant/conversation_id`. `wake` makes a history of a key and of what `History.encode` gave."""

    __slots__ = ("_asleep", "_awake", "_wake")

    def __init__(self, wake: Callable[[bytes, bytes], History]) -> None:
        self._awake: dict[bytes, History] = {}
        self._asleep: dict[bytes, bytes] = {}
        self._wake = wake

    def __len__(self) -> int:
        return len(self._awake) + len(self._asleep)

    def __iter__(self) -> Iterator[bytes]:
        return chain(self._awake, self._asleep)

    def __getitem__(self, key: bytes) -> History:
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __setitem__(self, key: bytes, history: History) -> None:
        self._awake[key] = history
        self._asleep.pop(key, None)

    def get(self, key: bytes) -> History | None:
        """The conversation, awake from now on; None if there is none."""
        history = self._awake.get(key)
        if history is None and (value := self._asleep.pop(key, None)) is not None:
            history = self._awake[key] = self._wake(key, value)
        return history

    def peek(self, key: bytes) -> History | None:
        """The conversation if it is awake."""
        return self._awake.get(key)

    def drop(self, key: bytes) -> None:
        """Forget a conversation."""
        self._awake.pop(key, None)
        self._asleep.pop(key, None)

    @property
    def awake(self) -> ItemsView[bytes, History]:
        """Those that are not at rest: all that stand anywhere are among them."""
        return self._awake.items()

    def rest(self, now: int) -> None:
        """Let those sleep that rest at `now` (ms)."""
        for key in [key for key, history in self._awake.items() if history.rests(now)]:
            self._asleep[key] = self._awake.pop(key).encode()
