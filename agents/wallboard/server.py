"""The application, and the wallboard as something that starts and stops inside another event loop."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from redis.exceptions import RedisError

from agents.wallboard import api, auth
from agents.wallboard.due import due
from agents.wallboard.errors import as_json, problem
from agents.wallboard.page import statics
from agents.wallboard.ranking import ranking
from agents.wallboard.state import STATE, State
from agents.wallboard.store import Store
from agents.wallboard.stream import stream
from tables.settings import Settings


def create_app(
    redis_url: str, config_path: Path | None = None, *, token: str | None = None, tenant: str | None = None
) -> web.Application:
    """The wallboard over a Redis.

    Without a token it answers only to the names of loopback. `tenant` is shown where none is asked for.
    Raises `SettingsError` for a wrong file.
    """
    app = web.Application(middlewares=[auth.guard(token), as_json])
    state = app[STATE] = State(Store(redis_url), Settings.load(config_path), tenant)
    app.on_response_prepare.append(auth.on_prepare)
    for path, handler in statics().items():
        app.router.add_get(path, handler)
    app.router.add_get("/api/v1/kpi", api.kpis)
    app.router.add_get("/api/v1/kpi/{scope:.+}", api.kpi)
    app.router.add_get("/api/v1/ranking", ranking)
    app.router.add_get("/api/v1/alerts", api.alerts)
    app.router.add_get("/api/v1/waiting/{scope:.+}", api.waiting)
    app.router.add_get("/api/v1/due", due)
    app.router.add_get("/api/v1/trend/{scope:.+}", api.trend)
    app.router.add_get("/api/v1/intervals/{scope:.+}", api.intervals)
    app.router.add_get("/api/v1/stream", stream)
    app.router.add_get("/livez", _live)
    app.router.add_get("/readyz", _ready)
    registry = CollectorRegistry()
    registry.register(_Metrics(state))
    app.router.add_get("/metrics", _metrics(registry))

    async def lifetime(_app: web.Application) -> AsyncIterator[None]:
        yield
        for feed in state.feeds.values():
            await feed.close()
        await state.store.close()

    app.cleanup_ctx.append(lifetime)
    return app


class Wallboard:
    """A listening wallboard: `async with Wallboard(url) as board: board.url`.

    Raises ValueError for an address other than loopback without a token, OSError where the port is taken.
    """

    def __init__(
        self,
        redis_url: str,
        config_path: Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        tenant: str | None = None,
    ) -> None:
        if not auth.is_loopback(host) and not token:
            raise ValueError(f"host {host!r}: another address than loopback needs a token in SIGAP_TOKEN")
        self._host, self._port = host, port
        self._app = create_app(redis_url, config_path, token=token, tenant=tenant)
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where the page is."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}/"

    async def start(self) -> None:
        """Listen."""
        # Streams end when the server stops: nobody waits for them.
        self._runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=0.5, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """End all streams and let go of Redis."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.stop()


async def _live(_request: web.Request) -> web.Response:
    return api.answer({"status": "live"})


async def _ready(request: web.Request) -> web.Response:
    try:
        await request.app[STATE].store.ping()
    except (RedisError, OSError, TimeoutError):
        return problem(503, "Redis does not answer", "SIGAP_REDIS", ["try again later"])
    return api.answer({"status": "ready"})


def _metrics(registry: CollectorRegistry) -> Any:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(registry),  # type: ignore[no-untyped-call]
            headers={"Content-Type": CONTENT_TYPE_LATEST},
        )

    return handler


class _Metrics:
    """The wallboard's own figures."""

    def __init__(self, state: State) -> None:
        self._state = state

    def collect(self) -> list[GaugeMetricFamily | CounterMetricFamily]:
        """As prometheus_client asks for them."""
        state = self._state
        feeds = state.feeds.values()
        return [
            GaugeMetricFamily("sigap_wallboard_streams", "Open event streams", value=state.streams),
            CounterMetricFamily("sigap_wallboard_pushes", "Pushes to streams", value=state.pushes),
            CounterMetricFamily(
                "sigap_wallboard_entries", "Changes and alerts read", value=sum(feed.entries for feed in feeds)
            ),
            GaugeMetricFamily(
                "sigap_wallboard_redis_up", "1 while Redis answers", value=int(all(feed.up for feed in feeds))
            ),
        ]
