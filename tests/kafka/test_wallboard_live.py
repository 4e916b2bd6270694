"""From an event in Kafka to a figure on the wallboard, through a worker and Redis."""

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest

from deploy.local.redis import EmbeddedRedis
from tests.conftest import KafkaServer
from tests.kafka.house import House, event, port
from tests.kafka.lab import until
from tests.kafka.sse import Events

pytestmark = [pytest.mark.kafka, pytest.mark.filterwarnings("ignore::ResourceWarning")]
WITHIN_S = 2.0


async def test_an_event_changes_the_figure_within_two_seconds(
    kafka: KafkaServer, redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    house = await House(kafka.bootstrap, tmp_path, redis=redis_server.url).open()
    address = f"http://127.0.0.1:{(at := port())}/"
    serve = house.command("serve", "--port", str(at))
    try:
        await house.worker().wait_ready()
        await serve.wait_said(f"ready {address}")
        await house.send(event("customer", "c0"))

        async def shown() -> bool:
            async with aiohttp.ClientSession() as session, session.get(f"{address}api/v1/kpi/tenant?window=1h") as got:
                return got.status == 200 and (await got.json())["metrics"]["messages_in"] == 1

        await until(shown, "the first figure", 10)
        url = f"{address}api/v1/stream?tenant=acme&window=1h&kinds=channel"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            events = Events(response)
            await events.next("snapshot")
            for number in range(2, 6):
                began = time.monotonic()
                await house.send(event("customer", f"c{number}"))
                async with asyncio.timeout(WITHIN_S):
                    figure = 0
                    while figure != number:
                        for record in (await events.next("delta")).get("records", []):
                            assert record["scope"] == "channel:chat"
                            figure = record["metrics"]["messages_in"]
                assert time.monotonic() - began < WITHIN_S
    finally:
        assert await serve.terminate() == 0
        await house.close()
