"""`/api/v1/stream`: server-sent events, a snapshot and then what changes, at most two pushes a second.

Events: `snapshot` (all that the filters choose), `delta` (whole records that changed, in the same fields),
`status` (every second: the worker's heartbeat). The id of a snapshot or delta is the position of both Redis streams.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import orjson
from aiohttp import web
from redis.exceptions import RedisError

from agents.sinks.layout import split_name
from agents.wallboard import api
from agents.wallboard.errors import ProblemError
from agents.wallboard.feed import Client, Feed, Wants
from agents.wallboard.state import STATE, State
from agents.wallboard.store import STREAMS, Position, channels_of
from agents.wallboard.views import HOUSE, VIEWS, View
from streams.clock import wall_ms
from tables.kpis.catalogue import ALL_WINDOWS
from tables.kpis.metric import KINDS
from tables.scopes import has_trend, kind_of

_PUSH_S = 0.3
_STATUS_S = 1.0
_SEND_S = 10.0
_LONGEST = 12
_AWAY = {"redis": False}
_VIEWS = frozenset({"channel", "team", "agent"})


async def stream(request: web.Request) -> web.StreamResponse:
    """Filters: `window` and `kinds`, comma-separated; `view`, a scope: only what belongs to it.

    `alerts=notable` leaves out good news that nobody waits for.
    """
    state = request.app[STATE]
    tenant = await api.tenant_of(request)
    windows, kinds = api.choices(request, "window", ALL_WINDOWS), api.choices(request, "kinds", KINDS)
    (alerts,) = api.choices(request, "alerts", ("all", "notable"), default=("all",))

    text = request.query.get("view", HOUSE.scope)
    if (view := View.parse(text)) is None:
        raise ProblemError(400, f"{text!r} is no view", "query view", VIEWS)

    def wants(scope: str, window: str) -> bool:
        return (window in windows or window == "trend") and kind_of(scope) in kinds and view.shows(scope)

    push = Push(state, state.feed(tenant), Client(wants, all_alerts=alerts == "all", view=view))
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    last = Position.parse(request.headers.get("Last-Event-ID") or request.query.get("last_event_id", ""))
    if view != HOUSE:
        last = None  # a snapshot is small, and knows which runs the view has been told of
    if state.streams >= STREAMS:
        raise ProblemError(503, f"{STREAMS:,} streams are open, no more are served", "server", ["try again later"])
    state.streams += 1
    try:
        await push.feed.join(push.client, last)
        await response.prepare(request)
        await response.write(b"retry: 1000\n\n")
        async for frame in push.frames():
            async with asyncio.timeout(_SEND_S):
                await response.write(frame)
    except (ConnectionResetError, TimeoutError):
        # Gone, or too slow even for one push: it comes back and resumes, or starts from a snapshot.
        return response
    finally:
        state.streams -= 1
        await push.feed.leave(push.client)
    return response


class Push:
    """What one client is sent."""

    def __init__(self, state: State, feed: Feed, client: Client) -> None:
        self._state = state
        self._store = state.store
        self.feed = feed
        self.client = client
        self._wants: Wants = client.wants
        self._channels: list[str] = []

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """What to send next, as text of server-sent events; a status at least every second."""
        while True:
            client = self.client
            # What comes while this is sent is gathered anew: however slow the client, it is one push behind.
            frame = b""
            try:
                if client.fresh:
                    client.fresh = False
                    frame = await self._snapshot()
                elif client.woken.is_set():
                    frame = await self._delta()
                frame += _frame("status", await self._status() if self.feed.up else _AWAY)
            except (RedisError, OSError, TimeoutError):
                client.refresh()
                frame = _frame("status", _AWAY)
            yield frame
            self._state.pushes += 1
            await asyncio.sleep(_PUSH_S)
            try:
                async with asyncio.timeout(_STATUS_S - _PUSH_S):
                    await client.woken.wait()
            except TimeoutError:
                continue

    async def _snapshot(self) -> bytes:
        tenant, position = self.feed.tenant, self.client.position
        self.client.forget()
        names = await self._store.names(tenant)
        self._channels = channels_of(names)
        chosen = [name for name in names if self._wants(*split_name(name))]
        scopes = sorted({scope for scope, _ in map(split_name, chosen) if has_trend(scope)})
        body = {
            "tenant": tenant,
            "tenants": await self._store.tenants(),
            "settings": self._state.shown(tenant, self._channels),
            "views": sorted({scope for scope, _ in map(split_name, names) if kind_of(scope) in _VIEWS}),
            "records": [orjson.Fragment(each) for each in await self.feed.records(chosen)],
            "trend": await self._trend(scopes),
            "waiting": await self._waiting(),
            "alerts": await self.feed.recent_alerts(position, self.client),
        }
        return _frame("snapshot", body, position)

    async def _delta(self) -> bytes:
        client, position = self.client, self.client.position
        names, trends, waiting, alerts = client.names, client.trends, client.waiting, list(client.alerts)
        client.forget()
        if not (names or trends or waiting or alerts):
            return b""
        body: dict[str, Any] = {}
        if any(channel not in self._channels for channel in channels_of(names)) or not self._channels:
            self._channels = channels_of(await self._store.names(self.feed.tenant))
            body["settings"] = self._state.shown(self.feed.tenant, self._channels)
        if names:
            body["records"] = [orjson.Fragment(each) for each in await self.feed.records(sorted(names))]
        if trends:
            body["trend"] = await self._trend(sorted(trends))
        if waiting:
            body["waiting"] = await self._waiting()
        if alerts:
            body["alerts"] = alerts
        return _frame("delta", body, position)

    async def _trend(self, scopes: list[str]) -> dict[str, list[dict[str, Any]]]:
        tenant = self.feed.tenant
        formula = self._state.settings.tenant(tenant).formula
        return {scope: await self._store.points(tenant, scope, formula) for scope in scopes}

    async def _waiting(self) -> list[dict[str, Any]]:
        return await self._store.waiting(self.feed.tenant, self.client.view.scope, _LONGEST, self._channels)

    async def _status(self) -> dict[str, Any]:
        meta = await self.feed.status()
        beat = meta.get("heartbeat_at")
        return {
            "redis": True,
            "heartbeat_age_s": None if beat is None else max(0.0, (wall_ms() - beat) / 1000),
            "now_at": meta.get("now_at", wall_ms()) if beat is None else meta["now_at"] + wall_ms() - beat,
            "durable": bool(meta.get("durable", 1)),
        }


def _frame(event: str, body: Any, position: Position | None = None) -> bytes:
    mark = b"" if position is None else b"id: %b\n" % str(position).encode()
    return b"event: %b\n%bdata: %b\n\n" % (event.encode(), mark, orjson.dumps(body))
