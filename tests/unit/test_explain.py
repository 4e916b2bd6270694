"""`sigap explain`: the text of golden scenarios, the command's messages, and what a supervisor is told of real logs."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from click.testing import CliRunner, Result

from agents.cli import main
from agents.explain import lines
from streams.clock import wall_ms
from tables.explain import Ambiguous, Explanation, NotFound, explain
from tables.explain.records import Sample
from tests.unit.test_golden import FOLDER, event, instant

GOLDEN = FOLDER.parent / "explain"
SCENARIOS = (
    "business_time_over_closing",
    "duplicate",
    "handed_over_by_the_bot",
    "late_reply",
    "one_touch_taken_back",
    "reply_window_moved",
    "sla_pause",
    "sla_pause_over_a_weekend",
    "sla_retracted",
    "surveys",
)
LOGS = Path(__file__).parents[3] / "shared" / "data" / "events"
Event = dict[str, Any]


def told(name: str) -> tuple[list[bytes], Event, int]:
    scenario = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    events = [event(number, line) for number, line in enumerate(scenario["timeline"], start=1)]
    return [*map(msgspec.json.encode, events)], scenario.get("settings", {}), instant(scenario["until"])


def of(*timeline: str, until: str | None = None, tenant: str | None = None, **config: Any) -> Explanation:
    events = [msgspec.json.encode(event(number, line)) for number, line in enumerate(timeline, start=1)]
    return explain(events, "c", config, None if until is None else instant(until), tenant, wall=wall_ms)


def text(explanation: Explanation, width: int = 110) -> str:
    return "".join(f"{line.text}\n" for line in lines(explanation, width))


def rules(explanation: Explanation) -> list[list[str]]:
    return [[rule.name for rule in moment.rules] for moment in explanation.timeline]


@pytest.mark.parametrize("name", SCENARIOS)
def test_golden_text(name: str) -> None:
    """After a wanted change: SIGAP_GOLDEN=write pytest tests/unit/test_explain.py, and read them."""
    events, config, until = told(name)
    got = text(explain(events, "c", config, until, wall=wall_ms))
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("SIGAP_GOLDEN") == "write":
        path.write_text(got, encoding="utf-8")
    assert got == path.read_text(encoding="utf-8")


def test_the_example_of_the_docs_is_a_golden_text() -> None:
    docs = Path(__file__).parents[2] / "deploy" / "docs" / "explain.md"
    assert f"```\n{(GOLDEN / 'sla_retracted.txt').read_text(encoding='utf-8')}```" in docs.read_text(encoding="utf-8")


# -- what is explained --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_golden_scenario_can_be_told_in_lines_that_fit(path: Path) -> None:
    events, config, until = told(path.stem)
    name = json.loads(events[0])["conversation_id"]
    for width in (70, 110):
        shown = list(lines(explain(events, name, config, until, "acme", wall=wall_ms), width))
        assert max(len(line.text) for line in shown) <= width + 10  # a long id is not cut
        assert all(line.text == line.text.rstrip() for line in shown)


def test_rules_by_their_names() -> None:
    found = of(
        "10:00:00 status resolved",
        "10:00:01 customer",
        "10:00:02 bot",
        "10:00:03 customer",
        "10:00:04 assigned agent=ana",
        "10:00:05 note ana",
        "10:00:06 reply ana",
        "10:00:07 status pending",
        "10:00:08 customer",
        "10:00:09 reply budi",
        "10:00:10 resolved",
        "10:00:11 resolved",
        "10:00:12 reply ana",
        "10:00:13 customer",
    )
    assert rules(found) == [
        ["resolved before any cycle"],
        ["cycle opened", "first-response wait"],
        ["with the bot"],
        ["with the bot"],
        ["assigned", "taken back from the bot", "first-response wait", "handling"],
        ["private note"],
        ["first response", "service level: met", "customer handled"],
        ["status", "handling"],
        ["customer wakes pending", "next-response wait", "handling"],
        ["next response", "customer handled"],
        ["resolved", "more than one touch", "handling", "handle time"],
        ["second resolved"],
        ["reply on a resolved conversation", "customer handled"],
        ["reopened", "next-response wait", "handling"],
    ]
    assert [wait.outcome for wait in found.waits] == ["undecided", "met"]


def test_waits_that_end_without_a_reply() -> None:
    assert [wait.outcome for wait in of("10:00:00 customer", "10:00:30 resolved").waits] == ["abandoned"]
    assert [wait.outcome for wait in of("10:00:00 customer", "10:00:05 resolved").waits] == ["short_abandoned"]
    assert [wait.outcome for wait in of("10:00:00 customer", until="10:00:30").waits] == ["waiting"]
    (missed,) = of("10:00:00 customer", "10:03:00 resolved", until="10:10:00").waits
    assert (missed.outcome, missed.decided_at, missed.response_s) == ("missed", instant("10:01:00"), None)
    assert missed.windows == ("15m", "30m", "1h", "today", "mtd", "30d")


OFFICE: Event = {
    "calendars": {"office": {"tz": "UTC", "hours": {"wed": [["09:00", "17:00"]], "thu": [["09:00", "17:00"]]}}},
    "sla_policies": [
        {"name": "vip", "match": {"priority": "urgent"}, "targets": {"resolution": 600}},
        {"name": "office", "calendar": "office", "targets": {"resolution": 7200}, "warn": ["-10m"]},
    ],
}


def samples(explanation: Explanation) -> dict[str, Sample]:
    """The last sample of each metric."""
    return {sample.metric: sample for moment in explanation.timeline for sample in moment.samples}


def why(explanation: Explanation, name: str) -> list[str]:
    return [rule.why for moment in explanation.timeline for rule in moment.rules if rule.name == name]


def test_business_time_stands_beside_calendar_time_with_its_calendar() -> None:
    found = of("16:59:00 customer", "16:59:30 assigned agent=ana", "33:02:00 reply ana", "33:03:00 resolved", **OFFICE)
    booked = samples(found)
    frt, handle = booked["frt"], booked["handle"]
    assert (frt.value_s, frt.business_s, frt.calendar) == (57_780, 180, "office")
    assert (handle.value_s, handle.business_s, handle.calendar) == (57_810, 210, None)
    assert why(found, "handling")[-1].endswith(
        "57,810 s (16 h 3 min) open and assigned, 210 s (3 min 30 s) of it in calendar office"
    )
    sums = found.counts_in["agent:ana"]["mtd"]
    assert (sums["frt_sum_s"], sums["frt_business_sum_s"], sums["frt_business_max_s"]) == (57_780, 180, 180)
    assert "mtd" not in found.counts_in["priority:normal"]
    told = text(found)
    assert "frt 57,780 s (16 h 3 min), 180 s (3 min) of it in calendar office" in " ".join(told.split())
    assert "frt_business_sum_s" in told


def test_business_time_that_is_calendar_time_is_not_told_twice() -> None:
    found = of("10:00:00 customer", "10:00:30 reply ana", "10:01:00 priority urgent", "10:02:00 resolved", **OFFICE)
    assert samples(found)["resolution"].business_s == 120
    assert found.counts_in["tenant"]["5m"]["resolution_business_sum_s"] == 120
    assert "business" not in text(found)
    assert why(found, "policy in force") == ["office → vip, around the clock"]


def test_calendars_that_say_the_same_go_by_the_first_name() -> None:
    both = OFFICE | {"calendars": {"office": OFFICE["calendars"]["office"], "shop": OFFICE["calendars"]["office"]}}
    (run,) = of("16:00:00 customer", **both).runs
    assert run.calendar == "office"


def test_how_runs_stand() -> None:
    timeline = ("16:00:00 customer", "16:30:00 status pending")
    (paused,) = of(*timeline, until="16:45:00", **OFFICE).runs
    assert (paused.metric, paused.policy, paused.calendar, paused.instance) == ("resolution", "office", "office", "001")
    assert (paused.elapsed_s, paused.left_s, paused.target_s) == (1800, 5400, 7200)
    assert (paused.paused_since_at, paused.deadline_at) == (instant("16:30:00"), instant("34:15:00"))
    (goes_on,) = of(*timeline, "16:40:00 customer", until="33:00:00", **OFFICE).runs
    assert (goes_on.elapsed_s, goes_on.left_s, goes_on.paused_since_at) == (3000, 4200, None)
    late = of(*timeline, "16:40:00 customer", until="34:20:00", **OFFICE)
    (breached,) = late.runs
    assert (breached.breached, breached.deadline_at, breached.left_s) == (True, instant("34:10:00"), 0)
    assert breached.late_s == 600
    assert (
        "SLA resolution breached 10:10:00 (policy office), 600 s (10 min) late so far in calendar office"
        in " ".join(text(late).split())
    )
    assert of("16:00:00 customer", until="16:45:00").runs == ()


def test_a_reply_window_is_told_on_whatsapp_only() -> None:
    chat = of("10:00:00 customer", until="10:01:00", **OFFICE)
    assert "reply_window" not in text(chat)
    found = of("10:00:00 customer channel=whatsapp", "11:00:00 customer channel=whatsapp", until="12:00:00")
    assert [each.change for moment in found.timeline for each in moment.deadlines if each.policy] == ["set", "moved"]
    (run,) = found.runs
    assert (run.metric, run.policy, run.instance, run.left_s) == ("reply_window", "built-in", "002", 82_800)


def test_customers_of_replies() -> None:
    found = of(
        "10:00:00 reply ana",
        "10:00:10 customer customer_id=k1",
        "10:00:20 reply ana",
        "10:00:25 reply ana",
        "10:00:30 note ana customer_id=k2",
        "10:20:00 reply ana",
    )
    assert "messages_in 1, customers_handled 2, frt 10 s" in " ".join(text(found).split())
    assert why(found, "customer") == ["none → k1", "k1 → k2"]
    assert why(found, "customer handled")[0] == "none: no message has named the customer"
    windows = found.counts_in["tenant"]
    assert [windows[name]["customers_handled"] for name in ("5m", "30m", "mtd")] == [1, 2, 2]


def test_scores_are_worth_what_the_formulas_say() -> None:
    timeline = ("10:00:00 survey csat 4", "10:00:01 survey nps 6", "10:00:02 survey ces 2", "10:00:03 survey csat 1")
    plain, low = of(*timeline), of(*timeline, formulas={"ces": "low_is_easy"})
    sums = plain.counts_in["tenant"]["5m"]
    assert sums == {
        "csat_count": 2,
        "csat_satisfied": 1,
        "csat_sum": 5,
        "nps_count": 1,
        "nps_detractors": 1,
        "ces_count": 1,
        "ces_sum": 2,
    }
    assert low.counts_in["tenant"]["5m"] == sums | {"ces_easy": 1}
    assert why(plain, "survey")[:2] == [
        "csat 4 counts in csat_count, csat_satisfied",
        "nps 6 counts in nps_count, nps_detractors",
    ]
    assert "csat x 2 (4 1), nps 6, ces 2" in text(plain)


def test_late_scores_and_deliveries_are_booked_at_their_own_instant() -> None:
    found = of(
        "10:00:00 customer",
        "10:30:00 note ana",
        "10:05:00 survey csat 5",
        "10:06:00 delivery message_id=w1 state=failed",
        lateness_s=60,
    )
    booked = samples(found)
    assert (booked["csat"].minute_at, booked["delivery_failed"].minute_at) == (instant("10:05:00"), instant("10:06:00"))
    assert why(found, "survey") == ["csat 5 counts in csat_count, csat_satisfied; booked at its own instant"]
    assert why(found, "delivery failed") == ["message w1 did not arrive; booked at its own instant"]
    sent = of("10:00:00 customer", "10:00:01 delivery message_id=w1 state=sent")
    assert why(sent, "delivery") == ["only failed ones are counted: changes nothing"]


def test_one_touch_and_what_takes_it_back() -> None:
    start = ("10:00:00 customer", "10:01:00 reply ana", "10:02:00 resolved")
    back = of(*start, "82:02:00 customer")
    assert "fcr_one_touch" not in back.counts_in["tenant"]["mtd"]
    assert samples(back)["fcr_one_touch"].count == -1
    stays = of(*start, "82:02:00.001 customer")
    assert stays.counts_in["tenant"]["mtd"]["fcr_one_touch"] == 1
    assert why(stays, "one touch stays") == ["259,200.001 s (3 d) after it was resolved, more than 72 h"]
    more = of(*start[:2], "10:01:30 reply ana", *start[2:])
    assert why(more, "more than one touch") == ["2 human replies in the cycle: no first contact resolution"]
    bot = of("10:00:00 customer", "10:00:01 bot", "10:00:02 resolved")
    assert why(bot, "bot-resolved") == ["the bot had the conversation to the end"]


def test_work_is_told_by_its_panes_and_added_up_nowhere() -> None:
    found = of("10:00:30 reply ana", "10:02:10 assigned agent=budi", "10:02:20 resolved")
    (hers, his) = (s for moment in found.timeline for s in moment.samples if s.metric == "occupied")
    assert (hers.first_at, hers.minute_at, hers.scopes) == (
        instant("10:00:00"),
        instant("10:02:00"),
        ("tenant", "agent:ana"),
    )
    assert (his.first_at, his.minute_at, his.scopes) == (
        instant("10:02:00"),
        instant("10:02:00"),
        ("tenant", "agent:budi"),
    )
    assert "occupied, panes 10:00 to 10:02 of tenant, agent:ana" in text(found)
    assert "occupied, pane 10:02 of tenant, agent:budi" in text(found)
    assert "occupied" not in found.counts_in["tenant"]["5m"]


def test_topics_of_cycles() -> None:
    found = of(
        "10:00:00 tag login",
        "10:01:00 customer",
        "10:02:00 tag refund",
        "10:03:00 untag refund",
        "10:04:00 tag refund",
        "10:05:00 resolved",
        "10:06:00 customer",
    )
    windows = found.counts_in["tenant"]
    assert {name: value for name, value in windows["mtd"].items() if "topic" in name} == {
        "top_topics:login": 2,
        "top_topics:refund": 2,
    }
    assert not [name for name in windows["today"] if "topic" in name]
    assert not [name for name in found.counts_in["channel:chat"]["mtd"] if "topic" in name]
    assert "top_topics login 2 refund 2" in " ".join(text(found).split())
    assert "booked top_topics refund; pane 10:02 of tenant" in " ".join(text(found).split())


@pytest.mark.parametrize(
    ("reason", "says", "timeline"),
    [
        ("bot", "the bot took over", ("10:00:00 customer", "10:01:30 bot")),
        ("handoff", "handed off", ("10:00:00 customer", "10:01:30 handoff")),
        ("resolved", "the cycle was resolved", ("10:00:00 customer", "10:01:30 resolved")),
        ("policy", "the policy in force has no target for it", ("10:00:00 customer", "10:01:30 priority low")),
        (
            "history",
            "a later record changed the history",
            ("10:01:00 customer", "10:02:30 note ana", "10:00:30 customer"),
        ),
    ],
)
def test_why_an_alert_was_cancelled(reason: str, says: str, timeline: tuple[str, ...]) -> None:
    policy = {"name": "p", "match": {"priority": "normal"}, "targets": {"first_response": 120}, "warn": [0.5]}
    found = of(*timeline, sla_policies=[policy])
    (alert,) = (each for moment in found.timeline for each in moment.alerts if each.state == "cancelled")
    assert alert.reason == reason
    assert f"cancelled: {says} (policy p" in " ".join(text(found).split())


def test_panes_and_windows_are_those_of_the_tenants_zone() -> None:
    found = of("10:00:00 customer", until="23:59:00", timezone="Asia/Jakarta")
    assert found.timezone == "Asia/Jakarta"
    assert "17:00:00      customer message" in text(found)
    assert found.timeline[0].samples[0].windows == ("mtd", "30d")  # the day there ended at 17:00 UTC


def test_other_conversations_drive_the_clock_and_nothing_else() -> None:
    found = of("10:00:00 customer", "10:05:00 customer in=other", "10:00:30 reply ana", lateness_s=60)
    assert found.until == instant("10:05:00")
    arrived = [moment.arrived for moment in found.timeline if moment.arrived]
    orders = [(each.record, each.order, each.behind_s) for each in arrived]
    assert orders == [(1, "in_order", 0), (3, "behind_a_timer", 270)]
    changed = found.timeline[1].changed
    assert changed is not None
    assert [sample.metric for sample in changed.taken_back] == ["sl_missed"]
    assert found.waits[0].outcome == "met"


def test_events_after_until_are_named() -> None:
    found = of("10:00:00 customer", "10:00:30 reply ana", until="10:00:10")
    assert [(each.outcome, each.record) for each in found.refused] == [("after_until", 2)]
    assert "1 folded, 1 after --until" in text(found)
    with pytest.raises(NotFound, match="the first of 2"):
        of("10:00:00 customer", "10:00:30 reply ana", until="09:00:00")


def test_a_conversation_of_which_all_was_rejected_is_explained() -> None:
    found = of("10:00:00 survey csat 6", "10:00:01 customer in=other")
    assert found.timeline == ()
    assert [(each.reason, each.event_id) for each in found.refused] == [("bad_value", "001")]
    assert "rejected: event 001" in text(found)


def test_records_that_name_no_conversation_are_counted() -> None:
    events = [b"{", b'{"conversation_id": 7}', *told("duplicate")[0]]
    found = explain(events, "c", wall=wall_ms)
    assert (found.nameless, found.refused[0].outcome, found.refused[0].record) == (2, "duplicate", 5)
    assert "2 rejected that name no conversation" in text(found)


def test_what_ids_hold_cannot_speak_to_the_terminal() -> None:
    one = event(1, "10:00:00 reply ana") | {"agent_id": "a\x1b[2J", "event_id": "e\x07"}
    shown = text(explain([msgspec.json.encode(one)], "c", wall=wall_ms))
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "human reply by a\\x1b[2J" in shown


def test_an_id_of_several_tenants() -> None:
    two = ("10:00:00 customer", "10:00:01 customer tenant=globex", "10:00:02 customer tenant=globex")
    with pytest.raises(Ambiguous) as error:
        of(*two)
    assert error.value.tenants == ("acme", "globex")
    assert len(of(*two, tenant="globex").timeline) == 2
    with pytest.raises(NotFound, match="it is one of acme, globex"):
        of(*two, tenant="initech")


def test_what_is_not_there_is_answered_with_what_is_near() -> None:
    others = [msgspec.json.encode(event(n, f"10:00:00 customer in=order-{n}")) for n in (41, 42, 7)]
    with pytest.raises(NotFound, match="no conversation 'order-43'; near: order-42, order-41"):
        explain(others, "order-43", wall=wall_ms)
    with pytest.raises(NotFound, match="there are 3 others"):
        explain(others, "x", wall=wall_ms)


# -- the command --------------------------------------------------------------------------------------------


def call(*args: object) -> Result:
    return CliRunner().invoke(main, ["explain", *map(str, args)])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """One conversation in two files, the second compressed, with empty lines."""
    events = told("handed_over_by_the_bot")[0]
    one, two = tmp_path / "one.ndjson", tmp_path / "two.ndjson.gz"
    one.write_bytes(b"\n".join(events[:2]) + b"\n\n")
    two.write_bytes(gzip.compress(b"\r\n".join(events[2:])))
    return one, two


def test_files_are_read_in_their_order_compressed_or_not(files: tuple[Path, Path]) -> None:
    together = call("c", "--events", *files)
    assert together.exit_code == 0, together.output
    assert "5 folded" in together.output
    assert "\x1b" not in together.output
    assert call("c", "--events", files[0], "--events", files[1]).output == together.output
    assert call("--events", *files, "--", "c").output == together.output


def test_json_is_one_object_that_reads_back(files: tuple[Path, Path]) -> None:
    done = call("c", "--json", "--events", *files, "--until", instant("10:03:00"))
    assert done.exit_code == 0, done.output
    expected = explain(told("handed_over_by_the_bot")[0], "c", until=instant("10:03:00"), wall=wall_ms)
    assert msgspec.json.decode(done.output, type=Explanation) == msgspec.json.decode(
        msgspec.json.encode(expected), type=Explanation
    )
    assert json.loads(done.output)["counts_in"]["tenant"]["5m"]["sl_met"] == 1


def test_the_settings_count(files: tuple[Path, Path], tmp_path: Path) -> None:
    config = tmp_path / "sigap.yaml"
    config.write_text("{timezone: Asia/Jakarta, service_level: {threshold_s: {chat: 20}}}")
    done = call("c", "--events", *files, "--config", config)
    assert "missed: T passed without a human reply (T = 20 s: 17:02:00 to 17:02:20)" in " ".join(done.output.split())
    config.write_text("{timezone: Mars}")
    done = call("c", "--events", *files, "--config", config)
    assert done.exit_code == 2
    assert "Mars" in done.output


def test_messages_and_exit_codes(files: tuple[Path, Path], tmp_path: Path) -> None:
    done = call("d", "--events", *files)
    assert (done.exit_code, "no conversation 'd'" in done.output) == (1, True)
    two = tmp_path / "two_tenants.ndjson"
    both = (event(1, "10:00:00 customer"), event(2, "10:00:00 customer tenant=globex"))
    two.write_bytes(b"\n".join(map(msgspec.json.encode, both)))
    done = call("c", "--events", two)
    assert (done.exit_code, "--tenant acme or --tenant globex" in done.output) == (2, True)
    assert call("c", "--events", two, "--tenant", "globex").exit_code == 0
    assert call("c", "--events", two, "--tenant", "nobody").exit_code == 1
    assert call("c").exit_code == 2
    assert call("c", "--events", tmp_path / "nowhere").exit_code == 2
    (tmp_path / "no.gz").write_bytes(b"no")
    done = call("c", "--events", tmp_path / "no.gz")
    assert done.exit_code == 1
    assert "no.gz" in done.output
    assert not isinstance(done.exception, OSError)


# -- real logs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("log", "conversation", "until", "says"),
    [
        (
            "chat-ubuntu",
            "2004-12-25.train-c-1035",
            1_103_949_000_000,
            ("Service level met: a human reply came within T", "messages_out 4", "counts in 1h today"),
        ),
        (
            "phone-incidents",
            "INC0000820",
            None,
            ("Service level missed: T passed without a human reply", "25 folded", "resolved and forgotten"),
        ),
    ],
)
def test_real_logs(log: str, conversation: str, until: int | None, says: tuple[str, ...]) -> None:
    path = LOGS / f"{log}.ndjson.gz"
    if not path.exists():
        pytest.skip("the folder of real logs is not there")
    done = call(conversation, "--events", path, *(("--until", until) if until else ()))
    assert done.exit_code == 0, done.output
    first_screen = " ".join(" ".join(done.output.splitlines()[:24]).split())
    for each in says:
        assert each in first_screen
