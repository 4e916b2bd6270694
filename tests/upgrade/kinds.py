"""What kinds of records there are in the logs that a worker reads back, by what their keys and values look like.

Nothing here knows the kinds of today: one that is new looks like none of those before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from streams.engine.journal import FENCE, HEAD, OUTBOX, decode_outputs
from streams.engine.local import Log

_ENGINE = {FENCE: "fence", HEAD: "head", OUTBOX: "outbox"}
_JSON = ("kpi", "kpi.intervals", "kpi.minutes", "alerts")


def kinds(logs: Mapping[str, Log]) -> dict[str, set[str]]:
    """By topic, the kinds of its records with their form; `logs` are by topic and partition: `kpi-0`."""
    found: dict[str, set[str]] = {}
    for name, log in logs.items():
        topic = name.rpartition("-")[0]
        found.setdefault(topic, set()).update(_kinds(topic, log))
    return found


def _kinds(topic: str, log: Log) -> Iterator[str]:
    for record in log.records:
        key, value = record.key or b"", record.value
        what = _what(topic, key, value)
        if what == "fence":
            yield what
        elif value is None:
            yield f"{what}: deleted"
        elif topic in _JSON:
            yield what
            yield "fields: " + " ".join(sorted(msgspec.json.decode(value)))
        else:
            yield f"{what}: {_form(topic, what, value)}"


def _what(topic: str, key: bytes, value: bytes | None) -> str:
    """What a record is about."""
    if topic == "alerts":
        return str(msgspec.json.decode(value or b"")["kind"])
    if key[:1] == b"\0":
        return _ENGINE.get(key[:2], repr(key[:2]))
    text = key.decode()
    match topic:
        case "_conversations":
            return text.partition("|")[0] if text.startswith("=") else "conversation"
        case "_rollup":
            return text.partition("|")[0]
        case "_partials":
            return _partial(text)
        case _:
            _, scope, window = _split(text)
            return f"{_sort(scope)} {'' if window.isdigit() else window}".strip()


def _partial(key: str) -> str:
    first, *_, what = key.split("|")
    if not first.isdigit():
        return first  # a worker's word on what it feeds
    if key.count("|") == 1:
        return what
    scope = key.split("|")[2]
    place = scope if scope.startswith("=") else ""
    return f"{place} {what[:2] if what.startswith('=') else what[:1]}".strip()


def _split(key: str) -> tuple[str, str, str]:
    tenant, _, rest = key.partition("/")
    scope, _, window = rest.rpartition("/")
    return tenant, scope, window


def _sort(scope: str) -> str:
    """`agent:ana/channel:chat` is `agent/channel`."""
    return "/".join(part.partition(":")[0] for part in scope.split("/"))


def _form(topic: str, what: str, value: bytes) -> str:
    """How many fields a record has."""
    if what == "head":
        return f"{len(value)} bytes"
    if what == "outbox":
        return f"{len(decode_outputs(value)[0])} fields each"
    if topic == "_rollup" and what == "n":
        return "text"
    found = msgspec.json.decode(value) if topic == "_rollup" and what == "t" else msgspec.msgpack.decode(value)
    return f"{len(found)} fields" if isinstance(found, list) else type(found).__name__
