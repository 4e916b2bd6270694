"""Which events a conversation has, and in which order they are folded."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.oracle.rules import Rules

Key = tuple[int, str, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in its place. `at` is the instant of its effect: its own, or for a late one that of the
    conversation's newest event when it arrived. `key` orders entries; late ones follow that newest event."""

    event: dict[str, Any]
    at: int
    key: Key
    late: bool

    @property
    def own_at(self) -> int:
        return int(self.event["at"])


class Placed(Enum):
    IN_ORDER = "in_order"
    REORDERED = "reordered"
    LATE = "late"
    DUPLICATE = "duplicate"


@dataclass(slots=True)
class History:
    """The events of one conversation, from its first (or its first since it was forgotten) on."""

    rules: Rules
    entries: list[Entry] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)  # event_id -> the clock when it came, in order of arrival
    newest: tuple[int, str] = (0, "")
    late: int = 0

    def add(self, event: dict[str, Any], clock: int) -> Placed:
        """Puts an event in its place; `clock` has already moved to it."""
        self._forget_ids(clock)
        if event["event_id"] in self.ids:
            return Placed.DUPLICATE
        self._remember(event["event_id"], clock)
        at, name = event["at"], event["event_id"]
        if not self.entries or (at, name) > self.newest:
            self.newest = (at, name)
            self._insert(Entry(event, at, (at, name, 0), late=False))
            return Placed.IN_ORDER
        if self._is_late(at, name, clock):
            self.late += 1
            self._insert(Entry(event, self.newest[0], (*self.newest, self.late), late=True))
            return Placed.LATE
        self._insert(Entry(event, at, (at, name, 0), late=False))
        return Placed.REORDERED

    def forgotten(self, clock: int) -> bool:
        """Whether its timer has removed it, if it is resolved."""
        return clock - self.newest[0] > self.rules.retain

    def _is_late(self, at: int, name: str, clock: int) -> bool:
        newest_at = self.newest[0]
        behind = sum(1 for entry in self.entries if entry.key > (at, name, 0))
        return (
            newest_at - at > self.rules.lateness
            or clock - newest_at > self.rules.lateness
            or behind >= self.rules.reorder_max
        )

    def _insert(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.entries.sort(key=lambda e: e.key)

    def _remember(self, event_id: str, clock: int) -> None:
        self.ids[event_id] = clock
        while len(self.ids) > self.rules.dedup_max:
            del self.ids[next(iter(self.ids))]

    def _forget_ids(self, clock: int) -> None:
        for name in [name for name, came in self.ids.items() if clock - came > self.rules.retain]:
            del self.ids[name]
