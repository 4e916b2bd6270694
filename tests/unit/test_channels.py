"""What all channels share: headers, settings, pseudonyms, and that nothing personal gets through."""

import json
import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from streams.channels import CHANNELS, House, Ignored, Reading, Rejected, normalise, read
from streams.codecs import encode
from streams.events import Message, OfConversation
from streams.rejects import REASONS
from streams.topics import BY_NAME
from tests.unit import test_channels_chatwoot as chatwoot
from tests.unit import test_channels_email as email
from tests.unit import test_channels_golden as golden
from tests.unit import test_channels_intercom as intercom
from tests.unit import test_channels_whatsapp as whatsapp

MAIL = email.mail()
CHAT = json.dumps(chatwoot.message()).encode()
OWN: dict[str, golden.Payload] = {
    "whatsapp": (
        "own",
        "whatsapp",
        whatsapp.body(whatsapp.change(messages=[whatsapp.text()], statuses=[whatsapp.status("sent")])),
        {},
    ),
    "email": ("own", "email", MAIL, {}),
    "chatwoot": ("own", "chat", CHAT, {"source": "chatwoot"}),
    "intercom": (
        "own",
        "chat",
        json.dumps(intercom.notification("conversation.admin.replied", intercom.part())).encode(),
        {"source": "intercom"},
    ),
}


# --- headers and settings --------------------------------------------------------------------------


def test_a_header_wins_over_the_settings() -> None:
    house = House(tenant="acme", source="chatwoot")
    assert normalise("chat", CHAT, {}, house)[0].tenant == "acme"
    assert normalise("chat", CHAT, {"tenant": "beta"}, house)[0].tenant == "beta"
    assert normalise("email", MAIL, {})[0].tenant == "default"
    with pytest.raises(Rejected, match=r"missing_field.*`topic`"):
        normalise("chat", CHAT, {"source": "intercom"}, house)


@pytest.mark.parametrize(
    ("channel", "headers", "expected"),
    [
        ("pigeon", {}, "bad_value: channel: allowed are whatsapp, email, chat"),
        ("chat", {}, "missing_field: header source: allowed are chatwoot, intercom"),
        ("chat", {"source": "Siti"}, "bad_value: header source: allowed are chatwoot, intercom"),
        ("email", {"tenant": "Siti"}, "bad_value: header tenant: a-z, 0-9"),
        ("email", {"tenant": "a" * 65}, "bad_value: header tenant"),
        ("email", {"received_at": "Siti"}, "bad_value: header received_at"),
        ("email", {"received_at": "0"}, "bad_value: header received_at"),
    ],
)
def test_a_wrong_header_is_refused_with_what_is_allowed(channel: str, headers: dict[str, str], expected: str) -> None:
    with pytest.raises(Rejected, match=expected) as caught:
        normalise(channel, MAIL, headers)
    assert "Siti" not in str(caught.value)


@pytest.mark.parametrize("name", OWN)
def test_pseudonyms_depend_on_the_key_and_on_the_tenant(name: str) -> None:
    _, channel, body, headers = OWN[name]
    found = set()
    for key in (b"one", b"two"):
        for tenant in ("acme", "beta"):
            event = normalise(channel, body, headers | {"tenant": tenant}, House(key=key))[0]
            assert isinstance(event, Message)
            assert event.customer_id is not None
            assert re.fullmatch(r"[0-9a-f]{32}", event.customer_id)
            found.add(event.customer_id)
    assert len(found) == 4


def test_the_key_and_the_addresses_are_in_no_repr() -> None:
    shown = repr(House(key=b"hush", addresses=frozenset(["acme.example"]), agents={"budi@acme.example": "budi"}))
    assert "hush" not in shown
    assert "acme.example" not in shown


def test_every_ignored_part_has_a_meaning() -> None:
    assert all(each.meaning and str(each) == each.value for each in Ignored)


# --- nothing personal ------------------------------------------------------------------------------


def vocabulary() -> frozenset[str]:
    """The words of our own that a payload may use by chance."""
    names: set[str] = {"whatsapp", "email", "chat", "chatwoot", "intercom", "default", "true", "false", "null"}
    for kind in get_args(OfConversation):
        names |= {kind.__struct_config__.tag, *kind.__struct_fields__}
        for hint in get_type_hints(kind).values():
            names |= {each for each in get_args(hint) if isinstance(each, str)}
    return frozenset(names)


WORDS = vocabulary()


def leaves(part: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    match part:
        case dict():
            for name, each in part.items():
                yield from leaves(each, (*path, name))
        case list():
            for index, each in enumerate(part):
                yield from leaves(each, (*path, index))
        case _:
            yield path, part


def secrets_of_json(channel: str, found: Any) -> set[str]:
    """Every text of a webhook, but those that are meant to come through: a chat platform's ids, tags and labels."""
    held: set[str] = set()
    for path, value in leaves(found):
        meant = channel == "chat" and (path[-1] == "id" or "labels" in path or path[-3:-2] == ("tags",))
        if not meant and isinstance(value, str):
            held |= {value, *re.findall(r"[^\s<>@]+", value)}
    return held


def secrets_of_mail(raw: bytes) -> set[str]:
    """Every field's text with its words, and every line of a mail."""
    held = {line.strip() for line in raw.decode("latin-1").splitlines()}
    parsed = message_from_bytes(raw, policy=policy.compat32)
    for value in map(str, parsed.values()):
        held |= {value, *re.findall(r"[^\s<>@,;:\"()]+", value)}
    return held


def assert_clean(text: str, secrets: set[str]) -> None:
    for secret in secrets:
        if len(secret) >= 4 and secret.lower() not in WORDS:
            assert secret not in text, secret


def told(reading: Reading) -> str:
    """Every text that gets out of a reading, without our own words and without what a pseudonym holds by chance."""
    found = [value for event in reading.events for _, value in leaves(json.loads(encode(event)))]
    texts = [value for value in found if isinstance(value, str) and value not in WORDS]
    texts = [re.sub(r"^(whatsapp|email|chatwoot|intercom)-|[0-9a-f]{32}", "", text) for text in texts]
    return "\n".join(texts + [said(fault) for fault in reading.faults])


def said(fault: Rejected) -> str:
    """The error's detail without the path of the field and the names of JSON types."""
    return re.sub(r"^\$[\w.\[\]]*|Expected `[^`]*`, got `[^`]*`", "", fault.detail)


def every_payload() -> Iterator[golden.Payload]:
    yield from OWN.values()
    if golden.DATA.exists():
        for name in golden.SETS:
            yield from golden.payloads(name)


def test_no_text_of_a_payload_gets_out() -> None:
    for _, channel, body, headers in every_payload():
        secrets = secrets_of_mail(body) if channel == "email" else secrets_of_json(channel, json.loads(body))
        try:
            out = told(read(channel, body, headers))
        except Rejected as rejected:
            out = said(rejected)
        assert_clean(out, secrets)


def test_no_text_of_a_spoilt_payload_gets_out() -> None:
    """Each value in turn becomes a list of itself, so that it is wrong where a text or a number is expected."""
    reasons = set()
    for _, channel, body, headers in every_payload():
        if channel == "email":
            continue
        secrets = secrets_of_json(channel, json.loads(body))
        for path, value in leaves(json.loads(body)):
            spoilt = json.loads(body)
            holder = spoilt
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = [value]
            try:
                reading = read(channel, json.dumps(spoilt).encode(), headers)
                out = told(reading)
                reasons |= {fault.reason for fault in reading.faults}
            except Rejected as rejected:
                out = said(rejected)
                reasons.add(rejected.reason)
            assert_clean(out, secrets)
    assert "wrong_type" in reasons
    assert reasons <= REASONS.keys()


# --- the package -----------------------------------------------------------------------------------


def test_every_channel_has_a_raw_topic() -> None:
    assert {f"raw.{channel}" for channel in CHANNELS} == {name for name in BY_NAME if name.startswith("raw.")}


def test_the_documentation_explains_what_is_ignored() -> None:
    text = (Path(__file__).parents[2] / "deploy" / "docs" / "channels.md").read_text()
    for each in Ignored:
        assert f"`{each}`" in text
