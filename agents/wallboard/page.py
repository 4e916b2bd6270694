"""The page itself: its parts as files, its text in the reader's language."""

import gzip
import html
import re
from collections.abc import Awaitable, Callable
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final, NamedTuple

import orjson
from aiohttp import web

from tables.day_windows import DAY_WINDOWS
from tables.kpis import GAUGES
from tables.kpis.catalogue import ALL_WINDOWS, DURATIONS, METRICS
from tables.kpis.durations import PARTS
from tables.kpis.metric import KINDS, Language, Metric
from tables.scopes import DAY_KINDS

LANGUAGES: Final[tuple[Language, ...]] = ("en", "id")
_KINDS: Final = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
_THEMES: Final = {"": "(prefers-color-scheme: dark)", "dark": "all", "light": "not all"}
"""Where the dark colours hold, by theme; the first is the reader's own choice."""
_FOLDER: Final = files("agents.wallboard")

Handler = Callable[[web.Request], Awaitable[web.Response]]


def catalogue(language: Language) -> dict[str, str]:
    """Every text of the page in a language: its own, and what the KPIs say of themselves."""
    text: dict[str, str] = orjson.loads((_FOLDER / "text" / f"{language}.json").read_bytes())
    for metric in METRICS.values():
        said = metric.text(language)
        text |= {f"metric.{metric.name}": said.title, f"about.{metric.name}": said.meaning}
        if said.short:
            text[f"short.{metric.name}"] = said.short
    text |= {f"kind.{each.name}": each.text(language).title for each in DURATIONS}
    place = LANGUAGES.index(language)
    return text | {f"part.{part}": texts[place].title for part, texts in PARTS.items()}


def preferred(accepted: str) -> Language:
    """The language of an `Accept-Language` header that the page speaks; the first where it speaks none.

    >>> preferred("id-ID,id;q=0.9,en;q=0.8"), preferred("de, en;q=0.1, id;q=0.7"), preferred("fr")
    ('id', 'id', 'en')
    """
    best, best_weight = LANGUAGES[0], 0.0
    for part in accepted[:1000].split(","):
        name, _, rest = part.partition(";")
        found = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", rest)
        weight = float(found[1]) if found else float(not rest)
        language = _language(name.strip().lower().partition("-")[0])
        if language is not None and weight > best_weight:
            best, best_weight = language, weight
    return best


def _language(name: str) -> Language | None:
    return next((each for each in LANGUAGES if each == name), None)


class _Body(NamedTuple):
    """Bytes to send, plain and compressed, and what names them."""

    plain: bytes
    small: bytes
    tag: str

    @classmethod
    def of(cls, plain: bytes) -> "_Body":
        return cls(plain, gzip.compress(plain, mtime=0), f'"{sha256(plain).hexdigest()[:20]}"')

    def answer(self, request: web.Request, kind: str, **more: str) -> web.Response:
        headers = {"ETag": self.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"} | more
        if request.headers.get("If-None-Match") == self.tag:
            return web.Response(status=304, headers=headers)
        zipped = "gzip" in request.headers.get("Accept-Encoding", "")
        if zipped:
            headers["Content-Encoding"] = "gzip"
        return web.Response(
            body=self.small if zipped else self.plain, content_type=kind, charset="utf-8", headers=headers
        )


def statics() -> dict[str, Handler]:
    """Handlers of `/` and of every file that the page is made of, by path."""
    handlers: dict[str, Handler] = {"/": _page()}
    for file in _static_files():
        handlers[f"/static/{file.name}"] = _static(file.read_bytes(), _KINDS[file.name.rpartition(".")[2]])
    return handlers


def _static_files() -> list[Any]:
    found = [each for each in (_FOLDER / "static").iterdir() if each.name.rpartition(".")[2] in _KINDS]
    return sorted(found, key=lambda each: each.name)


def _static(plain: bytes, kind: str) -> Handler:
    body = _Body.of(plain)

    async def handler(request: web.Request) -> web.Response:
        return body.answer(request, kind)

    return handler


def _page() -> Handler:
    bodies = {(language, theme): _Body.of(_render(language, theme)) for language in LANGUAGES for theme in _THEMES}

    async def handler(request: web.Request) -> web.Response:
        theme = request.query.get("theme", "")
        language = _language(request.query.get("lang", "")) or preferred(request.headers.get("Accept-Language", ""))
        body = bodies[language, theme if theme in _THEMES else ""]
        headers = {"Content-Language": language, "Vary": "Accept-Encoding, Accept-Language"}
        return body.answer(request, "text/html", **headers)

    return handler


def _plain(metric: Metric) -> list[Any]:
    """Unit and direction; and the kinds of scopes that have it, where some have not."""
    return [metric.unit, metric.better, *([metric.kinds] if metric.kinds != KINDS else [])]


def _render(language: Language, theme: str) -> bytes:
    """The template with a language's text; whatever is put in is escaped."""
    text = catalogue(language)
    data = {
        "text": text,
        "windows": [each for each in ALL_WINDOWS if each != "now"],
        "byDay": {"windows": DAY_WINDOWS, "kinds": DAY_KINDS},
        "metrics": {name: _plain(metric) for name, metric in METRICS.items()},
        "gauges": [each.name for each in GAUGES],
    }
    modules = [each.name for each in _static_files() if each.name.endswith(".js")]
    parts = {
        "lang": language,
        "theme": theme,
        "dark": _THEMES[theme],
        "preload": "".join(f'<link rel="modulepreload" href="/static/{name}">' for name in modules),
        # A data block, no script; "<" would let a text end it.
        "data": orjson.dumps(data).decode().replace("<", "\\u003c"),
    }
    template = (_FOLDER / "static" / "index.html").read_text(encoding="utf-8")

    def put(found: re.Match[str]) -> str:
        name = found[1]
        return parts[name] if name in parts else html.escape(text[name])

    return re.sub(r"\{\{([\w.]+)\}\}", put, template).encode()
