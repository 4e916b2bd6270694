"""Topics as data, and the commands' manners without a broker."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from agents.commands.dlq import DeadLetter
from agents.commands.dlq import command as dlq
from agents.commands.topics import command as topics
from agents.dlq.letter import Letter
from streams.codecs import dead_letter
from streams.engine.ports import Record
from streams.topics import BY_NAME, TOPICS, Cleanup, Partitions

GOLDEN = Path(__file__).parents[1] / "golden" / "topics.txt"


def dump() -> str:
    """Every topic with every setting, as an operator would want to read a change of it."""
    lines: list[str] = []
    for topic in TOPICS:
        lines += [
            f"{topic.full_name()}{' (internal)' if topic.internal else ''}",
            f"  {topic.meaning}",
            f"  key: {topic.key}; value: {topic.value}; partitions: {topic.partitions} ({topic.count(4)} of 4)",
            *(f"  {name} = {value}" for name, value in sorted(topic.config(3).items())),
            "",
        ]
    return "\n".join(lines)


def test_the_topics_are_those_of_the_golden_file() -> None:
    """After a wanted change: SIGAP_GOLDEN=write pytest tests/unit/test_topics.py."""
    if os.environ.get("SIGAP_GOLDEN") == "write":
        GOLDEN.write_text(dump(), encoding="utf-8")
    assert dump() == GOLDEN.read_text(encoding="utf-8")


def test_the_contracts_topics_are_all_there() -> None:
    cleanup = {topic.full_name(): topic.cleanup for topic in TOPICS if not topic.internal}
    assert cleanup == {
        "sigap.raw.whatsapp": Cleanup.DELETE,
        "sigap.raw.email": Cleanup.DELETE,
        "sigap.raw.chat": Cleanup.DELETE,
        "sigap.events": Cleanup.DELETE,
        "sigap.business": Cleanup.DELETE,
        "sigap.kpi": Cleanup.COMPACT,
        "sigap.kpi.intervals": Cleanup.DELETE,
        "sigap.kpi.minutes": Cleanup.BOTH,
        "sigap.alerts": Cleanup.BOTH,
        "sigap.dlq": Cleanup.DELETE,
    }
    assert len(BY_NAME) == len(TOPICS)


def test_what_lives_by_partition_is_divided_alike() -> None:
    alike = {name for name, topic in BY_NAME.items() if topic.partitions is Partitions.STATE}
    assert alike == {"events", "kpi", "kpi.intervals", "_conversations", "_partials", "_rollup"}


@pytest.mark.parametrize(("replication", "in_sync"), [(1, "1"), (2, "1"), (3, "2"), (5, "2")])
def test_three_replicas_ask_for_two_in_sync(replication: int, in_sync: str) -> None:
    assert all(topic.config(replication)["min.insync.replicas"] == in_sync for topic in TOPICS)


def test_only_deleted_topics_have_a_retention() -> None:
    for topic in TOPICS:
        assert (topic.retention_ms is None) == (topic.cleanup is Cleanup.COMPACT)


@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [
        (topics, ["create", "--partitions", "0"], "0 is not in the range 1<=x<=10000"),
        (topics, ["check"], "SIGAP_KAFKA: required; brokers, HOST:PORT,..."),
        (topics, ["create", "--replication", "x"], "'x' is not a valid integer range"),
        (dlq, ["list", "--limit", "0"], "0 is not in the range x>=1"),
        (dlq, ["list"], "SIGAP_KAFKA: required"),
    ],
)
def test_a_wrong_call_exits_2_and_says_what_is_allowed(command: object, arguments: list[str], said: str) -> None:
    result = CliRunner(env={"SIGAP_KAFKA": None}).invoke(command, arguments)  # type: ignore[arg-type]
    assert result.exit_code == 2
    assert said in result.output


def test_a_dead_letters_line_cannot_speak_to_the_terminal() -> None:
    why = dead_letter(Record(None, b"{", 1, 0), "not_json", "a\x1b[2Jb\nc", "sigap.events", 0)
    letter = DeadLetter(1_000, Letter.of(why.headers, 1_000), 3, b"")
    assert letter.line() == r"1970-01-01T00:00:01Z  not_json         sigap.events/0@1  3 B  a\x1b[2Jb\nc"
