"""A worker's `/livez`, `/readyz` and `/metrics`, on loopback unless told otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from agents.metrics import WorkerCollector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agents.feed import Feed
    from streams.engine.faust.driver import Driver

STUCK_S = 60.0
"""A delivery awaited, a coordinator silent, records not folded for longer: the process should be restarted."""


class Health:
    """The server, as an asynchronous context."""

    def __init__(
        self, driver: Driver, feed: Feed, address: tuple[str, int], raw: Mapping[tuple[str, str], int]
    ) -> None:
        self._driver = driver
        self._address = address
        self._registry = CollectorRegistry()
        self._registry.register(WorkerCollector(driver, feed, raw))
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        app = web.Application()
        app.add_routes(
            [
                web.get("/livez", self._live),
                web.get("/readyz", self._ready),
                web.get("/metrics", self._metrics),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)

    async def __aenter__(self) -> Self:
        """Listen."""
        await self._runner.setup()
        await web.TCPSite(self._runner, *self._address).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self._runner.cleanup()

    async def _live(self, _request: web.Request) -> web.Response:
        status = self._driver.status()
        reasons = []
        if status.oldest_s > STUCK_S:
            reasons.append(f"a delivery to Kafka has been awaited for {status.oldest_s:.0f} s")
        if status.ready and status.lease_s > STUCK_S:
            reasons.append(f"the group's coordinator has been silent for {status.lease_s:.0f} s")
        for partition, one in status.partitions.items():
            if one.ready and one.stalled_s > STUCK_S:
                behind = f"partition {partition} is {one.behind} records behind"
                reasons.append(f"{behind} and has folded none for {one.stalled_s:.0f} s")
        for (topic, place), feed in status.feeds.items():
            if feed.ready and feed.stalled_s > STUCK_S:
                behind = f"{topic}-{place} is {feed.behind} records behind"
                reasons.append(f"{behind} and has handled none for {feed.stalled_s:.0f} s")
        return _answer(reasons)

    async def _ready(self, _request: web.Request) -> web.Response:
        return _answer([] if self._driver.status().ready else ["partitions are being recovered"])

    async def _metrics(self, _request: web.Request) -> web.Response:
        body = generate_latest(self._registry)  # type: ignore[no-untyped-call]
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _answer(reasons: list[str]) -> web.Response:
    return web.json_response({"ok": not reasons, "reasons": reasons}, status=503 if reasons else 200)
