"""What every topic holds, for those who write or read it: AsyncAPI 3, and the JSON Schema of each topic's values."""

from __future__ import annotations

import inspect
from importlib.metadata import version
from typing import Any, Final

import msgspec

from streams.business import Business
from streams.codecs import DEAD_LETTER_HEADERS, RETURNED
from streams.events import Event
from streams.rejects import REASONS
from streams.topics import TOPICS, Cleanup, Topic
from tables.alerts import AlertRecord
from tables.kpis import schema
from tables.thresholds.records import ThresholdAlert

PUBLIC: Final = {topic.name: topic for topic in TOPICS if not topic.internal}
"""The topics that others write or read, by name without the prefix."""
_READ: Final = frozenset({"raw.whatsapp", "raw.email", "raw.chat", "events", "business"})
"""Those that Sigap reads; it writes the others."""
_TYPES: Final[dict[str, tuple[Any, ...]]] = {
    "events": (Event,),
    "business": (Business,),
    "alerts": (AlertRecord, ThresholdAlert),
}
_CONTENT: Final = {"raw.email": "message/rfc822", "dlq": "application/octet-stream"}
_HEADERS: Final = {
    **dict.fromkeys(("raw.whatsapp", "raw.email", "raw.chat"), ("tenant", "source")),
    "dlq": (*sorted(DEAD_LETTER_HEADERS), RETURNED),
}
_VALUES: Final[dict[str, dict[str, Any]]] = {
    "reason": {"enum": list(REASONS)},
    "source": {"description": "The platform of a chat; of the others free."},
}
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_FORMAT: Final = "application/schema+json;version=draft-2020-12"
_BINDING: Final = "0.5.0"


def schema_of(name: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a topic's values; `name` is one of `PUBLIC`."""
    if name not in _TYPES:
        return _plain(name)
    found, parts = _typed(name, "#/$defs/{name}")
    return {"$schema": _DIALECT, "title": PUBLIC[name].full_name(), **found, "$defs": parts}


def document(prefix: str) -> dict[str, Any]:
    """The AsyncAPI 3 document of all topics under a prefix."""
    typed = {name: _typed(name, "#/components/schemas/{name}") for name in _TYPES}
    payloads = {name: typed[name][0] if name in typed else _plain(name) for name in PUBLIC}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Sigap",
            "version": version("sigap"),
            "description": "Real-time customer-service KPIs and SLA alerts. Delivery is at least once: take a KPI "
            "record only if its `seq` is greater than the last one's of its key, and an alert once per `alert_id`.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {name: _channel(topic, prefix) for name, topic in PUBLIC.items()},
        "operations": {
            f"{action}.{name}": {"action": action, "channel": {"$ref": f"#/channels/{name}"}}
            for name in PUBLIC
            for action in ("receive" if name in _READ else "send",)
        },
        "components": {
            "messages": {name: _message(topic, payloads[name]) for name, topic in PUBLIC.items()},
            "schemas": {name: part for _, parts in typed.values() for name, part in parts.items()},
        },
    }


def _channel(topic: Topic, prefix: str) -> dict[str, Any]:
    configuration: dict[str, Any] = {"cleanup.policy": topic.cleanup.split(",")}
    if topic.retention_ms is not None and topic.cleanup is not Cleanup.COMPACT:
        configuration["retention.ms"] = topic.retention_ms
    kafka = {"topic": topic.full_name(prefix), "topicConfiguration": configuration, "bindingVersion": _BINDING}
    return {
        "address": topic.full_name(prefix),
        "description": topic.meaning,
        "messages": {"record": {"$ref": f"#/components/messages/{topic.name}"}},
        "bindings": {"kafka": kafka},
    }


def _message(topic: Topic, payload: dict[str, Any]) -> dict[str, Any]:
    headers = {name: {"type": "string", **_VALUES.get(name, {})} for name in _HEADERS.get(topic.name, ())}
    key = {"type": "string", "description": topic.key}
    return {
        "name": topic.name,
        "summary": topic.value,
        "contentType": _CONTENT.get(topic.name, "application/json"),
        **({"headers": {"type": "object", "properties": headers}} if headers else {}),
        "payload": {"schemaFormat": _FORMAT, "schema": payload},
        "bindings": {"kafka": {"key": key, "bindingVersion": _BINDING}},
    }


def _typed(name: str, references: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema of what has types of its own, and the parts that it refers to."""
    found, parts = msgspec.json.schema_components(_TYPES[name], ref_template=references)
    return found[0] if len(found) == 1 else {"oneOf": list(found)}, _tidy(parts)


def _plain(name: str) -> dict[str, Any]:
    """The schema of what Sigap does not define, and that of KPI records."""
    if name.startswith("kpi"):
        return schema.record()
    kind = "string" if name in _CONTENT else "object"
    return {"$schema": _DIALECT, "title": PUBLIC[name].full_name(), "type": kind, "description": PUBLIC[name].value}


def _tidy(found: Any) -> Any:
    """Descriptions without the indentation of docstrings."""
    if isinstance(found, dict):
        return {
            name: inspect.cleandoc(each) if name == "description" and isinstance(each, str) else _tidy(each)
            for name, each in found.items()
        }
    return [_tidy(each) for each in found] if isinstance(found, list) else found
