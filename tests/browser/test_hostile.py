"""Names and ids come from outside: they are text, whatever stands in them."""

import pytest
from playwright.async_api import expect

from streams.clock import wall_ms
from streams.codecs import encode_id
from tests.browser.conftest import World

pytestmark = pytest.mark.browser
EVIL = "<img src=x onerror=alert(1)>"
IDS = (
    EVIL,
    "</script><script>alert(1)</script>",
    "' onclick='alert(1)",
    "%3Cb%3E",
    "__proto__",
    "a:b|c/d e",
    "\u202egnp.exe",
)


async def test_hostile_names_and_ids_stay_text(house: World) -> None:
    house.settings(names={"agents": {"a00": EVIL}, "teams": {"billing": EVIL}, "channels": {"chat": EVIL}})
    for agent in IDS:
        scope = f"agent:{encode_id(agent)}"
        for window in ("15m", "now"):
            house.sink.kpi([house.office.record(name, window, {"messages_in": 3, "backlog_open": 99})
                            for name in (scope, f"{scope}/channel:chat", f"team:{encode_id(agent)}")])  # fmt: skip
    now = wall_ms()
    house.sink.alerts(
        [house.office.alert("breached", i, at=now, agent_id=agent, conversation_id=agent, metric=agent)
         for i, agent in enumerate(IDS)]
    )  # fmt: skip
    first = house.office.waiting()[0]
    house.sink.waiting([first._replace(conversation_id=each, waiting_since=now - 9_000_000) for each in IDS])
    await house.settled()
    page = house.page
    opened: list[str] = []
    page.on("dialog", lambda dialog: opened.append(dialog.message))
    await house.board.stop()
    async with house.another(0) as house.board:
        await house.open()
        await expect(page.locator("#alerts li")).to_have_count(len(IDS))
        shown = await page.locator("#agents th bdi").all_text_contents()
        assert {*IDS, EVIL} <= {*shown}
        await page.get_by_role("button", name="Views").click()
        await page.keyboard.press("Escape")
        for agent in IDS:
            await page.locator("#agents tbody").get_by_role("link", name=agent, exact=True).first.click()
            await expect(page.locator("#name")).to_have_text(agent)
            await expect(page.locator('#summary [data-metric="messages_in"] [data-value]')).to_have_text("3")
            await page.locator("#up").click()
        assert await page.locator("main img, main script, main b:not(.meter b), [onclick], [onerror]").count() == 0
    assert opened == []
    assert [each for each in house.complaints if "ERR_" not in each] == []


async def test_the_policy_refuses_markup_from_text(world: World) -> None:
    refused = await world.page.evaluate(
        """() => {
            try { document.body.insertAdjacentHTML('beforeend', '<i></i>'); return false; } catch { return true; }
        }"""
    )
    assert refused
    headers = (await world.page.request.get(world.board.url)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert await world.page.locator("script:not([src]):not([type='application/json']), [style*='url']").count() == 0
