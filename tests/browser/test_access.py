"""Who does not see colours, uses keys only, or listens: axe, focus, shortcuts, announcements."""

from importlib.resources import files

import pytest
from playwright.async_api import Browser, Page, expect

from streams.clock import wall_ms
from tests.browser.conftest import VIEWS, World

pytestmark = pytest.mark.browser
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()


async def violations(page: Page) -> list[str]:
    """What axe finds wrong, every rule on, the best practices too."""
    await page.evaluate(AXE)
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {node['html']} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("lang", ["en", "id"])
@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_axe_finds_nothing_in_any_view(house: World, theme: str, lang: str) -> None:
    states = ("imminent", "breached", "met_late", "retracted")
    house.sink.alerts([house.office.alert(state, i) for i, state in enumerate(states)])
    house.sink.kpi(house.office.records(partial=True, lag_s=3.0))
    await house.settled()
    for view in VIEWS:
        await house.open(f"?view={view}&theme={theme}&lang={lang}")
        await expect(house.page.locator('[data-kind="partial"]')).to_be_visible()
        assert await violations(house.page) == [], view
    for dialog in ("#views", "#figures", "#help"):
        await house.page.click(f"{dialog}-open")
        assert await violations(house.page) == [], dialog
        await house.page.keyboard.press("Escape")
    await house.page.set_viewport_size({"width": 360, "height": 740})
    assert await violations(house.page) == []
    await house.board.stop()
    await expect(house.page.locator('[data-kind="lost"]')).to_be_visible()
    assert await violations(house.page) == []


async def test_the_first_tab_skips_to_the_figures_and_focus_is_seen(world: World) -> None:
    keys = world.page.keyboard
    await keys.press("Tab")
    skip = world.page.get_by_role("link", name="Skip to the figures")
    await expect(skip).to_be_focused()
    await expect(skip).to_be_in_viewport()
    await keys.press("Enter")
    await expect(world.page.locator("main")).to_be_focused()
    await keys.press("Tab")
    await expect(world.page.get_by_role("button", name="All figures")).to_be_focused()
    await keys.press("Tab")
    link = world.page.locator('article[data-scope="channel:chat"] a')
    await expect(link).to_be_focused()
    await expect(link).to_have_css("outline-style", "solid")
    await keys.press("Enter")
    await expect(world.page.locator("#name")).to_have_text("Chat")
    await expect(world.page.locator("h1")).to_be_focused()


async def test_every_switch_is_reached_by_tab_in_the_order_of_the_page(world: World) -> None:
    here = "document.activeElement.id || document.activeElement.className || document.activeElement.name"
    reached = []
    for _ in range(7):
        await world.page.keyboard.press("Tab")
        reached.append(await world.page.evaluate(here))
    assert reached == ["skip", "brand", "views-open", "theme", "lang", "help-open", "window"]
    await world.page.keyboard.press("ArrowRight")
    await expect(world.page.get_by_label("30 min")).to_be_checked()
    await expect(world.page.get_by_label("30 min")).to_be_focused()


async def test_keys_do_what_the_page_says(world: World) -> None:
    page = world.page
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keys and signs")).to_be_visible()
    told = await page.locator("#help kbd").all_inner_texts()
    assert told == ["1", "7", "h", "v", "f", "t", "l", "?", "Esc"]
    await page.keyboard.press("Escape")
    await page.keyboard.press("5")
    await expect(page.get_by_label("Today")).to_be_checked()
    await page.keyboard.press("v")
    await page.locator("#views").get_by_role("link", name="Billing").click()
    await page.keyboard.press("h")
    await expect(page.locator("#name")).to_have_text("Whole house")
    was = await page.locator("#theme").get_attribute("aria-pressed")
    await page.keyboard.press("t")
    await expect(page.locator("#theme")).not_to_have_attribute("aria-pressed", was or "")
    await page.keyboard.press("Control+1")
    await expect(page.get_by_label("Today")).to_be_checked()
    await page.keyboard.press("l")
    await expect(page.locator("html")).to_have_attribute("lang", "id")
    assert "window=today" in page.url


async def test_single_keys_can_be_turned_off_for_good(world: World) -> None:
    page = world.page
    await page.keyboard.press("?")
    await page.get_by_label("Single keys act").uncheck()
    await page.keyboard.press("Escape")
    await page.reload()
    await page.wait_for_selector("body.ready")
    await page.keyboard.press("5")
    await page.keyboard.press("v")
    await expect(page.get_by_label("15 min")).to_be_checked()
    await expect(page.locator("#views")).to_be_hidden()


async def test_breaches_are_announced_politely_and_ticks_are_not(world: World) -> None:
    said = world.page.get_by_role("status")
    await expect(said).to_have_attribute("aria-live", "polite")
    await world.page.evaluate(
        """() => {
            window.said = [];
            const live = document.querySelectorAll('[aria-live], [role=status], [role=alert], [role=log]');
            for (const node of live) new MutationObserver(() => window.said.push(node.textContent))
                .observe(node, {childList: true, characterData: true, subtree: true});
        }"""
    )
    now = wall_ms()
    world.sink.alerts([world.office.alert("breached", 1, at=now), world.office.alert("imminent", 2, at=now)])
    await expect(said).to_have_text("Breached · Next response, whatsapp-50053, WhatsApp, Siti Rahma")
    world.sink.alerts([world.office.alert("breached", i, at=now) for i in range(3, 8)])
    await expect(world.page.locator("#alerts li")).to_have_count(7)
    await expect(said).to_have_text("5 new alerts", timeout=10_000)
    world.sink.kpi(world.office.records(partial=True, lag_s=3.0))
    await expect(said).to_have_text("Figures are partial", timeout=10_000)
    assert len(await world.page.evaluate("window.said")) == 3


async def test_a_page_that_opens_announces_nothing_old(house: World) -> None:
    house.sink.alerts([house.office.alert("breached", i) for i in range(5)])
    await house.settled()
    await house.open()
    await expect(house.page.locator("#alerts li")).to_have_count(5)
    await expect(house.page.get_by_role("status")).to_have_text("")


async def test_the_page_has_landmarks_headings_and_table_headers(world: World) -> None:
    page = world.page
    for role in ("banner", "main", "status"):
        await expect(page.get_by_role(role)).to_have_count(1)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Whole house")
    headings = await page.locator("main h2:visible").all_inner_texts()
    assert [text.split("\n")[0].split(" ")[0] for text in headings if text][-4:] == [
        "Agents",
        "Teams",
        "Longest",
        "Alerts",
    ]
    agents = page.get_by_role("table", name="Agents")
    await expect(agents.get_by_role("columnheader")).to_have_count(11)
    await expect(agents.get_by_role("rowheader")).to_have_count(12)
    await expect(agents.get_by_role("columnheader", name="Open")).to_have_attribute("aria-sort", "descending")
    await agents.get_by_role("button", name="Agent").click()
    await expect(agents.get_by_role("columnheader", name="Agent")).to_have_attribute("aria-sort", "ascending")
    await expect(agents.get_by_role("rowheader").first).to_have_text("Agus Wijaya")


async def test_how_a_figure_stands_is_a_sign_and_a_word_never_colour_alone(house: World) -> None:
    house.sink.kpi([house.office.record("channel:chat", "15m", {"service_level_ratio": 0.85, "frt_p90_s": 0.9})])
    await house.settled()
    await house.open("?view=channel:chat")
    summary = house.page.locator("#summary")
    await expect(summary.locator(".chip")).to_have_text("▲ near goal")
    p90 = summary.locator('[data-metric="frt_p90_s"]')
    await expect(p90.locator("[data-value]")).to_have_attribute("data-sign", "✓")
    await expect(p90.locator(".goal")).to_have_text("goal 1.0s on goal")
    # Without colours: the page in grey still tells them apart by their signs.
    for cell in await house.page.locator("#agents td[data-state]").all():
        assert await cell.get_attribute("data-sign") in {"✓", "▲", "✕"}
        assert "goal" in (await cell.text_content() or "")


async def test_the_theme_follows_the_system_until_it_is_switched(house: World, browser: Browser) -> None:
    background = "getComputedStyle(document.documentElement).backgroundColor"
    seen = {}
    for scheme in ("light", "dark"):
        page = await browser.new_page(color_scheme=scheme, locale="en-GB")
        await house.open("", page)
        seen[scheme] = await page.evaluate(background)
        other = "light" if scheme == "dark" else "dark"
        await page.get_by_role("button", name="Dark").click()
        await page.wait_for_url(f"**theme={other}*")
        seen[f"not {scheme}"] = await page.evaluate(background)
        await page.reload()
        assert await page.evaluate(background) == seen[f"not {scheme}"]
    assert seen["light"] == seen["not dark"] != seen["dark"] == seen["not light"]


async def test_nothing_moves_for_those_who_want_it_so(house: World, browser: Browser) -> None:
    page = await browser.new_page(reduced_motion="reduce")
    await house.open("", page)
    moving = "[...document.querySelectorAll('*')].filter(n => getComputedStyle(n).transitionDuration !== '0s').length"
    assert await page.evaluate(moving) == 0
