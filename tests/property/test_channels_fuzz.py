"""Whatever a provider sends, a channel gives events that the codec takes, or says why not, soon."""

import json
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.channels import CHANNELS, Reading, Rejected, normalise, read
from streams.channels.mail_dates import date_ms
from streams.clock import running_s
from streams.codecs import decode, encode
from streams.events import MAX_AT
from streams.rejects import REASONS
from tests.unit import test_channels_chatwoot as chatwoot
from tests.unit import test_channels_intercom as intercom
from tests.unit import test_channels_whatsapp as whatsapp
from tests.unit.test_channels_email import mail
from tests.unit.test_channels_golden import DATA, SETS, payloads

unhurried = settings(deadline=None)  # a busy machine is no bug

channels = st.sampled_from([("whatsapp", ""), ("email", ""), ("chat", "chatwoot"), ("chat", "intercom")])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
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


def only_rejected(channel: str, body: bytes, source: str) -> None:
    """Events that come back as they are, or the typed error; twice the same."""
    headers = {"source": source, "received_at": "1718186400000"}
    reading = Reading((), (), ())
    with suppress(Rejected):
        reading = read(channel, body, headers)
    assert {fault.reason for fault in reading.faults} <= REASONS.keys()
    for event in reading.events:
        assert decode(encode(event), MAX_AT) == event
    assert not reading.events or read(channel, body, headers).events == reading.events


@unhurried
@given(channels, st.binary(max_size=300))
def test_arbitrary_bytes(channel: tuple[str, str], body: bytes) -> None:
    only_rejected(channel[0], body, channel[1])


@unhurried
@given(channels, json_values)
def test_arbitrary_json(channel: tuple[str, str], value: object) -> None:
    only_rejected(channel[0], json.dumps(value).encode(), channel[1])


@unhurried
@given(
    st.sampled_from(sorted(CHANNELS)), st.dictionaries(st.sampled_from(["tenant", "source", "received_at"]), st.text())
)
def test_arbitrary_headers(channel: str, headers: dict[str, str]) -> None:
    with suppress(Rejected):
        normalise(channel, mail(), headers)


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(OWN + REAL), st.data())
def test_a_changed_payload(payload: tuple[str, str, Any], data: st.DataObject) -> None:
    channel, source, found = payload
    changed = json.loads(json.dumps(found))
    for _ in range(data.draw(st.integers(1, 4))):
        holder, step = changed, None
        while isinstance(holder, (dict, list)) and holder:
            steps = sorted(holder) if isinstance(holder, dict) else range(len(holder))
            step = data.draw(st.sampled_from(list(steps)))
            if not (isinstance(holder[step], (dict, list)) and holder[step]) or data.draw(st.integers(0, 5)) == 0:
                break
            holder = holder[step]
        if step is None or not isinstance(holder, (dict, list)) or not holder:
            continue
        match data.draw(st.sampled_from(["replace", "remove", "double"])):
            case "replace":
                holder[step] = data.draw(json_values | st.just(10**30) | st.just("\x00") | st.just("9" * 600))
            case "double":
                holder[step] = [holder[step], holder[step]]
            case _:
                del holder[step]
    only_rejected(channel, json.dumps(changed).encode(), source)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(MAILS), st.integers(0, 2_000), st.integers(0, 40), st.binary(max_size=20))
def test_a_damaged_mail(raw: bytes, place: int, gone: int, junk: bytes) -> None:
    only_rejected("email", raw[:place] + junk + raw[place + gone :], "")


field_texts = st.text(st.sampled_from(list('<>@()"\\,;: \t=?Bqab1é\x00[]')), max_size=60)
FIELDS = ["From", "To", "Reply_To", "Date", "Message_ID", "References", "In_Reply_To", "Auto_Submitted", "Return_Path"]


@unhurried
@given(st.dictionaries(st.sampled_from(FIELDS), field_texts))
def test_a_mail_with_wild_fields(fields: dict[str, str]) -> None:
    only_rejected("email", mail(**fields), "")


@unhurried
@given(st.text(st.sampled_from(list("0123456789 :+-/.,()JanFebUTCPMZ")), max_size=60) | st.text(max_size=30))
def test_a_date_is_an_instant_or_none(text: str) -> None:
    assert isinstance(date_ms(text), int | None)


def test_what_is_made_to_take_long_does_not() -> None:
    """Nested JSON, and fields that lead a careless expression to read the same text again and again."""
    many = 200_000
    wild = ["(" * many, '"' * many, "\\" * many, '\\"' * many, "a" * many, "<" * many, "<a" * many, "=?a?q?" * many]
    wild += [
        "a@" * many,
        "1 Jan 20 1:" * (many // 10),
        "12 Jun 2024 10" + " " * many,
        "\t" * many,
        " " * many,
        ",;" * many,
    ]
    started = running_s()
    for channel, source in (("whatsapp", ""), ("chat", "chatwoot"), ("chat", "intercom")):
        for junk in (b"[" * many, b'{"a":' * (many // 5), b'{"entry":' * (many // 9), b"[" * 400 + b"]" * 400):
            only_rejected(channel, junk, source)
    for text in wild:
        for name in ("From", "To", "Date", "References", "Received", "Precedence"):
            only_rejected("email", mail(**{name: text}), "")
            only_rejected(
                "email", mail(**{name: text}).replace(b"Subject:", f"{name}: {text[:16_000]}\r\n".encode() * 40), ""
            )
    assert running_s() - started < 120  # a busy machine; one such mail takes well under a second
