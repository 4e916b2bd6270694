"""It fits: a phone, a desk, a wall; and it is there at once."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from deploy.local.redis import EmbeddedRedis
from streams.clock import wall_ms
from tests.browser.conftest import VIEWS, World
from tests.browser.office import Office

pytestmark = pytest.mark.browser
FIRST_PAINT_S = 1.0
"""What is asked for; a machine that does much else gets three times that."""
LOADED = """() => new Promise(done => {
    const seen = {shift: 0, paint: null};
    new PerformanceObserver(list => {
        for (const each of list.getEntries()) if (!each.hadRecentInput) seen.shift += each.value;
    }).observe({type: 'layout-shift', buffered: true});
    new PerformanceObserver(list => {
        for (const each of list.getEntries()) if (each.name === 'first-contentful-paint') {
            seen.paint = each.startTime;
            // Whatever shifts with the first figures has shifted two frames later.
            requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(seen))));
        }
    }).observe({type: 'paint', buffered: true});
})"""
CLIPPED = """() => [...document.querySelectorAll('h1, main :is(dd:not(.goal), dt, figcaption, .big, h2, button)')]
    .filter(node => node.offsetParent && !node.matches('.hidden') && !node.closest('.scroll'))
    .filter(node => node.scrollWidth > node.clientWidth + 1)
    .map(node => node.textContent)"""
COVERED = """() => [...document.querySelectorAll('main dl')].flatMap(list => {
    const boxes = [...list.querySelectorAll('dd:not([hidden])')].filter(dd => dd.offsetParent).map(dd => {
        const range = document.createRange();
        range.selectNodeContents(dd.matches('.goal') ? dd.firstChild : dd);
        return [dd.textContent, range.getBoundingClientRect()];
    });
    const edge = list.getBoundingClientRect().right + 1;
    const over = boxes.filter(([, box]) => box.right > edge).map(([text]) => `${text} |`);
    for (const [text, a] of boxes) for (const [other, b] of boxes) {
        const level = a.top < b.bottom - 2 && b.top < a.bottom - 2;
        if (level && a.left < b.left && a.right > b.left + 1) over.push(`${text} ${other}`);
    }
    return over;
})"""


CUT = "() => [...document.querySelectorAll('.scroll')].filter(n => n.scrollWidth > n.clientWidth + 1).map(n => n.id)"


@pytest.mark.parametrize("lang", ["en", "id"])
async def test_no_width_scrolls_sideways_and_no_figure_runs_into_another(house: World, lang: str) -> None:
    for view in VIEWS:
        await house.open(f"?view={view}&lang={lang}")
        for width in (360, 390, 768, 1024, 1280, 1600, 1920, 3840):
            await house.page.set_viewport_size({"width": width, "height": width * 9 // 16 if width > 1000 else 740})
            where = f"{view} at {width}"
            assert await house.page.evaluate("document.documentElement.scrollWidth") == width, where
            assert await house.page.evaluate(CLIPPED) == [], where
            assert await house.page.evaluate(COVERED) == [], where
            assert await house.page.evaluate(CUT) == [], where
            assert width < 1280 or await house.page.locator(".bar").evaluate("bar => bar.offsetHeight") < width / 24, (
                where
            )


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (3840, 2160)])
async def test_on_a_wall_all_is_above_the_fold_and_large(house: World, width: int, height: int) -> None:
    await house.page.set_viewport_size({"width": width, "height": height})
    for view in VIEWS:
        await house.open(f"?view={view}")
        assert await house.page.evaluate("document.documentElement.scrollHeight") == height, view
        least = await house.page.evaluate(
            "Math.min(...[...document.querySelectorAll('#summary .lead dd:not(.goal), .big')]"
            ".map(node => parseFloat(getComputedStyle(node).fontSize)))"
        )
        assert least >= height / 26, view  # 4 cm on a screen of 55 inches


async def measured(world: World, page: Page) -> dict[str, float]:
    """First paint and figures in ms, what shifted, on an empty cache."""
    began = asyncio.get_running_loop().time()
    await world.open("", page)
    ready = (asyncio.get_running_loop().time() - began) * 1000
    found: dict[str, float] = await page.evaluate(LOADED)
    return found | {"ready": ready}


async def test_the_first_paint_of_a_full_house(
    redis_server: EmbeddedRedis, tmp_path: Path, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = [await (await browser.new_context(viewport={"width": 1920, "height": 1080})).new_page() for _ in range(3)]
    world = World(redis_server, tmp_path / "sigap.yaml", pages[0], Office(wall_ms(), agents=200, whole=True))
    world.sink.start()
    await world.fill()
    async with world.board:
        seen = [await measured(world, page) for page in pages]
        assert world.complaints == []
    await world.sink.stop(0.0)
    best = min(seen, key=lambda each: each["paint"])
    told = "200 agents: first paint {paint:.0f} ms, figures {ready:.0f} ms, shift {shift:.3f}"
    with capsys.disabled():
        print(f"\n{told.format_map(best)}")
    assert best["paint"] < 3 * FIRST_PAINT_S * 1000
    assert max(each["shift"] for each in seen) < 0.02


async def test_the_page_is_small(house: World) -> None:
    await house.open()
    sizes = await house.page.evaluate(
        "performance.getEntries().filter(each => each.encodedBodySize && !each.name.includes('/api/'))"
        ".map(each => [each.name, each.encodedBodySize])"
    )
    assert sum(size for _, size in sizes) < 40_000
