"""What the panes hold of one conversation: where it has touched them last, and what it counts in now."""

from __future__ import annotations

from tables.distinct import hashed
from tables.facts import Fact
from tables.scope_panes import Scope
from tables.staff import Work


class Trace:
    """In which minute a conversation touched its scopes last."""

    __slots__ = ("minute", "past", "scopes")

    def __init__(self) -> None:
        self.scopes: tuple[Scope, ...] = ()
        self.minute = 0
        self.past: dict[Scope, int] = {}
        """The last minute of other scopes, touched before."""

    def move(self, found: tuple[Scope, ...]) -> dict[Scope, int]:
        """The next touch is of other scopes: the last minutes of those that were touched before."""
        past = self.past
        for scope in self.scopes:
            past[scope] = self.minute
        self.scopes = found
        return {scope: past.pop(scope) for scope in found if scope in past}


class Foot:
    """What the panes hold of one conversation."""

    __slots__ = ("active", "ahead", "handled", "hash", "key", "mask", "newest", "scopes", "waiting_since", "work")

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.hash = hashed(key.decode())
        """By which the conversation is known where distinct ones are counted."""
        self.active = Trace()
        self.handled = Trace()
        self.ahead: list[Fact] = []
        """Booked, but in minutes that the clock has not reached."""
        self.newest = 0
        """The newest minute with a touch."""
        self.mask = 0
        self.scopes: tuple[Scope, ...] = ()
        self.waiting_since = 0
        self.work: Work | None = None
        """What occupies an agent now."""
