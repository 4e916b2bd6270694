"""The event ids that a conversation remembers: so many, for so long, and none in place of another."""

import random

import pytest

from tables.history import History, decode
from tables.rules import Rules
from tables.settings import Settings

SECOND = 1_000


@pytest.mark.parametrize("most", [5, 60, 200])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_duplicate_is_an_id_among_the_last_ones_and_not_too_old(most: int, *, restarts: bool) -> None:
    rng = random.Random(most)
    rules = Rules(Settings.from_mapping({"dedup_max": most, "retain_s": 30}), "acme")
    history, known = History.begin("c", rules), dict[str, int]()
    outcomes = set()
    now = 0
    for _ in range(4_000):
        now += 31 * SECOND if rng.random() < 0.01 else SECOND
        event_id = f"e{rng.randrange(2 * most)}"
        fresh = event_id not in known or now - known[event_id] > 30 * SECOND
        assert history.remember(event_id, now) == fresh
        if fresh:
            outcomes.add("again" if event_id in known else "new")
            known.pop(event_id, None)
            known[event_id] = now
            if len(known) > most:
                del known[next(iter(known))]
        else:
            outcomes.add("duplicate")
        if restarts and rng.random() < 0.01:
            history = decode(history.encode(), "c", rules)
    assert outcomes == {"new", "duplicate", "again"}
