"""The page in a real browser, fed by the real sink through a real Redis."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, expect

from agents.sinks.redis import RedisSink
from deploy.local.redis import EmbeddedRedis
from streams.clock import wall_ms
from tests.browser.conftest import World
from tests.browser.office import Office
from tests.kafka.lab import until

pytestmark = pytest.mark.browser


async def test_the_page_shows_what_the_api_says_and_follows_it(world: World) -> None:
    scopes = ("tenant", "channel:chat", "channel:email", "channel:whatsapp", "agent:a03", "agent:a11")
    for scope in scopes:
        assert await world.same(scope), scope
    before = await world.shown("channel:chat")
    world.sink.kpi(world.office.records())
    await world.settled()
    for scope in scopes:
        await until(lambda scope=scope: world.same(scope))  # type: ignore[misc]
    assert await world.shown("channel:chat") != before
    assert world.complaints == []


async def test_another_window_is_shown_at_once(world: World) -> None:
    fifteen = await world.shown("tenant")
    await world.page.get_by_label("Today").check()
    await until(lambda: world.same("tenant", "today"))
    assert (await world.shown("tenant"))["conversations_active"] != fifteen["conversations_active"]
    assert "window=today" in world.page.url
    assert world.complaints == []


async def test_a_month_is_shown_where_it_is_kept(world: World) -> None:
    scopes = ("tenant", "channel:chat", "agent:a03")
    world.sink.kpi([world.office.record(scope, "mtd", world.office.metrics(4000, 0.8, 90)) for scope in scopes])
    await world.settled()
    await world.page.get_by_label("Month").check()
    for scope in scopes:
        await until(lambda scope=scope: world.same(scope, "mtd"))  # type: ignore[misc]
    assert "window=mtd" in world.page.url
    await world.open("?view=agent:a03&window=mtd")
    await until(lambda: world.same("agent:a03", "mtd"))
    card = world.page.locator('article[data-scope="agent:a03/channel:chat"]')
    await expect(card.locator(".level .note")).to_have_text("Not kept for so long")
    await expect(card.locator('[data-metric="backlog_open"] [data-value]')).to_have_text(re.compile(r"\d"))
    assert world.complaints == []


async def test_what_came_of_it_is_a_row_with_what_its_shares_are_made_of(world: World) -> None:
    row = world.page.locator("#summary .outcome")
    metrics = (await world.api("tenant", "15m"))["metrics"]
    satisfied = row.locator('[data-metric="csat_ratio"]')
    await expect(satisfied).to_contain_text(f"{metrics['csat_satisfied']}/{metrics['csat_count']}")
    labels = ["Resolution mean", "Handling mean", "FCR", "CSAT", "NPS", "Bot containment", "Occupancy", "Agents online"]
    assert await row.locator("dt").all_inner_texts() == labels
    await world.open("?view=channel:chat")
    assert await row.locator("dt").all_inner_texts() == labels[:-2]


async def test_every_figure_is_one_click_away_with_what_it_is(world: World) -> None:
    business = {"revenue": 1234567.5, "mrr_new_eur": 3.0, "unheard_of": 7}
    topics = [{"topic": "refund", "conversations": 3, "share": 0.25, "change": None}]
    metrics = world.office.metrics(4000, 0.8, 90) | business | {"top_topics": topics}
    world.sink.kpi([world.office.record("tenant", "mtd", metrics)])
    await world.settled()
    await world.page.get_by_label("Month").check()
    await until(lambda: world.same("tenant", "mtd"))
    await world.page.get_by_role("button", name="All figures").click()
    dialog = world.page.get_by_role("dialog", name="All figures Whole house · Month")
    gauges = (await world.api("tenant", "now"))["metrics"]
    await expect(dialog.locator("dt")).to_have_count(len(metrics) + len(gauges))

    def row(title: str) -> Locator:
        return dialog.locator("div", has=world.page.get_by_text(title, exact=True)).last

    satisfied = row("Customer satisfaction")
    await expect(satisfied).to_contain_text(f"{metrics['csat_satisfied']:,}/{metrics['csat_count']:,}")
    await expect(satisfied).to_contain_text("share of the satisfaction scores that are 4 or 5")
    await expect(row("Top topics")).to_contain_text("refund 25%")
    await expect(row("Revenue")).to_contain_text("1,234,567.5")
    await expect(row("New MRR (EUR)")).to_contain_text("MRR now of customers who had none at the start")
    assert (await dialog.locator("dt").all_inner_texts())[-1] == "unheard_of"
    world.sink.kpi([world.office.record("tenant", "mtd", metrics | {"csat_satisfied": 1, "revenue": None})])
    await expect(satisfied).to_contain_text(f"1/{metrics['csat_count']:,}")
    await expect(row("Revenue")).not_to_contain_text("1,234,567.5")
    await world.page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    assert world.complaints == []


async def test_goals_are_told_by_words_too(world: World) -> None:
    await expect(world.page.locator('[data-scope="channel:chat"] .chip')).to_have_text(re.compile("(on|near|off) goal"))
    await expect(world.page.locator('[data-scope="channel:chat"] .note').first).to_contain_text("goal 90%")
    late = world.page.locator('[data-scope="channel:chat"] [data-metric="frt_p90_s"] [data-value]')
    await expect(late).to_have_attribute("data-sign", "✕")


async def test_the_oldest_wait_ticks_by_itself(world: World) -> None:
    figure = world.page.locator('[data-scope="channel:chat"] [data-metric="oldest_waiting_at"] [data-value]')
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


async def test_a_rule_fires_and_is_resolved_in_place(world: World) -> None:
    rows, said = world.page.locator("#alerts li"), world.page.get_by_role("status")
    world.sink.alerts([world.office.alert_of_rule("pending")])
    world.sink.alerts([world.office.alert_of_rule("firing")])
    await expect(rows).to_have_count(1)
    await expect(rows.first.locator(".title")).to_have_text("Firing · too many wait")
    await expect(rows.first.locator(".note").first).to_have_text("Chat · Waiting conversations")
    await expect(rows.first.locator(".wait")).to_have_text("12 > 10")
    await expect(rows.first.get_by_role("link", name="Chat")).to_have_attribute("href", re.compile("view=channel"))
    await expect(said).to_have_text("Firing · too many wait, Waiting conversations, Chat")
    world.sink.alerts([world.office.alert_of_rule("resolved", value=8)])
    await expect(rows.first.locator(".title")).to_have_text("Resolved · too many wait")
    await expect(rows.first.locator(".wait")).to_have_text("8")
    ratio = {
        "scope": "agent:budi%2Fjkt/channel:chat",
        "window": "15m",
        "metric": "service_level_ratio",
        "comparison": "below",
    }
    world.sink.alerts(
        [world.office.alert_of_rule("firing", alert_id="r", rule="level", value=0.7, threshold=0.8, **ratio)]
    )
    await expect(rows.first.locator(".note").first).to_have_text("budi/jkt · Chat · Service level · 15 min")
    await expect(rows.first.locator(".wait")).to_have_text("70% < 80%")
    await expect(rows).to_have_count(2)
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
    await until(lambda: world.same("channel:whatsapp"))


async def test_a_silent_worker_and_a_redis_away_are_said(world: World) -> None:
    await world.sink.stop()
    world.sink = RedisSink(world.server.url, resync=lambda: None, durable=False, tenants=["acme"])
    world.sink.start()
    await expect(world.page.locator('[data-kind="durable"]')).to_be_visible()
    await world.sink.stop()
    await expect(world.page.locator('[data-kind="stale"]')).to_be_visible(timeout=15_000)
    world.server.stop()
    await expect(world.page.locator('[data-kind="redis"]')).to_be_visible(timeout=15_000)


async def test_a_page_before_the_first_figures_says_so_and_goes_on(
    redis_server: EmbeddedRedis, tmp_path: Path, browser: Browser
) -> None:
    page = await browser.new_page(locale="en-GB")
    world = World(redis_server, tmp_path / "sigap.yaml", page, Office(wall_ms(), agents=12))
    async with world.board:
        await page.goto(world.board.url)
        await expect(page.locator('[data-kind="refused"]')).to_contain_text("no figures of any tenant yet")
        world.sink.start()
        await world.fill()
        await expect(page.locator('[data-kind="refused"]')).to_have_count(0)
        await until(lambda: world.same("tenant"))
    await world.sink.stop(0.0)
