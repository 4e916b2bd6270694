"""Percentiles from buckets against exact nearest ranks."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tables.sketch import bucket, middle, quantiles

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
