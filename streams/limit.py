"""When so much is refused that something greater must be wrong: a deployment, not single records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streams.codecs import RETURNED

if TYPE_CHECKING:
    from streams.engine.ports import Record
    from streams.rejects import Rejected

SHARE: Final = 0.5
RUN: Final = 1_000
WINDOW: Final = 10_000
"""Records that a share is of, at least."""


class TooManyDeadLetters(Exception):
    """Nothing more may go to the dead letters before somebody has looked."""


class DeadLetterLimit:
    """Watches one partition of a topic.

    `run` records refused one behind the other, or a greater share than `share` (0 to 1) of the last 10,000 or more, are
    too many; 0 lets any number pass.
    """

    def __init__(self, share: float = SHARE, run: int = RUN) -> None:
        self._share = share
        self._greatest_run = run
        self._run = 0
        self._refused_at = -1
        self._refused = 0
        self._read = 0

    def read(self, count: int) -> None:
        """So many records were read, refused ones among them. Raises `TooManyDeadLetters`."""
        self._read += count
        if self._read >= WINDOW:
            if self._share and self._refused > self._share * self._read:
                raise TooManyDeadLetters(
                    f"{self._refused} of the last {self._read} records were refused (SIGAP_DLQ_SHARE {self._share:g});"
                    " mend what sends them, or set SIGAP_DLQ_SHARE=0 to let them go to the dead letters"
                )
            self._read = self._refused = 0

    def refused(self, record: Record, why: Rejected) -> None:
        """A record goes to the dead letters. Raises `TooManyDeadLetters` where it would be one too many."""
        if any(name == RETURNED for name, _ in record.headers):
            return  # on purpose
        self._refused += 1
        self._run = self._run + 1 if record.offset == self._refused_at + 1 else 1
        self._refused_at = record.offset
        if 0 < self._greatest_run <= self._run:
            raise TooManyDeadLetters(
                f"{self._run} records in a row were refused (SIGAP_DLQ_RUN), the last at offset {record.offset}, {why};"
                " mend what sends them, or set SIGAP_DLQ_RUN=0 to let them go to the dead letters"
            )
