"""Facts, packed: what comes out is what went in, and what is condensed is worth the same."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from tables.facts import FRT, MESSAGES_IN, OCCUPIED, ONE_TOUCH_BACK_LATE, WIDTH, Fact, condense, pack, unpack
from tables.sketch import bucket
from tables.state import Dims

unhurried = settings(deadline=None)  # a busy machine is no bug
DIMS: tuple[Dims, ...] = (
    ("chat", None, None, "normal", ()),
    ("chat", "ana", "vip", "high", ("refund",)),
    ("email", "budi", None, "normal", ()),
)
some = st.lists(
    st.builds(
        Fact,
        st.sampled_from([MESSAGES_IN, FRT, OCCUPIED, ONE_TOUCH_BACK_LATE]),
        st.integers(100, 140),
        st.sampled_from(DIMS),
        st.integers(1, 3),
        st.sampled_from([0, 7, 60_000, 60_001, 60_007, 60_300, 1 << 40]),
    ),
    max_size=30,
)


Worth = dict[tuple[int, int, Dims, int], tuple[int, int, int]]
"""By kind, minute, dims and value or bucket: number, sum, maximum."""


def worth(facts: Iterable[Fact], whole: int) -> Worth:
    """What panes make of facts: those before the minute `whole` are in panes of quarter-hours."""
    total: Worth = {}
    for kind, minute, dims, number, value in facts:
        place = minute - minute % 15 if minute < whole and kind != OCCUPIED else minute
        key = (kind, place, dims, bucket(value) if kind == FRT else value)
        count, amount, largest = total.get(key, (0, 0, 0))
        total[key] = count + number, amount + number * value, max(largest, value)
    return total


@unhurried
@given(some, some)
def test_what_is_packed_comes_out_in_the_order_of_booking(first: list[Fact], then: list[Fact]) -> None:
    dims: list[Dims] = []
    packed = pack(first, dims) + pack(then, dims)
    assert list(unpack(packed, dims)) == [*first, *then]
    assert len(packed) == WIDTH * len([*first, *then])
    assert Counter(dims) == Counter({fact.dims for fact in [*first, *then]})


@unhurried
@given(some, st.integers(99, 141), st.integers(99, 141), st.integers(99, 141))
def test_what_is_condensed_is_worth_the_same(facts: list[Fact], oldest: int, oldest_work: int, whole: int) -> None:
    dims: list[Dims] = []
    packed, kept = condense(pack(facts, dims), dims, oldest, oldest_work, whole)
    stays = [fact for fact in facts if fact.minute >= (oldest_work if fact.kind == OCCUPIED else oldest)]
    wanted = worth(stays, whole)
    assert worth(unpack(packed, kept), whole) == wanted
    assert len(packed) <= 3 * WIDTH * len(wanted)
    assert Counter(kept) == Counter({each for _, _, each, _ in wanted})


def test_a_conversation_that_never_pauses_has_a_bounded_record() -> None:
    """A day of two autoresponders that write to each other every quarter of a second."""
    dims: list[Dims] = []
    rng = random.Random(1)
    packed = pack(
        [Fact(FRT, minute, DIMS[0], 1, rng.randrange(200, 400)) for minute in range(1440) for _ in range(240)], dims
    )
    kept, _ = condense(packed, dims, 0, 0, 1440 - 150)
    assert len(kept) < 600_000
