"""The page's texts: the same in every language, all used, none missing; and what it is sent with."""

import re
from importlib.resources import files

import pytest
from aiohttp import web

from agents.wallboard import page
from agents.wallboard.auth import secured
from tables.kpis import GAUGES, SAMPLED

STATIC = files("agents.wallboard") / "static"
SCRIPTS = {each.name: each.read_text() for each in STATIC.iterdir() if each.name.endswith(".js")}
TEMPLATE = (STATIC / "index.html").read_text()
STYLES = (STATIC / "style.css").read_text()


@pytest.mark.parametrize("language", page.LANGUAGES)
def test_every_language_has_the_same_texts_with_the_same_places(language: str) -> None:
    first, other = page.catalogue(page.LANGUAGES[0]), page.catalogue(language)
    assert list(other) == list(first)
    for key, text in other.items():
        assert text.strip() == text != "", key
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", first[key])), key


def test_every_text_that_is_asked_for_is_there_and_none_is_there_for_nothing() -> None:
    code = "\n".join(SCRIPTS.values())
    used = set(re.findall(r"\bt\(\s*\"([\w.]+)\"", code)) | set(re.findall(r"\{\{([\w.]+)\}\}", TEMPLATE))
    used |= set(re.findall(r"\? \"([a-z]+\.[a-z]+)\" : \"[a-z]+\.[a-z]+\"", code))
    used |= set(re.findall(r"\? \"[a-z]+\.[a-z]+\" : \"([a-z]+\.[a-z]+)\"", code))
    used -= {"lang", "theme", "dark", "preload", "data"}
    prefixes = [*re.findall(r"`(\w+)\.\$\{", code), "short"]
    # The headings of the list of views go by their kind.
    families = (*(f"{prefix}." for prefix in prefixes), "channels", "teams", "agents")
    texts = set(page.catalogue("en"))
    assert used - texts == set()
    assert {key for key in texts - used if not key.startswith(families)} == set()


def test_every_metric_has_a_name_or_is_a_duration() -> None:
    names = {f"metric.{each.name}" for each in (*SAMPLED, *GAUGES)}
    durations = {name for name in names if re.match(r"metric\.(frt|nrt|resolution|handle)_", name)}
    assert names - durations - set(page.catalogue("en")) == set()


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
