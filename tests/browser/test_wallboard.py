"""The page in a real browser, fed by the real sink through a real Redis."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from playwright.async_api import Page, async_playwright, expect

from agents.sinks.redis import RedisSink
from agents.wallboard.server import Wallboard
from deploy.local.redis import EmbeddedRedis
from streams.clock import wall_ms
from tests.browser.office import Office
from tests.conftest import unavailable

pytestmark = pytest.mark.browser
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


class World:
    """A wallboard, its page, and the sink that feeds it."""

    def __init__(self, server: EmbeddedRedis, config: Path, page: Page) -> None:
        self.page = page
        self.office = Office(wall_ms(), agents=12)
        config.write_text(
            yaml.safe_dump(
                {
                    "timezone": "Asia/Jakarta",
                    "goals": {"channel:chat": {"service_level_ratio": 0.9, "frt_p90_s": 1}},
                    "names": {"agents": self.office.names},
                }
            )
        )
        self.config, self.server = config, server
        self.sink = RedisSink(server.url, resync=lambda: None)
        self.board = self.another(0)
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def another(self, port: int) -> Wallboard:
        return Wallboard(self.server.url, self.config, port=port)

    async def fill(self) -> None:
        self.sink.kpi(self.office.records())
        self.sink.minutes(self.office.minutes())
        self.sink.waiting(self.office.waiting())
        await self.settled()

    async def settled(self) -> None:
        async with asyncio.timeout(10):
            while self.sink.pending or not self.sink.connected:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def api(self, scope: str, window: str) -> dict[str, Any]:
        url = f"{self.board.url}api/v1/kpi/{scope}?window={window}"
        async with aiohttp.ClientSession() as session, session.get(url) as got:
            body: dict[str, Any] = await got.json()
            return body

    async def shown(self, scope: str) -> dict[str, str]:
        """Values of a scope on the page by metric."""
        found: dict[str, str] = await self.page.evaluate(
            """scope => {
                const found = {};
                for (const box of document.querySelectorAll(`[data-scope="${scope}"] [data-metric]`)) {
                    const node = box.matches('[data-value]') ? box : box.querySelector('[data-value]');
                    if (node) found[box.dataset.metric] = node.dataset.value;
                }
                return found;
            }""",
            scope,
        )
        return found


async def until(condition: Callable[[], Awaitable[bool]], within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def chromium() -> str:
    """The path of a browser; without one the test is skipped."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None) or unavailable(
        "no Chromium on the path"
    )


@pytest.fixture
async def world(redis_server: EmbeddedRedis, tmp_path: Path) -> AsyncIterator[World]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        page = await browser.new_page(viewport={"width": 1920, "height": 1080})
        world = World(redis_server, tmp_path / "sigap.yaml", page)
        world.sink.start()
        await world.fill()
        await world.board.start()
        await page.goto(world.board.url)
        await page.wait_for_selector("body.ready")
        yield world
        await browser.close()
        await world.board.stop()
        await world.sink.stop(0.0)


async def same(world: World, scope: str, window: str) -> bool:
    """Whether every figure on the page is the API's."""
    rolling = (await world.api(scope, window))["metrics"]
    gauges = (await world.api(scope, "now"))["metrics"]
    shown = await world.shown(scope)
    expected = {}
    for metric in shown:
        value = (gauges if metric in gauges else rolling)[metric]
        expected[metric] = None if value is None else float(value)
    return len(shown) >= 6 and expected == {metric: float(text) if text else None for metric, text in shown.items()}


async def test_the_page_shows_what_the_api_says_and_follows_it(world: World) -> None:
    scopes = ("tenant", "channel:chat", "channel:email", "channel:whatsapp", "agent:a03", "agent:a11")
    for scope in scopes:
        assert await same(world, scope, "15m"), scope
    before = await world.shown("channel:chat")
    world.sink.kpi(world.office.records())
    await world.settled()
    for scope in scopes:
        await until(lambda scope=scope: same(world, scope, "15m"))  # type: ignore[misc]
    assert await world.shown("channel:chat") != before
    assert world.complaints == []


async def test_another_window_is_shown_at_once(world: World) -> None:
    fifteen = await world.shown("tenant")
    await world.page.get_by_text("Today").click()
    await until(lambda: same(world, "tenant", "today"))
    assert (await world.shown("tenant"))["conversations_active"] != fifteen["conversations_active"]
    assert "window=today" in world.page.url
    assert world.complaints == []


async def test_goals_are_told_by_words_too(world: World) -> None:
    await expect(world.page.locator('[data-scope="channel:chat"] .chip')).to_have_text(re.compile("(on|near|off) goal"))
    await expect(world.page.locator('[data-scope="channel:chat"] .note').first).to_contain_text("goal 90%")
    late = world.page.locator('[data-scope="channel:chat"] [data-metric="frt_p90_s"]')
    await expect(late).to_have_attribute("data-sign", "✕")


async def test_the_oldest_wait_ticks_by_itself(world: World) -> None:
    figure = world.page.locator('[data-scope="channel:chat"] [data-metric="oldest_waiting_at"] dd')
    first = await figure.inner_text()
    assert first.endswith("s")
    await expect(figure).not_to_have_text(first)
    await expect(world.page.locator("#waiters li:visible")).to_have_count(12)


async def test_alerts_come_and_change_in_place(world: World) -> None:
    rows = world.page.locator("#alerts li")
    await expect(world.page.locator("#alerts-none")).to_be_visible()
    now = wall_ms()
    world.sink.alerts([world.office.alert("imminent", 1, at=now, deadline_at=now + 60_000)])
    await expect(rows).to_have_count(1)
    await expect(rows.first).to_contain_text("Due soon · Next response")
    world.sink.alerts([world.office.alert("breached", 1, at=now, deadline_at=now), world.office.alert("met", 2)])
    await expect(rows.first).to_contain_text("Breached")
    await expect(rows.first).to_contain_text(re.compile(r"late \d+s"))
    await expect(rows.first).to_contain_text("Siti Rahma")
    world.sink.alerts([world.office.alert("met_late", 1, at=now, deadline_at=now - 75_000, late_s=75.0)])
    await expect(rows.first).to_contain_text("late 1m 15s")
    await expect(rows).to_have_count(1)
    assert world.complaints == []


async def test_partial_figures_are_marked(world: World) -> None:
    banner = world.page.locator('[data-kind="partial"]')
    await expect(banner).to_have_count(0)
    world.sink.kpi(world.office.records(partial=True, lag_s=42.0))
    await expect(banner).to_contain_text("42s behind")
    world.sink.kpi(world.office.records())
    await expect(banner).to_have_count(0)


async def test_a_lost_connection_is_said_and_mended(world: World) -> None:
    port = int(world.board.url.rstrip("/").rpartition(":")[2])
    await world.board.stop()
    await expect(world.page.locator('[data-kind="lost"]')).to_be_visible()
    await expect(world.page.locator("#link")).to_have_text("Connection lost")
    world.sink.kpi(world.office.records())
    await world.settled()
    world.board = world.another(port)
    await world.board.start()
    await expect(world.page.locator('[data-kind="lost"]')).to_have_count(0, timeout=15_000)
    await until(lambda: same(world, "channel:whatsapp", "15m"))


async def test_a_silent_worker_and_a_redis_away_are_said(world: World) -> None:
    await world.sink.stop()
    world.sink = RedisSink(world.server.url, resync=lambda: None, durable=False, tenants=["acme"])
    world.sink.start()
    await expect(world.page.locator('[data-kind="durable"]')).to_be_visible()
    await world.sink.stop()
    await expect(world.page.locator('[data-kind="stale"]')).to_be_visible(timeout=15_000)
    world.server.stop()
    await expect(world.page.locator('[data-kind="redis"]')).to_be_visible(timeout=15_000)


async def test_a_page_before_the_first_figures_says_so_and_goes_on(redis_server: EmbeddedRedis, tmp_path: Path) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        world = World(redis_server, tmp_path / "sigap.yaml", await browser.new_page())
        async with world.board:
            await world.page.goto(world.board.url)
            await expect(world.page.locator('[data-kind="refused"]')).to_contain_text("no figures of any tenant yet")
            world.sink.start()
            await world.fill()
            await expect(world.page.locator('[data-kind="refused"]')).to_have_count(0)
            await until(lambda: same(world, "tenant", "15m"))
        await browser.close()
        await world.sink.stop(0.0)


async def test_the_page_fits_a_phone(world: World) -> None:
    await world.page.set_viewport_size({"width": 390, "height": 844})
    assert await world.page.evaluate("document.documentElement.scrollWidth") == 390
