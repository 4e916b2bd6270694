"""Bad input: the reason a record is refused, or None (contract sections 2 and 7, semantics "Required fields")."""

from __future__ import annotations

import json
import re
from typing import Any

MAX_RECORD = 1_048_576
MAX_ID = 512
LAST_INSTANT = 253_402_300_799_999  # the end of the year 9999
AHEAD = 300_000
SLUG = re.compile(r"[a-z0-9][a-z0-9._-]*")

DIRECTIONS = ("inbound", "outbound")
AUTHORS = ("customer", "agent", "bot", "system")
STATUSES = ("open", "pending", "on_hold", "resolved")
PRIORITIES = ("low", "normal", "high", "urgent")
SCORES = {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7)}
DELIVERY = ("sent", "delivered", "read", "failed")
PRESENCE = ("online", "busy", "away", "offline")
KINDS = ("new", "expansion", "contraction", "cancel")
MAX_AMOUNT = 10**15
CURRENCY = re.compile(r"[A-Z]{3}")
WITHOUT_CONVERSATION = ("presence", "subscription", "cost", "revenue", "visit", "conversion")


class BadInputError(Exception):
    """A refused record; the argument is the reason."""


def decode(record: Any, wall: int | None = None) -> dict[str, Any] | None:
    """The event of a record (a mapping, or JSON as text or bytes); None for a null value; raises `BadInputError`."""
    if record is None:
        return None
    if isinstance(record, (str, bytes)):
        if len(record.encode() if isinstance(record, str) else record) > MAX_RECORD:
            raise BadInputError("too_large")
        try:
            record = json.loads(record)
        except ValueError:
            raise BadInputError("not_json") from None
        if record is None:
            return None
    if not isinstance(record, dict):
        raise BadInputError("wrong_type")
    check(record, wall)
    return record


def check(event: dict[str, Any], wall: int | None = None) -> None:
    if len(json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()) > MAX_RECORD:
        raise BadInputError("too_large")
    if _integer(event, "v") != 1:
        raise BadInputError("unknown_version")
    kind = _text(event, "type")
    if kind not in FURTHER:
        raise BadInputError("unknown_type")
    _slug(event, "tenant")
    _id(event, "event_id")
    _instant(event, "at")
    if kind not in WITHOUT_CONVERSATION:
        _id(event, "conversation_id")
        _slug(event, "channel")
    FURTHER[kind](event)
    if wall is not None and event["at"] > wall + AHEAD:
        raise BadInputError("future")


def _get(event: dict[str, Any], field: str) -> Any:
    if field not in event:
        raise BadInputError("missing_field")
    return event[field]


def _integer(event: dict[str, Any], field: str) -> int:
    value = _get(event, field)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadInputError("wrong_type")
    return value


def _instant(event: dict[str, Any], field: str) -> None:
    if not 0 < _integer(event, field) <= LAST_INSTANT:
        raise BadInputError("bad_value")


def _text(event: dict[str, Any], field: str) -> str:
    value = _get(event, field)
    if not isinstance(value, str):
        raise BadInputError("wrong_type")
    return value


def _slug(event: dict[str, Any], field: str) -> None:
    _id(event, field)
    if not SLUG.fullmatch(event[field]):
        raise BadInputError("bad_value")


def _is_id(value: Any) -> None:
    if not isinstance(value, str):
        raise BadInputError("wrong_type")
    if not 0 < len(value.encode("utf-8", "surrogatepass")) <= MAX_ID:
        raise BadInputError("bad_value")


def _id(event: dict[str, Any], field: str) -> None:
    _is_id(_get(event, field))


def _optional_id(event: dict[str, Any], field: str) -> None:
    if event.get(field) is not None:
        _is_id(event[field])


def _one_of(event: dict[str, Any], field: str, allowed: tuple[str, ...]) -> None:
    if _text(event, field) not in allowed:
        raise BadInputError("bad_value")


def _message(event: dict[str, Any]) -> None:
    _one_of(event, "direction", DIRECTIONS)
    _one_of(event, "author", AUTHORS)
    for flag in ("private", "auto"):
        if not isinstance(event.get(flag, False), bool):
            raise BadInputError("wrong_type")
    if event["author"] == "agent":
        _id(event, "agent_id")
    _optional_id(event, "agent_id")
    _optional_id(event, "customer_id")


def _assigned(event: dict[str, Any]) -> None:
    _optional_id(event, "agent_id")
    _optional_id(event, "team")


def _handoff(event: dict[str, Any]) -> None:
    _optional_id(event, "team")


def _status(event: dict[str, Any]) -> None:
    _one_of(event, "status", STATUSES)
    _optional_id(event, "agent_id")


def _priority(event: dict[str, Any]) -> None:
    _one_of(event, "priority", PRIORITIES)


def _tagged(event: dict[str, Any]) -> None:
    for field in ("add", "remove"):
        topics = event.get(field, [])
        if not isinstance(topics, list):
            raise BadInputError("wrong_type")
        for topic in topics:
            _is_id(topic)


def _survey(event: dict[str, Any]) -> None:
    _one_of(event, "survey", tuple(SCORES))
    score = _get(event, "score")
    if isinstance(score, bool) or not isinstance(score, (int, float)):
        raise BadInputError("wrong_type")
    low, high = SCORES[event["survey"]]
    if not low <= score <= high:
        raise BadInputError("bad_value")


def _delivery(event: dict[str, Any]) -> None:
    _id(event, "message_id")
    _one_of(event, "state", DELIVERY)


def _presence(event: dict[str, Any]) -> None:
    _id(event, "agent_id")
    _one_of(event, "state", PRESENCE)
    if "capacity" in event and _integer(event, "capacity") < 0:
        raise BadInputError("bad_value")


def _amount(event: dict[str, Any], field: str, least: int) -> None:
    value = _get(event, field)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadInputError("wrong_type")
    if not least <= value <= MAX_AMOUNT:
        raise BadInputError("bad_value")


def _currency(event: dict[str, Any]) -> None:
    if not CURRENCY.fullmatch(_text(event, "currency")):
        raise BadInputError("bad_value")


def _subscription(event: dict[str, Any]) -> None:
    _id(event, "customer_id")
    _one_of(event, "kind", KINDS)
    _amount(event, "mrr_before", 0)
    _amount(event, "mrr_after", 0)
    _currency(event)


def _posting(event: dict[str, Any]) -> None:
    _amount(event, "amount", -MAX_AMOUNT)
    _instant(event, "period_start_at")
    _instant(event, "period_end_at")
    if event.get("currency") is not None:
        _currency(event)
    if event["period_end_at"] <= event["period_start_at"]:
        raise BadInputError("bad_value")


def _visitor(event: dict[str, Any]) -> None:
    _id(event, "visitor_id")


FURTHER = {
    "message": _message,
    "assigned": _assigned,
    "handoff": _handoff,
    "status": _status,
    "priority": _priority,
    "tagged": _tagged,
    "survey": _survey,
    "delivery": _delivery,
    "presence": _presence,
    "subscription": _subscription,
    "cost": _posting,
    "revenue": _posting,
    "visit": _visitor,
    "conversion": _visitor,
}
