"""The contract's topics on a broker: create what is missing, say what differs, refuse what cannot be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from streams.topics import PARTITIONS, TOPICS, Partitions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from agents.settings import Environment
    from streams.topics import Topic

_T = TypeVar("_T")

USUAL_REPLICATION = 3
PATIENCE_S = 60.0
"""How long a command waits for brokers; a worker waits for ever."""
_PAUSE_S = 1.0
_REPEAT_S = 5.0  # between two equal lines while waiting


class TopicsError(Exception):
    """The topics cannot be used as they are; `problems` holds every reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class _NotYet(Exception):
    """Brokers are missing or not ready."""


@dataclass(frozen=True, slots=True)
class Created:
    """What `create` has made, and the number of partitions of `events`."""

    names: tuple[str, ...]
    partitions: int


@dataclass(frozen=True, slots=True)
class _Cluster:
    """Partitions and replicas of the topics that exist, and the replicas wanted."""

    partitions: dict[str, int]
    replicas: dict[str, int]
    replication: int
    short: str | None
    """Why topics cannot be created yet; None: enough brokers are there."""


async def create(
    environment: Environment,
    say: Callable[[str], None],
    *,
    partitions: int | None = None,
    replication: int | None = None,
    patience_s: float = PATIENCE_S,
) -> Created:
    """Create the topics that are missing, once enough brokers are there; with none missing a broker may be away.

    `partitions` None: as `events` has, or 4. `replication` None: `SIGAP_REPLICATION`, else 3 or the number of brokers
    if less. `say` gets a line while waiting. Raises `TopicsError`, also for a number of partitions that differs.
    """

    async def work(admin: AIOKafkaAdminClient) -> Created:
        cluster = await _look(admin, environment, replication)
        count, problems = _count(environment.topic_prefix, cluster, partitions)
        if problems:
            raise TopicsError(problems)
        missing = [each for each in TOPICS if each.full_name(environment.topic_prefix) not in cluster.partitions]
        if missing:
            if cluster.short:
                raise _NotYet(cluster.short)
            await _create(admin, environment.topic_prefix, missing, count, cluster.replication)
        return Created(tuple(each.full_name(environment.topic_prefix) for each in missing), count)

    return await _patiently(environment, work, say, patience_s)


async def check(
    environment: Environment,
    say: Callable[[str], None],
    *,
    partitions: int | None = None,
    replication: int | None = None,
    patience_s: float = PATIENCE_S,
) -> list[str]:
    """What differs between the broker's topics and the contract's, a line each; the arguments as for `create`."""

    async def work(admin: AIOKafkaAdminClient) -> list[str]:
        cluster = await _look(admin, environment, replication)
        if cluster.short:
            raise _NotYet(cluster.short)
        _, problems = _count(environment.topic_prefix, cluster, partitions)
        present: list[Topic] = []
        for topic in TOPICS:
            name = topic.full_name(environment.topic_prefix)
            if name not in cluster.partitions:
                problems.append(f"{name}: missing")
                continue
            present.append(topic)
            if cluster.replicas[name] != cluster.replication:
                problems.append(f"{name}: {cluster.replicas[name]} replicas, {cluster.replication} expected")
        return problems + await _config_differences(admin, environment.topic_prefix, present, cluster.replication)

    return await _patiently(environment, work, say, patience_s)


async def partition_counts(environment: Environment, say: Callable[[str], None], patience_s: float) -> dict[str, int]:
    """The number of partitions of every topic on the broker, by full name; raises `TopicsError`."""

    async def work(admin: AIOKafkaAdminClient) -> dict[str, int]:
        return {each["topic"]: len(each["partitions"]) for each in await admin.describe_topics()}

    return await _patiently(environment, work, say, patience_s)


# --- one attempt -----------------------------------------------------------------------------------


async def _look(admin: AIOKafkaAdminClient, environment: Environment, replication: int | None) -> _Cluster:
    """What is there; it is `short` of brokers with fewer than replicas wanted, or than addresses given (up to 3)."""
    brokers = len((await admin.describe_cluster())["brokers"])
    asked = replication or environment.replication
    # Of three brokers one may be the first to be up: it must not become the only one to hold the data.
    wanted = asked or min(USUAL_REPLICATION, max(brokers, len(environment.kafka)))
    why = f"for {wanted} replicas" if asked else "of those named in SIGAP_KAFKA"
    short = f"waiting for brokers: {brokers} of {wanted} {why}" if brokers < wanted else None
    found = [each for each in await admin.describe_topics() if not each["error_code"]]
    return _Cluster(
        {each["topic"]: len(each["partitions"]) for each in found},
        {each["topic"]: min(len(part["replicas"]) for part in each["partitions"]) for each in found},
        wanted,
        short,
    )


def _count(prefix: str, cluster: _Cluster, asked: int | None) -> tuple[int, list[str]]:
    """The number of partitions by which state lives, and why the topics that exist do not allow it."""
    state = [each.full_name(prefix) for each in TOPICS if each.partitions is Partitions.STATE]
    present = {name: cluster.partitions[name] for name in state if name in cluster.partitions}
    count = asked or present.get(f"{prefix}.events") or next(iter(present.values()), PARTITIONS)
    return count, [
        f"{name}: {found} partitions, {count} expected: state lives by partition, so the number is fixed for a prefix; "
        f"to have {count}, choose another SIGAP_TOPIC_PREFIX and replay the events into it"
        for name, found in present.items()
        if found != count
    ]


async def _create(admin: AIOKafkaAdminClient, prefix: str, topics: list[Topic], count: int, replication: int) -> None:
    wanted = [
        NewTopic(each.full_name(prefix), each.count(count), replication, topic_configs=each.config(replication))
        for each in topics
    ]
    response = await admin.create_topics(wanted, timeout_ms=30_000)
    problems = []
    for name, code, *message in response.topic_errors:
        error = for_code(code)
        # Another worker may have been faster.
        if code and error is not TopicAlreadyExistsError:
            if getattr(error, "retriable", False):
                raise _NotYet(f"waiting for brokers: {name} not created yet ({error.__name__})")
            problems.append(f"{name}: not created: {(message and message[0]) or error.__name__}")
    if problems:
        raise TopicsError(problems)
    while not {each.name for each in wanted} <= set(await admin.list_topics()):  # noqa: ASYNC110 - Kafka tells nobody
        await asyncio.sleep(_PAUSE_S / 10)


async def _config_differences(
    admin: AIOKafkaAdminClient, prefix: str, topics: list[Topic], replication: int
) -> list[str]:
    if not topics:
        return []
    wanted = {each.full_name(prefix): each.config(replication) for each in topics}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, dict(config)) for name, config in wanted.items()]
    problems = []
    for response in await admin.describe_configs(resources):
        for code, message, _, name, entries in response.resources:
            if code:
                problems.append(f"{name}: its settings cannot be read: {message or for_code(code).__name__}")
                continue
            found = {entry[0]: entry[1] for entry in entries}
            problems += [
                f"{name}: {key} is {found.get(key)}, {value} expected"
                for key, value in wanted[name].items()
                if _listed(found.get(key)) != _listed(value)
            ]
    return problems


def _listed(value: str | None) -> frozenset[str] | None:
    """A setting that is a list in any order."""
    return None if value is None else frozenset(value.split(","))


# --- waiting ---------------------------------------------------------------------------------------


async def _patiently(
    environment: Environment,
    work: Callable[[AIOKafkaAdminClient], Awaitable[_T]],
    say: Callable[[str], None],
    patience_s: float,
) -> _T:
    """Do `work` with a connected client, again while brokers are missing; after `patience_s` raise `TopicsError`."""
    kwargs = environment.kafka_kwargs()
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    last, again = "", 0.0
    while True:
        try:
            return await _once(kwargs, work)
        except _NotYet as waiting:
            line = str(waiting)
        except (KafkaError, OSError, TimeoutError) as error:
            if isinstance(error, KafkaError) and not _passes(error):
                raise TopicsError([f"Kafka refuses: {type(error).__name__}: {error}"]) from None
            line = f"waiting for Kafka at {', '.join(environment.kafka)}: {type(error).__name__}"
        now = loop.time()
        if now >= deadline:
            raise TopicsError([f"given up after {patience_s:.0f} s: {line}"])
        if line != last or now >= again:
            say(line)
            last, again = line, now + _REPEAT_S
        await asyncio.sleep(min(_PAUSE_S, max(0.0, deadline - now)))


async def _once(kwargs: dict[str, Any], work: Callable[[AIOKafkaAdminClient], Awaitable[_T]]) -> _T:
    admin = AIOKafkaAdminClient(**kwargs, client_id="sigap-topics", request_timeout_ms=40_000)
    try:
        await admin.start()
        return await work(admin)
    finally:
        await admin.close()


def _passes(error: KafkaError) -> bool:
    """Whether an error may be gone on another try: connections, elections, brokers that start."""
    return bool(error.retriable) or type(error).__name__ in {"KafkaConnectionError", "NodeNotReadyError"}
