"""What writes to Redis fails for a reason of its own: the worker ends and says why, nothing waits for good."""

import asyncio
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest

from agents.feed import Feed
from agents.sinks.redis import RedisSink, SinkFailed
from streams.engine.faust.config import EngineConfig
from streams.engine.faust.driver import Driver

BROKEN = ("acme", "tenant\ud800", "now", 1, b'{"seq":1}')
"""A record whose name cannot be sent: no record of a worker has such a one."""
REASON = "writing to Redis: UnicodeEncodeError: 'utf-8' codec can't encode"


class Taking:
    """A link to a Redis that takes everything."""

    open = close = AsyncMock()

    def call(self, *_: Any, **__: Any) -> bytes:
        return b""

    async def round_trip(self, packets: list[bytes]) -> list[Any]:
        return [[0, 0] for _ in packets]


def writing(sink: RedisSink) -> RedisSink:
    sink._link = cast("Any", Taking())
    sink.start()
    return sink


async def watch(sink: RedisSink) -> None:
    while True:
        sink.raise_failure()
        await asyncio.sleep(0.01)


async def test_the_worker_ends_with_the_reason_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    reasons: list[str] = []
    monkeypatch.setattr(Driver, "fatal", lambda _, reason: reasons.append(reason))
    driver = Driver(EngineConfig(bootstrap="nowhere:9092", group="group"), AsyncMock(), rollups=AsyncMock())
    feed = Feed("redis://nowhere", AsyncMock())
    assert feed.sink is not None
    writing(feed.sink).kpi([BROKEN])
    async with asyncio.timeout(5):
        await driver.guard(feed.run())
    assert [each.partition(REASON)[:2] for each in reasons] == [("SinkFailed: ", REASON)]
    assert "\n" not in reasons[0]
    assert not feed.sink.connected


async def test_a_worker_that_stops_does_not_wait_for_it_and_says_so() -> None:
    sink = writing(RedisSink("redis://nowhere", resync=lambda: None))
    sink.kpi([BROKEN])
    async with asyncio.timeout(5):
        with pytest.raises(SinkFailed, match=REASON):
            await sink.stop(drain_s=60.0)
    await sink.stop()


async def test_a_resync_that_fails_is_not_passed_over() -> None:
    def resync() -> None:
        raise LookupError("no such partition")

    sink = RedisSink("redis://nowhere", resync=resync, tenants=["acme"])
    sink._written["acme"] = 7  # Redis answers that it holds less
    writing(sink)
    async with asyncio.timeout(5):
        with pytest.raises(SinkFailed, match="LookupError: no such partition"):
            await watch(sink)
