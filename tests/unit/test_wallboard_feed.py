"""The reader that all clients of a tenant share: it is there as long as one of them is, whatever it reads."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import orjson
import pytest
from structlog.testing import capture_logs

from agents.wallboard.feed import Client, Feed
from agents.wallboard.store import Position


class Changing:
    """A store in which a record changes with every read; whatever is asked takes a moment."""

    def __init__(self) -> None:
        self.reads = 0

    async def position(self, _: str) -> Position:
        await asyncio.sleep(0.01)
        return Position(f"{self.reads}-0", "0-0")

    async def alerts(self, _tenant: str, _limit: int) -> list[tuple[str, bytes]]:
        return []

    async def holds(self, _tenant: str, _position: Position) -> bool:
        await asyncio.sleep(0.05)
        return True

    async def between(self, *_: Any) -> tuple[dict[str, int], list[bytes]]:
        return {}, []

    async def read(self, *_: Any) -> tuple[Position, dict[str, int], list[bytes]]:
        await asyncio.sleep(0.01)
        self.reads += 1
        return Position(f"{self.reads}-0", "0-0"), {"kpi:tenant:now": self.reads}, []


def feed_of(store: Any) -> Feed:
    return Feed(cast("Any", store), "acme")


def client() -> Client:
    return Client(lambda _scope, _window: True, all_alerts=True)


async def until(condition: Callable[[], object], what: str) -> None:
    try:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - anything may come
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"not within the deadline: {what}")


async def told_anew(one: Client) -> None:
    one.forget()
    await until(lambda: one.names, "a change is told")


async def test_who_comes_back_keeps_the_reader_when_its_old_connection_ends() -> None:
    feed, old, new = feed_of(Changing()), client(), client()
    await feed.join(old, None)
    await told_anew(old)
    joining = asyncio.create_task(feed.join(new, Position("1-0", "0-0")))
    await asyncio.sleep(0.02)
    assert not joining.done()
    await feed.leave(old)
    await joining
    await told_anew(new)
    await feed.leave(new)


async def test_who_goes_while_the_reader_begins_does_not_leave_the_next_waiting() -> None:
    feed, first, second = feed_of(Changing()), client(), client()
    joining = [asyncio.create_task(feed.join(each, None)) for each in (first, second)]
    await asyncio.sleep(0)
    joining[0].cancel()
    await asyncio.wait(joining[:1])
    await feed.leave(first)
    async with asyncio.timeout(5):
        await joining[1]
    await told_anew(second)
    await feed.leave(second)


async def test_the_last_to_go_stops_the_reader_even_if_it_never_came() -> None:
    store = Changing()
    feed, one, other = feed_of(store), client(), client()
    await feed.join(one, None)
    joining = asyncio.create_task(feed.join(other, Position("0-0", "0-0")))
    await asyncio.sleep(0)
    await feed.leave(one)
    joining.cancel()
    await asyncio.wait([joining])
    await feed.leave(other)
    reads = store.reads
    await asyncio.sleep(0.3)  # two turns of a reader
    assert store.reads == reads


async def test_the_status_is_read_once_for_all_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    class Beating(Changing):
        asked = 0

        async def status(self, _: str) -> dict[str, int]:
            await asyncio.sleep(0.01)
            self.asked += 1
            if self.asked == 2:
                raise ConnectionError("away")
            return {"heartbeat_at": self.asked}

    now = 0.0
    monkeypatch.setattr("agents.wallboard.feed.running_s", lambda: now)
    store = Beating()
    feed = feed_of(store)
    assert await asyncio.gather(*(feed.status() for _ in range(10))) == [{"heartbeat_at": 1}] * 10
    now = 0.9
    assert await feed.status() == {"heartbeat_at": 1}
    now = 1.0
    answers = await asyncio.gather(*(feed.status() for _ in range(10)), return_exceptions=True)
    assert {type(each) for each in answers} == {ConnectionError}
    now = 2.0
    assert await feed.status() == {"heartbeat_at": 3}


async def test_an_alert_that_cannot_be_read_is_passed_over() -> None:
    good = {"state": "breached", "at": 5}
    bad = [b"not json", b"", b"[]", b"{}", b'{"state": ["x"], "at": 5}', b'{"state": "breached", "at": "x"}']

    class Garbled(Changing):
        async def alerts(self, _tenant: str, _limit: int) -> list[tuple[str, bytes]]:
            return [("0-0", each) for each in bad]

        async def between(self, *_: Any) -> tuple[dict[str, int], list[bytes]]:
            return {}, [*bad, orjson.dumps(good)]

        async def read(self, *args: Any) -> tuple[Position, dict[str, int], list[bytes]]:
            position, changed, _ = await super().read(*args)
            return position, changed, [*bad, orjson.dumps(good)] if self.reads == 1 else []

    feed, first, second = feed_of(Garbled()), client(), client()
    with capture_logs() as logs:
        await feed.join(first, None)
        assert await feed.recent_alerts(Position("0-0", "0-0"), first) == []
        await until(lambda: first.alerts, "the good one is told")
        await told_anew(first)
        await feed.join(second, Position("0-0", "0-0"))
    assert [*second.alerts] == [good]
    assert feed.up
    assert {each["event"] for each in logs} == {"alert_unreadable"}
    assert "not json" not in str(logs)
    for each in (first, second):
        await feed.leave(each)


async def test_a_reader_that_fails_begins_anew_with_a_snapshot_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(Changing):
        async def read(self, *args: Any) -> tuple[Position, dict[str, int], list[bytes]]:
            found = await super().read(*args)
            if self.reads == 2:
                raise LookupError("never thought of")
            return found

    monkeypatch.setattr("agents.wallboard.feed._FAILED_S", 0.1)
    feed, one = feed_of(Failing()), client()
    with capture_logs() as logs:
        await feed.join(one, None)
        one.fresh = False
        await until(lambda: not feed.up, "it has failed")
        await until(lambda: one.fresh and feed.up, "it has begun anew")
        await told_anew(one)
    assert [each["event"] for each in logs] == ["reader_failed"]
    await feed.leave(one)


async def test_who_joins_a_feed_whose_reader_has_ended_starts_another() -> None:
    class Ending(Changing):
        async def read(self, *args: Any) -> tuple[Position, dict[str, int], list[bytes]]:
            found = await super().read(*args)
            if self.reads == 2:
                raise asyncio.CancelledError
            return found

    store = Ending()
    feed, one, other = feed_of(store), client(), client()
    await feed.join(one, None)
    await until(lambda: store.reads == 2, "it has ended")
    await asyncio.sleep(0)
    await feed.join(other, None)
    await told_anew(other)
    await told_anew(one)
    for each in (one, other):
        await feed.leave(each)
