"""Dead letters as data: what is put back, and what is remembered of it."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from agents.cli import main
from agents.dlq.letter import Kind, Letter
from agents.dlq.memory import GREATEST, Memory
from streams.codecs import dead_letter
from streams.engine.ports import Record

FUTURE, GARBAGE = Kind("future", "sigap.events", again=False), Kind("not_json", "sigap.raw.chat", again=False)
AGAIN = FUTURE._replace(again=True)


def letter(topic: str = "sigap.events", value: bytes = b"{", **headers: bytes) -> Letter:
    record = Record(b"acme/c1", value, 42, 1_700_000_000_000, tuple(headers.items()))
    return Letter.of(dead_letter(record, "not_json", "why", topic, 3).headers, 1_800_000_000_000)


def test_a_letter_goes_back_with_its_own_headers_and_a_count() -> None:
    first = letter(tenant=b"acme")
    assert (first.topic, first.partition, first.offset, first.returned) == ("sigap.events", 3, 42, 0)
    assert first.source == "sigap.events/3@42"
    assert first.obstacle("sigap") is None
    assert first.headers("sigap") == [("tenant", b"acme"), ("returned", b"1")]
    second = letter(**dict(first.headers("sigap")))  # type: ignore[arg-type]
    assert second.returned == 1
    assert second.kind.again
    assert second.headers("sigap") == [("tenant", b"acme"), ("returned", b"2")]


def test_a_raw_payload_keeps_the_time_when_it_was_received_first() -> None:
    first = letter("sigap.raw.chat")
    assert first.headers("sigap") == [("received_at", b"1700000000000"), ("returned", b"1")]
    assert letter("sigap.raw.chat", Received_At=b"5").headers("sigap")[0] == ("Received_At", b"5")
    older = Letter.of([("source_topic", b"sigap.raw.chat")], 1_800_000_000_000)
    assert older.headers("sigap")[0] == ("received_at", b"1800000000000")


def test_what_is_cut_or_of_no_topic_of_ours_stays() -> None:
    assert "value of 1000000 bytes" in str(letter(value=b" " * 1_000_000).obstacle("sigap"))
    for topic in ("other.events", "sigap.kpi", "sigap.dlq"):
        assert "sigap.raw.chat" in str(letter(topic).obstacle("sigap"))
    assert "sigap.events" in str(Letter.of([], 1).obstacle("sigap"))


def test_a_run_that_chooses_loses_nothing_and_repeats_nothing() -> None:
    memory = Memory(0)
    kinds = [FUTURE, GARBAGE, AGAIN, FUTURE, GARBAGE]
    done: list[int] = []

    def run(*chosen: Kind, end: int = len(kinds), start: int | None = None) -> list[int]:
        nonlocal memory
        memory = Memory.decode(*memory.encode())
        now = []
        for offset in range(memory.first if start is None else start, end):
            if not memory.due(kinds[offset], offset):
                continue
            if kinds[offset] in chosen:
                now.append(offset)
            else:
                memory.leave(kinds[offset], offset)
        memory.passed(end)
        done.extend(now)
        return now

    assert run(FUTURE, end=2) == [0]
    assert run(FUTURE) == [3]
    assert memory.encode()[0] == 1
    assert run(FUTURE) == []
    assert run(GARBAGE, end=2) == [1]
    assert run(FUTURE, GARBAGE) == [4]
    assert run(FUTURE, GARBAGE) == []
    assert memory.first == 2
    assert run(AGAIN) == [2]
    assert memory.encode() == (5, '{"upto":5,"left":[]}')
    assert sorted(done) == [*range(5)]


def test_what_the_broker_has_removed_is_no_longer_left() -> None:
    memory = Memory(10, {FUTURE: 2, GARBAGE: 4})
    memory.leave(GARBAGE, 8)
    memory.passed(10)
    assert memory.left == {GARBAGE: 8}


@pytest.mark.parametrize("text", ["", "{}", "null", "[1]", '{"upto":"x","left":[]}', '{"upto":9,"left":[]}'])
def test_an_offset_that_another_tool_has_set_counts(text: str) -> None:
    memory = Memory.decode(5, text)
    assert (memory.first, memory.upto, memory.left) == (5, 5, {})


def test_a_memory_too_long_for_the_broker_forgets_in_the_safe_direction() -> None:
    left = {Kind(f"reason{number}", "sigap.events", again=False): number + 3 for number in range(200)}
    offset, text = Memory(1_000, left).encode()
    assert (offset, text) == (3, "")
    every: dict[str, Any] = json.loads(Memory(1_000, dict(list(left.items())[:50])).encode()[1])
    assert len(every["left"]) == 50
    assert len(json.dumps(every)) < GREATEST


@pytest.mark.parametrize(
    ("call", "allowed"),
    [
        (["--reason", "boring"], "'not_json'"),
        (["--topic", "kpi"], "raw.whatsapp, raw.email, raw.chat, events"),
        (["--limit", "0"], "x>=1"),
        ([], "HOST:PORT"),
    ],
)
def test_a_wrong_call_exits_2(call: list[str], allowed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGAP_KAFKA", "127.0.0.1:1")
    if not call:
        monkeypatch.delenv("SIGAP_KAFKA")
    result = CliRunner().invoke(main, ["dlq", "replay", *call])
    assert result.exit_code == 2
    assert allowed in result.output
