"""Intercom notifications of our own making, one rule each: the first API's shape, and today's."""

import json
from typing import Any

import pytest
from msgspec import UNSET

from streams.channels import House, Ignored, Rejected, normalise, read
from streams.events import Assigned, Event, Message, PrioritySet, StatusChanged, Survey, Tagged

AT = 1_718_186_400
HOUSE = House(key=b"k", agents={"intercom:814860": "budi"}, teams={"intercom:5": "billing"})
ADMIN = {"type": "admin", "id": "814860", "name": "Budi", "email": "budi@acme.example"}
USER = {"type": "user", "id": "6657adf6abfd0164c24b0a5b", "name": "Siti", "email": "siti@mail.example"}


def part(kind: str = "comment", author: dict[str, Any] = ADMIN, **fields: Any) -> dict[str, Any]:
    return {
        "type": "conversation_part",
        "id": "777",
        "part_type": kind,
        "created_at": AT + 60,
        "author": author,
    } | fields


def notification(topic: str, *parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    item = {
        "type": "conversation",
        "id": "215",
        "created_at": AT,
        "updated_at": AT + 60,
        "state": "open",
        "source": {"type": "conversation", "id": "900", "author": USER, "delivered_as": "customer_initiated"},
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": USER["id"]}]},
        "conversation_parts": {"type": "conversation_part.list", "conversation_parts": list(parts)},
    } | fields
    return {
        "type": "notification_event",
        "topic": topic,
        "id": "notif_1",
        "created_at": AT + 61,
        "data": {"item": item},
    }


def events(payload: dict[str, Any]) -> list[Event]:
    return normalise("chat", json.dumps(payload).encode(), {"source": "intercom"}, HOUSE)


def ignored(payload: dict[str, Any]) -> list[Ignored]:
    reading = read("chat", json.dumps(payload).encode(), {"source": "Intercom"})
    assert not reading.events
    assert not reading.faults
    return list(reading.ignored)


def messages(payload: dict[str, Any]) -> list[Message]:
    found = events(payload)
    assert all(isinstance(event, Message) for event in found)
    return [event for event in found if isinstance(event, Message)]


def test_a_customer_begins() -> None:
    (event,) = messages(notification("conversation.user.created"))
    assert (event.direction, event.author, event.at) == ("inbound", "customer", AT * 1000)
    assert (event.conversation_id, event.event_id) == ("intercom-215", "intercom-215-message-900")


def test_the_shape_of_the_first_api() -> None:
    old = {"source": None, "contacts": None, "user": {"type": "lead", "id": USER["id"]}}
    first = {"id": "900", "author": {"type": "lead", "id": USER["id"]}}
    (event,) = messages(notification("conversation.user.created", conversation_message=first, **old))
    assert [event] == messages(notification("conversation.user.created"))


def test_an_answer_to_a_bots_or_a_campaigns_first_message() -> None:
    source = {"id": "900", "author": ADMIN, "delivered_as": "automated"}
    first, answer = messages(notification("conversation.user.created", part(author=USER), source=source))
    assert (first.author, first.auto) == ("agent", True)
    assert (answer.author, answer.event_id) == ("customer", "intercom-215-message-777")


def test_a_customer_replies() -> None:
    (event,) = messages(notification("conversation.user.replied", part(author=USER)))
    assert (event.direction, event.author, event.at) == ("inbound", "customer", (AT + 60) * 1000)


def test_an_agent_replies_to_the_customer() -> None:
    (event,) = messages(notification("conversation.admin.replied", part()))
    assert (event.direction, event.author, event.agent_id, event.private) == ("outbound", "agent", "budi", False)
    assert event.customer_id == messages(notification("conversation.user.created"))[0].customer_id


@pytest.mark.parametrize("fields", [{"author": {"type": "bot", "id": "1"}}, {"from_ai_agent": True}])
def test_a_bot_replies(fields: dict[str, Any]) -> None:
    (event,) = messages(notification("conversation.operator.replied", part(**fields)))
    assert (event.author, event.agent_id, event.auto) == ("bot", None, False)


def test_a_note() -> None:
    (event,) = messages(notification("conversation.admin.noted", part("note")))
    assert (event.author, event.private) == ("agent", True)


def test_what_the_house_began_stays_closed_until_it_is_answered() -> None:
    source = {"id": "900", "author": ADMIN, "delivered_as": "admin_initiated"}
    topic = "conversation.admin.single.created"
    said, status = events(notification(topic, source=source, state="closed"))
    assert isinstance(said, Message)
    assert isinstance(status, StatusChanged)
    assert (said.author, said.auto, status.status) == ("agent", False, "resolved")
    assert said.event_id < status.event_id  # both at one instant: the message is folded first
    assert len(events(notification(topic, source=source))) == 1


@pytest.mark.parametrize(
    ("to", "agent_id", "team"),
    [
        (ADMIN, "budi", UNSET),
        ({"type": "admin", "id": "9"}, "intercom-9", UNSET),
        ({"type": "team", "id": 5}, UNSET, "billing"),
        ({"type": "nobody_admin", "id": None}, None, UNSET),
        (None, None, UNSET),
    ],
)
def test_an_assignment(to: dict[str, Any] | None, agent_id: Any, team: Any) -> None:
    (event,) = events(notification("conversation.admin.assigned", part("assignment", assigned_to=to)))
    assert isinstance(event, Assigned)
    assert (event.agent_id, event.team) == (agent_id, team)


def test_a_reply_that_assigns_comes_under_two_topics() -> None:
    both = part("assignment", assigned_to=ADMIN)
    (said,) = events(notification("conversation.admin.replied", both))
    (assigned,) = events(notification("conversation.admin.assigned", both))
    assert (said.event_id, assigned.event_id) == ("intercom-215-message-777", "intercom-215-assigned-777")


@pytest.mark.parametrize(
    ("topic", "status"), [("closed", "resolved"), ("opened", "open"), ("snoozed", "pending"), ("unsnoozed", "open")]
)
def test_a_status(topic: str, status: str) -> None:
    (event,) = events(notification(f"conversation.admin.{topic}", part(topic)))
    assert isinstance(event, StatusChanged)
    assert (event.status, event.agent_id, event.at) == (status, "budi", (AT + 60) * 1000)


def test_opening_may_assign() -> None:
    assigned, status = events(notification("conversation.admin.opened", part("open", assigned_to=ADMIN)))
    assert isinstance(assigned, Assigned)
    assert isinstance(status, StatusChanged)
    assert assigned.event_id < status.event_id


@pytest.mark.parametrize(("theirs", "ours"), [("priority", "high"), ("not_priority", "normal")])
def test_a_priority(theirs: str, ours: str) -> None:
    (event,) = events(notification("conversation.priority.updated", priority=theirs))
    assert isinstance(event, PrioritySet)
    assert (event.priority, event.at) == (ours, (AT + 61) * 1000)


def test_a_rating() -> None:
    rating = {"rating": 5, "remark": "Great", "created_at": AT + 600}
    (event,) = events(notification("conversation.rating.added", conversation_rating=rating))
    assert isinstance(event, Survey)
    assert (event.survey, event.score, event.at) == ("csat", 5, (AT + 600) * 1000)
    assert ignored(notification("conversation.rating.added", conversation_rating={})) == [Ignored.NO_CHANGE]
    with pytest.raises(Rejected, match="bad_value"):
        events(notification("conversation.rating.added", conversation_rating=rating | {"rating": 0}))


def test_tags_are_topics() -> None:
    tags = {"type": "tag.list", "tags": [{"type": "tag", "id": "25", "name": "refund"}]}
    (event,) = events(notification("conversation_part.tag.created", part(), tags_added=tags))
    assert isinstance(event, Tagged)
    assert (event.add, event.at) == (("refund",), (AT + 61) * 1000)
    assert ignored(notification("conversation_part.tag.created", part())) == [Ignored.NO_CHANGE]


@pytest.mark.parametrize(
    ("topic", "why"),
    [
        ("ping", Ignored.OTHER_TOPIC),
        ("contact.user.created", Ignored.OTHER_TOPIC),
        ("user.tag.created", Ignored.OTHER_TOPIC),
        ("company.created", Ignored.OTHER_TOPIC),
        ("conversation.read", Ignored.OTHER_TOPIC),
        ("conversation.contact.attached", Ignored.OTHER_TOPIC),
        ("conversation.hologram.shown", Ignored.UNKNOWN_TOPIC),
    ],
)
def test_what_says_nothing_of_a_conversation(topic: str, why: Ignored) -> None:
    assert ignored({"topic": topic, "data": {"item": {"type": "x", "email": "siti@mail.example"}}}) == [why]


def test_a_bad_part_leaves_the_others() -> None:
    parts = [part(id="siti@mail.example"), part(author=USER), part(created_at=0)]
    reading = read(
        "chat", json.dumps(notification("conversation.user.replied", *parts)).encode(), {"source": "intercom"}
    )
    assert [event.event_id for event in reading.events] == ["intercom-215-message-777"]
    assert [fault.reason for fault in reading.faults] == ["bad_value", "bad_value"]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({}, r"missing_field: \$: .*`topic`"),
        ({"topic": "conversation.user.replied"}, r"wrong_type: \$.data.item"),
        (notification("conversation.user.replied"), r"missing_field: .*at least one part"),
        (notification("conversation.user.created", source=None), r"missing_field: \$.data.item.source"),
        (notification("conversation.priority.updated", priority="?"), r"bad_value: \$.data.item.priority"),
    ],
)
def test_what_cannot_be_used(payload: dict[str, Any], expected: str) -> None:
    with pytest.raises(Rejected, match=expected):
        events(payload)
