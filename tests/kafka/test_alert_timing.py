"""Alerts come on time with no traffic at all; the lists of who waits and what is due are right, whoever owns them."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents.runs import read_all
from deploy.local.redis import EmbeddedRedis
from tests.conftest import KafkaServer
from tests.kafka.house import Event, House, event
from tests.kafka.lab import until

pytestmark = [pytest.mark.kafka, pytest.mark.alone, pytest.mark.filterwarnings("ignore::ResourceWarning")]
WITHIN_MS = 1_000
CONFIG = {
    "sla_policies": [
        {"name": "slow", "match": {"channel": "email"}, "targets": {"first_response": 300, "resolution": 600}},
        {"name": "short", "targets": {"first_response": 3, "resolution": 600}, "warn": [0.5]},
    ]
}
P = "sigap:{acme}:"


@pytest.fixture
async def house(kafka: KafkaServer, redis_server: EmbeddedRedis, tmp_path: Path) -> AsyncIterator[House]:
    house = await House(kafka.bootstrap, tmp_path, redis=redis_server.url, config=CONFIG).open()
    yield house
    await house.close()


def first_response(alerts: list[tuple[Event, int]]) -> dict[tuple[str, str], tuple[Event, int]]:
    found = {(a["conversation_id"], a["state"]): (a, ts) for a, ts in alerts if a["metric"] == "first_response"}
    assert len(found) == sum(alert["metric"] == "first_response" for alert, _ in alerts)  # none came twice
    return found


async def in_redis(house: House) -> list[tuple[Event, int]]:
    async with house.redis() as redis:
        entries = await redis.xrange(P + "alerts")
    return [(json.loads(fields["alert"]), int(entry.partition("-")[0])) for entry, fields in entries]


async def lists(house: House) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """Who waits, by scope, and what is due."""
    async with house.redis() as redis:
        scopes = [name async for name in redis.scan_iter(match=P.replace("{", "[{]") + "waiting:*")]
        waiting = {name.removeprefix(P): await redis.zrange(name, 0, -1, withscores=True) for name in scopes}
        due = await redis.zrange(P + "sla:due", 0, -1, withscores=True)
    return {name: _whole(members) for name, members in waiting.items()}, _whole(due)


def _whole(members: Any) -> dict[str, int]:
    return {member: int(score) for member, score in members}


def expected(sent: dict[str, Event], first_response_s: int | None) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """The same, where these wait; their first response is due after so long, or breached."""
    since = {conversation: each["at"] for conversation, each in sent.items()}
    due = {f"{conversation}|resolution": at + 600_000 for conversation, at in since.items()}
    if first_response_s is not None:
        due |= {f"{conversation}|first_response": at + first_response_s * 1000 for conversation, at in since.items()}
    channels = {f"channel:{each['channel']}" for each in sent.values()}
    return {f"waiting:{scope}": since for scope in (channels | {"tenant", "priority:normal"} if sent else ())}, due


async def test_alerts_and_lists_with_no_traffic(house: House) -> None:
    await house.worker().wait_ready()
    sent = {f"c{number}": event("customer", f"c{number}") for number in range(12)}
    await house.send(*sent.values())

    async def listed(first_response_s: int | None) -> bool:
        return await lists(house) == expected(sent, first_response_s)

    await until(lambda: listed(3), "who waits and what is due", 3)
    wanted = {(conversation, state) for conversation in sent for state in ("imminent", "breached")}

    async def all_there() -> bool:
        return len(await in_redis(house)) >= len(wanted) and len(await house.alerts()) >= len(wanted)

    await until(all_there, "the alerts", 10)
    assert len({record.partition for record in await house.events()}) == 4
    for alerts in (first_response(await house.alerts()), first_response(await in_redis(house))):
        assert alerts.keys() == wanted
        for (conversation, state), (alert, seen) in alerts.items():
            assert alert["at"] == sent[conversation]["at"] + (1_500 if state == "imminent" else 3_000)
            assert 0 < seen - alert["at"] <= WITHIN_MS, (conversation, state)
    places = {
        (json.loads(each.value)["conversation_id"], each.partition)
        for each in await read_all(house.environment, house.topic("alerts"))
    }
    assert len(places) == len(sent), "a conversation's alerts are in order"
    assert len({partition for _, partition in places}) > 1
    await until(lambda: listed(None), "what is due after the breaches", 3)

    await house.send(*(event("reply", each) for each in list(sent)[:6]))
    replied = {each: sent.pop(each) for each in list(sent)[:6]}

    async def replies_seen() -> bool:
        waiting, due = await lists(house)
        wanted, still_due = expected(sent, None)
        return waiting == wanted and due == still_due | expected(replied, None)[1]

    await until(replies_seen, "replied conversations no longer wait", 3)
    await house.send(*(event("resolved", each) for each in (*sent, *replied)))
    sent.clear()

    async def nothing() -> bool:
        return await lists(house) == ({}, {})

    await until(nothing, "nobody waits, nothing is due", 3)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_another_worker_leaves_no_stale_members(house: House, how: signal.Signals) -> None:
    first = await house.worker(SIGAP_INSTANCE_ID="one").wait_ready()
    sent = {f"c{number}": event("customer", f"c{number}", channel="email") for number in range(12)}
    await house.send(*sent.values())

    async def listed() -> bool:
        return await lists(house) == expected(sent, 300)

    await until(listed, "who waits and what is due", 3)
    first.signal(how)
    assert await first.ended() == (0 if how is signal.SIGTERM else -how)
    await house.send(*(event("resolved", each) for each in list(sent)[:8]))
    sent = dict(list(sent.items())[8:])
    await house.worker(SIGAP_INSTANCE_ID="one").wait_ready()
    await until(listed, "only those who still wait", 5)


async def test_a_worker_that_was_asleep_calls_nothing_late_that_the_broker_had_in_time(house: House) -> None:
    worker = await house.worker().wait_ready()
    customers = [event("customer", f"c{number}") for number in range(12)]
    await house.send(*customers)

    async def warned() -> bool:
        return len(first_response(await house.alerts())) == 12

    await until(warned, "the warnings", 5)
    worker.signal(signal.SIGSTOP)
    await asyncio.sleep(0.3)  # a fetch that was on its way has been answered by now, before the replies
    deadline = min(each["at"] for each in customers) + 3_000
    replies = [event("reply", each["conversation_id"]) for each in customers]
    assert replies[-1]["at"] < deadline
    await house.send(*replies)
    await asyncio.sleep(2.5)  # over the deadline
    worker.signal(signal.SIGCONT)

    async def met() -> bool:
        return len([alert for alert, _ in await house.alerts() if alert["state"] == "met"]) == 12

    await until(met, "the replies", 10)
    assert {alert["state"] for alert, _ in await house.alerts()} == {"imminent", "met"}
