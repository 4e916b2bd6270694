"""`sigap schema`: whole, and true of what goes in and what comes out."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from agents.asyncapi import PUBLIC, document, schema_of
from agents.cli import main
from streams.rejects import REASONS
from streams.topics import TOPICS
from tables.replay import replay
from tests.scenarios import scenario
from tests.unit.test_business_events import EVENTS
from tests.watching import House, rule


def errors(topic: str, value: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(schema_of(topic)).iter_errors(value)]


@pytest.mark.parametrize("topic", PUBLIC)
def test_every_schema_is_one(topic: str) -> None:
    Draft202012Validator.check_schema(schema_of(topic))
    assert schema_of(topic)["title"]


@pytest.mark.parametrize("seed", range(6))
def test_what_goes_in_and_what_comes_out_fits(seed: int) -> None:
    config, events, until = scenario(seed)
    result = replay(events, config, until)
    bad = {each["value"] for each in result.dlq}
    checks = {topic: Draft202012Validator(schema_of(topic)) for topic in PUBLIC}
    good = [each for each in events if msgspec.json.encode(each).decode() not in bad]
    assert good
    for topic, values in {
        "events": [each for each in good if each["type"] not in EVENTS],
        "business": [each for each in good if each["type"] in EVENTS],
        "kpi": result.kpi,
        "kpi.intervals": result.intervals,
        "alerts": result.alerts,
    }.items():
        for value in values:
            checks[topic].validate(value)


def test_what_does_not_fit() -> None:
    message = {"v": 1, "tenant": "acme", "event_id": "e", "type": "message", "at": 1, "conversation_id": "c"}
    message |= {"channel": "chat", "direction": "inbound", "author": "customer"}
    assert errors("events", message) == []
    for wrong in ({"v": 2}, {"type": "mystery"}, {"at": -1}, {"tenant": "A b"}, {"event_id": ""}, {"author": "robot"}):
        assert errors("events", message | wrong), wrong
    assert errors("events", {name: value for name, value in message.items() if name != "channel"})
    house = House(rule())
    house.value(0, 0.5)
    house.clock(1)
    (alert,) = house.told
    assert errors("alerts", alert) == []
    assert errors("alerts", alert | {"kind": "sla"})


def references(found: Any) -> Iterator[str]:
    if isinstance(found, dict):
        if isinstance(found.get("$ref"), str):
            yield found["$ref"]
        for each in found.values():
            yield from references(each)
    elif isinstance(found, list):
        for each in found:
            yield from references(each)


def test_the_document_names_every_topic_and_all_that_it_refers_to() -> None:
    found = document("house.one")
    assert found["asyncapi"] == "3.0.0"
    assert {each["address"] for each in found["channels"].values()} == {
        topic.full_name("house.one") for topic in TOPICS if not topic.internal
    }
    assert {each["channel"]["$ref"] for each in found["operations"].values()} == {
        f"#/channels/{name}" for name in found["channels"]
    }
    for reference in references(found):
        place = found
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
    headers = found["components"]["messages"]["dlq"]["headers"]["properties"]
    assert headers.keys() >= {"reason", "detail", "source_topic", "source_partition", "source_offset"}
    assert set(REASONS) <= set(headers["reason"]["enum"])


def test_the_command() -> None:
    whole = CliRunner().invoke(main, ["schema"], env={"SIGAP_TOPIC_PREFIX": "house"})
    assert json.loads(whole.output)["channels"]["kpi"]["address"] == "house.kpi"
    one = CliRunner().invoke(main, ["schema", "alerts"])
    assert json.loads(one.output) == schema_of("alerts")
    wrong = CliRunner().invoke(main, ["schema", "_partials"])
    assert (wrong.exit_code, "kpi.minutes" in wrong.output) == (2, True)
