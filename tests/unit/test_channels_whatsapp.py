"""WhatsApp Cloud API bodies of our own making, one rule each."""

import json
from base64 import b64encode
from typing import Any

import pytest

from streams.channels import House, Ignored, Rejected, normalise, read
from streams.channels.whatsapp import MESSAGES, NO_MESSAGES, UNREADABLE
from streams.codecs import encode
from streams.events import Delivery, Event, Message

NUMBER = "6281234567890"
AT = 1_718_186_400


def text(**fields: Any) -> dict[str, Any]:
    return {"from": NUMBER, "id": "wamid.A", "timestamp": str(AT), "type": "text", "text": {"body": "Halo"}} | fields


def status(state: str, **fields: Any) -> dict[str, Any]:
    return {"id": "wamid.B", "status": state, "timestamp": str(AT), "recipient_id": NUMBER} | fields


def change(field: str = "messages", **lists: Any) -> dict[str, Any]:
    line = {"display_phone_number": "62215550000", "phone_number_id": "106540352242922"}
    return {"field": field, "value": {"messaging_product": "whatsapp", "metadata": line} | lists}


def body(*changes: dict[str, Any]) -> bytes:
    entry = {"id": "102290129340398", "changes": list(changes)}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def events(*changes: dict[str, Any], **house: Any) -> list[Event]:
    return normalise("whatsapp", body(*changes), {"tenant": "acme"}, House(key=b"k", **house))


def message(**fields: Any) -> Message:
    (event,) = events(change(messages=[text(**fields)]))
    assert isinstance(event, Message)
    return event


def test_a_text_is_a_customers_message() -> None:
    event = message()
    assert (event.tenant, event.channel, event.at) == ("acme", "whatsapp", AT * 1000)
    assert (event.direction, event.author, event.private, event.auto) == ("inbound", "customer", False, False)
    assert event.customer_id is not None
    assert len(event.customer_id) == 32


@pytest.mark.parametrize("kind", sorted(MESSAGES))
def test_every_kind_of_message_counts(kind: str) -> None:
    assert message(type=kind).author == ("system" if kind == "system" else "customer")


@pytest.mark.parametrize(
    ("part", "why"),
    [
        *((text(type=kind), Ignored.NO_MESSAGE) for kind in sorted(NO_MESSAGES)),
        *((text(type=kind), Ignored.UNREADABLE) for kind in sorted(UNREADABLE)),
        (text(type="image", errors=[{"code": 400}]), Ignored.UNREADABLE),
        (text(type="hologram"), Ignored.UNKNOWN_KIND),
    ],
)
def test_what_no_agent_can_answer_is_counted_and_no_message(part: dict[str, Any], why: Ignored) -> None:
    reading = read("whatsapp", body(change(messages=[part])), {})
    assert (reading.events, reading.ignored, reading.faults) == ((), (why,), ())


def test_two_cards_in_one_message_are_one_message() -> None:
    assert message(type="contacts", contacts=[{"name": {}}, {"name": {}}]).author == "customer"


@pytest.mark.parametrize("state", ["sent", "delivered", "read", "failed"])
def test_a_status_is_a_delivery(state: str) -> None:
    (event,) = events(change(statuses=[status(state, errors=[{"code": 131053}])]))
    assert isinstance(event, Delivery)
    assert event.state == state
    assert event.event_id == f"{event.message_id}-{state}"
    assert event.conversation_id == message().conversation_id


def test_a_delivery_names_the_message_that_the_echo_was() -> None:
    sent, delivered = events(
        change("smb_message_echoes", message_echoes=[text(id="wamid.B", to=NUMBER)]),
        change(statuses=[status("delivered")]),
    )
    assert isinstance(delivered, Delivery)
    assert delivered.message_id == sent.event_id


@pytest.mark.parametrize("state", ["deleted", "played", "warning", "pending", ""])
def test_other_states_are_counted(state: str) -> None:
    reading = read("whatsapp", body(change(statuses=[status(state)])), {})
    assert (reading.events, reading.ignored) == ((), (Ignored.OTHER_STATE,))


def test_a_status_without_a_time_takes_the_records() -> None:
    part = status("read")
    del part["timestamp"]
    (event,) = normalise("whatsapp", body(change(statuses=[part])), {"received_at": "1718186400123"})
    assert event.at == 1_718_186_400_123
    with pytest.raises(Rejected, match=r"missing_field: \$.entry\[0\].changes\[0\].value.statuses\[0\].timestamp"):
        normalise("whatsapp", body(change(statuses=[part])), {})


def test_a_member_of_a_group_has_a_status_of_its_own() -> None:
    group = {"recipient_id": "group-1", "recipient_type": "group"}
    parts = [status("read", recipient_participant_id=each, **group) for each in ("62811", "62812")]
    asked = message(group_id="group-1")
    read_by = events(change(statuses=parts))
    assert len({event.event_id for event in read_by}) == 2
    assert {event.conversation_id for event in read_by if isinstance(event, Delivery)} == {asked.conversation_id}


@pytest.mark.parametrize("field", ["smb_message_echoes", "message_echoes"])
def test_an_echo_is_an_agents_message_in_the_customers_conversation(field: str) -> None:
    echo = change(field, message_echoes=[text(id="wamid.C", to=NUMBER) | {"from": "62215550000"}])
    (event,) = events(echo)
    asked = message()
    assert isinstance(event, Message)
    assert (event.direction, event.author) == ("outbound", "agent")
    assert (event.conversation_id, event.customer_id) == (asked.conversation_id, asked.customer_id)
    assert event.agent_id is not None
    (named,) = events(echo, agents={"whatsapp:106540352242922": "budi"})
    assert isinstance(named, Message)
    assert named.agent_id == "budi"


def test_many_entries_changes_and_parts_in_their_order() -> None:
    first = json.loads(body(change(messages=[text(id="1"), text(id="2")]), change(statuses=[status("sent")])))
    second = json.loads(body(change("account_update"), change(messages=[text(id="3")])))
    first["entry"] += second["entry"]
    reading = read("whatsapp", json.dumps(first).encode(), {})
    assert [type(event).__name__ for event in reading.events] == ["Message", "Message", "Delivery", "Message"]
    assert reading.ignored == (Ignored.OTHER_TOPIC,)


def test_a_bad_part_leaves_the_others() -> None:
    parts = [text(id="1"), text(timestamp="soon"), "junk", text(id=7), text(id="2")]
    reading = read("whatsapp", body(change(messages=parts)), {})
    assert len(reading.events) == 2
    assert [fault.reason for fault in reading.faults] == ["bad_value", "wrong_type", "wrong_type"]
    assert "messages[1].timestamp" in reading.faults[0].detail
    assert len(normalise("whatsapp", body(change(messages=parts)), {})) == 2


def test_a_change_without_a_line_is_a_fault() -> None:
    with pytest.raises(Rejected, match=r"missing_field: \$.entry\[0\].changes\[0\].value"):
        events({"field": "messages", "value": {"messages": [text()]}})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("5541988887777", "554188887777"),  # Brazil
        ("5491123456789", "541123456789"),  # Argentina
        ("5215512345678", "525512345678"),  # Mexico
        ("+6281234567890", "6281234567890"),
    ],
)
def test_the_same_phone_written_in_two_ways_is_one_customer(one: str, other: str) -> None:
    first, second = message(**{"from": one}), message(**{"from": other})
    assert (first.customer_id, first.conversation_id) == (second.customer_id, second.conversation_id)


def test_a_landline_keeps_its_digits() -> None:
    assert message(**{"from": "5541933334444"}).customer_id != message(**{"from": "554133334444"}).customer_id


def test_a_customer_without_a_number_is_metas_user_id() -> None:
    part = text(from_user_id="ID.1234")
    del part["from"]
    (named,) = events(change(messages=[part]))
    del part["from_user_id"]
    (only,) = events(change(messages=[part], contacts=[{"user_id": "ID.1234"}]))
    assert isinstance(named, Message)
    assert isinstance(only, Message)
    assert named.customer_id == only.customer_id
    with pytest.raises(Rejected, match=r"missing_field.*messages\[0\].from"):
        events(change(messages=[part], contacts=[{"user_id": "ID.1"}, {"user_id": "ID.2"}]))


def test_numbers_of_the_business_have_conversations_of_their_own() -> None:
    other = change(messages=[text(id="wamid.D")])
    other["value"]["metadata"]["phone_number_id"] = "2"
    first, second = events(change(messages=[text()]), other)
    assert isinstance(first, Message)
    assert isinstance(second, Message)
    assert first.conversation_id != second.conversation_id
    assert first.customer_id == second.customer_id


def test_a_message_id_that_holds_the_number_is_hashed() -> None:
    wamid = "wamid." + b64encode(b"\x1d\x00" + NUMBER.encode()).decode()
    (event,) = events(change(messages=[text(id=wamid)]))
    assert wamid.encode() not in encode(event)
    assert event.event_id == message(id=wamid).event_id != message(id="wamid.E").event_id


@pytest.mark.parametrize(
    ("payload", "ignored"),
    [
        ({"object": "whatsapp_business_account", "entry": {}}, [Ignored.NOTHING]),
        ({"object": "whatsapp_business_account", "entry": []}, [Ignored.NOTHING]),
        ({"object": "page", "entry": [{}]}, [Ignored.OTHER_TOPIC]),
        (json.loads(body(change())), [Ignored.NOTHING]),
        (json.loads(body(change("history", history=[{}]))), [Ignored.OTHER_TOPIC]),
        (json.loads(body(change(errors=[{"code": 130429}]))), [Ignored.PROVIDER_ERROR]),
    ],
)
def test_what_is_no_message_is_no_error(payload: Any, ignored: list[Ignored]) -> None:
    reading = read("whatsapp", json.dumps(payload).encode(), {})
    assert (reading.events, reading.faults, list(reading.ignored)) == ((), (), ignored)


@pytest.mark.parametrize(
    ("junk", "reason"),
    [
        (b"", "not_json"),
        (b"\xff", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"entry": NaN}', "not_json"),
        (b"[]", "wrong_type"),
        (b"{}", "missing_field"),
        (b'{"entry": 5}', "wrong_type"),
        (b'{"entry": [{"changes": "x"}]}', "wrong_type"),
        (b" " * 1_048_577, "too_large"),
    ],
)
def test_what_is_no_body_is_refused(junk: bytes, reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        normalise("whatsapp", junk, {})
    assert caught.value.reason == reason


@pytest.mark.parametrize("stamp", ["0", "-1", "1e400", "999999999999999", "", 1e300, 2**70, "٣"])
def test_an_instant_out_of_range_is_refused(stamp: object) -> None:
    with pytest.raises(Rejected, match="bad_value") as caught:
        events(change(messages=[text(timestamp=stamp)]))
    assert caught.value.detail.startswith("$.entry[0].changes[0].value.messages[0].timestamp")
