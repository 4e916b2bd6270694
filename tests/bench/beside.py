"""The naive version on stock Faust, measured from outside as Sigap's worker is, and its counts held against Sigap's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from agents.commands.load import cpu_s
from deploy.local.process import ServerProcess
from tests.bench.pure import Pipeline
from tests.bench.shape import TENANT, Load
from tests.bench.topic import fill

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.bench.shape import Item

NOTE = (
    "stock Faust, one event at a time, two tables with changelogs: messages, conversations opened, first responses by "
    "tenant, channel and agent; a subset of what Sigap computes, with none of its guarantees"
)
COUNTED = ("messages_in", "messages_out", "conversations_opened", "frt_count")
APP = "naive"
EVENTS = "naive.events"
CONVERSATIONS = "naive-conversations-changelog"
MINUTES = "naive-minutes-changelog"
CHANGELOGS = (CONVERSATIONS, MINUTES)
"""As `tests.bench.naive` names them; it is not imported here, as it would make a Faust app of this process."""
PATIENCE_S = 300.0
_STOP_S = 25.0
_STEP_S = 0.1
Counts = dict[str, dict[str, int]]


class _Mark(NamedTuple):
    """How many changelog records there are, and when and at which CPU time (s) that was seen."""

    written: int
    at: float
    cpu: float


async def run(kafka: Mapping[str, Any], partitions: int, items: Sequence[Item], folder: Path) -> dict[str, Any]:
    """The figures of the naive version on these events; `counts` are the last ones in its changelog, by scope."""
    admin: Any = AIOKafkaAdminClient(**kafka)
    consumer: Any = AIOKafkaConsumer(**kafka, group_id=None, enable_auto_commit=False)
    async with contextlib.AsyncExitStack() as stack:
        await admin.start()
        stack.push_async_callback(admin.close)
        await consumer.start()
        stack.push_async_callback(consumer.stop)
        # Faust would create the changelogs itself, but at times starts before it knows of them: its agent then crashes
        # at the first event (PartitionsMismatch) and was not seen to get over it within minutes.
        logs = [NewTopic(each, partitions, 1, topic_configs={"cleanup.policy": "compact"}) for each in CHANGELOGS]
        await admin.create_topics([NewTopic(EVENTS, partitions, 1), *logs])
        await fill(kafka, EVENTS, items)
        bootstrap = ",".join(kafka["bootstrap_servers"])
        with _process(bootstrap, partitions, folder) as process:
            first, last = await _measure(admin, consumer, process, partitions, len(items))
        counts = await _counts(consumer, partitions)
    seconds, cpu = last.at - first.at, last.cpu - first.cpu
    return {
        "note": NOTE,
        "events": len(items),
        "events_per_s": round(len(items) / seconds),
        "seconds": round(seconds, 1),
        "cpu_us_per_event": round(cpu / len(items) * 1e6, 1),
        "cores": round(cpu / seconds, 2),
        "changelog_records": last.written,
        "counts": counts,
    }


def differences(counts: Counts, items: Sequence[Item], partitions: int, now_ms: int) -> dict[str, Any]:
    """Where the counts differ from Sigap's own records of the day, computed from the same events: (naive, Sigap)."""
    pipeline = Pipeline(Load(items=list(items)), partitions, now_ms)
    pipeline.run()
    expected: dict[str, list[Any]] = {}
    for key, value in pipeline.latest.items():
        tenant, _, rest = (key or b"").decode().partition("/")
        scope, _, window = rest.rpartition("/")
        if tenant == TENANT and window == "today" and _is_counted(scope):
            metrics = json.loads(value or b"")["metrics"]
            expected[scope] = [*(metrics[name] for name in COUNTED), metrics["frt_mean_s"]]
    found: dict[str, list[Any]] = {}
    for scope, one in counts.items():
        answered = one.get("frt_count", 0)
        mean = one["frt_ms"] / answered / 1000 if answered else None
        found[scope] = [*(one.get(name, 0) for name in COUNTED), mean]
    nothing = [*(0 for _ in COUNTED), None]
    pairs = {scope: (found.get(scope, nothing), expected.get(scope, nothing)) for scope in found.keys() | expected}
    return {scope: pair for scope, pair in pairs.items() if pair[0] != pair[1]}


def _is_counted(scope: str) -> bool:
    return scope == "tenant" or (scope.startswith(("channel:", "agent:")) and "/" not in scope)


@contextlib.contextmanager
def _process(bootstrap: str, partitions: int, folder: Path) -> Iterator[ServerProcess]:
    """The naive version as a process of its own, that dies with this one."""
    process = ServerProcess(
        "the naive version",
        # The command's own default starts a web server on all addresses, whatever the app says.
        [sys.executable, "-m", "tests.bench.naive", "--datadir", folder / APP, "worker", "-l", "warn", "--without-web"],
        folder / "naive.log",
        env=os.environ | {"NAIVE_KAFKA": bootstrap, "NAIVE_PARTITIONS": str(partitions)},
    )
    try:
        yield process
    finally:
        process.stop(_STOP_S)


async def _measure(
    admin: Any, consumer: Any, process: ServerProcess, partitions: int, events: int
) -> tuple[_Mark, _Mark]:
    """The first and the last growth of the changelogs: its start and its wait for the next commit are not the work.

    Raises RuntimeError if it ends before, or takes too long.
    """
    deadline = time.monotonic() + PATIENCE_S
    marks: list[_Mark] = []
    while process.running and time.monotonic() < deadline:
        written = sum((await consumer.end_offsets(_partitions(partitions, *CHANGELOGS))).values())
        if written > (marks[-1].written if marks else 0):
            marks.append(_Mark(written, time.monotonic(), cpu_s(process.pid)))
        elif marks:
            # Faust flushes the changes before it commits: all committed and no more growth is the end of the work.
            committed = await admin.list_consumer_group_offsets(APP)
            if sum(max(0, each.offset) for tp, each in committed.items() if tp.topic == EVENTS) >= events:
                return marks[0], marks[-1]
        await asyncio.sleep(_STEP_S)
    why = f"was not done within {PATIENCE_S:.0f} s" if process.running else "ended"
    raise RuntimeError(f"{process.name} {why}; its log ends\n{process.log_tail()}")


def _partitions(count: int, *topics: str) -> list[TopicPartition]:
    return [TopicPartition(topic, each) for topic in topics for each in range(count)]


async def _counts(consumer: Any, partitions: int) -> Counts:
    """What the changelog of minutes holds in the end, summed by scope."""
    logs = _partitions(partitions, MINUTES)
    consumer.assign(logs)
    await consumer.seek_to_beginning(*logs)
    ends = await consumer.end_offsets(logs)
    newest: dict[str, dict[str, int]] = {}
    while any([await consumer.position(each) < ends[each] for each in logs]):
        for records in (await consumer.getmany(timeout_ms=1_000)).values():
            for record in records:
                key, value = json.loads(record.key), json.loads(record.value)
                # A key goes to the partition of the event that changed it. Counts only grow: the greatest is the last.
                if key not in newest or sum(value.values()) > sum(newest[key].values()):
                    newest[key] = value
    counts: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for key, value in newest.items():
        _, scope, _ = key.split("/")
        for name, number in value.items():
            counts[scope][name] += number
    return {scope: dict(one) for scope, one in counts.items()}
