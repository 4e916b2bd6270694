"""The wallboard's HTTP against a real Redis that the sink fills."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import redis.asyncio

from agents.sinks.redis import RedisSink
from agents.top.sources import from_redis
from agents.wallboard import stream
from agents.wallboard.server import Wallboard
from agents.wallboard.store import Store
from deploy.local.redis import EmbeddedRedis
from streams.clock import wall_ms
from tests.browser.office import CHANNELS, Office
from tests.kafka.lab import until
from tests.kafka.sse import Events

pytestmark = pytest.mark.kafka


class World:
    def __init__(self, server: EmbeddedRedis, board: Wallboard, session: aiohttp.ClientSession) -> None:
        self.server, self.board, self.session = server, board, session
        self.sink = RedisSink(server.url, resync=lambda: None)
        self.office = Office(wall_ms(), agents=6)

    async def settled(self) -> None:
        await until(lambda: self.sink.connected and not self.sink.pending)

    async def get(self, path: str, **headers: str) -> tuple[int, Any]:
        async with self.session.get(self.board.url + path, headers=headers) as response:
            return response.status, await response.json()


@pytest.fixture
async def world(redis_server: EmbeddedRedis) -> AsyncIterator[World]:
    async with Wallboard(redis_server.url) as board, aiohttp.ClientSession() as session:
        world = World(redis_server, board, session)
        world.sink.start()
        world.sink.kpi(world.office.records())
        world.sink.series([*world.office.minutes(), *world.office.intervals()])
        world.sink.waiting(world.office.waiting())
        await world.settled()
        yield world
        await world.sink.stop(0.0)


async def test_a_record_is_that_of_the_sink(world: World) -> None:
    item = world.office.record(
        "agent:budi%2Fjkt", "15m", {"frt_mean_s": 0.1 + 0.2, "messages_in": 0, "frt_p90_s": None}
    )
    world.sink.kpi([item])
    await world.settled()
    for path in ("agent:budi%2Fjkt", "agent:budi%252Fjkt"):
        async with world.session.get(f"{world.board.url}api/v1/kpi/{path}?tenant=acme") as response:
            assert await response.read() == item[4]


async def test_all_records_by_window_and_scope(world: World) -> None:
    _, body = await world.get("api/v1/kpi")
    assert len(body["records"]) == 10 * 6
    _, body = await world.get("api/v1/kpi?window=5m,now&scope=channel:*,tenant")
    assert len(body["records"]) == 4 * 2


async def test_waiting_alerts_and_trend(world: World) -> None:
    world.sink.alerts([world.office.alert("breached", i) for i in range(5)])
    await world.settled()
    _, body = await world.get("api/v1/waiting/tenant?limit=3")
    since = [row["waiting_since"] for row in body["waiting"]]
    assert len(since) == 3
    assert since == sorted(since)
    assert body["waiting"][0]["deadline_at"] > since[0]
    assert {row["channel"] for row in body["waiting"]} == {"email"}
    _, body = await world.get("api/v1/alerts?limit=2")
    assert [alert["alert_id"] for alert in body["alerts"]] == ["breached-4", "breached-3"]
    _, body = await world.get("api/v1/trend/channel:chat?minutes=10")
    assert len(body["minutes"]) == 10
    _, body = await world.get("api/v1/intervals/channel:chat?hours=2")
    assert len(body["intervals"]) == 8
    _, body = await world.get("api/v1/intervals/channel:chat")
    assert [each["window_start_at"] for each in body["intervals"]] == sorted(
        start for _, name, start, *_ in world.office.intervals() if name == "intervals:channel:chat"
    )


@pytest.mark.parametrize(
    ("path", "status", "where"),
    [
        ("api/v1/kpi/tenant?window=7m", 400, "query window"),
        ("api/v1/kpi?window=7m", 400, "query window"),
        ("api/v1/kpi/channel:fax", 404, "path"),
        ("api/v1/kpi/tenant?tenant=nobody", 404, "query tenant"),
        ("api/v1/kpi/tenant?tenant=%7Bx%7D", 400, "query tenant"),
        ("api/v1/alerts?limit=0", 400, "query limit"),
        ("api/v1/intervals/tenant?hours=25", 400, "query hours"),
        ("api/v1/stream?kinds=fax", 400, "query kinds"),
        ("api/v1/stream?view=topic:refund", 400, "query view"),
        ("api/v1/stream?view=agent:budi/channel:chat", 400, "query view"),
        ("nowhere", 404, "path"),
    ],
)
async def test_errors_say_what_where_and_what_is_allowed(world: World, path: str, status: int, where: str) -> None:
    got, body = await world.get(path)
    assert got == status
    assert body["error"]["where"] == where
    assert body["error"]["allowed"]


async def test_what_breaches_next_with_the_open_time_left(redis_server: EmbeddedRedis, tmp_path: Path) -> None:
    """The policy's calendar is open before noon only."""
    config = tmp_path / "sigap.yaml"
    days = "".join(f"{day}: [['00:00', '12:00']], " for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
    config.write_text(
        f"calendars: {{mornings: {{tz: UTC, hours: {{{days}}}}}}}\n"
        "sla_policies: [{name: office-hours, calendar: mornings, targets: {first_response: 60}}]\n"
    )
    async with Wallboard(redis_server.url, config) as board, aiohttp.ClientSession() as session:
        world = World(redis_server, board, session)
        world.sink.start()
        waiting = world.office.waiting()
        world.sink.waiting(waiting)
        await world.settled()
        before = wall_ms()
        _, body = await world.get("api/v1/due?limit=24&tenant=acme")
        await world.sink.stop(0.0)
    expected = sorted((due, each.conversation_id) for each in waiting for due in each.deadlines.values())
    assert [(row["deadline_at"], row["conversation_id"]) for row in body["due"]] == expected
    assert {(row["metric"], row["policy"]) for row in body["due"]} == {("first_response", "office-hours")}
    for row in body["due"]:
        assert row["left_s"] == pytest.approx((row["deadline_at"] - before) / 1000, abs=5)
        seconds = range(before // 1000, row["deadline_at"] // 1000)
        assert row["open_left_s"] == pytest.approx(sum(at % 86_400 < 43_200 for at in seconds), abs=5)


async def test_a_stream_begins_with_a_snapshot_and_goes_on_with_what_changes(world: World) -> None:
    async with world.session.get(world.board.url + "api/v1/stream?window=15m,now&kinds=tenant,channel") as response:
        events = Events(response)
        snapshot = await events.next("snapshot")
        assert len(snapshot["records"]) == 4 * 2
        assert len(snapshot["trend"]["channel:chat"]) == 60
        assert snapshot["settings"]["goals"]["channel:email"] == {"service_level_ratio": 0.8}
        item = world.office.record("channel:chat", "15m", {"messages_in": 4711})
        world.sink.kpi([item, world.office.record("channel:chat", "5m", {"messages_in": 1})])
        world.sink.alerts([world.office.alert("breached", 1)])
        records: list[Any] = []
        alerts: list[Any] = []
        while not (records and alerts):
            delta = await events.next("delta")
            records += delta.get("records", [])
            alerts += delta.get("alerts", [])
        assert records == [orjson.loads(item[4])]
        assert [alert["alert_id"] for alert in alerts] == ["breached-1"]
        status = await events.next("status")
        assert status["redis"]
        assert status["heartbeat_age_s"] < 5


async def test_a_stream_of_one_view_has_what_belongs_to_it(redis_server: EmbeddedRedis) -> None:
    async with Wallboard(redis_server.url) as board, aiohttp.ClientSession() as session:
        world = World(redis_server, board, session)
        world.office.whole = True
        world.sink.start()
        world.sink.kpi(world.office.records())
        world.sink.series([*world.office.minutes(), *world.office.intervals()])
        world.sink.waiting(world.office.waiting())
        world.sink.alerts([world.office.alert("breached", i) for i in range(6)])
        await world.settled()
        agents = [f"agent:a{i:02}" for i in range(6)]
        views = {
            "channel:chat": ({"channel:chat", *(f"{agent}/channel:chat" for agent in agents)}, {"channel:chat"}, 2, 12),
            "team:billing": ({"team:billing"}, {"team:billing"}, 2, 8),
            "agent:a01": ({"agent:a01", *(f"agent:a01/channel:{name}" for name in CHANNELS)}, set(), 1, 4),
        }
        for view, (scopes, trends, alerts, waiting) in views.items():
            async with session.get(f"{board.url}api/v1/stream?window=now&view={view}") as response:
                events = Events(response)
                snapshot = await events.next("snapshot")
                assert {record["scope"] for record in snapshot["records"]} == scopes
                assert {*snapshot["trend"]} == trends
                for scope in trends:
                    _, body = await world.get(f"api/v1/trend/{scope}?minutes=15")
                    met, missed = (
                        sum(each["metrics"][name] for each in body["minutes"]) for name in ("sl_met", "sl_missed")
                    )
                    assert snapshot["trend"][scope][-1]["trailing_level"] == met / (met + missed)
                assert len(snapshot["alerts"]) == alerts
                assert len(snapshot["waiting"]) == waiting
                assert all(row["conversation_id"].startswith(row["channel"]) for row in snapshot["waiting"])
                assert {*agents, "channel:email", "team:delivery"} <= {*snapshot["views"]}
                other, own = "agent:a02/channel:email", max(scopes)
                news = [world.office.record(scope, "now", {"backlog_open": 4711}) for scope in (other, own)]
                world.sink.kpi(news)
                delta = await events.next("delta")
                assert [record["scope"] for record in delta["records"]] == [own]
        await world.sink.stop(0.0)


async def test_a_stream_resumes_without_a_gap_and_without_an_alert_twice(world: World) -> None:
    seen: list[str] = []
    values: dict[str, int] = {}
    sent = 0

    async def write(rounds: int) -> None:
        nonlocal sent
        for _ in range(rounds):
            sent += 1
            world.sink.kpi([world.office.record("channel:chat", "15m", {"messages_in": sent})])
            world.sink.alerts([world.office.alert("breached", sent)])
            await asyncio.sleep(0.02)
        await world.settled()

    def take(body: dict[str, Any]) -> None:
        seen.extend(alert["alert_id"] for alert in body.get("alerts", []))
        values.update({record["scope"]: record["metrics"]["messages_in"] for record in body.get("records", [])})

    last, kinds = "", []
    url = world.board.url + "api/v1/stream?window=15m&kinds=channel"
    for _ in range(3):
        async with world.session.get(url, headers={"Last-Event-ID": last} if last else {}) as response:
            events = Events(response)
            writing = asyncio.create_task(write(20))
            body = await events.next("snapshot", "delta")
            kinds.append(body["event"])
            take(body)
            while not writing.done() or f"breached-{sent}" not in seen or values["channel:chat"] != sent:
                take(await events.next("delta"))
            last = events.id
        await write(20)
    async with world.session.get(url, headers={"Last-Event-ID": last}) as response:
        take(await Events(response).next("snapshot", "delta"))
    assert kinds == ["snapshot", "delta", "delta"]
    assert seen == [f"breached-{i}" for i in range(1, sent + 1)]
    assert values["channel:chat"] == sent


@pytest.mark.parametrize("last", ["1-0_1-0", "9999999999999-0_9999999999999-0", "nonsense"])
async def test_an_id_that_the_streams_do_not_hold_gets_a_snapshot(world: World, last: str) -> None:
    world.sink.alerts([world.office.alert("breached", 1)])
    await world.settled()
    async with world.session.get(world.board.url + "api/v1/stream", headers={"Last-Event-ID": last}) as response:
        assert (await Events(response).next("snapshot", "delta"))["event"] == "snapshot"


async def test_what_cannot_be_read_is_passed_over(world: World) -> None:
    client: Any = redis.asyncio.Redis.from_url(world.server.url, protocol=2)
    url = world.board.url + "api/v1/stream?window=15m"
    async with client, world.session.get(url) as response:
        events = Events(response)
        await events.next("snapshot")
        for stream_of, fields in [
            ("alerts", {"alert": b"not json"}),
            ("alerts", {"x": 1}),
            ("updates", {b"\xff": "x"}),
        ]:
            await client.xadd(f"sigap:{{acme}}:{stream_of}", fields)
        world.sink.alerts([world.office.alert("breached", 1)])
        while not (alerts := (await events.next("delta")).get("alerts")):
            pass
        async with world.session.get(url, headers={"Last-Event-ID": events.id}) as resumed:
            assert (await Events(resumed).next("status"))["redis"]
    assert [each["alert_id"] for each in alerts] == ["breached-1"]
    _, body = await world.get("api/v1/alerts")
    assert [each["alert_id"] for each in body["alerts"]] == ["breached-1"]


async def test_clients_beyond_the_connections_to_redis_wait_for_one(world: World) -> None:
    store = Store(world.server.url)
    try:
        answers = await asyncio.gather(*(store.names("acme") for _ in range(300)))
    finally:
        await store.close()
    assert {len(each) for each in answers} == {10 * 6}


async def test_more_streams_than_are_served_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STREAMS", 2)
    url = world.board.url + "api/v1/stream"
    async with world.session.get(url), world.session.get(url) as second:
        status, body = await world.get("api/v1/stream")
        assert status == 503
        assert body["error"]["what"] == "2 streams are open, no more are served"
        second.close()
        async with asyncio.timeout(10):
            while status != 200:
                async with world.session.get(url) as response:
                    status = response.status


async def see_redis_go(world: World, response: aiohttp.ClientResponse) -> Events:
    """Follow a stream until it says that Redis, killed meanwhile, is away."""
    events = Events(response)
    await events.next("snapshot")
    world.server.stop(hard=True)
    while (await events.next("status"))["redis"]:
        pass
    return events


async def test_redis_away_is_said_and_mended(world: World) -> None:
    async with world.session.get(world.board.url + "api/v1/stream?window=15m") as response:
        events = await see_redis_go(world, response)
        assert (await world.get("readyz"))[0] == 503
        assert (await world.get("livez"))[0] == 200
        assert (await world.get("api/v1/kpi"))[0] == 503
        world.server.start()
        world.sink.kpi(world.office.records())
        records: dict[str, Any] = {}
        while len(records) < 10:
            body = await events.next("snapshot", "delta")
            records |= {record["scope"]: record for record in body.get("records", [])}
        assert (await world.get("readyz"))[0] == 200


async def test_redis_that_nobody_watches_is_not_said_to_be_away(world: World) -> None:
    async with world.session.get(world.board.url + "api/v1/stream?window=15m") as response:
        await see_redis_go(world, response)
    world.server.start()
    async with asyncio.timeout(10):
        text = ""
        while "sigap_wallboard_redis_up 1.0" not in text:
            async with world.session.get(world.board.url + "metrics") as response:
                text = await response.text()


async def test_without_a_name_it_is_the_first_tenant_that_has_figures(
    redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    config = tmp_path / "sigap.yaml"
    config.write_text("tenants: {aaa: {}, zzz: {}}")
    async with Wallboard(redis_server.url, config) as board, aiohttp.ClientSession() as session:
        world = World(redis_server, board, session)
        world.sink.start()
        world.sink.kpi(world.office.records())
        await world.settled()
        assert (await world.get("api/v1/kpi/tenant?window=15m"))[1]["tenant"] == "acme"
        async with from_redis(redis_server.url, config)("15m", None) as told:
            assert (await anext(told)).body["tenant"] == "acme"
        await world.sink.stop(0.0)


async def test_foreign_hosts_and_origins_are_refused(world: World) -> None:
    assert (await world.get("api/v1/kpi", Host="evil.example:80"))[0] == 403
    assert (await world.get("api/v1/kpi", Origin="http://evil.example"))[0] == 403
    assert (await world.get("api/v1/kpi", Origin=world.board.url.rstrip("/")))[0] == 200


async def test_another_address_needs_a_token(redis_server: EmbeddedRedis) -> None:
    with pytest.raises(ValueError, match="token"):
        Wallboard(redis_server.url, host="0.0.0.0")
    async with Wallboard(redis_server.url, token="s3cret") as board, aiohttp.ClientSession() as session:
        assert (await session.get(board.url)).status == 401
        assert (await session.get(board.url + "livez")).status == 200
        assert (await session.get(board.url + "metrics?token=s3cret")).status == 200
        assert (await session.get(board.url + "metrics", headers={"Authorization": "Bearer s3cret"})).status == 200
        assert (await session.get(board.url + "metrics", headers={"Authorization": "Bearer other"})).status == 401
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        Wallboard(redis_server.url, token="s3cret") as board,
        aiohttp.ClientSession(cookie_jar=jar) as session,
    ):
        page = await session.get(board.url + "?token=s3cret&window=5m")
        assert page.status == 200
        assert str(page.url) == board.url + "?window=5m"
        assert (await session.get(board.url + "static/app.js")).status == 200


async def test_statics_are_compressed_cached_and_guarded(world: World) -> None:
    async with world.session.get(world.board.url) as response:
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        tag = response.headers["ETag"]
        assert response.headers["Content-Encoding"] == "gzip"
    async with world.session.get(world.board.url, headers={"If-None-Match": tag}) as response:
        assert response.status == 304
    async with world.session.get(world.board.url + "metrics") as response:
        text = await response.text()
        assert "sigap_wallboard_redis_up 1.0" in text
        assert text.endswith("# EOF\n")
