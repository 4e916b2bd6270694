"""Whole conversations, as the providers tell them, and the figures a supervisor expects of them."""

import json
from typing import Any

from streams.channels import House, normalise
from streams.codecs import encode
from tables.replay import replay
from tests.unit import test_channels_chatwoot as chatwoot
from tests.unit import test_channels_intercom as intercom
from tests.unit import test_channels_whatsapp as whatsapp
from tests.unit.test_channels_chatwoot import AT
from tests.unit.test_channels_email import CUSTOMER, mail

HOUSE = House(
    key=b"k",
    tenant="acme",
    addresses=frozenset(["acme.example"]),
    agents={"budi@acme.example": "budi", "chatwoot:3": "budi", "intercom:814860": "budi"},
)


def figures(
    channel: str, payloads: list[bytes | dict[str, Any]], source: str = "", scope: str = "tenant"
) -> dict[str, Any]:
    """The figures of the last hour, and of now, once all payloads have come, each of them twice."""
    bodies = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in payloads]
    events = [
        encode(event)
        for body in bodies
        for _ in range(2)
        for event in normalise(channel, body, {"source": source}, HOUSE)
    ]
    result = replay(events)
    assert result.dlq == []
    records = {each["window"]: each["metrics"] for each in result.kpi if each["scope"] == scope}
    return {name: value for window in ("now", "1h") for name, value in records[window].items() if value is not None}


def test_chatwoot_a_bot_hands_over() -> None:
    def said(number: int, after: int, kind: str, **fields: Any) -> dict[str, Any]:
        return chatwoot.message(kind, id=number, created_at=AT + after, **fields)

    def turned(after: int, before: str, now: str) -> dict[str, Any]:
        changes = [chatwoot.change("status", before, now)]
        return chatwoot.changed("conversation_status_changed", changes, status=now, updated_at=AT + after)

    rated = {"submitted_values": {"csat_survey_response": {"rating": 5}}}
    found = figures(
        "chat",
        [
            chatwoot.changed("conversation_created", status="pending"),
            said(1, 1, "incoming"),
            said(2, 2, "outgoing", sender=chatwoot.BOT),
            said(3, 10, "incoming"),
            turned(20, "pending", "open"),
            said(4, 21, "template", sender=None),
            said(5, 30, "outgoing", sender=chatwoot.AGENT, private=True),
            said(6, 50, "outgoing", sender=chatwoot.AGENT),
            turned(100, "open", "resolved"),
            said(7, 101, "template", event="message_updated", content_attributes=rated)
            | {"conversation": chatwoot.conversation(updated_at=AT + 200)},
        ],
        "chatwoot",
    )
    assert (found["messages_in"], found["messages_out"]) == (2, 1)
    assert (found["frt_count"], found["frt_mean_s"], found["sl_met"]) == (1, 30, 1)
    assert (found["conversations_opened"], found["conversations_resolved"], found["backlog_open"]) == (1, 1, 0)


def test_intercom_snoozing_ends_when_the_customer_writes() -> None:
    def part(number: int, after: int, kind: str = "comment", **fields: Any) -> dict[str, Any]:
        return intercom.part(kind, id=str(number), created_at=AT + after, **fields)

    def told(topic: str, *parts: dict[str, Any]) -> dict[str, Any]:
        return intercom.notification(f"conversation.{topic}", *parts)

    story = [
        told("user.created"),
        told("admin.replied", part(1, 40, "assignment", assigned_to=intercom.ADMIN)),
        told("admin.assigned", part(1, 40, "assignment", assigned_to=intercom.ADMIN)),
        told("admin.snoozed", part(2, 60, "snoozed")),
    ]
    found = figures("chat", list(story), "intercom")
    assert (found["backlog_pending"], found["backlog_waiting"], found["concurrency"]) == (1, 0, 0)
    story += [told("user.replied", part(3, 90, author=intercom.USER))]
    found = figures("chat", list(story), "intercom", "agent:budi")
    assert (found["backlog_pending"], found["backlog_waiting"], found["concurrency"]) == (0, 1, 1)
    story += [told("admin.replied", part(4, 100)), told("admin.closed", part(5, 120, "close"))]
    found = figures("chat", list(story), "intercom")
    assert (found["frt_mean_s"], found["nrt_mean_s"], found["conversations_resolved"]) == (40, 10, 1)
    assert (found["messages_in"], found["messages_out"], found["backlog_open"]) == (2, 2, 0)


def test_a_mail_is_answered_by_a_person_not_by_the_machine() -> None:
    found = figures(
        "email",
        [
            mail(Date="Wed, 12 Jun 2024 10:00:00 +0000"),
            mail(
                From="help@acme.example",
                To=CUSTOMER,
                Date="Wed, 12 Jun 2024 10:00:05 +0000",
                Message_ID="<auto@acme.example>",
                References="<q1@mail.example>",
                Auto_Submitted="auto-replied",
            ),
            mail(
                From="budi@acme.example",
                To=CUSTOMER,
                Date="Wed, 12 Jun 2024 10:30:00 +0000",
                Message_ID="<a1@acme.example>",
                In_Reply_To="<q1@mail.example>",
            ),
            mail(
                Date="Wed, 12 Jun 2024 10:40:00 +0000",
                Message_ID="<q2@mail.example>",
                References="<q1@mail.example> <a1@acme.example>",
                X_Autoreply="yes",
            ),
        ],
    )
    assert (found["messages_in"], found["messages_out"], found["conversations_opened"]) == (1, 1, 1)
    assert (found["frt_count"], found["frt_mean_s"], found["backlog_waiting"]) == (1, 1800, 0)


def test_whatsapp_an_answer_from_the_phone_app() -> None:
    answer = whatsapp.text(id="wamid.B", to=whatsapp.NUMBER, timestamp=str(AT + 60))
    found = figures(
        "whatsapp",
        [
            whatsapp.body(whatsapp.change(messages=[whatsapp.text()])),
            whatsapp.body(whatsapp.change("smb_message_echoes", message_echoes=[answer])),
            whatsapp.body(whatsapp.change(messages=[whatsapp.text(id="wamid.R", type="reaction")])),
            whatsapp.body(whatsapp.change(statuses=[whatsapp.status("failed", timestamp=str(AT + 61))])),
        ],
    )
    assert (found["messages_in"], found["messages_out"], found["frt_mean_s"]) == (1, 1, 60)
    assert (found["backlog_waiting"], found["conversations_opened"]) == (0, 1)
