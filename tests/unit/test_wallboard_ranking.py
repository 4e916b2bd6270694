"""The ranking: who comes first by a metric, and what is said of a call that asks for what nobody has."""

from typing import Any, cast

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from agents.sinks.layout import record_json, split_name
from agents.wallboard.errors import ProblemError
from agents.wallboard.ranking import KINDS, ranking
from agents.wallboard.state import STATE, State
from tables.kpis.catalogue import METRICS, windows_of
from tables.settings import Settings

NAMES = {"agents": {"budi/jkt": "Budi Santoso"}, "topics": {"refund": "Pengembalian dana"}}


class Held:
    """A store with these records, by `scope:window`."""

    def __init__(self, records: dict[str, dict[str, Any]]) -> None:
        self._records = records

    async def tenants(self) -> list[str]:
        return ["acme"]

    async def names(self, _: str) -> list[str]:
        return sorted(self._records)

    async def records(self, tenant: str, names: list[str]) -> dict[str, tuple[int, bytes]]:
        found = {}
        for name in names:
            fields = {key.encode(): orjson.dumps(value) for key, value in self._records[name].items()}
            head = {b"seq": b"1", b"partial": fields.pop(b"partial", b"false")}
            empty = {key: b"" if value == b"null" else value for key, value in fields.items()}
            found[name] = (1, record_json(tenant, *split_name(name), head | empty))
        return found


def surveys(satisfied: int, answers: int) -> dict[str, Any]:
    ratio = satisfied / answers if answers else None
    return {"csat_satisfied": satisfied, "csat_count": answers, "csat_ratio": ratio}


RECORDS = {
    "agent:ana:15m": surveys(2, 2),
    "agent:budi%2Fjkt:15m": surveys(10, 10),
    "agent:citra:15m": surveys(3, 4),
    "agent:dewi:15m": surveys(0, 0),
    "agent:ana:today": surveys(1, 9),
    "agent:ana/channel:chat:15m": surveys(9, 9),
    "channel:chat:15m": surveys(8, 9),
    "tenant:15m": surveys(8, 9),
}


async def ask(query: str, records: dict[str, dict[str, Any]] = RECORDS, **settings: Any) -> dict[str, Any]:
    app = web.Application()
    app[STATE] = State(cast("Any", Held(records)), Settings.from_mapping({"names": NAMES, **settings}), None)
    response = await ranking(make_mocked_request("GET", f"/api/v1/ranking?{query}", app=app))
    assert isinstance(response.body, bytes)
    body: dict[str, Any] = orjson.loads(response.body)
    return body


async def test_the_best_is_first_and_of_equals_the_one_that_rests_on_more() -> None:
    body = await ask("by=csat_ratio")
    assert [tuple(row.values()) for row in body.pop("ranking")] == [
        ("agent:budi%2Fjkt", "Budi Santoso", 1.0, 10, 10),
        ("agent:ana", "ana", 1.0, 2, 2),
        ("agent:citra", "citra", 0.75, 3, 4),
    ]
    assert body == {
        "tenant": "acme", "by": "csat_ratio", "kind": "agent", "window": "15m", "better": "higher", "partial": False,
    }  # fmt: skip


async def test_only_the_kind_and_the_window_that_are_asked_for() -> None:
    assert [row["value"] for row in (await ask("by=csat_ratio&window=today"))["ranking"]] == [1 / 9]
    assert [row["scope"] for row in (await ask("by=csat_ratio&kind=channel"))["ranking"]] == ["channel:chat"]
    assert (await ask("by=csat_ratio&kind=team&window=mtd"))["ranking"] == []
    assert len((await ask("by=csat_ratio&limit=2"))["ranking"]) == 2


@pytest.mark.parametrize(
    ("by", "better", "order"),
    [
        ("frt_p90_s", "lower", ["ana", "citra", "budi%2Fjkt"]),
        ("delivery_failed", "lower", ["ana", "budi%2Fjkt", "citra"]),
        ("messages_in", "neither", ["citra", "budi%2Fjkt", "ana"]),
    ],
)
async def test_lower_is_first_where_it_is_better_and_the_greatest_where_neither_is(
    by: str, better: str, order: list[str]
) -> None:
    rows = {"ana": (3, 0, 1), "budi%2Fjkt": (30, 1, 5), "citra": (7, 2, 9)}
    names = ("frt_p90_s", "delivery_failed", "messages_in")
    records = {f"agent:{agent}:15m": dict(zip(names, row, strict=True)) for agent, row in rows.items()}
    body = await ask(f"by={by}", records)
    assert body["better"] == better
    assert [row["scope"] for row in body["ranking"]] == [f"agent:{each}" for each in order]


async def test_a_gauge_is_ranked_as_it_is_now() -> None:
    records = {f"topic:{topic}:now": {"backlog_open": count} for topic, count in (("refund", 2), ("login", 5))}
    body = await ask("by=backlog_open&kind=topic", records)
    assert body["window"] == "now"
    assert [(row["name"], row["value"], row["denominator"]) for row in body["ranking"]] == [
        ("Pengembalian dana", 2, None),
        ("login", 5, None),
    ]


async def test_what_is_divided_by_follows_the_formula_of_the_house() -> None:
    figures = {"fcr_one_touch": 3, "conversations_resolved": 4, "conversations_opened": 6, "fcr_ratio": 0.5}
    records = {"team:billing:30d": figures}
    (row,) = (await ask("by=fcr_ratio&kind=team&window=30d", records))["ranking"]
    assert (row["numerator"], row["denominator"]) == (3, 4)
    (row,) = (await ask("by=fcr_ratio&kind=team&window=30d", records, formulas={"fcr": "received"}))["ranking"]
    assert (row["numerator"], row["denominator"]) == (3, 6)
    (row,) = (await ask("by=frt_mean_s", {"agent:ana:15m": {"frt_mean_s": 8.5, "frt_count": 2}}))["ranking"]
    assert (row["numerator"], row["denominator"]) == (None, 2)


async def test_figures_that_are_not_whole_are_said_to_be_so() -> None:
    records = {"agent:ana:15m": surveys(1, 1), "agent:budi:15m": surveys(1, 1) | {"partial": True}}
    assert (await ask("by=csat_ratio", records))["partial"]


@pytest.mark.parametrize(
    ("query", "where", "allowed"),
    [
        ("", "query by", "csat_ratio"),
        ("by=csat", "query by", "csat_ratio"),
        ("by=occupancy_ratio&kind=channel", "query by", "fcr_ratio"),
        ("by=revenue", "query by", "fcr_ratio"),
        ("by=csat_ratio&kind=priority", "query kind", "team"),
        ("by=csat_ratio&window=mtd&kind=topic", "query window", "today"),
        ("by=csat_ratio&window=now", "query window", "30d"),
        ("by=backlog_open&window=15m", "query window", "now"),
        ("by=csat_ratio&limit=0", "query limit", "1 to 10000"),
        ("by=csat_ratio&tenant=nobody", "query tenant", "acme"),
    ],
)
async def test_a_wrong_call_is_told_what_is_allowed(query: str, where: str, allowed: str) -> None:
    with pytest.raises(ProblemError) as raised:
        await ask(query)
    assert isinstance(raised.value.response.body, bytes)
    error = orjson.loads(raised.value.response.body)["error"]
    assert error["where"] == where
    assert allowed in error["allowed"]
    assert error["what"]


@pytest.mark.parametrize("kind", KINDS)
async def test_every_metric_of_a_kind_can_be_ranked_by(kind: str) -> None:
    for metric in METRICS.values():
        if windows := windows_of(metric, kind):
            query = f"by={metric.name}&kind={kind}&window={windows[-1]}"
            body = await ask(query, {f"{kind}:x:{windows[-1]}": {metric.name: 7}})
            assert [row["value"] for row in body["ranking"]] == [7], metric.name
