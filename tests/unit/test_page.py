"""The page's texts: the same in every language, all used, none missing; and what it is sent with."""

import re
from importlib.resources import files
from typing import Any

import orjson
import pytest
from aiohttp import web

from agents.wallboard import page
from agents.wallboard.auth import secured
from tables.kpis.catalogue import METRICS
from tables.kpis.metric import Language

STATIC = files("agents.wallboard") / "static"
SCRIPTS = {each.name: each.read_text() for each in STATIC.iterdir() if each.name.endswith(".js")}
TEMPLATE = (STATIC / "index.html").read_text()
STYLES = (STATIC / "style.css").read_text()


def given(language: Language) -> dict[str, Any]:
    """What the page is given to work with."""
    found = re.search(r'id="page">(.*?)</script>', page._render(language, "").decode(), re.DOTALL)
    assert found is not None
    data: dict[str, Any] = orjson.loads(found[1])
    return data


@pytest.mark.parametrize("language", page.LANGUAGES)
def test_every_language_has_the_same_texts_with_the_same_places(language: Language) -> None:
    first, other = page.catalogue(page.LANGUAGES[0]), page.catalogue(language)
    assert sorted(other) == sorted(first)
    for key, text in other.items():
        assert text.strip() == text != "", key
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", first[key])), key


def test_every_text_that_is_asked_for_is_there_and_none_is_there_for_nothing() -> None:
    code = "\n".join(SCRIPTS.values())
    used = set(re.findall(r"\bt\(\s*\"([\w.]+)\"", code)) | set(re.findall(r"\{\{([\w.]+)\}\}", TEMPLATE))
    used |= set(re.findall(r"\? \"([a-z]+\.[a-z]+)\" : \"[a-z]+\.[a-z]+\"", code))
    used |= set(re.findall(r"\? \"[a-z]+\.[a-z]+\" : \"([a-z]+\.[a-z]+)\"", code))
    used -= {"lang", "theme", "dark", "preload", "data"}
    prefixes = re.findall(r"`(\w+)\.\$\{", code)
    # The headings of the list of views go by their kind.
    families = (*(f"{prefix}." for prefix in prefixes), "channels", "teams", "agents")
    texts = set(page.catalogue("en"))
    assert used - texts == set()
    assert {key for key in texts - used if not key.startswith(families)} == set()


@pytest.mark.parametrize("language", page.LANGUAGES)
def test_metrics_windows_and_durations_are_called_by_what_they_say_of_themselves(language: Language) -> None:
    texts = page.catalogue(language)
    for metric in METRICS.values():
        said = metric.text(language)
        assert texts[f"metric.{metric.name}"] == said.title
        assert texts[f"about.{metric.name}"] == said.meaning
        assert texts.get(f"short.{metric.name}", "") == said.short
    own = orjson.loads((files("agents.wallboard") / "text" / f"{language}.json").read_bytes())
    said_twice = [key for key in own if key.startswith(("metric.", "about.", "short.", "kind.", "part."))]
    assert said_twice == []
    data = given(language)
    assert [window for window in data["windows"] if f"window.{window}" not in texts] == []
    code = SCRIPTS["figures.js"]
    assert {f"kind.{kind}" for kind in re.findall(r"times\(\"(\w+)\"\)", code)} <= set(texts)


def test_each_language_has_its_own_words() -> None:
    keys = ("metric.service_level_ratio", "kind.frt", "part.mean", "short.backlog_waiting", "window.mtd")
    en, id_ = ([page.catalogue(language)[key] for key in keys] for language in page.LANGUAGES)
    assert en == ["Service level", "First response time", "mean", "Waiting", "Month"]
    assert id_ == ["Tingkat layanan", "Waktu respons pertama", "rata-rata", "Menunggu", "Bulan ini"]


def test_the_page_knows_every_metric_and_shows_only_those_that_there_are() -> None:
    data = given("en")
    assert list(data["metrics"]) == list(METRICS)
    assert data["windows"] == ["5m", "15m", "30m", "1h", "today", "mtd", "30d"]
    assert data["metrics"]["occupancy_ratio"] == ["ratio", "neither", ["tenant", "team", "agent"]]
    assert data["metrics"]["csat_ratio"] == ["ratio", "higher"]
    lists = r"(?:OUTCOME|CARD|TRAFFIC|AGENTS|TEAMS) = \[([^\]]+)\]"
    shown = re.findall(r"\"(\w+)\"", " ".join(re.findall(lists, SCRIPTS["figures.js"] + SCRIPTS["tables.js"])))
    assert [name for name in shown if name not in METRICS] == []
    assert {"csat_ratio", "fcr_ratio", "resolution_mean_s", "handle_mean_s", "occupancy_ratio", "agents_online"} < {
        *shown
    }


def test_every_class_and_id_of_the_styles_is_on_the_page() -> None:
    known = TEMPLATE + "".join(SCRIPTS.values())
    named = set(
        re.findall(r"[.#]([a-z][\w-]*)(?=[^{}]*\{)", re.sub(r"/\*.*?\*/|\{[^{}]*\}", "{", STYLES, flags=re.DOTALL))
    )
    assert {name for name in named if not re.search(rf"\b{re.escape(name)}\b", known)} == set()


def test_no_text_becomes_markup_and_nothing_comes_from_elsewhere() -> None:
    for name, code in SCRIPTS.items():
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", code), (
            name
        )
        assert all(source.startswith("/static/") for source in re.findall(r"from \"([^\"]+)\"", code)), name
    assert "http:" not in TEMPLATE.replace("http-equiv", "")
    assert "https:" not in TEMPLATE
    assert not re.search(r"\son\w+=|\sstyle=|<script(?![^>]*(?: src=| type=\"application/json\"))", TEMPLATE)


def test_a_text_cannot_end_the_block_it_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = page.catalogue
    evil = "</script><script>alert(1)</script>"
    monkeypatch.setattr(page, "catalogue", lambda language: whole(language) | {"skip": evil})
    rendered = page._render("en", "dark").decode()
    assert rendered.count("</script>") == TEMPLATE.count("</script>")
    assert "&lt;/script&gt;" in rendered


def test_the_headers_are_strict() -> None:
    response = web.Response()
    secured(response)
    policy = dict(part.strip().split(" ", 1) for part in response.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "img-src", "connect-src")} == {"'self'"}
    assert policy["require-trusted-types-for"] == "'script'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("id", "id"),
        ("ID-id", "id"),
        ("fr,id;q=0.1", "id"),
        ("id;q=0,en;q=0", "en"),
        ("id;q=x,*", "en"),
        (",;", "en"),
    ],
)
def test_the_language_of_the_browser(accepted: str, language: str) -> None:
    assert page.preferred(accepted) == language
