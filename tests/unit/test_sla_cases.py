"""Replay against the SLA and reporting cases of Chatwoot (facts from its tests, read in place)."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from tables.replay import Result, replay

FILE = Path(__file__).parents[3] / "shared" / "data" / "sla" / "chatwoot_sla_reporting_scenarios.json"
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOW: Final = 1_781_092_800_000  # 2026-06-10 12:00 UTC, a Wednesday
SHORT: Final = {"frt": "first_response", "nrt": "next_response", "rt": "resolution"}
Case = dict[str, Any]
Event = dict[str, Any]

OTHERWISE: Final[dict[str, Case]] = {
    # It looks at conversations now and then, and does not see what went by in between; here the deadline decides.
    "resolved before the evaluator ran, rt over": {"sla_status": "missed", "missed": {"frt": 0, "nrt": 0, "rt": 1}},
    # It counts each customer message that waits too long; here a wait is one, from its first message on.
    "frt hit, two nrt misses, rt missed": {"sla_status": "missed", "missed": {"frt": 0, "nrt": 1, "rt": 1}},
}
"""What Sigap says where it follows another convention."""


def cases() -> list[Case]:
    if not FILE.is_file():
        return []
    found: list[Case] = json.loads(FILE.read_text(encoding="utf-8"))["cases"]
    return found


def event(n: int, at: int, kind: str, conversation: str = "c", **fields: Any) -> Event:
    common = {"v": 1, "tenant": "acme", "event_id": f"e{n:04d}", "conversation_id": conversation, "channel": "chat"}
    return common | {"type": kind, "at": at} | fields


CUSTOMER: Final = {"direction": "inbound", "author": "customer"}
AGENT: Final = {"direction": "outbound", "author": "agent", "agent_id": "budi"}
BOT: Final = {"direction": "outbound", "author": "bot"}


def result(events: list[Event], config: dict[str, Any] | None = None, until: int = NOW) -> Result:
    return replay(events, config, until, wall=lambda: NOW)


def today(found: Result) -> dict[str, Any]:
    (metrics,) = (each["metrics"] for each in found.kpi if (each["scope"], each["window"]) == ("tenant", "today"))
    return dict(metrics)


# --- statuses of SLAs ------------------------------------------------------------------------------


def told(timeline: dict[str, Any]) -> list[Event]:
    """What happened, from a timeline in hours before now."""
    steps: list[tuple[float, str, dict[str, str]]] = []
    if "messages" in timeline:
        sides = {"incoming": CUSTOMER, "outgoing": AGENT}
        steps = [(each["hours_ago"], "message", sides[each["dir"]]) for each in timeline["messages"]]
    else:
        steps = [(timeline["created"], "message", CUSTOMER)]
        if timeline.get("first_reply") is not None:
            steps.append((timeline["first_reply"], "message", AGENT))
        if timeline.get("waiting_since") is not None:
            steps.append((timeline["waiting_since"], "message", CUSTOMER))
    if timeline["status"].startswith("resolved"):
        steps.append((0, "status", {"status": "resolved"}))
    return [event(n, NOW - round(ago * HOUR), kind, **fields) for n, (ago, kind, fields) in enumerate(steps)]


def status(found: Result, *, resolved: bool) -> Case:
    breaches = Counter(each["metric"] for each in found.alerts if each["state"] == "breached")
    words = ("hit", "missed") if resolved else ("active", "active_with_misses")
    return {"sla_status": words[bool(breaches)], "missed": {short: breaches[name] for short, name in SHORT.items()}}


STATUSES = [pytest.param(case, id=case["id"]) for case in cases() if "sla_status" in case["expected"]]


@pytest.mark.skipif(not FILE.is_file(), reason=f"no {FILE}")
@pytest.mark.parametrize("case", STATUSES)
def test_an_slas_status(case: Case) -> None:
    expected: Case = case["expected"]
    timeline = case["timeline_hours_ago"]
    policy = {"name": "sla", "targets": case["policy_seconds"], "pause_on": {"resolution": []}}
    found = status(
        result(told(timeline), {"sla_policies": [policy]}), resolved=timeline["status"].startswith("resolved")
    )
    here = OTHERWISE.get(case["id"], expected)
    assert found["sla_status"] == here["sla_status"]
    assert {short: found["missed"][short] for short in here["missed"]} == here["missed"]
    assert (here == expected) == (case["id"] not in OTHERWISE)


# --- reports ---------------------------------------------------------------------------------------


def case(name: str) -> Case:
    found = [each["expected"] for each in cases() if each["id"] == name]
    if not found:
        pytest.skip(f"no {FILE}")
    return dict(found[0])


def test_reply_time_of_one_reply() -> None:
    events = [
        event(1, NOW - 4 * HOUR, "message", **CUSTOMER),
        event(2, NOW - 3 * HOUR, "message", **AGENT),
        event(3, NOW - 2 * HOUR, "message", **CUSTOMER),
        event(4, NOW, "message", **AGENT),
    ]
    assert today(result(events))["nrt_mean_s"] == case("reply_time of one reply")["reply_time_seconds"]


def test_first_response_after_a_handoff() -> None:
    start = NOW - MINUTE - 2000
    events = [
        event(1, start, "message", **CUSTOMER),
        event(2, start + 1000, "message", **BOT),
        event(3, start + 20_000, "handoff"),
        event(4, start + 62_000, "message", **AGENT),
    ]
    expected = case("first response after bot handoff")["first_response_seconds"]
    assert today(result(events))["frt_mean_s"] == expected


@pytest.mark.parametrize("author", [BOT, AGENT, None])
def test_resolved_by_the_bot(author: dict[str, str] | None) -> None:
    written = event(1, NOW - HOUR, "message", **CUSTOMER)
    answer = [] if author is None else [event(2, NOW - HOUR + 1000, "message", **author)]
    events = [written, *answer, event(3, NOW, "status", status="resolved")]
    expected = case("bot resolved only without human message")["conversation_bot_resolved"]
    assert today(result(events))["bot_resolved"] == (expected if author is BOT else 0)


def test_a_days_report() -> None:
    """Its mean first response is left out: it stamps what happened two days ago with today."""

    def day(midnight: int, name: str, conversations: int, sent: tuple[int, int], got: tuple[int, int]) -> list[Event]:
        """Conversations opened at midnight; of messages out and in of each, how many and at what hour."""
        steps = [(0, "status", {"status": "open"})]
        steps += [(sent[1], "message", AGENT)] * sent[0] + [(got[1], "message", CUSTOMER)] * got[0]
        return [
            event(n * 100 + m, midnight + hour * HOUR, kind, f"{name}{n}", **fields)
            for n in range(conversations)
            for m, (hour, kind, fields) in enumerate(steps)
        ]

    midnight = NOW - 12 * HOUR
    before = day(midnight - 2 * DAY, "before", 5, (3, 0), (1, 0))
    events = sorted(before + day(midnight, "today", 10, (5, 2), (2, 3)), key=lambda each: each["at"])
    expected = case("daily report")
    for moment, name in ((NOW, "today"), (NOW - 2 * DAY, "minus_2d")):
        metrics = today(result(events, until=moment))
        assert metrics["conversations_opened"] == expected["conversations_count"][name]
        assert metrics["messages_in"] == expected["incoming_messages"][name]
        assert metrics["messages_out"] == expected["outgoing_messages"][name]


def test_resolutions_after_a_reopen() -> None:
    """It counts no resolution that was undone; here each cycle resolved is one, and the one undone is in no FCR."""
    events = [event(n, NOW - HOUR, "message", f"c{n}", **CUSTOMER) for n in range(5)]
    events += [event(10 + n, NOW - MINUTE, "status", f"c{n}", status="resolved") for n in range(5)]
    events.append(event(20, NOW, "message", "c0", **CUSTOMER))
    metrics = today(result(events))
    assert metrics["fcr_one_touch"] == case("resolutions after a reopen")["resolutions_count"]["today"]
    assert (metrics["conversations_resolved"], metrics["conversations_reopened"]) == (5, 1)


def test_every_case_is_looked_at() -> None:
    looked_at = {
        "reply_time of one reply",
        "first response after bot handoff",
        "bot resolved only without human message",
        "daily report",
        "resolutions after a reopen",
        "second handoff is not counted",  # Sigap counts no hand-offs
    }
    assert {each["id"] for each in cases() if "sla_status" not in each["expected"]} <= looked_at
