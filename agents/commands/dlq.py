"""`sigap dlq`: rejected records and their reasons, and how they come back."""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import click
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from agents.commands._environment import failures_as_message, read_environment
from agents.commands._until import say
from agents.commands._wait import wait_option
from agents.dlq.letter import INPUTS, Letter
from agents.dlq.put_back import Choice, Returns
from agents.dlq.report import Progress, report
from agents.groups import NamingGroup
from agents.printable import printable
from agents.settings import Environment
from agents.topics import PATIENCE_S, TopicsError, partition_counts
from streams.rejects import REASONS
from streams.topics import BY_NAME

_POLL_MS = 1_000
_KEPT = 2_000  # bytes of a value


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One rejected record: `at` is when it was rejected, in ms, `size` the bytes of its value."""

    at: int
    letter: Letter
    size: int
    value: bytes

    @classmethod
    def of(cls, record: Any) -> "DeadLetter":
        """The dead letter in a record of aiokafka."""
        value = record.value or b""
        return cls(record.timestamp, Letter.of(record.headers, record.timestamp), len(value), value[:_KEPT])

    def line(self) -> str:
        """Time, reason, source, size and detail; nothing of the value."""
        time = datetime.fromtimestamp(self.at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        letter = self.letter
        cut = f" (cut: {letter.cut})" if letter.cut is not None else ""
        returned = f" (returned: {letter.returned})" if letter.returned else ""
        return printable(f"{time}  {letter.reason:<15}  {letter.source}  {self.size} B  {letter.detail}{cut}{returned}")


@click.group(cls=NamingGroup)
def command() -> None:
    """Rejected records: their reasons; put them back after a fix. SIGAP_KAFKA names the brokers."""


@command.command(name="list")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, metavar="N", help="The newest N.")
@click.option("--reason", metavar="R", help="Only those with this reason, such as missing_field.")
@click.option("--show-values", is_flag=True, help="The values too. They may hold what customers wrote.")
@wait_option
def _list(limit: int, reason: str | None, *, show_values: bool, wait: float) -> None:
    """Show rejected records, the newest last: time, reason, source topic/partition@offset, size, detail."""
    environment = read_environment(kafka=True)
    with failures_as_message():
        letters = asyncio.run(read(environment, limit, reason, patience_s=wait))
    for letter in letters:
        click.echo(letter.line())
        if show_values:
            text = letter.value.decode("utf-8", "backslashreplace")
            click.echo(f"    {printable(text)}{'...' if letter.size > len(letter.value) else ''}")
    click.echo(f"{len(letters)} shown" if letters else "no rejected records", err=True)


@command.command(name="replay")
@click.option(
    "--reason", "reasons", type=click.Choice(list(REASONS)), multiple=True, help="Only those with this reason; again."
)
@click.option("--topic", metavar="T", help=f"Only those from this topic: {', '.join(INPUTS)}.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="The oldest N, then stop.")
@click.option("--again", is_flag=True, help="Also those that were put back before and rejected again.")
@click.option("--from-start", is_flag=True, help="Begin anew: also those that were put back before.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@wait_option
def _replay(reasons: tuple[str, ...], topic: str | None, wait: float, **how: Any) -> None:
    """Put rejected records back into their source topics after a fix: key, value and headers as they came.

    What was put back is remembered, so another run goes on from there. Events have ids: one that comes twice changes
    nothing. Exit 1 if some could not be put back.
    """
    environment = read_environment(kafka=True)
    full = None if topic is None else _source(environment.topic_prefix, topic)
    choice = Choice(frozenset(reasons), full, **how)
    progress = Progress(dry_run=choice.dry_run)
    returns = Returns(environment, choice, progress.told)
    try:
        asyncio.run(returns.run(say, wait))
    except (TopicsError, KafkaError, TimeoutError) as error:
        progress.end()
        why = str(error) or type(error).__name__
        raise click.ClickException(f"{why}\nstopped; another run goes on from what was delivered") from None
    progress.end()
    if not report(returns.outcome, dry_run=choice.dry_run):
        raise SystemExit(1)


def _source(prefix: str, topic: str) -> str:
    name = topic.removeprefix(f"{prefix}.")
    if name not in INPUTS:
        raise click.UsageError(f"--topic {topic!r} is not allowed; allowed: {', '.join(INPUTS)}")
    return f"{prefix}.{name}"


async def read(
    environment: Environment,
    limit: int,
    reason: str | None = None,
    *,
    patience_s: float = PATIENCE_S,
) -> list[DeadLetter]:
    """The newest `limit` dead letters, of one reason if given, oldest first; raises `TopicsError`."""
    name = BY_NAME["dlq"].full_name(environment.topic_prefix)
    count = (await partition_counts(environment, say, patience_s)).get(name)
    if count is None:
        raise TopicsError([f"{name}: missing; `sigap topics create` creates it"])
    consumer = AIOKafkaConsumer(
        **environment.kafka_kwargs(), group_id=None, enable_auto_commit=False, isolation_level="read_committed"
    )
    await consumer.start()
    try:
        return await _read(consumer, [TopicPartition(name, each) for each in range(count)], limit, reason)
    finally:
        await consumer.stop()


async def _read(consumer: Any, partitions: list[TopicPartition], limit: int, reason: str | None) -> list[DeadLetter]:
    consumer.assign(partitions)
    starts = await consumer.beginning_offsets(partitions)
    ends = await consumer.end_offsets(partitions)
    found: dict[TopicPartition, deque[DeadLetter]] = {each: deque(maxlen=limit) for each in partitions}
    for partition in partitions:
        # Without a filter nothing before the last `limit` of a partition can be shown.
        consumer.seek(partition, max(starts[partition], 0 if reason else ends[partition] - limit))
    left = {each for each in partitions if starts[each] < ends[each]}
    while left:
        for partition, records in (await consumer.getmany(*left, timeout_ms=_POLL_MS)).items():
            for record in records:
                letter = DeadLetter.of(record)
                if record.offset < ends[partition] and reason in {None, letter.letter.reason}:
                    found[partition].append(letter)
        for partition in list(left):
            if await consumer.position(partition) >= ends[partition]:
                left.remove(partition)
    return sorted(chain(*found.values()), key=lambda letter: letter.at)[-limit:]
