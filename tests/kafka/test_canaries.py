"""Nothing of a payload that belongs to a person gets out: no topic, Redis, log, metric, answer or page holds it.

Every payload goes through a real installation, and everything that the installation says is searched for every
text of every payload. Three things make the search worth something:

- A text that the programs' source holds, or that they say before the first payload, is their own: it is left out.
- Every text that stands in a payload as it is must be found, by the same search, in what the raw topics hold.
- The event of a careless connector, with an address where ids belong, must be found in every kind of output.

The dead-letter topic holds a rejected record as it came, key, value and headers, for `sigap dlq replay`: the contract
asks for it. There only the headers that Sigap adds are searched.
"""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from aiokafka import AIOKafkaConsumer
from playwright.async_api import Page, async_playwright
from redis.asyncio import Redis

from agents.runs import read_all, tick
from deploy.local.redis import EmbeddedRedis
from streams.clock import wall_ms
from streams.codecs import DEAD_LETTER_HEADERS
from tests.browser.conftest import ARGUMENTS, chromium
from tests.conftest import KafkaServer
from tests.kafka.canaries import SPOILT, Raw, canaries, found, own_source, raws, texts_of
from tests.kafka.house import TENANT, House, event, get, port
from tests.kafka.lab import until
from tests.kafka.sse import Events
from tests.unit.test_channels_golden import HOUSE

pytestmark = [pytest.mark.kafka, pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]

NUMBER = "6281311223344"
"""The key of every raw record, and in a header of its own: producers may well do so."""
CUSTOMER_KEY = "the key of this test alone"
LEAK = "Siti.Careless@leak.example"
UNSEEN = {"business", "dlq", "worker log", "worker metrics", "wallboard log", "wallboard metrics"}
"""Outputs that hold no id of an event. They are known to be read by what else they must hold."""
CONFIG = {
    "lateness_s": 60,
    "sla_policies": [{"name": "all", "targets": {"first_response": 60, "next_response": 60}, "warn": [0.5]}],
    "intake": {"addresses": sorted(HOUSE.addresses)},
}
VIEWS = ("", "?view=channel:whatsapp", "?view=channel:email", "?view=channel:chat", f"?view=agent:{quote(LEAK)}")

Texts = dict[str, set[str]]
"""What each output says."""


class Watched:
    """A house with a worker, a wallboard and a browser, and all that can be read of it."""

    def __init__(self, house: House, page: Page) -> None:
        self.house, self.page = house, page
        self.health, self.board = port(), port()
        self.worker = house.worker("--health-port", str(self.health))
        self.serve = house.command("serve", "--port", str(self.board))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.board}/"

    async def outputs(self) -> Texts:
        texts = {name: set(texts_of(held)) for name, held in (await self.topics()).items()}
        return texts | {
            "Redis": set(texts_of(await self.redis())),
            "worker metrics": {(await get(self.health, "/metrics"))[1]},
            "wallboard metrics": {(await get(self.board, "/metrics"))[1]},
            "page": await self.pages(),
            **await self.answers(),
            **self.logs(),
        }

    def logs(self) -> Texts:
        return {"worker log": {self.worker.text}, "wallboard log": {self.serve.text}}

    async def topics(self) -> dict[str, set[bytes]]:
        """Keys, values and headers of every topic of the house, whoever made it, but of the raw ones."""
        consumer = AIOKafkaConsumer(**self.house.environment.kafka_kwargs())
        await consumer.start()
        try:
            names = [each for each in await consumer.topics() if each.startswith(self.house.topic(""))]
        finally:
            await consumer.stop()
        own = {each.removeprefix(self.house.topic("")): await read_all(self.house.environment, each)
               for each in names if not each.startswith(self.house.topic("raw."))}  # fmt: skip
        return {
            name: {part for each in records for part in parts_of(each, added_only=name == "dlq")}
            for name, records in own.items()
        }

    async def redis(self) -> list[Any]:
        """Every key with all that it holds, read by type: a DUMP would be compressed."""
        client: Any = Redis.from_url(self.house.environment.redis_url(), protocol=2)
        reads = {
            b"string": client.get,
            b"hash": client.hgetall,
            b"set": client.smembers,
            b"zset": lambda key: client.zrange(key, 0, -1),
            b"stream": client.xrange,
        }
        try:
            keys = [key async for key in client.scan_iter(count=1000)]
            return [(key, await reads[await client.type(key)](key)) for key in keys]
        finally:
            await client.aclose()

    async def answers(self) -> Texts:
        """The API's answers for every scope, and the snapshot of the stream."""
        api = f"{self.url}api/v1"
        async with aiohttp.ClientSession() as session:

            async def answer(path: str) -> str:
                async with session.get(f"{api}/{path}") as response:
                    assert response.status == 200, path
                    return await response.text()

            kpi = await answer("kpi")
            scopes = {each["scope"] for each in json.loads(kpi)["records"]}
            views = [quote(each, safe="") for each in scopes if re.fullmatch("tenant|(channel|team):[^/]*", each)]
            async with session.get(f"{api}/stream?tenant={TENANT}") as response:
                stream = json.dumps(await Events(response).next("snapshot"), ensure_ascii=False)
            return {
                "kpi answer": {kpi},
                "alerts answer": {await answer("alerts?limit=10000")},
                "waiting answers": {await answer(f"waiting/{each}?limit=10000") for each in views},
                "trend answers": {await answer(f"trend/{each}?minutes=1440") for each in views},
                "intervals answers": {await answer(f"intervals/{each}") for each in views},
                "stream": {stream},
            }

    async def pages(self) -> set[str]:
        """The page as it stands in the browser, with the list of views open."""
        held = set()
        for view in VIEWS:
            await self.page.goto(self.url + view)
            await self.page.wait_for_selector("body.ready")
            await self.page.click("#views-open")
            held |= {await self.page.content(), await self.page.inner_text("body")}
        return held


def parts_of(record: Any, *, added_only: bool) -> set[bytes]:
    """What a record holds; of a dead letter what Sigap adds to what it received."""
    if added_only:
        return {value for name, value in record.headers if name in DEAD_LETTER_HEADERS}
    headers = {part for name, value in record.headers for part in (name.encode(), value or b"")}
    return {record.key or b"", record.value or b""} | headers


@asynccontextmanager
async def watched(kafka: KafkaServer, redis: EmbeddedRedis, folder: Path) -> AsyncIterator[Watched]:
    # The clock of the events alone: an hour goes by when a tick says so, and every timer and interval comes to its end.
    environ = {"SIGAP_TICKS": "1", "SIGAP_CLOCK": "event", "SIGAP_CUSTOMER_KEY": CUSTOMER_KEY}
    executable = chromium()
    house = await House(kafka.bootstrap, folder, redis=redis.url, config=CONFIG, **environ).open(partitions=2)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        page = await browser.new_page(viewport={"width": 1920, "height": 1080}, locale="en-GB")
        it = Watched(house, page)
        try:
            await it.worker.wait_ready()
            await it.serve.wait_said(f"ready {it.url}")
            yield it
            assert await it.worker.terminate() == 0
        finally:
            assert await it.serve.terminate() == 0
            await house.close()
            await browser.close()


async def send_clean(house: House) -> None:
    """Events and payloads that hold nothing of a person; back once there are figures of them."""
    now = wall_ms()
    for channel in ("whatsapp", "email", "chat"):
        await house.send(
            event("customer", f"clean-{channel}", now - 200_000, channel=channel, event_id=f"asked-{channel}"),
            event("reply", f"clean-{channel}", now - 190_000, channel=channel, event_id=f"said-{channel}"),
        )
        await house.producer.send_and_wait(house.topic(f"raw.{channel}"), b"{}", headers=[("tenant", TENANT.encode())])
    async with house.redis() as redis:

        async def counted() -> bool:
            return bool(await redis.hget(f"sigap:{{{TENANT}}}:kpi:tenant:15m", "messages_out") == "3")

        await until(counted, "the first figures", 20)


async def send_personal(house: House, sent: list[Raw]) -> None:
    """Every payload, and the careless event; back when an hour has gone by and all of it has been published."""
    before = len(await house.events()), len(await read_all(house.environment, house.topic("dlq")))
    for each in sent:
        headers = [(name, text.encode()) for name, text in each.headers.items()] + [("customer", NUMBER.encode())]
        await house.producer.send(house.topic(f"raw.{each.channel}"), each.body, key=NUMBER.encode(), headers=headers)
    await house.send(
        event("assigned", LEAK, channel="whatsapp", agent_id=LEAK, team=LEAK),
        event("tagged", LEAK, channel="whatsapp", add=[LEAK]),
        event("customer", LEAK, channel="whatsapp"),
    )
    readings = [each.reading(received_at=str(wall_ms())) for each in sent]
    events = before[0] + sum(len(each.events) for each in readings) + 3
    letters = before[1] + sum(bool(each.faults) for each in readings)

    async def through() -> bool:
        written = len(await house.events()), len(await read_all(house.environment, house.topic("dlq")))
        return written == (events, letters)

    await until(through, f"{events} events and {letters} dead letters", 30)
    await tick(house.producer, house.topic("events"), wall_ms() + 3_600_000)
    await house.workers[0].wait_said("final")


async def test_nothing_personal_of_any_payload_gets_out(
    kafka: KafkaServer, redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    sent = list(raws())
    async with watched(kafka, redis_server, tmp_path) as house:
        await send_clean(house.house)
        own = own_source().union(*(await house.outputs()).values())
        await send_personal(house.house, sent)
        outputs = await house.outputs()
        raw = {each.value for channel in ("whatsapp", "email", "chat")
               for each in await read_all(house.house.environment, house.house.topic(f"raw.{channel}"))}  # fmt: skip
    outputs |= house.logs()  # with what was said on the way out

    plain = canaries(set().union(*(each.secrets for each in sent)))
    hidden = canaries(set().union(*(each.hidden for each in sent)))
    everything = plain | hidden | {NUMBER, SPOILT.casefold(), CUSTOMER_KEY}
    wanted = everything - found(everything, own) - set().union(*(each.tags() for each in sent))
    print(f"{len(sent)} payloads, {len(wanted)} canaries, {len(everything - wanted)} words of our own")
    # Words and markup may be the programs' own, nobody's address or number is.
    assert [each for each in everything - wanted if re.search(r"@|\d{11}", each)] == []
    assert len(wanted) > 0.8 * len(everything)

    leaks = {name: sorted(held)[:10] for name, texts in outputs.items() if (held := found(wanted, texts))}
    assert not leaks, "\n".join(f"{name}: {held}" for name, held in leaks.items())

    # The search sees what is there: in the payloads, and in every output.
    assert {each.body for each in sent} <= raw
    for each in sent:
        held = canaries(each.secrets)
        assert held == found(held, set(texts_of(each.body)))
    assert {name for name, texts in outputs.items() if found({LEAK.casefold()}, texts)} == outputs.keys() - UNSEEN
    assert {"not_json", "bad_value", "missing_field"} <= outputs["dlq"]
    assert "final" in "".join(outputs["worker log"])
    assert "ready" in "".join(outputs["wallboard log"])
    assert 'outcome="bad_value"' in "".join(outputs["worker metrics"])
    assert "sigap_wallboard_streams" in "".join(outputs["wallboard metrics"])
