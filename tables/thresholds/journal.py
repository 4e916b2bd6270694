"""What has been told of each rule in each scope.

It is written down before it is told, so that a crash neither loses an alert nor tells it under two ids.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from streams.engine.ports import Output
from tables.thresholds.records import ThresholdAlert, decode, encode, output
from tables.thresholds.rule import RESOLVED


class _Kept(msgspec.Struct, array_like=True):
    """The value of a record of the state: what is told again after a restart, as it was told.

    The last alert of an open episode is always there; of an ended one only what is not known to be delivered.
    """

    at: int
    """The instant (ms) of the last transition."""
    told: list[msgspec.Raw] = []
    age: list[int | None] = []
    """Of an age in an open episode: since when (ms) it grows, None if nothing has one; empty: as in the last alert."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Kept).decode


class Page:
    """What has been told under one key."""

    __slots__ = ("age", "at", "fresh", "told")

    def __init__(self, at: int) -> None:
        self.at = at
        self.age: list[int | None] = []
        self.told: list[tuple[ThresholdAlert, bytes]] = []
        self.fresh = False
        """Whether something was told that is not known to be delivered."""

    @property
    def last(self) -> ThresholdAlert | None:
        """The last alert; None if it ended an episode and is delivered."""
        return self.told[-1][0] if self.told else None

    def encode(self) -> bytes:
        """The page as a record's value."""
        return _encode(_Kept(self.at, [msgspec.Raw(value) for _, value in self.told], self.age))


class Journal:
    """The state of all watches: pages by key, and which of them must be written."""

    def __init__(self) -> None:
        self.pages: dict[bytes, Page] = {}
        self._changed: dict[bytes, bytes | None] = {}
        self._fresh: dict[bytes, Page] = {}

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Apply one record of the state, in log order."""
        if value is None:
            self.pages.pop(key, None)
            return
        kept = _decode(value)
        page = self.pages[key] = Page(kept.at)
        page.told = [(decode(each), bytes(each)) for each in kept.told]
        page.age = kept.age

    def tell_again(self) -> Iterator[Output]:
        """What a crash may have lost."""
        for key, page in self.pages.items():
            if page.told:
                page.fresh = True
                self._fresh[key] = page
            yield from (output(value, alert) for alert, value in page.told)

    def tell(self, key: bytes, alert: ThresholdAlert) -> Output:
        """Note an alert, and give it as it is published."""
        page = self.pages.setdefault(key, Page(alert.at))
        if not page.fresh:
            page.told.clear()
        value = encode(alert)
        page.at, page.fresh, page.age = alert.at, True, []
        page.told.append((alert, value))
        self._fresh[key] = page
        self._changed[key] = page.encode()
        return output(value, alert)

    def grows(self, key: bytes, since: int | None) -> None:
        """Note since when the age grows that an open episode is about."""
        page = self.pages[key]
        if page.age != [since]:
            page.age = [since]
            self._changed[key] = page.encode()

    def forget(self, key: bytes) -> None:
        """Drop a page that nobody will go on with."""
        del self.pages[key]
        self._changed[key] = None

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """The records of the state to be written, each key once, since this was last asked."""
        changed, self._changed = self._changed, {}
        return list(changed.items())

    def delivered(self) -> None:
        """All that was told has been delivered."""
        for key, page in self._fresh.items():
            page.fresh = False
            if page.last is not None and page.last.state == RESOLVED:
                page.told.clear()
                self._changed[key] = page.encode()
        self._fresh.clear()
