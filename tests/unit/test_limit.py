"""How much may be refused before a worker stops, and what does not count."""

from collections.abc import Iterable

import pytest

from streams.engine.ports import Record
from streams.limit import WINDOW, DeadLetterLimit, TooManyDeadLetters
from streams.rejects import Rejected

WHY = Rejected("unknown_version", "$.v: only 1 is known")


def refuse(limit: DeadLetterLimit, offsets: Iterable[int], *headers: tuple[str, bytes]) -> None:
    for offset in offsets:
        limit.refused(Record(b"k", b"{}", offset, 0, headers), WHY)


def test_a_run_stops_at_its_last_record_and_says_why() -> None:
    limit = DeadLetterLimit(0, 5)
    refuse(limit, range(10, 14))
    with pytest.raises(
        TooManyDeadLetters, match=r"5 records in a row .*offset 14, unknown_version: \$\.v.*SIGAP_DLQ_RUN=0"
    ):
        refuse(limit, [14])


def test_a_good_record_ends_a_run() -> None:
    limit = DeadLetterLimit(0, 5)
    refuse(limit, range(4))
    refuse(limit, range(5, 9))


def test_a_share_is_of_whole_windows() -> None:
    limit = DeadLetterLimit(0.25, 0)
    refuse(limit, range(0, 2 * WINDOW // 4, 2))
    limit.read(WINDOW - 1)
    limit.read(1)  # just a quarter
    refuse(limit, range(0, 2 * (WINDOW // 4 + 1), 2))
    limit.read(WINDOW - 1)
    with pytest.raises(TooManyDeadLetters, match=r"2501 of the last 10000 records were refused.*SIGAP_DLQ_SHARE=0"):
        limit.read(1)


def test_what_was_put_back_on_purpose_does_not_count() -> None:
    limit = DeadLetterLimit(0.1, 5)
    refuse(limit, range(WINDOW), ("returned", b"1"))
    limit.read(WINDOW)


def test_without_limits_everything_passes() -> None:
    limit = DeadLetterLimit(0, 0)
    refuse(limit, range(2 * WINDOW))
    limit.read(2 * WINDOW)
