"""What a window says, kept by KPI, is what it says when everything is read anew."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables import facts
from tables.kpis import SAMPLED, read_window
from tables.kpis.texts import Texts
from tables.settings import Settings, TenantSettings
from tables.sketch import bucket
from tables.stamped import maxima
from tables.subjects import OF_CLASS, OF_CODE, OF_KIND
from tables.tally import ACTIVE, BUCKETS, COUNT, DURATIONS, HANDLED, MAX, MAXIMA, SCORES, SUM, Tally, code, mark
from tables.window import Window

PLAIN = sorted(OF_CODE.keys() - {code(kind, part) for kind in DURATIONS for part in (COUNT, SUM, MAX)})
HOUSES = [
    Settings.load(None).tenant("acme"),
    Settings.from_mapping(
        {"formulas": {"frt_mean": "resolved", "handle_mean": "customers", "fcr": "received", "ces": "low_is_easy"}}
    ).tenant("acme"),
]


@st.composite
def changes(draw: st.DrawFn) -> Tally:
    """Little, so that most of what is said stays."""
    match draw(st.integers(0, 3)):
        case 0:
            return {draw(st.sampled_from(PLAIN)): draw(st.integers(1, 5))}
        case 1:
            kind, value = draw(st.sampled_from(DURATIONS)), draw(st.integers(0, 1_000_000))
            return {
                code(kind, COUNT): 1,
                code(kind, SUM): value,
                code(kind, MAX): value,
                kind << BUCKETS | bucket(value): 1,
            }
        case 2:
            return {draw(st.sampled_from(SCORES)) << BUCKETS | draw(st.integers(1, 5)): draw(st.integers(1, 3))}
        case _:
            return {mark(draw(st.sampled_from(sorted(OF_CLASS))), draw(st.integers(0, 9))): 1}


@given(
    st.lists(st.tuples(changes(), st.booleans()), max_size=12),
    st.sampled_from(HOUSES),
    st.sampled_from([None, ACTIVE[0], ACTIVE[1]]),
    st.integers(0, 9),
)
def test_what_is_kept_is_what_is_there(
    script: list[tuple[Tally, bool]], house: TenantSettings, touch: int | None, online: int
) -> None:
    window, texts = Window(touch), Texts("agent:ana")
    added: list[Tally] = []
    for tally, back in script:
        if back and added:
            window.add(added.pop(), -1)
        else:
            window.add(tally, 1)
            added.append(tally)
        window.set_largest([maxima(each) for each in added])
        window.set_occupancy((len(added), online))
        said = json.loads(b"{%b}" % texts.read(window, house))
        assert said == read_window(window, house, "agent:ana")
        assert [*said] == [each.name for each in SAMPLED]
        assert not window.moved


def everything() -> Tally:
    """At least one of all there is."""
    tally: Tally = dict.fromkeys(PLAIN, 3)
    for kind in DURATIONS:
        tally |= {code(kind, COUNT): 2, code(kind, SUM): 9_000, code(kind, MAX): 8_000}
        tally |= {kind << BUCKETS | bucket(1_000): 1, kind << BUCKETS | bucket(8_000): 1}
    tally |= {kind << BUCKETS | score: 2 for kind in SCORES for score in (1, 3, 5)}
    return tally | {mark(class_, each): 1 for class_ in OF_CLASS for each in (1, 2)}


@pytest.mark.parametrize("house", HOUSES, ids=["default", "other formulas"])
@pytest.mark.parametrize("touch", [None, *ACTIVE])
def test_no_change_alone_is_overlooked(house: TenantSettings, touch: int | None) -> None:
    full = everything()
    for each, amount in full.items():
        window, texts = Window(touch), Texts("agent:ana")
        window.add(full, 1)
        window.set_largest([maxima(full)])
        texts.read(window, house)
        if each in MAXIMA:
            window.set_largest([maxima(full | {each: amount + 500})])
        else:
            window.add({each: amount}, -1)
        assert json.loads(b"{%b}" % texts.read(window, house)) == read_window(window, house, "agent:ana"), each


@pytest.mark.parametrize("scope", ["tenant", "channel:chat"])
def test_nothing_changed_is_nothing_read(scope: str) -> None:
    window, texts = Window(), Texts(scope)
    window.add({facts.MESSAGES_IN: 3, facts.RESOLVED: 1}, 1)
    before = texts.read(window, HOUSES[0])
    window.counts.clear()
    assert texts.read(window, HOUSES[0]) == before


def test_every_code_is_about_something() -> None:
    kinds = {facts.OPENED, facts.CSAT, facts.NPS, facts.CES, *DURATIONS}
    assert kinds - OF_CODE.keys() - OF_KIND.keys() == set()
    assert MAXIMA.keys() - OF_CODE.keys() == set()
    assert {*ACTIVE, *HANDLED} - OF_CODE.keys() == set()
