"""Facts, packed: what comes out is what went in, and what is condensed is worth the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from tables.facts import FRT, MESSAGES_IN, OCCUPIED, ONE_TOUCH_BACK_LATE, WIDTH, Fact, condense, pack, unpack
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
        st.integers(100, 104),
        st.sampled_from(DIMS),
        st.integers(1, 3),
        st.sampled_from([0, 7, 1 << 40]),
    ),
    max_size=30,
)


def worth(facts: Iterable[Fact]) -> Counter[tuple[int, int, Dims, int]]:
    total: Counter[tuple[int, int, Dims, int]] = Counter()
    for fact in facts:
        total[fact.kind, fact.minute, fact.dims, fact.value] += fact.number
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
@given(some, st.integers(99, 106), st.integers(99, 106))
def test_what_is_condensed_is_worth_the_same(facts: list[Fact], oldest: int, oldest_work: int) -> None:
    dims: list[Dims] = []
    packed, kept = condense(pack(facts, dims), dims, oldest, oldest_work)
    wanted = worth(fact for fact in facts if fact.minute >= (oldest_work if fact.kind == OCCUPIED else oldest))
    assert worth(unpack(packed, kept)) == wanted
    assert len(packed) == WIDTH * len(wanted)
    assert Counter(kept) == Counter({each for _, _, each, _ in wanted})
