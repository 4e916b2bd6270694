"""Chatwoot webhooks of our own making, one rule each."""

import json
from typing import Any

import pytest
from msgspec import UNSET

from streams.channels import House, Ignored, Rejected, normalise, read
from streams.events import Assigned, Delivery, Event, Handoff, Message, PrioritySet, StatusChanged, Survey, Tagged

AT = 1_718_186_400
HOUSE = House(key=b"k", source="chatwoot", agents={"chatwoot:3": "budi"}, teams={"chatwoot:8": "billing"})
AGENT = {"id": 3, "name": "Budi Santoso", "email": "budi@acme.example", "type": "user"}
BOT = {"id": 1, "name": "Robo", "type": "agent_bot"}


def conversation(**fields: Any) -> dict[str, Any]:
    return {
        "id": 24,
        "inbox_id": 17,
        "channel": "Channel::WebWidget",
        "status": "open",
        "priority": None,
        "labels": [],
        "messages": [],
        "meta": {"sender": {"id": 89, "name": "Siti", "type": "contact"}, "assignee": None, "team": None},
        "created_at": AT,
        "timestamp": AT,
        "updated_at": AT + 60.5,
    } | fields


def changed(event: str, changes: list[dict[str, Any]] | None = None, **fields: Any) -> dict[str, Any]:
    return conversation(**fields) | {"event": event, "changed_attributes": changes}


def change(name: str, before: Any, now: Any) -> dict[str, Any]:
    return {name: {"previous_value": before, "current_value": now}}


def message(kind: str = "incoming", **fields: Any) -> dict[str, Any]:
    return {
        "event": "message_created",
        "id": 17547,
        "message_type": kind,
        "created_at": "2024-06-12T10:00:00.250Z",
        "content": "Halo",
        "content_attributes": {},
        "private": False,
        "sender": {"id": 89, "name": "Siti", "phone_number": "+6281234567890"},
        "conversation": conversation(),
    } | fields


def events(payload: dict[str, Any], house: House = HOUSE) -> list[Event]:
    return normalise("chat", json.dumps(payload).encode(), {"tenant": "acme"}, house)


def one(payload: dict[str, Any], house: House = HOUSE) -> Message:
    (event,) = events(payload, house)
    assert isinstance(event, Message)
    return event


def ignored(payload: dict[str, Any]) -> list[Ignored]:
    reading = read("chat", json.dumps(payload).encode(), {"source": "chatwoot"})
    assert not reading.events
    assert not reading.faults
    return list(reading.ignored)


def test_an_incoming_message() -> None:
    event = one(message())
    assert (event.direction, event.author, event.at) == ("inbound", "customer", AT * 1000 + 250)
    assert (event.conversation_id, event.event_id) == ("chatwoot-17-24", "chatwoot-17-24-message-17547")
    assert event.channel == "chat"
    assert event.customer_id is not None


def test_an_outgoing_message_is_the_agents() -> None:
    event = one(message("outgoing", sender=AGENT))
    assert (event.direction, event.author, event.agent_id, event.private) == ("outbound", "agent", "budi", False)
    assert event.customer_id == one(message()).customer_id
    assert one(message("outgoing", sender=AGENT | {"id": 4})).agent_id == "chatwoot-4"


def test_a_private_note() -> None:
    assert one(message("outgoing", sender=AGENT, private=True)).private


@pytest.mark.parametrize(
    ("fields", "author", "auto"),
    [
        ({"sender": BOT}, "bot", False),
        ({"sender": {"id": 2, "type": "captain_assistant"}}, "bot", False),
        ({"sender": AGENT, "additional_attributes": {"campaign_id": 9}}, "system", True),
        ({"sender": None, "content_attributes": {"automation_rule_id": 4}}, "system", True),
        ({"sender": None}, "system", True),
        ({"sender": None, "content_attributes": {"external_echo": True}}, "agent", False),
    ],
)
def test_who_wrote_an_outgoing_message(fields: dict[str, Any], author: str, auto: bool) -> None:
    event = one(message("outgoing", **fields))
    assert (event.author, event.auto) == (author, auto)


@pytest.mark.parametrize("kind", ["activity", "template"])
def test_the_platforms_own_messages_answer_nobody(kind: str) -> None:
    event = one(message(kind, sender=None))
    assert (event.direction, event.author, event.auto) == ("outbound", "system", True)


def test_an_automatic_reply_by_mail() -> None:
    assert one(message(content_attributes={"email": {"auto_reply": True}})).auto


def test_an_inbox_may_be_another_channel() -> None:
    payload = message(conversation=conversation(channel="Channel::Whatsapp"))
    assert one(payload).channel == "chat"
    house = House(source="chatwoot", inboxes={"Channel::Whatsapp": "whatsapp"})
    assert one(payload, house).channel == "whatsapp"


def test_an_unknown_kind_of_message_is_counted() -> None:
    assert ignored(message("hologram")) == [Ignored.UNKNOWN_KIND]


# --- surveys and deliveries ------------------------------------------------------------------------


def updated(kind: str = "outgoing", **held: Any) -> dict[str, Any]:
    inside = {"id": 17547, "message_type": 1, "status": "sent", "updated_at": "2024-06-12T10:05:00.000Z"} | held
    return message(kind, event="message_updated", sender=AGENT, conversation=conversation(messages=[inside]))


def test_a_survey_answered() -> None:
    rated = {"submitted_values": {"csat_survey_response": {"rating": 4, "feedback_message": ""}}}
    payload = updated("template") | {"content_type": "input_csat", "content_attributes": rated}
    (event,) = events(payload)
    assert isinstance(event, Survey)
    assert (event.survey, event.score, event.at) == ("csat", 4, AT * 1000 + 300_000)
    rated["submitted_values"]["csat_survey_response"]["feedback_message"] = "Fine"
    assert events(payload | {"content_attributes": rated}) == [event]
    rated["submitted_values"]["csat_survey_response"]["rating"] = 6
    with pytest.raises(Rejected, match="bad_value"):
        events(payload)


@pytest.mark.parametrize("state", ["sent", "delivered", "read", "failed"])
def test_the_fate_of_an_outgoing_message(state: str) -> None:
    (event,) = events(updated(status=state))
    assert isinstance(event, Delivery)
    assert (event.state, event.at) == (state, AT * 1000 + 300_000)
    assert event.message_id == one(message("outgoing", sender=AGENT)).event_id


@pytest.mark.parametrize(
    "payload", [updated("incoming"), updated(id=1), updated(status="progress"), updated() | {"private": True}]
)
def test_an_update_of_nothing_measured(payload: dict[str, Any]) -> None:
    assert ignored(payload) == [Ignored.NO_CHANGE]


# --- conversations ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "ours"), [("open", "open"), ("pending", "pending"), ("snoozed", "pending"), ("resolved", "resolved")]
)
@pytest.mark.parametrize("topic", ["conversation_status_changed", "conversation_updated"])
def test_a_status(topic: str, theirs: str, ours: str) -> None:
    (event,) = events(changed(topic, [change("status", "resolved", theirs)], status=theirs))
    assert isinstance(event, StatusChanged)
    assert (event.status, event.at) == (ours, AT * 1000 + 60_500)
    assert (
        event.event_id == f"chatwoot-17-24-status-{AT * 1000 + 60_500}-{ours}"
    )  # one id, whichever webhook came first


def test_a_bots_topics() -> None:
    (event,) = events(changed("conversation_resolved", status="resolved"))
    assert isinstance(event, StatusChanged)
    assert event.status == "resolved"


def test_opening_what_a_bot_had_is_a_hand_off() -> None:
    handoff, status = events(changed("conversation_status_changed", [change("status", "pending", "open")]))
    assert isinstance(handoff, Handoff)
    assert isinstance(status, StatusChanged)
    assert handoff.event_id < status.event_id  # both at one instant: the hand-off is folded first


def test_without_the_status_before_a_bots_last_word_tells() -> None:
    said = {"id": 1, "message_type": 1, "sender_type": "AgentBot"}
    found = events(changed("conversation_status_changed", messages=[said]))
    assert [type(event) for event in found] == [Handoff, StatusChanged]
    found = events(changed("conversation_status_changed", messages=[said | {"sender_type": "User"}]))
    assert [type(event) for event in found] == [StatusChanged]


def test_an_old_webhook_changed_at_the_latest_instant_it_knows() -> None:
    seen = changed("conversation_status_changed", updated_at=None, agent_last_seen_at=AT + 90, contact_last_seen_at=0)
    (event,) = events(seen)
    assert event.at == (AT + 90) * 1000
    with pytest.raises(Rejected, match=r"missing_field: \$.updated_at"):
        events(changed("conversation_status_changed", updated_at=None, created_at=None, timestamp=0))


def test_an_assignment() -> None:
    meta = {"assignee": {"id": 3}, "team": {"id": 8, "name": "Billing"}}
    (event,) = events(changed("conversation_updated", [change("assignee_id", None, 3)], meta=meta))
    assert isinstance(event, Assigned)
    assert (event.agent_id, event.team) == ("budi", UNSET)
    (event,) = events(changed("conversation_updated", [change("team_id", None, 8)], meta=meta))
    assert isinstance(event, Assigned)
    assert (event.agent_id, event.team) == (UNSET, "billing")
    (event,) = events(changed("conversation_updated", [change("assignee_id", 3, None) | change("team_id", 8, None)]))
    assert isinstance(event, Assigned)
    assert (event.agent_id, event.team) == (None, None)
    (event,) = events(changed("assignee_changed", meta=meta))
    assert isinstance(event, Assigned)
    assert (event.agent_id, event.team) == ("budi", "billing")


@pytest.mark.parametrize(
    ("theirs", "ours"), [("low", "low"), ("medium", "normal"), ("high", "high"), ("urgent", "urgent"), (None, "normal")]
)
def test_a_priority(theirs: str | None, ours: str) -> None:
    (event,) = events(changed("conversation_updated", [change("priority", "low", theirs)], priority=theirs))
    assert isinstance(event, PrioritySet)
    assert event.priority == ours


def test_labels_are_topics() -> None:
    labels = [change("label_list", ["order", "late"], ["late", "refund"])]
    (event,) = events(changed("conversation_updated", labels, labels=["late", "refund"]))
    assert isinstance(event, Tagged)
    assert (event.add, event.remove) == (("refund",), ("order",))


def test_a_conversation_created_with_all_that_is_set() -> None:
    meta = {"sender": {"id": 89}, "assignee": {"id": 3}, "team": None}
    found = events(changed("conversation_created", priority="urgent", labels=["order"], meta=meta, status="pending"))
    assert [type(event) for event in found] == [Assigned, PrioritySet, Tagged, StatusChanged]
    assert {event.at for event in found} == {AT * 1000}
    assert [type(event) for event in events(changed("conversation_created"))] == [StatusChanged]


def test_several_changes_at_once() -> None:
    changes = [change("priority", None, "high"), change("status", "pending", "open"), change("waiting_since", 1, 2)]
    found = events(changed("conversation_updated", changes, priority="high"))
    assert [type(event) for event in found] == [PrioritySet, Handoff, StatusChanged]


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (changed("conversation_updated", [change("waiting_since", 1, 2)]), Ignored.NO_CHANGE),
        (changed("conversation_updated"), Ignored.NO_CHANGE),
        ({"event": "contact_updated", "id": 89, "name": "Siti"}, Ignored.OTHER_TOPIC),
        ({"event": "conversation_typing_on"}, Ignored.OTHER_TOPIC),
        ({"event": "hologram_shown"}, Ignored.UNKNOWN_TOPIC),
    ],
)
def test_what_says_nothing_of_a_conversation(payload: dict[str, Any], why: Ignored) -> None:
    assert ignored(payload) == [why]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({}, r"missing_field: \$: .*`event`"),
        ({"event": 5}, r"wrong_type: \$.event"),
        (changed("conversation_status_changed", status="frozen"), r"bad_value: \$.status: allowed are open"),
        (changed("conversation_created", priority="extreme"), r"bad_value: \$.priority"),
        (message(conversation=None), r"wrong_type: \$.conversation"),
        (message(id=-1), r"bad_value: \$.id"),
        (message(created_at="yesterday"), r"bad_value: \$.created_at"),
    ],
)
def test_what_cannot_be_used(payload: dict[str, Any], expected: str) -> None:
    with pytest.raises(Rejected, match=expected):
        events(payload)
