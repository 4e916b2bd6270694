"""Real payloads and the events they give: `tests/golden/channels/*.ndjson`, one payload a line, read over by hand.

A line names the payload's file and holds its events without `v`, `tenant` and the fields at their default, what was
ignored and, where it was refused, why. The payloads themselves are not part of the repository. After a change that is
meant, write the lines anew and read what differs: `python -m tests.unit.test_channels_golden`.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from streams.channels import House, Reading, Rejected, normalise, read
from streams.codecs import decode, encode
from streams.events import MAX_AT, Event

DATA = Path(__file__).parents[3] / "shared" / "data"
GOLDEN = Path(__file__).parents[1] / "golden" / "channels"
# A domain of the set stands for the house, so that there is mail out, too.
HOUSE = House(key=b"golden", addresses=frozenset(["37signals.com"]))
RECEIVED = {"received_at": "1767225600000"}  # 2026-01-01: later than any of the payloads
SETS = ("whatsapp", "chatwoot", "intercom", "email")

Payload = tuple[str, str, bytes, dict[str, str]]


def payloads(name: str) -> Iterator[Payload]:
    """Every payload of a set: its name, channel, body and headers."""
    match name:
        case "whatsapp":
            held = json.loads((DATA / "whatsapp" / "netflie_payloads.json").read_bytes())["payloads"]
            for index, each in enumerate(held):
                yield f"{index:02} {' '.join(each['kinds'])}", name, json.dumps(each["payload"]).encode(), {}
        case "email":
            for path in sorted(DATA.glob("email/*/*")):
                yield f"{path.parent.name}/{path.name}", name, path.read_bytes(), RECEIVED
        case _:
            for path in sorted(DATA.glob(f"chat/{name}*/*.json")):
                yield path.name, "chat", path.read_bytes(), {"source": name}


def line(payload: Payload) -> dict[str, Any]:
    """What the golden file says of a payload."""
    name, channel, body, headers = payload
    try:
        reading = read(channel, body, headers, HOUSE)
    except Rejected as rejected:
        return {"payload": name, "rejected": str(rejected)}
    shown: dict[str, Any] = {"payload": name, "events": [shown_event(each) for each in reading.events]}
    if reading.ignored:
        shown["ignored"] = list(reading.ignored)
    if reading.faults:
        shown["faults"] = [str(fault) for fault in reading.faults]
    return shown


def shown_event(event: Event) -> dict[str, Any]:
    defaults = dict(zip(reversed(event.__struct_fields__), reversed(event.__struct_defaults__), strict=False))
    return {
        name: value
        for name, value in json.loads(encode(event)).items()
        if name not in {"v", "tenant"}
        and (name == "type" or name not in defaults or (value or None) != (defaults[name] or None))
    }


def needs(path: Path) -> None:
    if not path.exists():
        pytest.skip("no shared data")


@pytest.mark.parametrize("name", SETS)
def test_every_real_payload_gives_the_events_of_the_golden_file(name: str) -> None:
    needs(DATA)
    expected = [json.loads(each) for each in (GOLDEN / f"{name}.ndjson").read_text().splitlines()]
    found = [line(each) for each in payloads(name)]
    assert [each["payload"] for each in found] == [each["payload"] for each in expected]
    for one, other in zip(found, expected, strict=True):
        assert one == other


@pytest.mark.parametrize("name", SETS)
def test_a_payload_delivered_twice_gives_the_same_events_and_the_codec_takes_them(name: str) -> None:
    needs(DATA)
    for _, channel, body, headers in payloads(name):
        readings: list[Reading] = []
        for _ in range(2):
            try:
                readings.append(read(channel, body, headers, HOUSE))
            except Rejected:
                break
        else:
            assert readings[0].events == readings[1].events
        for event in readings[0].events if readings else ():
            assert decode(encode(event), MAX_AT) == event


def test_odd_date_headers_mean_their_instants() -> None:
    needs(DATA / "email" / "odd_date_headers.json")
    for case in json.loads((DATA / "email" / "odd_date_headers.json").read_bytes())["cases"]:
        mail = f"From: a@b.example\r\nDate: {case['date_header']}\r\nMessage-ID: <1@b>\r\n\r\n".encode()
        if case["expected_utc"] is None:
            with pytest.raises(Rejected, match="missing_field"):
                normalise("email", mail, {})
            (event,) = normalise("email", mail, RECEIVED)
            assert event.at == int(RECEIVED["received_at"])
            continue
        expected = datetime.fromisoformat(case["expected_utc"]).timestamp() * 1000
        (event,) = normalise("email", mail, {})
        assert event.at == expected, case["date_header"]


def main() -> None:
    """Write the golden files anew."""
    for name in SETS:
        text = "".join(json.dumps(line(each), ensure_ascii=False) + "\n" for each in payloads(name))
        (GOLDEN / f"{name}.ndjson").write_text(text)


if __name__ == "__main__":
    main()
