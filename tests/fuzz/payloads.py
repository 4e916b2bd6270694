"""Payloads of every provider, to begin with: some made here, and the real ones where they are at hand."""

from __future__ import annotations

import json
from typing import Any

from tests.unit import test_channels_chatwoot as chatwoot
from tests.unit import test_channels_intercom as intercom
from tests.unit import test_channels_whatsapp as whatsapp
from tests.unit.test_channels_email import mail
from tests.unit.test_channels_golden import DATA, SETS, payloads

OWN: list[tuple[str, str, Any]] = [
    ("whatsapp", "", json.loads(whatsapp.body(whatsapp.change(messages=[whatsapp.text()], contacts=[{"wa_id": "1"}])))),
    ("whatsapp", "", json.loads(whatsapp.body(whatsapp.change(statuses=[whatsapp.status("failed")])))),
    (
        "whatsapp",
        "",
        json.loads(whatsapp.body(whatsapp.change("message_echoes", message_echoes=[whatsapp.text(to="1")]))),
    ),
    ("chat", "chatwoot", chatwoot.message("outgoing", sender=chatwoot.AGENT)),
    ("chat", "chatwoot", chatwoot.updated(status="read")),
    ("chat", "chatwoot", chatwoot.changed("conversation_created", labels=["a"], priority="low")),
    (
        "chat",
        "chatwoot",
        chatwoot.changed("conversation_updated", [chatwoot.change("label_list", ["b"], ["a"])], labels=["a"]),
    ),
    ("chat", "chatwoot", chatwoot.changed("conversation_updated", [chatwoot.change("assignee_id", None, 3)])),
    ("chat", "intercom", intercom.notification("conversation.user.created", intercom.part(author=intercom.USER))),
    (
        "chat",
        "intercom",
        intercom.notification("conversation.admin.assigned", intercom.part(assigned_to=intercom.ADMIN)),
    ),
    (
        "chat",
        "intercom",
        intercom.notification("conversation.rating.added", conversation_rating={"rating": 5, "created_at": 9}),
    ),
    ("chat", "intercom", intercom.notification("conversation_part.tag.created", tags_added={"tags": [{"name": "a"}]})),
]
REAL = (
    [
        (channel, headers.get("source", ""), json.loads(body))
        for name in SETS
        if name != "email"
        for _, channel, body, headers in payloads(name)
    ]
    if DATA.exists()
    else []
)
MAILS = [mail(), *([body for _, _, body, _ in payloads("email") if len(body) < 20_000] if DATA.exists() else [])]
