"""Whatever bytes a decoder gets, it says what they are or raises its own error; `poe fuzz` goes on for longer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

CHUNK = 40


@pytest.mark.parametrize("name", TARGETS)
def test_what_fuzzing_begins_with_is_read(name: str) -> None:
    take, seeds = TARGETS[name]
    found = list(seeds())
    assert found
    for each in found:
        take(each)


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_bytes_are_refused_properly(name: str) -> None:
    take, seeds = TARGETS[name]

    @settings(deadline=None)  # a busy machine is no bug
    @given(st.sampled_from(list(seeds())), st.data())
    def damaged(seed: bytes, data: st.DataObject) -> None:
        place, gone = data.draw(st.integers(0, len(seed))), data.draw(st.integers(0, CHUNK))
        take(seed[:place] + data.draw(st.binary(max_size=CHUNK)) + seed[place + gone :])

    damaged()
