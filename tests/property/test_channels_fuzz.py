"""Whatever a provider sends, a channel gives events that the codec takes, or says why not, soon."""

import json
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.channels import CHANNELS, Rejected, normalise
from streams.channels.mail_dates import date_ms
from streams.clock import running_s
from tests.fuzz import targets
from tests.fuzz.payloads import MAILS, OWN, REAL
from tests.unit.test_channels_email import mail

unhurried = settings(deadline=None)  # a busy machine is no bug

channels = st.sampled_from([("whatsapp", ""), ("email", ""), ("chat", "chatwoot"), ("chat", "intercom")])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@unhurried
@given(channels, st.binary(max_size=300))
def test_arbitrary_bytes(channel: tuple[str, str], body: bytes) -> None:
    targets.raw(channel[0], body, channel[1])


@unhurried
@given(channels, json_values)
def test_arbitrary_json(channel: tuple[str, str], value: object) -> None:
    targets.raw(channel[0], json.dumps(value).encode(), channel[1])


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
    targets.raw(channel, json.dumps(changed).encode(), source)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(MAILS), st.integers(0, 2_000), st.integers(0, 40), st.binary(max_size=20))
def test_a_damaged_mail(raw: bytes, place: int, gone: int, junk: bytes) -> None:
    targets.raw("email", raw[:place] + junk + raw[place + gone :], "")


field_texts = st.text(st.sampled_from(list('<>@()"\\,;: \t=?Bqab1é\x00[]')), max_size=60)
FIELDS = ["From", "To", "Reply_To", "Date", "Message_ID", "References", "In_Reply_To", "Auto_Submitted", "Return_Path"]


@unhurried
@given(st.dictionaries(st.sampled_from(FIELDS), field_texts))
def test_a_mail_with_wild_fields(fields: dict[str, str]) -> None:
    targets.raw("email", mail(**fields), "")


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
            targets.raw(channel, junk, source)
    for text in wild:
        for name in ("From", "To", "Date", "References", "Received", "Precedence"):
            targets.raw("email", mail(**{name: text}), "")
            targets.raw(
                "email", mail(**{name: text}).replace(b"Subject:", f"{name}: {text[:16_000]}\r\n".encode() * 40), ""
            )
    assert running_s() - started < 120  # a busy machine; one such mail takes well under a second
