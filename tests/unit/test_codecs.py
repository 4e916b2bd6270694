"""Canonical events: what is accepted, and the reason for each thing that is not."""

import json
from typing import Any

import msgspec
import pytest

from streams.codecs import DEAD_LETTER_BYTES, Rejected, dead_letter, decode, decode_id, encode, encode_id
from streams.engine.ports import Record
from streams.events import Assigned, Message, Presence, Survey, Tagged
from streams.rejects import AHEAD_MS, MAX_RECORD, REASONS

NOW = 1_800_000_000_000

COMMON = {
    "v": 1,
    "tenant": "acme",
    "event_id": "e1",
    "at": NOW - 1,
    "conversation_id": "c1",
    "channel": "chat",
}
EVENTS: dict[str, dict[str, Any]] = {
    "message": COMMON | {"type": "message", "direction": "outbound", "author": "agent", "agent_id": "budi"},
    "assigned": COMMON | {"type": "assigned", "agent_id": None},
    "handoff": COMMON | {"type": "handoff", "team": "billing"},
    "status": COMMON | {"type": "status", "status": "on_hold"},
    "priority": COMMON | {"type": "priority", "priority": "urgent"},
    "tagged": COMMON | {"type": "tagged", "add": ["refund"], "remove": []},
    "survey": COMMON | {"type": "survey", "survey": "nps", "score": 0},
    "delivery": COMMON | {"type": "delivery", "message_id": "m1", "state": "failed"},
    "presence": {
        "v": 1,
        "tenant": "acme",
        "event_id": "e1",
        "at": 1,
        "type": "presence",
        "agent_id": "budi",
        "state": "away",
    },
}
GONE = object()


def changed(kind: str, **fields: Any) -> bytes:
    record = EVENTS[kind] | fields
    return json.dumps({name: value for name, value in record.items() if value is not GONE}).encode()


def refused(value: bytes) -> Rejected:
    with pytest.raises(Rejected) as caught:
        decode(value, NOW)
    assert caught.value.reason in REASONS
    return caught.value


@pytest.mark.parametrize("kind", EVENTS)
def test_every_type_is_accepted_and_written_back(kind: str) -> None:
    event = decode(changed(kind), NOW)
    assert decode(encode(event), NOW) == event


def test_fields_keep_their_meaning() -> None:
    message = decode(changed("message", private=True, unknown={"a": [1]}), NOW)
    assert isinstance(message, Message)
    assert (message.agent_id, message.private, message.auto, message.customer_id) == ("budi", True, False, None)

    assigned = decode(changed("assigned"), NOW)
    assert isinstance(assigned, Assigned)
    assert (assigned.agent_id, assigned.team) == (None, msgspec.UNSET)

    presence = decode(changed("presence", capacity=3), NOW)
    assert isinstance(presence, Presence)
    assert presence.capacity == 3

    tagged = decode(changed("tagged"), NOW)
    assert isinstance(tagged, Tagged)
    assert tagged.add == ("refund",)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"{}x",
        b"customer text",
        b"\xef\xbb\xbf" + changed("message"),
        changed("message").decode().encode("utf-16"),
        changed("message")[:-1] + b',"note":"\xff"}',
        changed("message")[:-1] + b',"agent_id":"\xff"}',
        changed("message")[:-1] + b',"note":NaN}',
        changed("message")[:-1] + b',"at":Infinity}',
        changed("message")[:-1] + b',"note":"\\ud800"}',
        changed("message")[:-1] + b',"note":01}',
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        changed("message")[:-1] + b',"note":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        # The version is wrong too, but what is no JSON has no version.
        b'{"v":2,',
    ],
    ids=lambda value: repr(value[-30:]),
)
def test_not_json(value: bytes) -> None:
    assert refused(value).reason == "not_json"


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("message", "v"),
        ("message", "type"),
        ("message", "tenant"),
        ("message", "event_id"),
        ("message", "at"),
        ("message", "conversation_id"),
        ("message", "channel"),
        ("message", "direction"),
        ("message", "author"),
        ("message", "agent_id"),
        ("status", "status"),
        ("priority", "priority"),
        ("survey", "survey"),
        ("survey", "score"),
        ("delivery", "message_id"),
        ("delivery", "state"),
        ("presence", "agent_id"),
        ("presence", "state"),
    ],
)
def test_missing_field(kind: str, field: str) -> None:
    rejected = refused(changed(kind, **{field: GONE}))
    assert rejected.reason == "missing_field"
    assert rejected.detail.startswith(f"$.{field}: required")


def test_only_an_agents_message_needs_its_agent() -> None:
    assert refused(changed("message", agent_id=GONE)).detail == "$.agent_id: required where author is agent"
    assert refused(changed("message", agent_id=None)).reason == "wrong_type"
    assert isinstance(decode(changed("message", author="bot", agent_id=GONE), NOW), Message)


@pytest.mark.parametrize(
    ("kind", "fields", "detail"),
    [
        ("message", {"v": "1"}, "$.v: integer expected, got text"),
        ("message", {"v": True}, "$.v: integer expected, got boolean"),
        ("message", {"v": 1.0}, "$.v: integer expected, got number"),
        ("message", {"type": None}, "$.type: text expected, got null"),
        ("message", {"tenant": 7}, "$.tenant: text expected, got integer"),
        ("message", {"at": "2026-01-01"}, "$.at: integer expected, got text"),
        ("message", {"at": 1e12}, "$.at: integer expected, got number"),
        ("message", {"direction": []}, "$.direction: text expected, got list"),
        ("message", {"private": None}, "$.private: boolean expected, got null"),
        ("message", {"auto": 1}, "$.auto: boolean expected, got integer"),
        ("assigned", {"team": {}}, "$.team: text expected, got object"),
        ("tagged", {"add": "refund"}, "$.add: list expected, got text"),
        ("tagged", {"add": ["a", 3]}, "$.add[1]: text expected, got integer"),
        ("survey", {"score": "5"}, "$.score: integer expected, got text"),
        ("survey", {"score": True}, "$.score: integer expected, got boolean"),
        ("presence", {"capacity": 1.5}, "$.capacity: integer expected, got number"),
    ],
)
def test_wrong_type(kind: str, fields: dict[str, Any], detail: str) -> None:
    rejected = refused(changed(kind, **fields))
    assert (rejected.reason, rejected.detail) == ("wrong_type", detail)


@pytest.mark.parametrize("value", [b"null", b"1", b'"text"', b"[]", b"true"])
def test_a_record_that_is_no_object_is_of_the_wrong_type(value: bytes) -> None:
    assert refused(value).reason == "wrong_type"


def test_unknown_type() -> None:
    rejected = refused(changed("message", type="typing"))
    assert rejected.reason == "unknown_type"
    assert "message, assigned" in rejected.detail


def test_unknown_version_comes_before_all_else() -> None:
    assert refused(changed("message", v=2, type="typing", tenant=GONE)).reason == "unknown_version"
    assert refused(changed("message", v=-1)).reason == "unknown_version"


@pytest.mark.parametrize(
    ("kind", "fields", "detail"),
    [
        ("message", {"tenant": "Acme"}, "$.tenant: a-z, 0-9, _ and - allowed, the first a letter or digit"),
        ("message", {"tenant": "acme\n"}, "$.tenant: a-z, 0-9, _ and - allowed, the first a letter or digit"),
        ("message", {"tenant": ""}, "$.tenant: must not be empty"),
        ("message", {"channel": "a/b"}, "$.channel: a-z, 0-9, _ and - allowed, the first a letter or digit"),
        ("message", {"channel": "c" * 65}, "$.channel: 65 characters, at most 64 allowed"),
        ("message", {"event_id": ""}, "$.event_id: must not be empty"),
        ("message", {"event_id": "e" * 513}, "$.event_id: 513 bytes, at most 512 allowed"),
        ("message", {"conversation_id": "é" * 257}, "$.conversation_id: 514 bytes, at most 512 allowed"),
        ("message", {"customer_id": "é" * 257}, "$.customer_id: 514 bytes, at most 512 allowed"),
        ("tagged", {"add": ["x", "é" * 257]}, "$.add[1]: 514 bytes, at most 512 allowed"),
        ("tagged", {"remove": [""]}, "$.remove[0]: must not be empty"),
        ("message", {"at": 0}, "$.at: 1 to 253402300799999 allowed"),
        ("message", {"at": 253_402_300_800_000}, "$.at: 1 to 253402300799999 allowed"),
        ("message", {"at": -(10**3000)}, "$.at: 1 to 253402300799999 allowed"),
        ("message", {"direction": "up"}, "$.direction: allowed are inbound, outbound"),
        ("message", {"author": "boss"}, "$.author: allowed are agent, bot, customer, system"),
        ("survey", {"survey": "csat", "score": 0}, "$.score: 1 to 5 allowed for csat"),
        ("survey", {"survey": "csat", "score": 6}, "$.score: 1 to 5 allowed for csat"),
        ("survey", {"survey": "nps", "score": 11}, "$.score: 0 to 10 allowed for nps"),
        ("survey", {"survey": "nps", "score": -1}, "$.score: 0 to 10 allowed for nps"),
        ("survey", {"survey": "ces", "score": 0}, "$.score: 1 to 7 allowed for ces"),
        ("survey", {"survey": "ces", "score": 8}, "$.score: 1 to 7 allowed for ces"),
        ("presence", {"capacity": -1}, "$.capacity: 0 and more allowed"),
        ("presence", {"tenant": "-"}, "$.tenant: a-z, 0-9, _ and - allowed, the first a letter or digit"),
    ],
)
def test_bad_value(kind: str, fields: dict[str, Any], detail: str) -> None:
    rejected = refused(json.dumps(EVENTS[kind] | fields, ensure_ascii=False).encode())
    assert rejected.reason == "bad_value"
    assert rejected.detail == detail


def test_an_integer_too_long_for_python_is_a_bad_value() -> None:
    assert refused(changed("message")[:-1] + b',"at":' + b"9" * 5000 + b"}").reason == "bad_value"
    assert isinstance(decode(changed("message")[:-1] + b',"other":' + b"9" * 5000 + b"}", NOW), Message)


def test_future() -> None:
    assert decode(changed("message", at=NOW + AHEAD_MS), NOW).at == NOW + AHEAD_MS
    rejected = refused(changed("message", at=NOW + AHEAD_MS + 1))
    assert (rejected.reason, rejected.detail) == (
        "future",
        "$.at: 301 s ahead of the clock, at most 300 s allowed",
    )


def test_too_large_is_found_before_anything_is_decoded() -> None:
    record = changed("message", note="")
    exact = changed("message", note="x" * (MAX_RECORD - len(record)))
    assert len(exact) == MAX_RECORD
    assert isinstance(decode(exact, NOW), Message)
    assert refused(exact + b" ").reason == "too_large"
    assert refused(b"[" * (MAX_RECORD + 1)).reason == "too_large"


def test_survey_scales_hold_both_ends() -> None:
    for survey, ends in {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7)}.items():
        for score in ends:
            event = decode(changed("survey", survey=survey, score=score), NOW)
            assert isinstance(event, Survey)
            assert event.score == score


def test_a_field_given_twice_counts_with_its_last_value() -> None:
    event = decode(changed("message")[:-1] + b',"event_id":"second"}', NOW)
    assert event.event_id == "second"
    twice = refused(changed("status")[:-1] + b',"type":"priority","priority":"low"}')
    assert (twice.reason, twice.detail) == ("bad_value", "$.type: given more than once")


def test_no_detail_repeats_what_the_record_holds() -> None:
    secret = "0812-secret"
    for fields in (
        {"type": secret},
        {"tenant": secret + "/"},
        {"direction": secret},
        {"at": secret},
        {"agent_id": [secret]},
        {"event_id": secret * 100},
    ):
        assert secret not in str(refused(changed("message", **fields)))


# --- ids -------------------------------------------------------------------------------------------


def test_ids_are_percent_encoded_where_they_must_be() -> None:
    assert encode_id("budi/jkt: 5|6%") == "budi%2Fjkt%3A%205%7C6%25"
    assert encode_id("Ünï-çødé_1.2@x") == "Ünï-çødé_1.2@x"
    assert decode_id("budi%2fjkt%3A%205%7C6%25") == "budi/jkt: 5|6%"
    assert decode_id("100%41") == "100%41"


# --- dead letters ----------------------------------------------------------------------------------


def test_a_dead_letter_is_the_record_with_the_reason() -> None:
    record = Record(b"acme/c1", b"{", 42, 7, (("tenant", b"acme"), ("reason", b"of an earlier time")))
    letter = dead_letter(record, "not_json", "no JSON at character 1", "sigap.events", 3)
    assert (letter.topic, letter.key, letter.value, letter.partition) == ("dlq", b"acme/c1", b"{", None)
    assert letter.headers == (
        ("tenant", b"acme"),
        ("reason", b"not_json"),
        ("detail", b"no JSON at character 1"),
        ("source_topic", b"sigap.events"),
        ("source_partition", b"3"),
        ("source_offset", b"42"),
        ("source_timestamp", b"7"),
    )


def test_a_dead_letter_always_fits() -> None:
    record = Record(b"k" * 100_000, b"v" * 5_000_000, 1, 0, (("h", b"x" * 100_000),))
    letter = dead_letter(record, "too_large", "", "sigap.events", 0)
    assert letter.key is None
    assert letter.value == b"v" * DEAD_LETTER_BYTES
    assert dict(letter.headers)["cut"] == b"value of 5000000 bytes, key of 100000 bytes, headers of 100001 bytes"
    size = len(letter.value) + sum(len(name) + len(held) for name, held in letter.headers)
    assert size < 950_000
