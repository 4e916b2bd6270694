"""Indonesian and English: whose choice, which numbers, and no text that is not translated."""

import re

import orjson
import pytest
from playwright.async_api import Browser, expect

from agents.wallboard import page as served
from streams.clock import wall_ms
from tables.kpis.metric import Language
from tests.browser.conftest import VIEWS, World

pytestmark = pytest.mark.browser
TEXTS = """() => {
    const found = [];
    const walk = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let node = walk.currentNode; node; node = walk.nextNode()) {
        if (node.nodeType === Node.TEXT_NODE) {
            if (!node.parentElement.closest('script, noscript, title, kbd, bdi, .brand, #zone')) found.push(node.data);
        } else for (const name of ['title', 'aria-label', 'placeholder', 'alt']) {
            if (node.hasAttribute(name)) found.push(node.getAttribute(name));
        }
    }
    return found;
}"""


@pytest.mark.parametrize(
    ("locale", "query", "lang", "title", "level"),
    [
        ("en-GB", "", "en", "Whole house", "80.9%"),
        ("id-ID", "", "id", "Keseluruhan", "80,9%"),
        ("de-DE", "", "en", "Whole house", "80.9%"),
        ("id-ID", "?lang=en", "en", "Whole house", "80.9%"),
        ("en-GB", "?lang=id", "id", "Keseluruhan", "80,9%"),
        ("en-GB", "?lang=%22%3E", "en", "Whole house", "80.9%"),
    ],
)
async def test_the_address_chooses_else_the_browser(
    house: World, browser: Browser, locale: str, query: str, lang: str, title: str, level: str
) -> None:
    house.sink.kpi([house.office.record("tenant", "15m", {"service_level_ratio": 0.8091, "frt_mean_s": 65.0})])
    await house.settled()
    page = await browser.new_page(locale=locale)
    await house.open(query, page)
    assert await page.evaluate("document.documentElement.lang") == lang
    await expect(page.locator("h1 bdi")).to_have_text(title)
    await expect(page.locator("#summary .big")).to_have_text(level)


async def test_numbers_durations_and_times_are_those_of_the_language_and_the_house(house: World) -> None:
    figures = {"messages_in": 12345, "frt_mean_s": 3725.0, "frt_p50_s": 65.0, "frt_p90_s": 1.25}
    house.sink.kpi([house.office.record("tenant", "15m", figures)])
    at = wall_ms() // 86_400_000 * 86_400_000  # midnight UTC, seven hours later in Jakarta
    house.sink.alerts([house.office.alert("breached", 1, at=at)])
    await house.settled()
    for lang, shown, clock in (
        ("en", ("12,345", "1h 02m", "1m 05s", "1.3s"), "07:00:00"),
        ("id", ("12.345", "1 j 02 mnt", "1 mnt 05 dtk", "1,3 dtk"), "07.00.00"),
    ):
        await house.open(f"?lang={lang}")
        for metric, text in zip(figures, shown, strict=True):
            figure = house.page.locator(f'#summary [data-metric="{metric}"] dd').first
            assert " ".join((await figure.inner_text()).split()) == text
        await expect(house.page.locator("#alerts li .note").last).to_have_text(clock)


async def test_the_switch_keeps_what_is_shown(house: World) -> None:
    await house.open("?view=team:billing&window=1h&theme=dark")
    await house.page.get_by_role("link", name="Bahasa Indonesia").click()
    await expect(house.page.locator("#kind")).to_have_text("Tim")
    for part in ("view=team%3Abilling", "window=1h", "theme=dark", "lang=id"):
        assert part in house.page.url
    await expect(house.page.locator("html")).to_have_attribute("data-theme", "dark")
    await house.page.get_by_role("link", name="English").click()
    await expect(house.page.locator("#kind")).to_have_text("Team")
    await house.page.go_back()
    await expect(house.page.locator("#kind")).to_have_text("Tim")
    assert house.complaints == []


async def test_no_text_of_the_page_is_outside_of_the_catalogue(
    house: World, monkeypatch: pytest.MonkeyPatch, browser: Browser
) -> None:
    """With every text in brackets, whatever letters stand outside of them are names, units or a gap."""
    whole = served.catalogue

    def bracketed(language: Language) -> dict[str, str]:
        kept = {"lang.other": "id"}
        return {key: f"⟦{text}⟧" for key, text in whole(language).items()} | kept

    monkeypatch.setattr(served, "catalogue", bracketed)
    house.settings(goals={"tenant": {"csat_mean": 4.5, "frt_p95_s": 1}})
    states = ("imminent", "breached", "met_late", "retracted")
    house.sink.alerts([house.office.alert(state, i, agent_id=None) for i, state in enumerate(states)])
    house.sink.kpi(house.office.records(partial=True, lag_s=3.0))
    await house.settled()
    async with house.another(0) as board:
        page = await browser.new_page(locale="en-GB")
        for view in VIEWS:
            await page.goto(f"{board.url}?view={view}")
            await page.wait_for_selector("body.ready")
            await page.get_by_role("button", name="All figures").click()
            await page.keyboard.press("Escape")
            await page.get_by_role("button", name="Views").click()
            for text in await page.evaluate(TEXTS):
                # Inside of a text there are texts again: leave them out from the innermost on.
                rest = text
                while (less := re.sub(r"⟦[^⟦⟧]*⟧", "", rest)) != rest:
                    rest = less
                known = re.sub(r"acme|Sigap|(chat|email|whatsapp)-\d+|Chat|WhatsApp|[\d.,]+\s?[smhd]\b", "", rest)
                assert not re.search(r"[^\W\d_]", re.sub(r"\b[smhd]\b", "", known)), text


async def test_the_catalogue_of_the_page_is_a_data_block(house: World) -> None:
    await house.open()
    text = await house.page.locator("script#page").inner_text()
    assert orjson.loads(text)["text"] == served.catalogue("en")
