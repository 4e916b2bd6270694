"""The JSON pages: KPI records, alerts, waiting conversations, trends, intervals."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from aiohttp import web

from agents.sinks.layout import split_name
from agents.wallboard.alerts import readable
from agents.wallboard.errors import ProblemError
from agents.wallboard.state import STATE
from agents.wallboard.store import TENANT, channels_of
from tables.kpis.catalogue import ALL_WINDOWS
from tables.scopes import kind_of

_SMALL = 1024


def answer(body: Any) -> web.Response:
    """A JSON answer, compressed where the client takes it."""
    response = web.Response(
        body=orjson.dumps(body), content_type="application/json", headers={"Cache-Control": "no-store"}
    )
    if isinstance(response.body, bytes) and len(response.body) > _SMALL:
        response.enable_compression()
    return response


def choices(
    request: web.Request, name: str, allowed: Sequence[str], default: Iterable[str] | None = None
) -> frozenset[str]:
    """The values of a query parameter, comma-separated; without it `default`, or all."""
    text = request.query.get(name)
    if text is None:
        return frozenset(allowed if default is None else default)
    given = text.split(",")
    for each in given:
        if each not in allowed:
            raise ProblemError(400, f"{each!r} is no {name}", f"query {name}", allowed)
    return frozenset(given)


def count(request: web.Request, name: str, default: int, greatest: int) -> int:
    """A positive number of the query."""
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:10]) <= greatest):
        raise ProblemError(400, f"{text!r} is no {name}", f"query {name}", [f"1 to {greatest}"])
    return int(text)


async def tenant_of(request: web.Request) -> str:
    """The tenant asked for, else the default: that of the start, else the first that has figures."""
    state = request.app[STATE]
    given = request.query.get("tenant", state.tenant)
    known = await state.known()
    if given is None:
        if not known:
            raise ProblemError(404, "there are no figures of any tenant yet", "query tenant")
        return known[0]
    if not TENANT.fullmatch(given):
        raise ProblemError(400, f"{given!r} is no tenant", "query tenant", known)
    if given not in known and given != state.tenant:
        raise ProblemError(404, f"tenant {given!r} is not known", "query tenant", known)
    return given


async def scope_of(request: web.Request, tenant: str) -> str:
    """The scope in the path, as its key writes it (`agent:budi%2Fjkt`), sent so or encoded once more."""
    decoded = request.match_info["scope"]
    raw = request.rel_url.raw_path.split("/", 4)[4]
    names = {split_name(name)[0] for name in await request.app[STATE].store.names(tenant)}
    for scope in (decoded, raw):
        if scope in names:
            return scope
    allowed = sorted(scope for scope in names if kind_of(scope) in {"tenant", "channel", "team"})
    raise ProblemError(404, f"scope {decoded!r} is not known", "path", [*allowed, "agent:ID", "agent:ID/channel:NAME"])


async def kpi(request: web.Request) -> web.Response:
    """One record."""
    state = request.app[STATE]
    tenant = await tenant_of(request)
    window = request.query.get("window", "15m")
    if window not in ALL_WINDOWS:
        raise ProblemError(400, f"{window!r} is no window", "query window", ALL_WINDOWS)
    scope = await scope_of(request, tenant)
    found = await state.store.records(tenant, [f"{scope}:{window}"])
    if not found:
        raise ProblemError(404, f"scope {scope!r} has no record of window {window!r} yet", "query window", ALL_WINDOWS)
    ((_, body),) = found.values()
    return answer(orjson.Fragment(body))


async def kpis(request: web.Request) -> web.Response:
    """All records of a tenant, or those of some windows and scopes (`scope=channel:*` for all of a kind)."""
    state = request.app[STATE]
    tenant = await tenant_of(request)
    windows = choices(request, "window", ALL_WINDOWS)
    wanted = request.query.get("scope")
    patterns = None if wanted is None else wanted.split(",")

    def asked(scope: str, window: str) -> bool:
        if window not in windows:
            return False
        return patterns is None or any(
            scope == each or (each.endswith(":*") and kind_of(scope) == kind_of(each)) for each in patterns
        )

    names = [name for name in await state.store.names(tenant) if asked(*split_name(name))]
    found = await state.store.records(tenant, names)
    return answer({"tenant": tenant, "records": [orjson.Fragment(body) for _, body in found.values()]})


async def alerts(request: web.Request) -> web.Response:
    """The newest alerts, newest first."""
    tenant = await tenant_of(request)
    limit = count(request, "limit", 100, 10_000)
    found = await request.app[STATE].store.alerts(tenant, limit)
    return answer({"tenant": tenant, "alerts": readable(tenant, (body for _, body in found))})


async def waiting(request: web.Request) -> web.Response:
    """The conversations of a scope that wait, the longest first, with their channels."""
    tenant = await tenant_of(request)
    scope = await scope_of(request, tenant)
    limit = count(request, "limit", 100, 10_000)
    store = request.app[STATE].store
    rows = await store.waiting(tenant, scope, limit, channels_of(await store.names(tenant)))
    return answer({"tenant": tenant, "scope": scope, "waiting": rows})


async def trend(request: web.Request) -> web.Response:
    """The minutes of a scope: the last hour, or up to a day."""
    tenant = await tenant_of(request)
    scope = await scope_of(request, tenant)
    minutes = count(request, "minutes", 60, 1440)
    found = await request.app[STATE].store.trend(tenant, scope, minutes)
    return answer({"tenant": tenant, "scope": scope, "minutes": [orjson.Fragment(body) for body in found]})


async def intervals(request: web.Request) -> web.Response:
    """The closed quarter-hours of a scope: the last day, or fewer hours."""
    tenant = await tenant_of(request)
    scope = await scope_of(request, tenant)
    hours = count(request, "hours", 24, 24)
    found = await request.app[STATE].store.intervals(tenant, scope, hours)
    return answer({"tenant": tenant, "scope": scope, "intervals": [orjson.Fragment(body) for body in found]})
