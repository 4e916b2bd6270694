"""Percentiles from buckets against exact nearest ranks."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tables.sketch import Ranks, bucket, middle, quantiles

DAYS_30 = 30 * 86_400_000
durations = st.one_of(st.integers(0, 100), st.integers(0, 600_000), st.integers(0, DAYS_30))


def nearest_rank(values: list[int], percent: int) -> int:
    return sorted(values)[-(-percent * len(values) // 100) - 1]


@given(st.lists(durations, min_size=1, max_size=300))
def test_percentiles_are_within_one_percent(values: list[int]) -> None:
    found = quantiles(Counter(map(bucket, values)), (0.5, 0.9, 0.95), max(values))
    for percent, got in zip((50, 90, 95), found, strict=True):
        exact = nearest_rank(values, percent)
        assert abs(got - exact) <= 0.01 * exact, (percent, exact, got)


@given(st.lists(durations, min_size=1), st.lists(durations))
def test_buckets_merge_and_take_back_exactly(one: list[int], other: list[int]) -> None:
    merged = Counter(map(bucket, one)) + Counter(map(bucket, other))
    assert merged == Counter(map(bucket, one + other))
    assert merged - Counter(map(bucket, other)) == Counter(map(bucket, one))


@given(durations, durations)
def test_buckets_keep_the_order(one: int, other: int) -> None:
    assert (bucket(one) <= bucket(other)) or one > other
    assert abs(middle(bucket(one)) - one) <= 0.01 * one


changes = st.lists(st.tuples(st.integers(0, 400), st.integers(-3, 6)), min_size=1, max_size=60)


@given(changes, st.lists(st.booleans(), min_size=60, max_size=60))
def test_followed_ranks_are_those_of_a_walk_through_all(script: list[tuple[int, int]], asked: list[bool]) -> None:
    """Samples come and go, and now and then somebody asks."""
    buckets: dict[int, int] = {}
    ranks = Ranks(buckets, (0.5, 0.9, 0.95))
    for (each, change), asks in zip(script, asked, strict=False):
        amount = max(change, -buckets.get(each, 0))
        buckets[each] = buckets.get(each, 0) + amount
        if not buckets[each]:
            del buckets[each]
        ranks.change(each, amount)
        if asks and buckets:
            assert ranks.read(1 << 62) == quantiles(buckets, (0.5, 0.9, 0.95), 1 << 62)
