"""Raw payloads in: events, dead letters, and a clock that waits for raw topics that lag."""

import json
from pathlib import Path
from typing import Any

import pytest

from agents.runs import read_all
from deploy.local.redis import EmbeddedRedis
from streams.clock import wall_ms
from tests.conftest import KafkaServer
from tests.kafka.house import TENANT, House
from tests.kafka.lab import until

pytestmark = [pytest.mark.kafka, pytest.mark.filterwarnings("ignore::ResourceWarning")]
HEADERS = [("tenant", TENANT.encode())]
NUMBER = "6281234567890"
NAME = "Ibu Sekar Ayu"
WORDS = "Di mana pesanan saya 4711?"


def whatsapp(message_id: str, at: int, *, echo: bool = False) -> bytes:
    """A WhatsApp Cloud API body: a customer's text, or an agent's reply from the business's phone."""
    line = {"display_phone_number": "62215550000", "phone_number_id": "106540352242922"}
    text = {"id": message_id, "timestamp": str(at // 1000), "type": "text", "text": {"body": WORDS}}
    value: dict[str, Any] = {"messaging_product": "whatsapp", "metadata": line}
    if echo:
        value["message_echoes"] = [text | {"from": "62215550000", "to": NUMBER}]
    else:
        value["contacts"] = [{"profile": {"name": NAME}, "wa_id": NUMBER}]
        value["messages"] = [text | {"from": NUMBER}]
    field = "smb_message_echoes" if echo else "messages"
    entry = {"id": "102290129340398", "changes": [{"field": field, "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


async def send_raw(house: House, channel: str, *bodies: bytes, partition: int | None = None) -> None:
    topic = house.topic(f"raw.{channel}")
    for body in bodies:
        await house.producer.send_and_wait(topic, body, partition=partition, headers=HEADERS)


async def test_a_body_becomes_a_figure_once_however_often_it_comes(
    kafka: KafkaServer, redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    house = await House(kafka.bootstrap, tmp_path, redis=redis_server.url, SIGAP_TICKS="1").open(partitions=2)
    try:
        worker = await house.worker().wait_ready()
        body = whatsapp("wamid.HBgNNjI4MTIzNDU2Nzg5MBUCABIY", wall_ms())
        await send_raw(house, "whatsapp", body, b"{", body, partition=0)
        await send_raw(house, "whatsapp", body, partition=1)
        await send_raw(house, "chat", b"[]", partition=1)
        async with house.redis() as redis:

            async def counted() -> bool:
                return bool(await redis.hget(f"sigap:{{{TENANT}}}:kpi:channel:whatsapp:5m", "messages_in") == "1")

            await until(counted, "the message in Redis", 10)

        async def rejected() -> bool:
            return len(await read_all(house.environment, house.topic("dlq"))) >= 2

        await until(rejected, "both dead letters", 10)
        letters = [dict(each.headers) for each in await read_all(house.environment, house.topic("dlq"))]
        found = {(each["source_topic"].decode(), each["reason"].decode()) for each in letters}
        assert (house.topic("raw.whatsapp"), "not_json") in found
        assert {topic for topic, _ in found} == {house.topic("raw.whatsapp"), house.topic("raw.chat")}
        events = [json.loads(each.value or b"") for each in await house.events()]
        assert len(events) == 3
        assert len({each["event_id"] for each in events}) == 1
        assert await house.kpi_differences((await house.replayed(await house.finish())).kpi) == []
        assert await worker.terminate() == 0
        everything = [each.value or b"" for name in ("events", "kpi", "alerts", "_conversations", "_partials")
                      for each in await read_all(house.environment, house.topic(name))]  # fmt: skip
        everything.append(worker.log.read_bytes())
        async with house.redis() as redis:
            everything += [(key + str(await redis.execute_command("DUMP", key, NEVER_DECODE=True))).encode()
                           for key in await redis.keys("*")]  # fmt: skip
        for secret in (NUMBER, NAME, "pesanan", "4711"):
            assert not any(secret.encode() in each for each in everything), secret
    finally:
        await house.close()


async def test_no_wait_is_missed_while_its_reply_lies_in_a_raw_topic_that_lags(
    kafka: KafkaServer, tmp_path: Path
) -> None:
    """The reply, in time, lies behind more than one chunk of other payloads; the wall clock is past the deadline."""
    config = {"sla_policies": [{"name": "all", "targets": {"first_response": 60}}],
              "service_level": {"threshold_s": {"whatsapp": 60}}}  # fmt: skip
    house = await House(kafka.bootstrap, tmp_path, config=config, SIGAP_TICKS="1").open(partitions=1)
    try:
        asked = wall_ms() // 1000 * 1000 - 300_000
        await send_raw(house, "whatsapp", whatsapp("wamid.question", asked))
        topic = house.topic("raw.whatsapp")
        filler = [await house.producer.send(topic, b'{"object":"page","entry":[]}') for _ in range(30_000)]
        for each in filler:
            await each
        await send_raw(house, "whatsapp", whatsapp("wamid.reply", asked + 30_000, echo=True))
        worker = await house.worker().wait_ready()

        async def answered() -> bool:
            return len(await house.events()) == 2

        await until(answered, "the reply among the events", 60)
        await house.finish()
        assert await worker.terminate() == 0
        states = [(alert["metric"], alert["state"]) for alert, _ in await house.alerts()]
        assert sorted(states) == [("first_response", "met"), ("reply_window", "met")]
        replayed = await house.replayed(wall_ms())
        today = next(each["metrics"] for each in replayed.kpi if each["window"] == "today")
        assert (today["sl_met"], today["sl_missed"]) == (1, 0)
    finally:
        await house.close()
