"""`/api/v1/ranking`: the agents, channels, teams or topics in the order of one metric."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from aiohttp import web

from agents.sinks.layout import split_name
from agents.wallboard import api
from agents.wallboard.errors import ProblemError
from agents.wallboard.state import STATE
from streams.codecs import decode_id
from tables.kpis.catalogue import METRICS, windows_of
from tables.kpis.metric import Metric
from tables.scopes import kind_of
from tables.settings import TenantSettings

KINDS: Final = ("agent", "channel", "team", "topic")
_USUAL: Final = "15m"


async def ranking(request: web.Request) -> web.Response:
    """The scopes of a kind, the best first; scopes without a value are left out."""
    state = request.app[STATE]
    tenant = await api.tenant_of(request)
    kind = _one(request, "kind", "kind of a ranking", KINDS, "agent")
    by = _one(request, "by", f"metric of a {kind}", [name for name in METRICS if windows_of(METRICS[name], kind)], None)
    metric = METRICS[by]
    windows = windows_of(metric, kind)
    window = _one(
        request, "window", f"window of {by} of a {kind}", windows, _USUAL if _USUAL in windows else windows[0]
    )
    limit = api.count(request, "limit", 100, 10_000)
    names = [
        name
        for name in await state.store.names(tenant)
        if split_name(name)[1] == window and kind_of(split_name(name)[0]) == kind
    ]
    found = await state.store.records(tenant, names)
    records = [orjson.loads(body) for _, body in found.values()]
    return api.answer(
        {
            "tenant": tenant,
            "by": by,
            "kind": kind,
            "window": window,
            "better": metric.better,
            "partial": any(each["partial"] for each in records),
            "ranking": ranked(metric, records, state.settings.tenant(tenant))[:limit],
        }
    )


def ranked(metric: Metric, records: Iterable[Mapping[str, Any]], settings: TenantSettings) -> list[dict[str, Any]]:
    """One row a record that has a value. The greatest is first, unless lower is better.

    Of equal values the one with the greater denominator is first: it rests on more.
    """
    fraction = metric.fraction(settings)
    rows = []
    for record in records:
        scope, metrics = record["scope"], record["metrics"]
        if (value := metrics.get(metric.name)) is None:
            continue
        numerator, denominator = (None, None) if fraction is None else fraction.read(metrics)
        row = {"scope": scope, "name": _name(scope, settings), "value": value}
        rows.append(row | {"numerator": numerator, "denominator": denominator})
    way = 1 if metric.better == "lower" else -1
    return sorted(rows, key=lambda row: (way * row["value"], -(row["denominator"] or 0), row["name"].casefold()))


def _name(scope: str, settings: TenantSettings) -> str:
    kind, _, encoded = scope.partition(":")
    id_ = decode_id(encoded)
    return settings.names.get(f"{kind}s", {}).get(id_, id_)


def _one(request: web.Request, name: str, what: str, allowed: Iterable[str], default: str | None) -> str:
    """The one value of a query parameter; it must be given where there is no default."""
    given, known = request.query.get(name, default), list(allowed)
    if given is None:
        raise ProblemError(400, f"there is no {name}, the {what} to rank by", f"query {name}", known)
    if given not in known:
        raise ProblemError(400, f"{given!r} is no {what}", f"query {name}", known)
    return given
