"""Raw records in: whatever their headers hold, a record becomes events or a dead letter."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from agents.ingest import Ingest
from streams.engine.ports import Output, Record
from tables.settings import Settings


@pytest.mark.parametrize("header", [("trace", None), ("tenant", None), ("tenant", b"\xff A"), ("received_at", b"soon")])
async def test_a_header_of_any_kind_stops_nothing(header: tuple[str, bytes]) -> None:
    published: list[Output] = []

    async def publish(outputs: Sequence[Output]) -> None:
        published.extend(outputs)

    ingest = Ingest(Settings.load(None), None, publish, lambda name: f"sigap.{name}")
    await ingest.handlers()["raw.whatsapp"](0, [Record(b"k", b"{", 0, 1, (header,))])
    (letter,) = published
    assert letter.topic == "dlq"
    assert header in letter.headers


async def test_business_events_are_passed_on_by_whom_they_are_about() -> None:
    published: list[Output] = []

    async def publish(outputs: Sequence[Output]) -> None:
        published.extend(outputs)

    common = {"v": 1, "tenant": "acme", "at": 1_718_186_400_000}
    values: list[dict[str, Any]] = [
        {"type": "subscription", "event_id": "s", "customer_id": "k/1", "kind": "new", "currency": "EUR"}
        | {"mrr_before": 0, "mrr_after": 10},
        {"type": "visit", "event_id": "v", "visitor_id": "w"},
        {"type": "message", "event_id": "m", "conversation_id": "c", "channel": "chat"}
        | {"direction": "inbound", "author": "customer"},
        {"type": "visit", "event_id": "x"},
    ]
    records = [Record(None, json.dumps(common | value).encode(), i, 1) for i, value in enumerate(values)]
    ingest = Ingest(Settings.load(None), None, publish, lambda name: f"sigap.{name}")
    assert await ingest.handlers()["business"](2, [*records, Record(None, None, 9, 1)]) == common["at"]
    events = [each for each in published if each.topic == "events"]
    assert [(each.key, each.value) for each in events] == [
        (b"acme/k%2F1", records[0].value),
        (b"acme/w", records[1].value),
    ]
    letters = [dict(each.headers) for each in published if each.topic == "dlq"]
    assert [letter["reason"] for letter in letters] == [b"unknown_type", b"missing_field"]
    assert letters[0]["source_topic"] == b"sigap.business"
    assert b"allowed are conversion, cost, revenue, subscription, visit" in letters[0]["detail"]
    assert ingest.counts["business", "events"] == 2
    assert ingest.counts["business", "empty"] == 1
