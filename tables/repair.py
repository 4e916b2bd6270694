"""Partials whose last record in the log is not the newest: compaction would keep the wrong one, so they are sent again.

Such is a former owner's that arrived late, or one that the same owner's newer ones have overtaken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tables.partials import Stamp

AGAIN_MS = 5_000
"""Partials handed over within the worker come by way of the log later: so long they are waited for."""

Held = tuple[int, int]
"""Epoch and number of what is held under a key."""


class Repair:
    """What is to be sent again, by the keys of partials."""

    __slots__ = ("_behind", "_overwritten", "_sent_again")

    def __init__(self) -> None:
        self._overwritten: set[bytes] = set()
        self._behind: dict[bytes, int] = {}
        """Of these an older value of the same owner came last, and when: the newest may still be on its way."""
        self._sent_again: dict[bytes, Held] = {}
        """Stamps of what was sent again and has not come back yet."""

    def knows(self, key: bytes, stamp: Stamp, held: Held | None) -> bool:
        """Whether a partial that has come is what is held, or was sent again and has come behind a newer one."""
        came = (stamp.epoch, stamp.seq)
        again = bool(self._sent_again) and self._sent_again.get(key) == came
        if again:
            del self._sent_again[key]
        if held == came:  # handed over by this worker, before it went through Kafka
            self.newest(key)
        elif again:
            self._overwritten.add(key)
        return again or held == came

    def newest(self, key: bytes) -> None:
        """What came last under a key is the newest."""
        self._overwritten.discard(key)
        self._behind.pop(key, None)

    def older(self, key: bytes, now: int, *, of_former_owner: bool) -> None:
        """What came last under a key is older than what is held; `now` is the wall clock."""
        if of_former_owner:
            self._overwritten.add(key)
        else:
            self._behind.setdefault(key, now)

    def again(self, now: int, find: Callable[[bytes], tuple[Held, bytes] | None]) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values to be sent again; `find` gives stamp and value of what is held, `now` is the wall clock."""
        for key in [key for key, since in self._behind.items() if not 0 <= now - since < AGAIN_MS]:
            del self._behind[key]
            self._overwritten.add(key)
        for key in self._overwritten:
            found = find(key)
            if found is not None:
                self._sent_again[key], value = found
                yield key, value
        self._overwritten.clear()
