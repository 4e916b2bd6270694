"""The Redis sink against a real server."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

import orjson
import pytest
import redis.asyncio

from agents.sinks.layout import PAST, TENANTS, record_json
from agents.sinks.pending import KpiItem, Waiting
from agents.sinks.redis import RedisSink
from deploy.local.redis import EmbeddedRedis
from tests.kafka.lab import until

pytestmark = pytest.mark.kafka
P = "sigap:{acme}:"


class World:
    """A sink, a client beside it, and what a resync sends."""

    def __init__(self, server: EmbeddedRedis) -> None:
        self.server = server
        self.client: Any = redis.asyncio.Redis.from_url(server.url, protocol=2)
        self.everything: list[KpiItem] = []
        self.resyncs = 0
        self.restored: list[int] = []
        self.sink = self.another()

    def another(self, **options: Any) -> RedisSink:
        options = {"past": (self.past, self.no_series)} | options
        return RedisSink(self.server.url, resync=self.resync, tenants=["acme"], timeout_s=2.0, **options)

    def resync(self) -> None:
        self.resyncs += 1
        self.sink.kpi(self.everything)

    async def past(self, partitions: Collection[int]) -> None:
        self.restored += partitions
        self.sink.past_alerts([("acme", "a", b"{}"), ("acme", "b", b"{}")])

    async def no_series(self, _partitions: Collection[int]) -> None:
        """There are none."""

    async def hash(self, name: str) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = await self.client.hgetall(P + name)
        return found

    async def settled(self) -> None:
        await until(lambda: self.sink.pending == 0)


@pytest.fixture
async def world(redis_server: EmbeddedRedis) -> AsyncIterator[World]:
    world = World(redis_server)
    world.sink.start()
    yield world
    await world.sink.stop(0.0)
    await world.client.aclose()


def record(scope: str, window: str, seq: int, **metrics: float | None) -> KpiItem:
    body = {"v": 1, "tenant": "acme", "scope": scope, "window": window, "window_start_at": 1_763_798_400_000}
    body |= {"as_of": 1_763_798_460_000, "seq": seq, "partial": False, "metrics": metrics}
    return "acme", scope, window, seq, orjson.dumps(body)


def wait(
    conversation: str, since: int | None, *scopes: str, epoch: int = 1, due: Mapping[str, int] | None = None
) -> Waiting:
    return Waiting("acme", 3, epoch, conversation, since, scopes, due or {})


async def test_a_record_reads_back_as_the_same_text(world: World) -> None:
    scope = 'agent:a"b\\,"seq":9,%2F\u00e9/channel:chat'
    item = record(scope, "15m", 7, frt_mean_s=0.1 + 0.2, frt_max_s=1e-7, oldest_waiting_s=None, messages_in=2**60)
    world.sink.kpi([item])
    await world.settled()
    held = await world.hash(f"kpi:{scope}:15m")
    assert held[b"oldest_waiting_s"] == b""
    assert held[b"frt_mean_s"] == b"0.30000000000000004"
    assert record_json("acme", scope, "15m", held) == item[4]
    assert await world.client.smembers(P + "keys") == {f"{scope}:15m".encode()}
    assert await world.client.smembers(TENANTS) == {b"acme"}


async def test_a_lower_seq_never_wins(world: World) -> None:
    world.sink.kpi([record("tenant", "5m", 5, messages_in=5)])
    world.sink.kpi([record("tenant", "5m", 4, messages_in=4)])
    await world.settled()
    world.sink.kpi([record("tenant", "5m", 3, messages_in=3)])
    await world.settled()
    assert (await world.hash("kpi:tenant:5m"))[b"messages_in"] == b"5"
    assert world.sink.refused == 1


async def test_a_record_sent_again_harms_none_beside_it(world: World) -> None:
    """As after every rebalance: a worker sends all that its partitions hold, also what it has written before."""
    world.sink.kpi([record("tenant", "5m", 5, messages_in=5), record("tenant", "1h", 5, messages_in=5)])
    await world.settled()
    world.sink.kpi([record("tenant", "5m", 5, messages_in=5), record("tenant", "1h", 6, messages_in=6)])
    await world.settled()
    assert (await world.hash("kpi:tenant:5m"))[b"messages_in"] == b"5"
    assert (await world.hash("kpi:tenant:1h"))[b"messages_in"] == b"6"
    assert (world.sink.errors, world.sink.dropped) == (0, 0)


async def test_fields_that_are_no_longer_there_go(world: World) -> None:
    lagging = orjson.loads(record("tenant", "5m", 1, messages_in=1, old=1)[4]) | {"partial": True, "lag_s": 7.5}
    world.sink.kpi([("acme", "tenant", "5m", 1, orjson.dumps(lagging))])
    await world.settled()
    assert (await world.hash("kpi:tenant:5m"))[b"lag_s"] == b"7.5"
    world.sink.kpi([record("tenant", "5m", 2, messages_in=2)])
    await world.settled()
    held = await world.hash("kpi:tenant:5m")
    assert b"lag_s" not in held
    assert b"old" not in held
    assert held[b"partial"] == b"false"


async def test_a_snapshot_and_the_stream_from_its_id_on_have_no_gap(world: World) -> None:
    """A reader that starts at any moment knows every key's last value in the end."""
    names = [f"agent:a{i}" for i in range(250)]

    async def write() -> None:
        for seq in range(1, 31):
            world.sink.kpi([record(name, "5m", seq, messages_in=seq) for name in names])
            await asyncio.sleep(0.015)
        await world.settled()

    async def seq_of(key: str) -> int:
        return int(await world.client.hget(P + key, "seq") or 0)

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.15)
    newest = await world.client.xrevrange(P + "updates", count=1)
    last = newest[0][0] if newest else b"0"
    known = {f"kpi:{name}:5m": await seq_of(f"kpi:{name}:5m") for name in names}
    while not writing.done() or await world.client.xread({P + "updates": last}, count=1):
        for _, entries in await world.client.xread({P + "updates": last}, block=100) or []:
            for last, fields in entries:  # noqa: B007
                for key, seq in fields.items():
                    known[key.decode()] = max(known[key.decode()], int(seq))
    await writing
    assert set(known.values()) == {30}


async def test_minutes_keep_a_day_and_the_newest_of_each(world: World) -> None:
    start = 1_763_798_400_000
    minute = 60_000

    def at(index: int, seq: int, value: int) -> tuple[str, str, int, int, bytes]:
        item = record("channel:chat", "minute", seq, messages_in=value)
        return "acme", "trend:channel:chat", start + index * minute, seq, item[4]

    world.sink.series([at(i, 1, i) for i in range(1445)])
    await world.settled()
    world.sink.series([at(1444, 3, 30)])
    await world.settled()
    world.sink.series([at(1444, 2, 20), at(0, 9, 9)])
    await world.settled()
    held = await world.client.zrange(P + "trend:channel:chat", 0, -1, withscores=True)
    assert [score for _, score in held] == [start + i * minute for i in range(5, 1445)]
    assert orjson.loads(held[-1][0])["metrics"] == {"messages_in": 30}


async def test_an_alert_is_added_once_and_again_when_it_says_something_else(world: World) -> None:
    for body in (b'{"late_s":0}', b'{"late_s":0}', b'{"late_s":5}', b'{"late_s":5}'):
        world.sink.alerts([("acme", "x", body)])
        await world.settled()
    entries = await world.client.xrange(P + "alerts")
    assert [fields[b"alert"] for _, fields in entries] == [b'{"late_s":0}', b'{"late_s":5}']


async def test_alerts_are_capped_and_so_is_what_is_remembered(world: World) -> None:
    for start in range(0, 10_200, 5_100):
        world.sink.alerts([("acme", f"id{i}", b"{}") for i in range(start, start + 5_100)])
        await world.settled()
    assert await world.client.xlen(P + "alerts") == 10_000
    assert await world.client.hlen(P + "alerts:last") == 10_000


async def test_waiting_is_the_last_state_of_each_conversation(world: World) -> None:
    world.sink.waiting(
        [wait("c|1", 1000, "tenant", "agent:a", due={"first_response": 61_000}), wait("c2", 2000, "tenant")]
    )
    await world.settled()
    assert await world.client.zrange(P + "waiting:tenant", 0, -1, withscores=True) == [(b"c|1", 1000), (b"c2", 2000)]
    assert await world.client.zrange(P + "sla:due", 0, -1, withscores=True) == [(b"c|1|first_response", 61_000)]
    world.sink.waiting([wait("c|1", 1000, "tenant", "agent:b", due={"resolution": 9}), wait("c2", None)])
    await world.settled()
    assert await world.client.exists(P + "waiting:agent:a") == 0
    assert await world.client.zrange(P + "waiting:agent:b", 0, -1) == [b"c|1"]
    assert await world.client.zrange(P + "waiting:tenant", 0, -1) == [b"c|1"]
    assert await world.client.zrange(P + "sla:due", 0, -1) == [b"c|1|resolution"]
    world.sink.waiting([wait("c|1", None, "tenant", due={"resolution": 9})])
    await world.settled()
    assert await world.client.exists(P + "waiting:agent:b", P + "waiting:tenant") == 0
    assert await world.client.zcard(P + "sla:due") == 1
    world.sink.waiting([wait("c|1", None)])
    await world.settled()
    assert await world.client.exists(P + "sla:due", P + "owned:3") == 0


async def test_an_old_owner_cannot_put_members_back(world: World) -> None:
    old = world.another()
    old.start()
    old.waiting([wait(f"c{i}", 1000, "tenant", "agent:a", epoch=5, due={"resolution": 9}) for i in range(1500)])
    await until(lambda: old.pending == 0)
    assert await world.client.zcard(P + "waiting:tenant") == 1500
    world.sink.takeover("acme", 3, 8, [wait(f"c{i}", 2000, "tenant", epoch=8) for i in range(700)])
    await world.settled()
    old.waiting([wait("zombie", 1, "tenant", epoch=5), wait("c1", None, epoch=5)])
    await until(lambda: old.pending == 0)
    members = await world.client.zrange(P + "waiting:tenant", 0, -1, withscores=True)
    assert sorted(members) == sorted((f"c{i}".encode(), 2000) for i in range(700))
    assert await world.client.exists(P + "waiting:agent:a", P + "sla:due") == 0
    assert await world.client.hlen(P + "owned:3") == 700
    await old.stop()


async def test_pending_changes_of_an_older_epoch_are_forgotten_at_a_takeover(redis_server: EmbeddedRedis) -> None:
    world = World(redis_server)
    world.sink.waiting([wait("gone", 1, "tenant", epoch=5)])
    world.sink.takeover("acme", 3, 8, [wait("c", 2, "tenant", epoch=8)])
    world.sink.waiting([wait("late", 1, "tenant", epoch=5)])
    world.sink.start()
    await world.settled()
    assert await world.client.zrange(P + "waiting:tenant", 0, -1) == [b"c"]
    await world.sink.stop()
    await world.client.aclose()


async def test_redis_away_is_caught_up_and_everything_is_sent_to_an_empty_one(world: World) -> None:
    world.everything = [record(f"agent:a{i}", "5m", 1, messages_in=1) for i in range(300)]
    world.sink.kpi(world.everything)
    await world.settled()
    world.server.stop(hard=True)
    for seq in range(2, 50):
        world.sink.kpi([record("agent:a7", "5m", seq, messages_in=seq)])
        world.sink.alerts([("acme", f"x{seq}", b"{}")])
    await until(lambda: world.sink.errors > 0)
    assert world.sink.pending == 49
    assert world.sink.behind_s > 0
    assert not world.sink.connected
    world.server.start()
    await until(lambda: world.resyncs == 1)
    await world.settled()
    assert world.sink.behind_s == 0
    assert await world.client.scard(P + "keys") == 300
    assert (await world.hash("kpi:agent:a7:5m"))[b"seq"] == b"49"
    assert await world.client.xlen(P + "alerts") == 48


async def test_the_past_is_written_once_and_before_what_waits(redis_server: EmbeddedRedis) -> None:
    world = World(redis_server)
    world.sink.alerts([("acme", "b", b"{}"), ("acme", "c", b"{}")])
    world.sink.restore(3)
    world.sink.start()
    await until(lambda: world.sink.written == 3)
    entries = await world.client.xrange(P + "alerts")
    assert [fields[b"alert_id"] for _, fields in entries] == [b"a", b"b", b"c"]
    world.sink.restore(3)
    world.sink.restore(4)
    await until(lambda: world.restored == [3, 4])
    await world.client.flushall()
    world.sink.restore(3)
    await until(lambda: world.restored == [3, 4, 3])
    await world.sink.stop()
    await world.client.aclose()


async def test_a_flush_is_noticed_without_traffic(world: World) -> None:
    world.everything = [record("tenant", "5m", 1, messages_in=1)]
    world.sink.kpi(world.everything)
    await world.settled()
    await world.client.flushall()
    await until(lambda: world.resyncs == 1)
    await world.settled()
    assert await world.hash("kpi:tenant:5m")
    await asyncio.sleep(1.2)  # a heartbeat later nothing more is thought lost
    assert world.resyncs == 1


async def test_an_older_snapshot_is_noticed(world: World) -> None:
    """What a restart from disk, or a fail-over to a replica that lagged, looks like."""
    world.sink.kpi([record("tenant", "5m", 1)])
    await world.settled()
    (writer,) = await world.client.keys(P + "writer:*")
    before = await world.client.get(writer)
    world.sink.kpi([record("tenant", "5m", 2)])
    await world.settled()
    await world.client.set(writer, int(before) - 1)
    await until(lambda: world.resyncs == 1)


async def test_more_than_the_limit_is_sent_whole_later(redis_server: EmbeddedRedis) -> None:
    world = World(redis_server)
    world.sink = world.another(limit=10)
    world.everything = [record(f"agent:a{i}", "5m", 1) for i in range(9)]
    redis_server.stop()
    world.sink.start()
    world.sink.kpi([record(f"agent:b{i}", "5m", 1) for i in range(30)])
    assert world.sink.pending == 10
    redis_server.start()
    await until(lambda: world.resyncs == 1)
    await world.settled()
    assert await world.client.scard(P + "keys") == 19
    await world.sink.stop()
    await world.client.aclose()


async def test_a_record_that_no_script_can_take_does_not_hold_the_others_up(world: World) -> None:
    world.sink.kpi([("acme", "tenant", "5m", 1, b"nonsense")])
    await world.settled()
    world.sink.kpi([record("tenant", "15m", 1)])
    await world.settled()
    assert world.sink.dropped == 1
    assert await world.hash("kpi:tenant:15m")


async def test_a_past_that_cannot_be_read_is_tried_again(world: World) -> None:
    calls: list[int] = []

    async def past(partitions: Collection[int]) -> None:
        calls.extend(partitions)
        if len(calls) == 1:
            raise ConnectionError("not now")

    sink = world.another(past=(past, past))
    sink.start()
    sink.restore(3)
    await until(lambda: calls == [3, 3, 3])
    await until(lambda: sink.errors == 1 and sink.connected)
    await sink.stop()


async def test_alerts_wait_for_those_before_them_and_for_nothing_else(world: World) -> None:
    asked, goes_on = asyncio.Event(), asyncio.Event()

    async def alerts(_partitions: Collection[int]) -> None:
        asked.set()
        await goes_on.wait()
        sink.past_alerts([("acme", "old", b"{}")])

    async def series(_partitions: Collection[int]) -> None:
        await asyncio.Event().wait()

    sink = world.another(past=(alerts, series))
    sink.start()
    sink.restore(0)
    await asked.wait()
    sink.alerts([("acme", "new", b"{}")])
    sink.kpi([record("tenant", "5m", 1)])
    await until(lambda: sink.written == 1)
    assert await world.hash("kpi:tenant:5m")
    assert sink.alerts_pending
    assert sink.behind_s > 0
    goes_on.set()
    await until(lambda: not sink.alerts_pending)
    entries = await world.client.xrange(P + "alerts")
    assert [fields[b"alert_id"] for _, fields in entries] == [b"old", b"new"]
    assert not await world.client.smembers(PAST)
    await sink.stop()


async def test_the_heartbeat_goes_on(world: World) -> None:
    await until(lambda: _has_beat(world))
    first = int((await world.hash("meta"))[b"heartbeat_at"])
    assert (await world.hash("meta"))[b"durable"] == b"1"

    async def newer() -> bool:
        return int((await world.hash("meta"))[b"heartbeat_at"]) > first

    await until(newer)


async def _has_beat(world: World) -> bool:
    return b"heartbeat_at" in await world.hash("meta")


async def test_cost_of_a_record(world: World) -> None:
    """Client CPU; the bound is loose, for a shared machine."""
    metrics: dict[str, float | None] = {f"metric_number_{i}_s": i * 1.25 for i in range(25)}
    records = [record(f"agent:a{i % 1200}", "5m", i, **metrics) for i in range(12_000)]
    started = time.process_time()
    for i in range(0, len(records), 600):
        world.sink.kpi(records[i : i + 600])
        await asyncio.sleep(0.05)
    await world.settled()
    micros = (time.process_time() - started) * 1e6 / len(records)
    print(f"client: {micros:.1f} µs a record")
    assert micros < 60
