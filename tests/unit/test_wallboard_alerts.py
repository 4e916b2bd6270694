"""What a page is told of alerts: whatever order their partitions come in, a run does not come back from its end."""

from itertools import permutations
from typing import Any

import pytest

from agents.wallboard.alerts import About, Notable
from agents.wallboard.views import View


def alert(state: str, at: int, **more: Any) -> dict[str, Any]:
    return {"conversation_id": "c", "metric": "first_response", "instance": "e", "state": state, "at": at} | more


def states(alerts: list[dict[str, Any]]) -> list[str]:
    return [each["state"] for each in Notable().of(alerts)]


def test_good_news_that_nobody_waits_for_is_left_out() -> None:
    assert states([alert("met", 5)]) == []
    assert states([alert("cancelled", 5)]) == []
    assert states([alert("imminent", 3), alert("met", 5)]) == ["imminent", "met"]
    assert states([alert("met_late", 5)]) == ["met_late"]
    assert states([alert("firing", 5, scope="tenant")]) == ["firing"]


def test_an_episode_of_a_rule_is_told_of_once_it_fires() -> None:
    of = {"kind": "threshold", "rule": "slow", "scope": "tenant", "started_at": 1}
    assert states([alert("pending", 1, **of), alert("firing", 5, **of), alert("resolved", 9, **of)]) == [
        "firing",
        "resolved",
    ]
    assert states([alert("pending", 1, **of), alert("resolved", 3, **of)]) == []
    assert states([alert("resolved", 9, **of), alert("firing", 5, **of)]) == []
    other = of | {"started_at": 20}
    assert states([alert("firing", 5, **of), alert("resolved", 9, **of), alert("firing", 21, **other)])[2:] == [
        "firing"
    ]


@pytest.mark.parametrize(
    "story",
    [
        [alert("imminent", 3, level=1), alert("imminent", 4, level=2), alert("met", 5)],
        [alert("imminent", 3), alert("breached", 6), alert("met_late", 8)],
        [alert("imminent", 3), alert("breached", 6), alert("retracted", 5), alert("met", 5)],
        [alert("imminent", 3), alert("breached", 6), alert("cancelled", 7)],
    ],
)
def test_the_end_of_a_run_is_the_last_that_is_told_of_it(story: list[dict[str, Any]]) -> None:
    for order in permutations(story):
        told = states(list(order))
        assert told == [] or told[-1] == story[-1]["state"], [each["state"] for each in order]


def test_an_older_warning_does_not_take_back_a_newer_one() -> None:
    assert states([alert("breached", 6), alert("imminent", 3)]) == ["breached"]
    first, second = alert("imminent", 3, level=1), alert("imminent", 4, level=2)
    assert [each["level"] for each in Notable().of([second, first])] == [2]


def test_a_run_that_was_cancelled_can_be_tracked_again() -> None:
    story = [alert("imminent", 3), alert("cancelled", 4), alert("imminent", 6), alert("breached", 9)]
    assert states(story) == ["imminent", "cancelled", "imminent", "breached"]


def test_a_run_that_a_view_was_told_of_is_followed_to_its_end() -> None:
    about = About(View("agent:budi"))
    story = [alert("imminent", 3, agent_id="budi"), alert("met", 5, agent_id="ayu")]
    assert about.of([alert("breached", 3, agent_id="ayu", instance="other")]) == []
    assert about.of(story[:1]) == story[:1]
    assert about.of(story[1:]) == story[1:]
    assert about.of([alert("breached", 9, agent_id="ayu", instance="third")]) == []
