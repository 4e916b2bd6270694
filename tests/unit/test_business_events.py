"""Business events: what is accepted, the reason for each thing that is not, and their keys."""

import json
from typing import Any

import pytest

from streams.business import Cost, Subscription
from streams.codecs import Rejected, decode, encode, key_of
from streams.rejects import REASONS
from tests.oracle.validate import BadInputError
from tests.oracle.validate import decode as decode_plainly

NOW = 1_800_000_000_000
COMMON = {"v": 1, "tenant": "acme", "event_id": "e1", "at": NOW - 1}
POSTING = {"amount": 12.5, "period_start_at": NOW - 10, "period_end_at": NOW + 90}
EVENTS: dict[str, dict[str, Any]] = {
    "subscription": COMMON
    | {"type": "subscription", "customer_id": "c/1", "kind": "new", "mrr_before": 0, "mrr_after": 9, "currency": "EUR"},
    "cost": COMMON | {"type": "cost"} | POSTING,
    "revenue": COMMON | {"type": "revenue", "currency": "IDR"} | POSTING,
    "visit": COMMON | {"type": "visit", "visitor_id": "v1"},
    "conversion": COMMON | {"type": "conversion", "visitor_id": "v1"},
}
GONE = object()


def changed(kind: str, /, **fields: Any) -> bytes:
    record = EVENTS[kind] | fields
    return json.dumps({name: value for name, value in record.items() if value is not GONE}).encode()


def refused(value: bytes) -> Rejected:
    with pytest.raises(Rejected) as caught:
        decode(value, NOW)
    assert caught.value.reason in REASONS
    with pytest.raises(BadInputError, match=f"^{caught.value.reason}$"):
        decode_plainly(value, NOW)
    return caught.value


@pytest.mark.parametrize("kind", EVENTS)
def test_every_type_is_accepted_and_written_back(kind: str) -> None:
    event = decode(changed(kind, unknown=[1]), NOW)
    assert decode(encode(event), NOW) == event
    assert decode_plainly(changed(kind), NOW)


def test_amounts_are_numbers_whole_or_not() -> None:
    assert decode(changed("cost", amount=-3), NOW) == decode(changed("cost", amount=-3.0), NOW)
    subscription = decode(changed("subscription", mrr_after=1e15), NOW)
    assert isinstance(subscription, Subscription)
    assert (subscription.mrr_before, subscription.mrr_after) == (0, 10**15)
    cost = decode(changed("cost", currency=None), NOW)
    assert isinstance(cost, Cost)
    assert cost.currency is None


def test_a_key_holds_what_must_be_seen_together() -> None:
    keys = {kind: key_of(decode(changed(kind), NOW)) for kind in EVENTS}
    assert keys == {
        "subscription": b"acme/c%2F1",
        "cost": b"acme/e1",
        "revenue": b"acme/e1",
        "visit": b"acme/v1",
        "conversion": b"acme/v1",
    }


@pytest.mark.parametrize(
    ("kind", "field"),
    [(kind, field) for kind, event in EVENTS.items() for field in event if (kind, field) != ("revenue", "currency")],
)
def test_missing_field(kind: str, field: str) -> None:
    rejected = refused(changed(kind, **{field: GONE}))
    assert (rejected.reason, rejected.detail) == ("missing_field", f"$.{field}: required")


@pytest.mark.parametrize(
    ("kind", "fields", "detail"),
    [
        ("subscription", {"mrr_after": "9"}, "$.mrr_after: number expected, got text"),
        ("subscription", {"mrr_after": True}, "$.mrr_after: number expected, got boolean"),
        ("subscription", {"mrr_before": None}, "$.mrr_before: number expected, got null"),
        ("subscription", {"currency": None}, "$.currency: text expected, got null"),
        ("subscription", {"customer_id": 7}, "$.customer_id: text expected, got integer"),
        ("cost", {"amount": []}, "$.amount: number expected, got list"),
        ("cost", {"currency": 5}, "$.currency: text expected, got integer"),
        ("cost", {"period_end_at": 1e12}, "$.period_end_at: integer expected, got number"),
        ("visit", {"visitor_id": {}}, "$.visitor_id: text expected, got object"),
    ],
)
def test_wrong_type(kind: str, fields: dict[str, Any], detail: str) -> None:
    rejected = refused(changed(kind, **fields))
    assert (rejected.reason, rejected.detail) == ("wrong_type", detail)


@pytest.mark.parametrize(
    ("kind", "fields", "detail"),
    [
        ("subscription", {"kind": "upgrade"}, "$.kind: allowed are cancel, contraction, expansion, new"),
        ("subscription", {"mrr_before": -0.01}, "$.mrr_before: 0 to 1000000000000000 allowed"),
        ("subscription", {"mrr_after": 10**15 + 1}, "$.mrr_after: 0 to 1000000000000000 allowed"),
        ("subscription", {"currency": "eur"}, "$.currency: three letters A-Z allowed, such as EUR"),
        ("subscription", {"currency": "EU"}, "$.currency: three letters A-Z allowed, such as EUR"),
        ("subscription", {"currency": ""}, "$.currency: must not be empty"),
        ("subscription", {"currency": "EUR\n"}, "$.currency: 4 characters, at most 3 allowed"),
        ("subscription", {"customer_id": "é" * 257}, "$.customer_id: 514 bytes, at most 512 allowed"),
        ("cost", {"amount": -(10**400)}, "$.amount: -1000000000000000 to 1000000000000000 allowed"),
        ("cost", {"period_end_at": NOW - 10}, "$.period_end_at: must be later than period_start_at"),
        ("revenue", {"period_start_at": 0}, "$.period_start_at: 1 to 253402300799999 allowed"),
        ("revenue", {"currency": "€€€"}, "$.currency: three letters A-Z allowed, such as EUR"),
        ("visit", {"visitor_id": ""}, "$.visitor_id: must not be empty"),
        ("visit", {"tenant": "Acme"}, "$.tenant: a-z, 0-9, _ and - allowed, the first a letter or digit"),
    ],
)
def test_bad_value(kind: str, fields: dict[str, Any], detail: str) -> None:
    rejected = refused(changed(kind, **fields))
    assert (rejected.reason, rejected.detail) == ("bad_value", detail)


def test_a_number_beyond_floats_is_a_bad_value() -> None:
    assert refused(changed("cost")[:-1] + b',"amount":1e999}').reason == "bad_value"


def test_no_json_has_no_infinite_amount() -> None:
    with pytest.raises(Rejected, match="not_json"):
        decode(changed("cost")[:-1] + b',"amount":Infinity}', NOW)


def test_business_events_of_the_future_are_refused() -> None:
    assert refused(changed("visit", at=NOW + 300_001)).reason == "future"
