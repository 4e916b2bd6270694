"""The contract's topics and the dead letters on a real broker."""

import asyncio
import re
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from click.testing import CliRunner

from agents.commands.dlq import command as dlq
from agents.commands.dlq import read
from agents.commands.topics import command as topics
from agents.settings import Environment
from agents.topics import TopicsError, check, create
from deploy.local.ports import free_ports
from streams.codecs import dead_letter
from streams.engine.ports import Output, Record
from streams.topics import TOPICS
from tests.conftest import KafkaServer

pytestmark = pytest.mark.kafka


@pytest.fixture
def environment(kafka: KafkaServer, request: pytest.FixtureRequest) -> Environment:
    prefix = re.sub(r"\W", "-", request.node.name)
    return Environment.read({"SIGAP_KAFKA": kafka.bootstrap, "SIGAP_TOPIC_PREFIX": prefix, "SIGAP_REPLICATION": "1"})


@pytest.fixture
def lines() -> list[str]:
    return []


async def test_created_topics_pass_the_check(environment: Environment, lines: list[str]) -> None:
    created = await create(environment, lines.append, partitions=3)

    assert created.names == tuple(each.full_name(environment.topic_prefix) for each in TOPICS)
    assert created.partitions == 3
    assert await check(environment, lines.append) == []
    again = await create(environment, lines.append)
    assert (again.names, again.partitions) == ((), 3)
    assert lines == []


async def test_another_number_of_partitions_is_refused(environment: Environment, lines: list[str]) -> None:
    await create(environment, lines.append, partitions=2)

    with pytest.raises(TopicsError, match=r"events: 2 partitions, 5 expected: state lives by partition"):
        await create(environment, lines.append, partitions=5)
    differences = await check(environment, lines.append, partitions=5)
    assert len(differences) == 6
    assert "choose another SIGAP_TOPIC_PREFIX" in differences[0]


async def test_the_check_names_what_differs(environment: Environment, lines: list[str]) -> None:
    prefix = environment.topic_prefix
    admin = AIOKafkaAdminClient(bootstrap_servers=list(environment.kafka))
    await admin.start()
    try:
        await admin.create_topics(
            [NewTopic(f"{prefix}.events", 2, 1), NewTopic(f"{prefix}.kpi", 3, 1, topic_configs={"retention.ms": "-1"})]
        )
        async with asyncio.timeout(10):
            while not {f"{prefix}.events", f"{prefix}.kpi"} <= set(await admin.list_topics()):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)
    finally:
        await admin.close()

    differences = await check(environment, lines.append)

    assert f"{prefix}.kpi: cleanup.policy is delete, compact expected" in differences
    assert f"{prefix}.dlq: missing" in differences
    assert any(each.startswith(f"{prefix}.kpi: 3 partitions, 2 expected") for each in differences)
    assert not any("kpi: retention.ms" in each for each in differences)


async def test_missing_brokers_are_waited_for(environment: Environment, lines: list[str]) -> None:
    with pytest.raises(TopicsError, match="given up after 4 s: waiting for brokers: 1 of 3 for 3 replicas"):
        await create(environment, lines.append, replication=3, patience_s=4)
    assert lines == ["waiting for brokers: 1 of 3 for 3 replicas"]


async def test_a_worker_starts_while_a_broker_is_away(environment: Environment, lines: list[str]) -> None:
    await create(environment, lines.append, partitions=2)
    created = await create(environment, lines.append, replication=3, patience_s=0.4)
    assert (created.names, created.partitions, lines) == ((), 2, [])


async def test_an_absent_broker_is_waited_for(lines: list[str]) -> None:
    environment = Environment.read({"SIGAP_KAFKA": f"127.0.0.1:{free_ports(1)[0]}"})
    with pytest.raises(TopicsError, match=r"given up .* waiting for Kafka at 127.0.0.1:"):
        await create(environment, lines.append, patience_s=4)
    assert len(lines) == 1


def test_the_command_creates_and_checks(environment: Environment) -> None:
    env = {"SIGAP_KAFKA": environment.kafka[0], "SIGAP_TOPIC_PREFIX": environment.topic_prefix}
    runner = CliRunner(env=env)

    before = runner.invoke(topics, ["check"])
    made = runner.invoke(topics, ["create", "--partitions", "2"])
    refused = runner.invoke(topics, ["create", "--partitions", "3"])
    after = runner.invoke(topics, ["check", "--partitions", "2"])

    assert before.exit_code == 1
    assert f"{environment.topic_prefix}.events: missing" in before.output
    assert made.exit_code == 0, made.output
    assert f"created {environment.topic_prefix}.events" in made.output
    assert refused.exit_code == 1
    assert "fixed for a prefix" in refused.output
    assert (after.exit_code, after.output) == (0, "the topics are as they should be\n")


async def reject(environment: Environment, *letters: Output) -> None:
    async with AIOKafkaProducer(bootstrap_servers=list(environment.kafka)) as producer:
        for letter in letters:
            name = f"{environment.topic_prefix}.{letter.topic}"
            await producer.send_and_wait(name, letter.value, letter.key, headers=list(letter.headers))


async def test_dead_letters_are_listed_without_their_values(environment: Environment, lines: list[str]) -> None:
    await create(environment, lines.append)
    records = [Record(b"acme/c1", b"secret %d" % offset, offset, 0) for offset in range(5)]
    reasons = ["future", "not_json", "future", "not_json", "future"]
    await reject(
        environment,
        *(
            dead_letter(record, reason, "no JSON", "sigap.events", 3)
            for record, reason in zip(records, reasons, strict=True)
        ),
    )

    newest = await read(environment, 2)
    filtered = await read(environment, 10, "not_json")

    assert [each.letter.source for each in newest] == ["sigap.events/3@3", "sigap.events/3@4"]
    assert [each.letter.source for each in filtered] == ["sigap.events/3@1", "sigap.events/3@3"]
    assert newest[0].line().endswith("not_json         sigap.events/3@3  8 B  no JSON")
    assert await read(environment, 10, "too_large") == []


def test_the_list_shows_values_only_when_asked(environment: Environment) -> None:
    letter = dead_letter(Record(None, b"secret \x1b[2J", 7, 0), "not_json", "no JSON", "sigap.events", 0)
    asyncio.run(create(environment, print))
    asyncio.run(reject(environment, letter))
    runner = CliRunner(env={"SIGAP_KAFKA": environment.kafka[0], "SIGAP_TOPIC_PREFIX": environment.topic_prefix})
    shown, values = runner.invoke(dlq, ["list"]), runner.invoke(dlq, ["list", "--show-values"])

    assert shown.exit_code == values.exit_code == 0, shown.output
    assert "sigap.events/0@7" in shown.output
    assert "secret" not in shown.output
    assert r"secret \x1b[2J" in values.output


async def test_a_missing_dead_letter_topic_says_how_to_make_it(environment: Environment) -> None:
    with pytest.raises(TopicsError, match="sigap topics create"):
        await read(replace(environment, topic_prefix="nowhere"), 1)
