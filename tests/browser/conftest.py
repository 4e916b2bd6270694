"""A wallboard over a real Redis, and a real browser to look at it."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
import yaml
from playwright.async_api import Browser, Page, async_playwright
from yarl import URL

from agents.sinks.redis import RedisSink
from agents.wallboard.server import Wallboard
from deploy.local.redis import EmbeddedRedis
from streams.clock import wall_ms
from tests.browser.office import TEAMS, Office
from tests.conftest import unavailable
from tests.kafka.lab import until

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
VIEWS = ("tenant", "channel:chat", "team:billing", "agent:a03")


class World:
    """A wallboard, its page, and the sink that feeds it."""

    def __init__(self, server: EmbeddedRedis, config: Path, page: Page, office: Office) -> None:
        self.page, self.office = page, office
        self.config, self.server = config, server
        self.settings(
            goals={
                "channel:chat": {"service_level_ratio": 0.9, "frt_p90_s": 1},
                "tenant": {"resolution_mean_s": 900, "handle_mean_s": 300, "csat_ratio": 0.8, "fcr_ratio": 0.75},
            },
            names={"agents": office.names, "teams": TEAMS},
        )
        self.sink = RedisSink(server.url, resync=lambda: None)
        self.board = self.another(0)
        self.complaints: list[str] = []
        self.listen(page)

    def settings(self, **more: Any) -> None:
        """Write the settings that the next wallboard reads."""
        self.config.write_text(yaml.safe_dump({"timezone": "Asia/Jakarta"} | more))

    def listen(self, page: Page) -> None:
        """Keep what a page complains about."""
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def another(self, port: int) -> Wallboard:
        return Wallboard(self.server.url, self.config, port=port)

    async def fill(self) -> None:
        self.sink.kpi(self.office.records())
        self.sink.series(self.office.minutes())
        self.sink.waiting(self.office.waiting())
        await self.settled()

    async def settled(self) -> None:
        await until(lambda: self.sink.connected and not self.sink.pending)

    async def open(self, query: str = "", page: Page | None = None) -> None:
        """Go to an address of the page, and wait until it shows figures."""
        page = page or self.page
        await page.goto(self.board.url + query)
        await page.wait_for_selector("body.ready")

    async def api(self, scope: str, window: str) -> dict[str, Any]:
        url = f"{self.board.url}api/v1/kpi/{quote(scope, safe='')}?window={window}"
        async with aiohttp.ClientSession() as session, session.get(URL(url, encoded=True)) as got:
            body: dict[str, Any] = await got.json()
            return body

    async def shown(self, scope: str) -> dict[str, str]:
        """Values of a scope on the page by metric."""
        found: dict[str, str] = await self.page.evaluate(
            """scope => {
                const found = {};
                for (const box of document.querySelectorAll(`[data-scope=${JSON.stringify(scope)}] [data-metric]`)) {
                    const node = box.matches('[data-value]') ? box : box.querySelector('[data-value]');
                    if (node) found[box.dataset.metric] = node.dataset.value;
                }
                return found;
            }""",
            scope,
        )
        return found

    async def same(self, scope: str, window: str = "15m") -> bool:
        """Whether every figure on the page is the API's."""
        rolling = (await self.api(scope, window))["metrics"]
        gauges = (await self.api(scope, "now"))["metrics"]
        shown = await self.shown(scope)
        expected = {}
        for metric in shown:
            value = (gauges if metric in gauges else rolling)[metric]
            expected[metric] = None if value is None else float(value)
        return len(shown) >= 3 and expected == {metric: float(text) if text else None for metric, text in shown.items()}


def chromium() -> str:
    """The path of a browser; without one the test is skipped."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None) or unavailable(
        "no Chromium on the path"
    )


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A browser of the test's own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def house(redis_server: EmbeddedRedis, tmp_path: Path, browser: Browser) -> AsyncIterator[World]:
    """A whole house, served, with a page that is not yet opened."""
    page = await browser.new_page(viewport={"width": 1920, "height": 1080}, locale="en-GB")
    world = World(redis_server, tmp_path / "sigap.yaml", page, Office(wall_ms(), agents=12, whole=True))
    world.sink.start()
    await world.fill()
    await world.board.start()
    yield world
    await world.board.stop()
    await world.sink.stop(0.0)


@pytest.fixture
async def world(house: World) -> World:
    """The same with the whole house on the page."""
    await house.open()
    return house
