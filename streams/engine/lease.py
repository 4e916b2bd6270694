"""How long after the last sign of the group's coordinator a worker may still write."""

from __future__ import annotations

SHARE = 0.8
"""Of the session timeout: the rest is for what is on its way when the lease ends."""


class Lease:
    """Held while the coordinator has answered recently. Times are `clock.running_s`.

    A process that was stopped past its session timeout has lost its partitions without knowing: it must hear from the
    coordinator before it writes again.
    """

    def __init__(self, session_s: float, now: float) -> None:
        self._limit = session_s * SHARE
        self._renewed = now

    def renew(self, now: float) -> None:
        """The coordinator has answered."""
        self._renewed = max(self._renewed, now)

    def age(self, now: float) -> float:
        """Seconds since the coordinator answered last."""
        return now - self._renewed

    def held(self, now: float) -> bool:
        """Whether writing is allowed."""
        return self.age(now) <= self._limit
