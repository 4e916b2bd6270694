"""How often changes are told: in time as long as the processor keeps up, less often before it falls behind."""

from __future__ import annotations

from typing import Final

STEPS: Final = (1.0, 4 / 3, 5 / 3)
"""Times the usual period. With the last a key is published once a second, which is all that anybody may expect."""
LATE_S: Final = 0.05
"""A loop that wakes up this late on average has more to do than it can."""
EARLY_S: Final = 0.015
_WEIGHT: Final = 0.1
_HOLD: Final = 20
"""Turns before another step is taken: what a step does must be seen first."""


class Pace:
    """The period of the turns, in seconds; `usual_s` while there is time for it."""

    def __init__(self, usual_s: float) -> None:
        self._usual_s = usual_s
        self._step = 0
        self._late_s = 0.0
        self._turns = 0

    @property
    def period_s(self) -> float:
        """How long a turn lasts now."""
        return self._usual_s * STEPS[self._step]

    def woke(self, late_s: float) -> None:
        """A turn has begun, so many seconds after its time."""
        self._late_s += _WEIGHT * (late_s - self._late_s)
        self._turns += 1
        if self._turns < _HOLD:
            return
        if self._late_s > LATE_S and self._step < len(STEPS) - 1:
            self._step, self._turns = self._step + 1, 0
        elif self._late_s < EARLY_S and self._step:
            self._step, self._turns = self._step - 1, 0
