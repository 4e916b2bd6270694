"""One channel, team or agent by its address: its figures, its parts, its people, its alerts."""

import pytest
from playwright.async_api import expect

from agents.sinks.redis import RedisSink
from streams.clock import wall_ms
from tests.browser.conftest import VIEWS, World
from tests.kafka.lab import until

pytestmark = pytest.mark.browser
FIGURES = {
    "service_level_ratio", "frt_mean_s", "frt_p50_s", "frt_p90_s", "frt_p95_s", "nrt_mean_s", "nrt_p90_s",
    "backlog_waiting", "oldest_waiting_at", "backlog_open", "backlog_overdue", "backlog_age_lt1h", "backlog_age_ge48h",
    "conversations_active", "conversations_handled", "messages_in", "messages_out",
}  # fmt: skip


@pytest.mark.parametrize("view", VIEWS)
async def test_a_view_shows_what_the_api_says_of_it(house: World, view: str) -> None:
    await house.open(f"?view={view}&window=1h")
    await until(lambda: house.same(view, "1h"))
    assert set(await house.shown(view)) >= FIGURES
    await expect(house.page.get_by_label("1 hour")).to_be_checked()
    assert house.complaints == []


@pytest.mark.parametrize(
    ("view", "parts"),
    [
        ("channel:chat", ["agent:a00/channel:chat", "agent:a11/channel:chat"]),
        ("agent:a03", ["agent:a03/channel:chat", "agent:a03/channel:email", "agent:a03/channel:whatsapp"]),
    ],
)
async def test_a_channel_has_its_agents_and_an_agent_its_channels(house: World, view: str, parts: list[str]) -> None:
    await house.open(f"?view={view}")
    for part in parts:
        await until(lambda part=part: house.same(part))  # type: ignore[misc]
    shown = await house.page.locator("main [data-scope]").evaluate_all("all => all.map(each => each.dataset.scope)")
    own = [scope for scope in shown if view not in scope.split("/")]
    assert own == []


async def test_a_view_has_its_own_waiters_trend_and_alerts(house: World) -> None:
    house.sink.alerts([house.office.alert("breached", i, at=wall_ms()) for i in range(12)])
    await house.settled()
    for view, waits, breaches, trend in (
        ("channel:chat", 12, 4, True),
        ("team:billing", 8, 4, True),
        ("agent:a03", 2, 1, False),
    ):
        await house.open(f"?view={view}")
        await expect(house.page.locator("#waiters li:visible")).to_have_count(waits)
        await expect(house.page.locator("#alerts li")).to_have_count(breaches)
        await expect(house.page.locator("#trends")).to_be_visible(visible=trend)
        if trend:
            bars = house.page.locator("#trends .bars")
            assert (await bars.get_attribute("d") or "").count("M") == 60
    await house.open("?view=team:billing")
    now = wall_ms()
    house.sink.alerts([house.office.alert("breached", 1, alert_id="x", instance="new", team="delivery", at=now)])
    house.sink.alerts([house.office.alert("breached", 2, alert_id="y", instance="new", team="billing", at=now)])
    await expect(house.page.locator("#alerts li")).to_have_count(5)


async def test_alerts_stand_by_their_time_and_one_of_another_agent_ends_the_run(house: World) -> None:
    now = wall_ms()
    agent = {"agent_id": "a03", "deadline_at": now + 600_000}
    for index, ago in ((1, 3000), (2, 9000), (3, 1000), (4, 6000)):
        house.sink.alerts([house.office.alert("imminent", index, at=now - ago, **agent)])
    await house.settled()
    await house.open("?view=agent:a03")
    rows = house.page.locator("#alerts li")
    times = [await row.locator(".note").last.inner_text() for row in await rows.all()]
    assert len(times) == 4
    assert times == sorted(times, reverse=True)
    house.sink.alerts([house.office.alert("met", 3, at=now, agent_id="a04")])
    await expect(rows.first).to_contain_text("Met")
    await expect(rows.first).to_contain_text("Rina Putri")
    await expect(rows).to_have_count(4)


async def test_every_row_and_tile_leads_to_its_view_and_back(world: World) -> None:
    page, title = world.page, world.page.locator("#name")
    steps = (
        (page.locator('article[data-scope="channel:chat"] a'), "channel%3Achat", "Chat"),
        (page.locator('#teams tr[data-scope="team:billing"] a'), "team%3Abilling", "Billing"),
        (page.locator('#agents tr[data-scope="agent:a03"] a'), "agent%3Aa03", "Dewi Lestari"),
    )
    for link, view, name in steps:
        await link.click()
        await expect(title).to_have_text(name)
        assert f"view={view}" in page.url
        await until(lambda view=view: world.same(view.replace("%3A", ":")))  # type: ignore[misc]
        await expect(page).to_have_title(f"{name} · acme · Sigap")
        await page.locator("#up").click()
        await expect(title).to_have_text("Whole house")
    await page.go_back()
    await expect(title).to_have_text("Dewi Lestari")
    await until(lambda: world.same("agent:a03"))
    await page.locator('article[data-scope="agent:a03/channel:email"] a').click()
    await expect(title).to_have_text("E-mail")
    await page.go_back()
    await page.go_back()
    await expect(title).to_have_text("Whole house")
    await page.go_forward()
    await expect(title).to_have_text("Dewi Lestari")
    assert await page.evaluate("performance.getEntriesByType('navigation').length") == 1
    assert world.complaints == []


async def test_a_view_changes_without_loading_the_page_and_keeps_the_rest_of_the_address(house: World) -> None:
    await house.open("?window=5m&theme=light&tenant=acme&lang=en")
    await house.page.evaluate("window.here = true")
    await house.page.locator("#waiters a").first.click()
    await expect(house.page.locator("#kind")).to_have_text("Channel")
    await house.page.get_by_label("30 min").check()
    await house.page.locator('#agents tr[data-scope="agent:a03/channel:email"] a').click()
    await expect(house.page.locator("#name")).to_have_text("Dewi Lestari")
    for part in ("view=agent%3Aa03", "window=30m", "theme=light", "tenant=acme", "lang=en"):
        assert part in house.page.url
    assert await house.page.evaluate("window.here")
    await until(lambda: house.same("agent:a03", "30m"))
    await house.page.reload()
    await until(lambda: house.same("agent:a03", "30m"))


async def test_the_list_of_views_finds_an_agent(world: World) -> None:
    page = world.page
    await page.get_by_role("button", name="Views").click()
    await expect(page.locator("#views li")).to_have_count(3 + 3 + 12)
    await page.get_by_label("Find").fill("rina")
    await expect(page.locator("#views li")).to_have_count(1)
    await page.get_by_label("Find").press("Enter")
    await expect(page.locator("#name")).to_have_text("Rina Putri")
    await expect(page.locator("#views")).to_be_hidden()


async def test_a_view_without_figures_says_so_until_it_has_some(house: World) -> None:
    await house.open("?view=agent:new%252Fhand")
    await expect(house.page.locator("#unknown")).to_be_visible()
    await expect(house.page.locator("#name")).to_have_text("new/hand")
    house.sink.kpi([house.office.record("agent:new%2Fhand", "15m", {"messages_in": 4711})])
    await expect(house.page.locator('#summary [data-metric="messages_in"] dd').first).to_have_text("4,711")
    await expect(house.page.locator("#unknown")).to_be_hidden()
    await house.open("?view=%3Cscript%3E&window=7m")
    await expect(house.page.locator("#name")).to_have_text("Whole house")
    await expect(house.page.get_by_label("15 min")).to_be_checked()


@pytest.mark.parametrize("view", VIEWS)
async def test_what_is_wrong_is_said_in_each_view(house: World, view: str) -> None:
    await house.open(f"?view={view}")
    partial = house.page.locator('[data-kind="partial"]')
    house.sink.kpi(house.office.records(partial=True, lag_s=42.0))
    await expect(partial).to_be_in_viewport()
    await house.page.set_viewport_size({"width": 360, "height": 740})
    await house.page.evaluate("scrollTo(0, 10000)")
    await expect(partial).to_be_in_viewport()
    await house.sink.stop()
    await expect(house.page.locator('[data-kind="stale"]')).to_be_in_viewport(timeout=15_000)
    port = int(house.board.url.rstrip("/").rpartition(":")[2])
    await house.board.stop()
    await expect(house.page.locator('[data-kind="lost"]')).to_be_in_viewport()
    house.sink = RedisSink(house.server.url, resync=lambda: None)
    house.sink.start()
    await house.fill()
    house.board = house.another(port)
    await house.board.start()
    await expect(house.page.locator("#banners p")).to_have_count(0, timeout=15_000)
    await until(lambda: house.same(view))


async def test_a_wait_past_its_deadline_stays_marked_when_its_breach_is_booked(house: World) -> None:
    await house.open("?view=channel:chat")
    longest = house.page.locator("#waiters li").first
    conversation = await longest.locator(".title").inner_text()
    alert = house.office.alert("breached", 0, conversation_id=conversation, deadline_at=wall_ms() - 5000)
    waits = [each._replace(deadlines={}) for each in house.office.waiting()]
    house.sink.waiting(waits)
    house.sink.alerts([alert])
    await expect(longest).to_contain_text("late")
    await expect(longest).to_have_attribute("data-state", "bad")


async def test_a_wait_without_a_deadline_stands_to_the_threshold_of_its_channel(house: World) -> None:
    waits = [each._replace(deadlines={}) for each in house.office.waiting()]
    late = waits[0]._replace(waiting_since=wall_ms() - 61_000)
    house.sink.waiting([*waits[1:], late])
    await house.settled()
    await house.open("?view=channel:chat")
    longest = house.page.locator("#waiters li").first
    await expect(longest).to_contain_text("✕ off goal")
    await expect(longest).to_have_attribute("data-state", "bad")
    await expect(house.page.locator("#waiters li").last).not_to_contain_text("goal")
