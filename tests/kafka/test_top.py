"""`sigap top` in a real terminal, on a real Redis that the real sink fills."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml

from agents.sinks.redis import RedisSink
from agents.wallboard.server import Wallboard
from deploy.local.redis import EmbeddedRedis
from streams.clock import wall_ms
from tests.browser.office import Office
from tests.kafka.lab import Process, until
from tests.kafka.terminal import ALTERNATE, BACK, HIDE, SHOW, Terminal

pytestmark = pytest.mark.kafka
TOKEN = "a-token-of-sixteen"


class World:
    """An office whose figures are in Redis."""

    def __init__(self, server: EmbeddedRedis, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.office = Office(wall_ms(), agents=12)
        self.config = folder / "sigap.yaml"
        self.config.write_text(yaml.safe_dump({"timezone": "Asia/Jakarta", "names": {"agents": self.office.names}}))
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("SIGAP_")}
        self.environ |= {"SIGAP_REDIS": server.url, "SIGAP_CONFIG": str(self.config)}
        self.environ.pop("COLUMNS", None)
        self.sink = RedisSink(server.url, resync=self.send, timeout_s=2.0)

    def send(self) -> None:
        self.sink.kpi(self.office.records())
        self.sink.waiting(self.office.waiting())
        self.sink.alerts([self.office.alert("breached", 1)])

    async def fill(self) -> None:
        self.send()
        await until(lambda: self.sink.connected and not self.sink.pending, "Redis has it", 10)

    async def set(self, scope: str, window: str, **metrics: float) -> None:
        self.sink.kpi([self.office.record(scope, window, metrics)])
        await until(lambda: not self.sink.pending, "Redis has it", 10)

    async def piped(self, *arguments: str, code: int = 0, **environ: str) -> str:
        process = Process(self.folder / f"{wall_ms()}.log", ["-m", "agents", "top", *arguments], self.environ | environ)
        assert await process.ended(20) == code, process.text
        assert "Traceback" not in process.text
        return process.text


@pytest.fixture
async def world(redis_server: EmbeddedRedis, tmp_path: Path) -> AsyncIterator[World]:
    world = World(redis_server, tmp_path)
    world.sink.start()
    await world.fill()
    yield world
    await world.sink.stop(0.0)


@asynccontextmanager
async def shown(world: World, *arguments: str, columns: int = 100, rows: int = 30) -> AsyncIterator[Terminal]:
    with Terminal("top", *arguments, environ=world.environ, columns=columns, rows=rows) as terminal:
        await until(lambda: "● Live" in terminal.screen, f"figures: {terminal.text}", 20)
        yield terminal


async def ended(terminal: Terminal) -> int:
    await until(lambda: terminal.text and terminal.process.poll() is not None, "the end", 5)
    assert "Traceback" not in terminal.text
    assert terminal.modes() == terminal.before
    assert terminal.text.count(ALTERNATE) == terminal.text.count(BACK) == 1
    assert terminal.text.rindex(SHOW) > terminal.text.rindex(HIDE)
    return int(terminal.process.returncode)


async def test_figures_appear_change_and_q_ends_it(world: World) -> None:
    async with shown(world) as terminal:
        screen = terminal.screen
        assert terminal.lines[0].startswith("Sigap  acme · last 15 min")
        for word in ("Chat", "E-mail", "WhatsApp", "Budi Santoso", "Longest waits", "✕ Breached"):
            assert word in screen
        for number in (4711, 4712):
            await world.set("tenant", "15m", service_level_ratio=0.5, conversations_active=number)
            await until(lambda number=number: f"{number:,}" in terminal.screen, "the new figure", 3)  # type: ignore[misc]
        assert "✕ 50%" in terminal.screen
        await world.set("tenant", "1h", conversations_active=98_765)
        terminal.press("ww")
        await until(lambda: "last 30 min" not in terminal.screen and "98,765" in terminal.screen, "the hour", 3)
        assert "last hour" in terminal.screen
        terminal.press("\x1b[A")  # an arrow is no key of ours
        terminal.press("q")
        assert await ended(terminal) == 0


async def test_waits_tick_without_any_change_and_cost_little(world: World) -> None:
    async with shown(world) as terminal:
        seen, cpu_s, began = set[str](), terminal.cpu_s(), wall_ms()

        def ticked() -> bool:
            seen.add(terminal.screen)
            return len(seen) > 5

        await until(ticked, "five ticks", 10)
        assert (terminal.cpu_s() - cpu_s) * 1000 < 0.05 * (wall_ms() - began)
        terminal.press("\x03")
        assert await ended(terminal) == 0


async def test_resizing(world: World) -> None:
    async with shown(world, columns=80, rows=24) as terminal:
        assert terminal.lines[-1].startswith("q quits")
        terminal.resize(160, 50)
        await until(lambda: terminal.lines[49].startswith("q quits"), "the last line", 10)
        title = next(line for line in terminal.lines if line.startswith("Agents"))
        assert "Longest waits" in title
        terminal.resize(60, 16)
        await until(lambda: terminal.lines[15].startswith("q quits"), "the last line", 10)
        terminal.process.send_signal(signal.SIGTERM)
        assert await ended(terminal) == 0


async def test_redis_goes_and_comes_back(world: World) -> None:
    async with shown(world) as terminal:
        world.server.stop()
        await until(lambda: "✕ Redis away" in terminal.screen, "that Redis is away", 3)
        assert "as of" in terminal.lines[0]
        world.server.start()
        await world.fill()
        await world.set("tenant", "15m", conversations_active=5_151)
        await until(lambda: "● Live" in terminal.screen and "5,151" in terminal.screen, "the new figures", 10)
        terminal.press("q")
        assert await ended(terminal) == 0


async def test_redis_is_away_at_the_start(world: World) -> None:
    world.server.stop()
    with Terminal("top", environ=world.environ) as terminal:
        await until(lambda: "✕ No connection" in terminal.screen, "that Redis is away", 10)
        world.server.start()
        await world.fill()
        await until(lambda: "● Live" in terminal.screen, "figures", 10)
        terminal.press("q")
        assert await ended(terminal) == 0


async def test_without_a_terminal_it_prints_once(world: World) -> None:
    for arguments in ([], ["--once", "--tenant", "acme", "--window", "1h"]):
        text = await world.piped(*arguments)
        assert "\x1b" not in text
        assert all(name in text for name in ("Chat", *world.office.names.values()))
    assert "known: acme" in await world.piped("--tenant", "nobody", code=2)
    assert "Redis does not answer" in await world.piped(code=1, SIGAP_REDIS="redis://127.0.0.1:1")


async def test_from_a_running_wallboard(world: World) -> None:
    async with Wallboard(world.server.url, world.config, token=TOKEN) as board:
        text = await world.piped("--url", board.url, SIGAP_REDIS="", SIGAP_TOKEN=TOKEN)
        assert "● Live" in text
        assert "Budi Santoso" in text
        assert "Bearer TOKEN" in await world.piped("--url", board.url, code=2)
        assert "acme" in await world.piped("--url", board.url, "--tenant", "no", SIGAP_TOKEN=TOKEN, code=2)
        world.environ |= {"SIGAP_TOKEN": TOKEN}
        async with shown(world, "--url", board.url) as terminal:
            await world.set("tenant", "15m", conversations_active=4_711)
            await until(lambda: "4,711" in terminal.screen, "the new figure", 3)
            await board.stop()
            await until(lambda: "✕ No connection" in terminal.screen, "that it is lost", 10)
            await board.start()
            await until(lambda: "● Live" in terminal.screen, "that it is back", 10)
            terminal.press("q")
            assert await ended(terminal) == 0
