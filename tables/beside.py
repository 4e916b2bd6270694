"""What a source partition folds beside conversations: the presence of agents, and business events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from zoneinfo import ZoneInfo

from streams.business import Business
from streams.events import Presence
from tables import presence
from tables.business.ledger import Ledger
from tables.presence import Presences

PREFIX = b"="
"""What the changelog's keys begin with of everything that is no conversation."""


class Beside:
    """Agents and business of one partition; `changed` are the changelog records that are to be written."""

    def __init__(self, counts: Counter[str], zone_of: Callable[[str], ZoneInfo]) -> None:
        self.presences = Presences()
        self.ledger = Ledger(zone_of)
        self._counts = counts
        self._changed: dict[bytes, bytes | None] = {}

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Apply one changelog record."""
        if key.startswith(presence.PREFIX):
            self.presences.restore(key, value)
        else:
            self.ledger.restore(key, value)

    def reload(self) -> None:
        """Go on with other settings."""
        self.ledger.reload()

    def present(self, event: Presence, offset: int, clock: int) -> int | None:
        """Fold a presence event; what it adds to the agents online, None if it is not to be looked at."""
        folded = self.presences.fold(event, offset, clock)
        self._counts["presence" if folded.outcome == "folded" else folded.outcome] += 1
        if folded.outcome != "folded":
            return None
        self._changed[folded.key] = folded.value
        return folded.step

    def business(self, event: Business, offset: int, clock: int) -> None:
        """Fold a business event."""
        folded = self.ledger.fold(event, offset, clock)
        self._counts["business" if folded.outcome == "folded" else folded.outcome] += 1
        self._changed |= folded.changed

    def advance(self, now: int) -> None:
        """Forget what no window can hold any more."""
        self._changed |= dict.fromkeys(self.presences.advance(now))
        self._changed |= self.ledger.advance(now)

    def changed(self) -> list[tuple[bytes, bytes | None]]:
        """The changelog's records that have changed since the last call."""
        changed, self._changed = self._changed, {}
        return list(changed.items())
