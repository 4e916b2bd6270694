"""The KPI catalogue: what each metric says of itself is true, whole, and what records, docs and schema go by."""

import importlib.util
import json
import pkgutil
import subprocess
import sys
from functools import cache
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables import facts, kpis
from tables.business import MONEY
from tables.kpis import GAUGES, SAMPLED, read_gauges, read_window, reference, schema
from tables.kpis.catalogue import ALL_WINDOWS, METRICS, ROOMS, windows_of
from tables.kpis.metric import KINDS, Language, Metric, Value
from tables.replay import replay
from tables.scopes import kind_of
from tables.settings import Settings, TenantSettings
from tables.tally import ACTIVE_LAST, BUCKETS, CUSTOMERS, HANDLED_LAST, add_duration, mark
from tables.window import Window
from tests.business_desk import event, subscription
from tests.conftest import unavailable
from tests.timeline import T0, at, bot, customer, ev, reply, status

DOCS = Path(__file__).parents[2] / "deploy" / "docs"
LANGUAGES: tuple[Language, ...] = ("en", "id")
SCOPES = {
    "tenant": "tenant", "channel": "channel:chat", "agent": "agent:ana", "agent/channel": "agent:ana/channel:chat",
    "team": "team:billing", "topic": "topic:refund", "priority": "priority:normal",
}  # fmt: skip
CHOICES = {
    "frt_mean": ("responded", "resolved"),
    "handle_mean": ("resolved", "customers"),
    "fcr": ("resolved", "received"),
    "ces": ("high_is_easy", "low_is_easy"),
    "cost_per_resolution": ("resolved", "received"),
    "net_revenue_retention": ("existing", "with_new"),
}
LEVELS = ("ignore_abandoned", "abandoned_missed", "abandoned_met")


def settings(level: str = LEVELS[0], **formulas: str) -> dict[str, Any]:
    return {"service_level": {"formula": level}, "formulas": formulas}


def tenant(level: str, **formulas: str) -> TenantSettings:
    return Settings.from_mapping(settings(level, **formulas)).tenant("acme")


# --- what a metric says ----------------------------------------------------------------------------


def test_no_name_stands_twice_and_no_file_is_forgotten() -> None:
    names = [each.name for room in ROOMS for each in room.METRICS]
    assert len(names) == len({*names})
    assert [*SAMPLED, *GAUGES] == [METRICS[each.name] for each in (*SAMPLED, *GAUGES)]
    files = [import_module(f"tables.kpis.{each.name}") for each in pkgutil.iter_modules(kpis.__path__)]
    own = {each for each in files if isinstance(getattr(each, "METRICS", None), tuple)}
    assert own == {*kpis.ROOMS}


@pytest.mark.parametrize("language", LANGUAGES)
def test_titles_tell_metrics_apart_and_texts_are_one_line(language: Language) -> None:
    texts = [each.text(language) for each in METRICS.values()]
    titles = [text.title for text in texts]
    assert [title for title in titles if titles.count(title) > 1] == []
    for text in texts:
        assert text.title[0].isupper() or text.title[0].isdigit(), text
        assert len(text.short) < len(text.title), text
        for part in (text.title, text.meaning):
            assert part == part.strip() != ""
            assert "\n" not in part
            assert not part.endswith("."), part
            assert "|" not in part, "it stands in a table"


def test_indonesian_is_no_english() -> None:
    assert [each.name for each in METRICS.values() if each.en.meaning == each.id.meaning] == []
    same = {each.name for each in METRICS.values() if each.en.title == each.id.title}
    assert same == {"nps"}


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__)
def test_every_file_has_a_formula_that_runs(room: Any) -> None:
    assert ">>> " in room.__doc__
    shown = [each.name for each in room.METRICS if each.fractions and each.fractions[0].numerator]
    missing = [name for name in shown if name not in room.__doc__ and name.removesuffix("_ratio") not in room.__doc__]
    assert missing == []


def test_what_is_divided_is_a_metric_that_stands_beside_it() -> None:
    for metric in METRICS.values():
        for fraction in metric.fractions:
            for term in (*fraction.numerator, *fraction.denominator):
                beside = METRICS[term.removeprefix("-")]
                assert {*metric.kinds} <= {*beside.kinds}
                for kind in metric.kinds:
                    assert {*windows_of(metric, kind)} <= {*windows_of(beside, kind)}, (metric.name, term)
        formulas = [each.formula for each in metric.fractions]
        assert len(formulas) == len({*formulas})
        assert len(formulas) == 1 or "" not in formulas, f"{metric.name}: which one holds?"
        if metric.unit in {"ratio", "points", "score"}:
            assert metric.fractions, f"{metric.name} has no denominator"


# --- what records say ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_holds_the_metrics_of_its_kind(kind: str) -> None:
    scope = SCOPES[kind]
    assert kind_of(scope) == kind
    sampled = read_window(Window(), tenant(LEVELS[0]), scope)
    assert list(sampled) == [each.name for each in SAMPLED if kind in each.kinds]
    assert list(read_gauges({}, T0, scope)) == [each.name for each in GAUGES if kind in each.kinds]


@st.composite
def windows(draw: st.DrawFn) -> Window:
    window = Window()
    few = st.integers(0, 9)
    counts = (
        facts.MESSAGES_IN, facts.OPENED, facts.RESOLVED, facts.SL_MET, facts.SL_MISSED, facts.SL_ABANDONED,
        facts.ONE_TOUCH, facts.BOT_RESOLVED, ACTIVE_LAST, HANDLED_LAST,
    )  # fmt: skip
    tally = {each: count for each in counts if (count := draw(few))}
    for survey, scores in ((facts.CSAT, range(1, 6)), (facts.NPS, range(11)), (facts.CES, range(1, 8))):
        for score in draw(st.lists(st.sampled_from(scores), max_size=4)):
            tally[survey << BUCKETS | score] = tally.get(survey << BUCKETS | score, 0) + 1
    for kind in facts.DURATIONS:
        for value in draw(st.lists(st.integers(0, 10**7), max_size=3)):
            add_duration(tally, kind, 1, value)
    for each in draw(st.lists(st.integers(1, 5), max_size=3)):
        tally[mark(CUSTOMERS, each)] = 1
    window.add(tally, 1)
    online = draw(few)
    window.set_occupancy((draw(st.integers(0, online)), online))
    return window


def agrees(metric: Metric, metrics: dict[str, Value], house: TenantSettings) -> None:
    """Check a value against its fraction."""
    fraction = metric.fraction(house)
    assert (fraction is None) == (metric.fractions == ())
    if fraction is None:
        return
    numerator, denominator = fraction.read(metrics)
    value = metrics[metric.name]
    assert denominator is not None
    assert (value is None) == (not denominator), metric.name
    if numerator is not None and value is not None:
        assert value == pytest.approx((100 if metric.unit == "points" else 1) * numerator / denominator), metric.name


@given(windows(), st.sampled_from(LEVELS), st.fixed_dictionaries({k: st.sampled_from(v) for k, v in CHOICES.items()}))
def test_a_metric_is_its_fraction_by_any_formula(window: Window, level: str, formulas: dict[str, str]) -> None:
    house = tenant(level, **formulas)
    metrics = read_window(window, house, "tenant")
    for each in SAMPLED:
        agrees(each, metrics, house)


def events() -> list[dict[str, Any]]:
    """A day's work with a bit of everything, and what the house earned."""
    talk = [
        customer(0, customer_id="k1"), reply(20), ev(30, "tagged", add=["refund"], remove=[]),
        ev(31, "assigned", team="billing"), status(90, "resolved"),
        *(ev(100, "survey", name, survey=name, score=score) for name, score in (("csat", 5), ("nps", 9), ("ces", 6))),
        ev(101, "survey", survey="ces", score=2),
        ev(110, "delivery", message_id="m", state="failed"), customer(200), reply(230), status(300, "resolved"),
    ]  # fmt: skip
    by_bot = [each | {"conversation_id": "c2"} for each in (customer(5), bot(6), status(40, "resolved"))]
    waits = [each | {"conversation_id": "c3"} for each in (customer(7), ev(8, "assigned", agent_id="ana"))]
    there = event("p", "presence", at(0), agent_id="ana", state="online", capacity=3)
    posted = {"currency": "EUR", "period_start_at": T0 - 10_000_000, "period_end_at": T0 + 10_000_000}
    business = [
        subscription("s1", T0 - 40 * 86_400_000, "k1", "new", (0, 100)),
        subscription("s2", T0 - 40 * 86_400_000, "k2", "new", (0, 50)),
        subscription("s3", T0, "k1", "expansion", (100, 130)),
        subscription("s4", T0, "k2", "cancel", (50, 0)),
        subscription("s5", T0, "k3", "new", (0, 25)),
        event("b1", "cost", T0, amount=30.0, **posted),
        event("b2", "revenue", T0, amount=90.0, **posted),
        event("b3", "visit", T0, visitor_id="v1"),
        event("b4", "visit", T0, visitor_id="v2"),
        event("b5", "conversion", T0, visitor_id="v2"),
    ]
    return sorted([*talk, *by_bot, *waits, there, *business], key=lambda each: each["at"])


@cache
def records(level: str = LEVELS[0], choice: int = 0) -> list[dict[str, Any]]:
    formulas = {figure: choices[choice] for figure, choices in CHOICES.items()}
    result = replay(events(), settings(level, **formulas), at(1000), wall=lambda: at(2000))
    assert result.dlq == []
    return [*result.kpi, *result.intervals]


def known(name: str) -> Metric:
    return METRICS[name if name in METRICS else name.removesuffix("_eur")]


def test_every_record_holds_what_the_catalogue_says_in_its_unit() -> None:
    seen = set()
    for record in records():
        kind, window, metrics = kind_of(record["scope"]), record["window"], record["metrics"]
        seen.add((kind, window))
        if window != "interval":
            expected = {each.name for each in METRICS.values() if window in windows_of(each, kind)}
            money = {f"{each.name}_eur" for each in MONEY} if "revenue" in expected else set()
            assert {*metrics} == expected | money, record["scope"]
        for name, value in metrics.items():
            match known(name).unit:
                case "count":
                    assert type(value) is int, name
                case "ms":
                    assert value is None or type(value) is int, name
                case "list":
                    assert isinstance(value, list), name
                case "ratio" if known(name) not in MONEY and value is not None:
                    assert 0 <= value <= 1, name
                case _:
                    assert value is None or isinstance(value, int | float), name
    assert seen >= {(kind, window) for kind in KINDS for window in ("now", *ALL_WINDOWS[1:6])}
    assert {("tenant", "mtd"), ("agent", "30d"), ("tenant", "interval")} <= seen


@pytest.mark.parametrize(("level", "choice"), [*product(LEVELS, (0, 1))])
def test_every_record_agrees_with_the_fractions(level: str, choice: int) -> None:
    house = tenant(level, **{figure: choices[choice] for figure, choices in CHOICES.items()})
    counted = set()
    for record in records(level, choice):
        for name, value in record["metrics"].items():
            if name in METRICS:
                agrees(METRICS[name], record["metrics"], house)
                counted |= {name} if value else set()
    assert {each.name for each in METRICS.values() if each.fractions} - counted == set(), "nothing to compare"


# --- what is written from it -----------------------------------------------------------------------


def test_the_reference_is_that_of_the_code() -> None:
    assert (DOCS / "kpis.md").read_text(encoding="utf-8") == reference.page(), reference.__doc__


def test_the_schema_is_that_of_the_code() -> None:
    assert json.loads((DOCS / "kpi.schema.json").read_text(encoding="utf-8")) == schema.record(), schema.__doc__


def test_the_reference_names_every_metric_once_in_both_languages() -> None:
    rows = [line for line in reference.page().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(METRICS)
    for row, metric in zip(rows, METRICS.values(), strict=True):
        assert row.count("|") == 7, row
        assert f"**{metric.en.title}**" in row
        assert f"**{metric.id.title}**" in row


@pytest.mark.parametrize("spoil", [None, {"seq": "7"}, {"metrics": {"csat_count": None}}, {"metrics": {"nps": "40"}}])
def test_records_are_of_the_schema_and_others_are_not(tmp_path: Path, spoil: dict[str, Any] | None) -> None:
    if importlib.util.find_spec("check_jsonschema") is None:
        unavailable("check-jsonschema is not installed")
    told = records() if spoil is None else [records()[0] | spoil]
    for name, body in (("schema", {"type": "array", "items": schema.record()}), ("records", told)):
        (tmp_path / f"{name}.json").write_text(json.dumps(body))
    call = [sys.executable, "-m", "check_jsonschema", "--schemafile", "schema.json", "records.json"]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (spoil is None), done.stdout + done.stderr
