"""Distinct counts: exact while they are few, within 2 % when they are many."""

import pytest

from tables.distinct import BITS, LIMIT, Distinct, hashed

MANY = 40_000


def of(tenant: str, first: int, last: int) -> Distinct:
    found = Distinct()
    for number in range(first, last):
        found.add(hashed(f"{tenant}{number}"))
    return found


def test_as_many_as_the_limit_are_exact() -> None:
    few = of("few", 0, LIMIT)
    assert few.level == 0
    assert few.estimate() == len({hashed(f"few{number}") for number in range(LIMIT)})
    few.add(hashed("few0"))
    few.add(hashed("few0"), -1)
    assert few.counts[hashed("few0")] == 1
    for number in range(LIMIT):
        few.add(hashed(f"few{number}"), -few.counts.get(hashed(f"few{number}"), 0))
    assert few.estimate() == 0


@pytest.mark.parametrize("tenant", ["acme", "globex", "initech", "umbrella"])
def test_more_are_within_two_percent(tenant: str) -> None:
    many = of(tenant, 0, MANY)
    assert many.level == 2
    assert len(many.counts) <= LIMIT
    assert abs(many.estimate() - MANY) < 0.02 * MANY


def test_samples_merge_into_the_sample_of_all() -> None:
    parts = [of("acme", 0, 9_000), of("acme", 5_000, 30_000), of("acme", 29_000, MANY)]
    before = [dict(part.counts) for part in parts]
    merged = parts[0].merge(parts[1:])
    assert merged.counts.keys() == of("acme", 0, MANY).counts.keys()
    assert merged.level == 2
    assert [part.counts for part in parts] == before


def test_a_hash_is_of_so_many_bits() -> None:
    hashes = [hashed(f"id{number}") for number in range(1_000)]
    for bit in range(BITS):
        assert 400 < sum(each >> bit & 1 for each in hashes) < 600
    assert max(hashes) < 1 << BITS
