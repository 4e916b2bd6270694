"""What a worker holds of its partitions for Redis, and lets go of."""

import gc
import json
from typing import Any
from unittest.mock import AsyncMock
from weakref import ref

import pytest
from faust.types import TP

from agents.feed import Feed
from streams.engine.faust import driver as engine
from streams.engine.faust.config import EngineConfig
from streams.engine.ports import Record
from tables.rollup import Rollup
from tables.settings import Settings
from tables.shard import Shard
from tests.timeline import T0, customer

SETTINGS = Settings.from_mapping({})


def shard(epoch: int = 0) -> Shard:
    made = Shard(0, 1, SETTINGS, lambda: T0 + 10**9, "events")
    made.recovered(epoch, T0)
    return made


async def test_what_a_rebalance_has_replaced_is_kept_no_longer() -> None:
    feed = Feed("redis://127.0.0.1:1/0", AsyncMock())
    former = []
    for epoch in range(3):
        feed.shards[0], feed.rollups[0] = shard(epoch), Rollup(0, 1, SETTINGS)
        feed.rollups[0].recovered(epoch)
        feed.send()
        former.append((ref(feed.shards[0]), ref(feed.rollups[0])))
    gc.collect()
    assert [(a() is not None, b() is not None) for a, b in former] == [(False, False)] * 2 + [(True, True)]


def test_without_redis_nobody_waits_for_who_has_moved() -> None:
    feed = Feed(None, AsyncMock())
    held = feed.shards[0] = shard()
    held.fold([Record(None, json.dumps(customer(0)).encode(), 0, T0)], T0, event_time=True)
    assert held.moved
    feed.send()
    assert not held.moved


async def test_partitions_that_another_worker_has_now_are_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    class Runner:
        """Does nothing."""

        ready = False

        def __init__(self, *_: Any) -> None:
            pass

        async def start(self) -> None:
            pass

        def spawn(self, work: Any) -> None:
            work.close()

    monkeypatch.setattr(engine, "PartitionRunner", Runner)
    monkeypatch.setattr(engine, "RollupRunner", Runner)
    feed = Feed(None, AsyncMock())
    feed.shards = {each: shard() for each in range(3)}
    feed.rollups = {each: Rollup(each, 3, SETTINGS) for each in range(3)}
    stays = feed.shards[1]
    config = EngineConfig(bootstrap="127.0.0.1:1", group="sigap", prefix="sigap", instance_id="a")
    made = engine.Driver(
        config,
        lambda _: shard(),
        rollups=lambda each: Rollup(each, 3, SETTINGS),
        on_assigned=feed.keep,
    )
    made.on_assigned(frozenset({TP("sigap.events", 1), TP("sigap._partials", 2)}), 7)
    assert feed.shards == {1: stays}
    assert list(feed.rollups) == [2]
