"""What will breach next: `/api/v1/due`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents.wallboard.api import answer, count, tenant_of
from agents.wallboard.state import STATE
from streams.clock import wall_ms
from tables.rules import Rules
from tables.sla import between
from tables.state import METRICS

if TYPE_CHECKING:
    from aiohttp import web

    from agents.wallboard.store import Due


async def due(request: web.Request) -> web.Response:
    """The next deadlines of a tenant, the nearest first.

    `left_s` is the time until then, `open_left_s` that in which the calendar of the deadline's policy is open, both in
    seconds; below 0 and 0 once it has passed.
    """
    state = request.app[STATE]
    tenant = await tenant_of(request)
    rules = Rules(state.settings, tenant)
    found = await state.store.due(tenant, count(request, "limit", 100, 10_000))
    return answer({"tenant": tenant, "due": [_row(each, rules, wall_ms()) for each in found]})


def _row(due: Due, rules: Rules, now: int) -> dict[str, Any]:
    calendar = rules.calendar_of(METRICS.index(due.metric), due.policy)
    return {
        "conversation_id": due.conversation_id,
        "metric": due.metric,
        "policy": due.policy,
        "deadline_at": due.deadline_at,
        "left_s": (due.deadline_at - now) / 1000,
        "open_left_s": between(calendar, now, due.deadline_at) / 1000,
    }
