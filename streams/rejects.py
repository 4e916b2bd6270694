"""Bad input: the error that says why a record is refused, and the slow second look that finds out.

Nothing here runs for a good record, so it may take its time: the record is decoded once more by the standard
library and compared with the fields that `streams/events.py` declares, in their order.
"""

from __future__ import annotations

import json
import re
from typing import Final, NoReturn, TypeVar

from msgspec import inspect

from streams.events import MAX_ID_BYTES, SCORES, Event

MAX_RECORD: Final = 1_048_576
"""The greatest size of a record's value, in bytes."""
AHEAD_MS: Final = 300_000
"""How far `at` may lie ahead of the wall clock, in ms."""

REASONS: Final = {
    "not_json": "the value is no UTF-8 JSON text, or is nested too deeply",
    "missing_field": "a required field is absent",
    "wrong_type": "a field, or the record itself, has another JSON type",
    "unknown_type": "`type` names no event of version 1",
    "unknown_version": "`v` is not 1",
    "bad_value": "a field's value is outside its list, range, pattern or length",
    "future": "`at` is more than 5 minutes ahead of the wall clock",
    "too_large": "the value is above 1 MiB",
}
"""Every reason of a refused canonical event, with its meaning."""

_T = TypeVar("_T")
_LONG_INTEGER = 25  # digits; beyond, the exact value can no longer matter and int() would be slow or refuse
_TYPE_NAMES = {bool: "boolean", int: "integer", float: "number", str: "text", list: "list", dict: "object"}


class Rejected(Exception):
    """A record that cannot be used: `reason` is a slug of `REASONS`, `detail` says what, where and what is allowed.

    The detail names fields and types and never repeats what a record holds.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


def classify(value: bytes) -> Rejected:
    """Why `value`, which the fast decoder refused, is no event. Never raises, whatever the bytes."""
    try:
        record = _parse(value)
        _check_event(record)
    except Rejected as rejected:
        return rejected
    except RecursionError:
        return Rejected("not_json", "nested too deeply")
    # What the standard library lets pass and the fast decoder does not.
    return Rejected("not_json", "half of a surrogate pair in a string")


def _parse(value: bytes) -> object:
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        raise Rejected("not_json", f"no UTF-8 at byte {error.start}") from None
    try:
        return json.loads(text, parse_int=_integer, parse_constant=_no_constant, object_pairs_hook=_Object.from_pairs)
    except json.JSONDecodeError as error:
        raise Rejected("not_json", f"no JSON at character {error.pos}") from None


def _integer(digits: str) -> int:
    return int(digits[:_LONG_INTEGER])


def _no_constant(_: str) -> NoReturn:
    raise Rejected("not_json", "NaN and Infinity are not JSON")


class _Object(dict[str, object]):
    """A JSON object that remembers a name given twice."""

    twice: str | None = None

    @classmethod
    def from_pairs(cls, pairs: list[tuple[str, object]]) -> _Object:
        found = cls(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            found.twice = next(name for name in names if names.count(name) > 1)
        return found


def _event_types() -> dict[str, inspect.StructType]:
    union = inspect.type_info(Event)
    assert isinstance(union, inspect.UnionType)  # noqa: S101 - for mypy
    return {str(kind.tag): kind for kind in union.types if isinstance(kind, inspect.StructType)}


_EVENT_TYPES = _event_types()


def _check_event(record: object) -> None:
    """Version first, then type, then the fields in the order of their declaration; raises `Rejected`."""
    if not isinstance(record, _Object):
        raise Rejected("wrong_type", f"$: object expected, got {_type_name(record)}")
    version = _present(record, "v")
    _check(version, inspect.IntType(), "$.v")
    if version != 1:
        raise Rejected("unknown_version", "$.v: only 1 is known")
    kind = _present(record, "type")
    _check(kind, inspect.StrType(), "$.type")
    if kind not in _EVENT_TYPES:
        raise Rejected("unknown_type", f"$.type: allowed are {', '.join(_EVENT_TYPES)}")
    for field in _EVENT_TYPES[str(kind)].fields:
        if field.required or field.encode_name in record:
            _check(_present(record, field.encode_name), field.type, f"$.{field.encode_name}")
    _check_together(record)
    if record.twice == "type":
        raise Rejected("bad_value", "$.type: given more than once")


def _check_together(record: _Object) -> None:
    match record["type"]:
        case "message" if record["author"] == "agent":
            _check(_present(record, "agent_id", " where author is agent"), inspect.StrType(), "$.agent_id")
        case "survey":
            low, high = SCORES[str(record["survey"])]
            score = record["score"]
            if not isinstance(score, int) or not low <= score <= high:
                raise Rejected("bad_value", f"$.score: {low} to {high} allowed for {record['survey']}")
        case "cost" | "revenue":
            start, end = record["period_start_at"], record["period_end_at"]
            if not isinstance(start, int) or not isinstance(end, int) or end <= start:
                raise Rejected("bad_value", "$.period_end_at: must be later than period_start_at")


def _present(record: _Object, name: str, when: str = "") -> object:
    if name not in record:
        raise Rejected("missing_field", f"$.{name}: required{when}")
    return record[name]


def _check(value: object, declared: inspect.Type, path: str) -> None:
    extra: dict[str, object] = {}
    if isinstance(declared, inspect.Metadata):
        extra = declared.extra_json_schema or {}
        declared = declared.type
    match declared:
        case inspect.UnionType(types=types):
            if value is not None or not any(isinstance(each, inspect.NoneType) for each in types):
                _check(value, next(each for each in types if not isinstance(each, inspect.NoneType)), path)
        case inspect.LiteralType(values=values):
            _expect(value, type(values[0]), path)
            if value not in values:
                raise Rejected("bad_value", f"{path}: allowed are {', '.join(map(str, values))}")
        case inspect.StrType():
            _check_text(_expect(value, str, path), str(extra.get("pattern", "")), declared, path)
        case inspect.IntType():
            _check_number(_expect(value, int, path), declared, path)
        case inspect.FloatType():
            _check_number(value if type(value) is int else _expect(value, float, path), declared, path)
        case inspect.BoolType():
            _expect(value, bool, path)
        case inspect.VarTupleType(item_type=item):
            for index, each in enumerate(_expect(value, list, path)):
                _check(each, item, f"{path}[{index}]")
        case _:
            raise TypeError(f"no check for {declared}")  # an event type that this module does not know yet


def _check_text(text: str, pattern: str, declared: inspect.StrType, path: str) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    if declared.min_length and not text:
        raise Rejected("bad_value", f"{path}: must not be empty")
    if declared.max_length == MAX_ID_BYTES and size > MAX_ID_BYTES:
        raise Rejected("bad_value", f"{path}: {size} bytes, at most {MAX_ID_BYTES} allowed")
    if declared.max_length and len(text) > declared.max_length:
        raise Rejected("bad_value", f"{path}: {len(text)} characters, at most {declared.max_length} allowed")
    if pattern and not re.search(pattern, text):
        raise Rejected("bad_value", f"{path}: a-z, 0-9, _ and - allowed, the first a letter or digit")
    if declared.pattern and not re.search(declared.pattern, text):
        raise Rejected("bad_value", f"{path}: three letters A-Z allowed, such as EUR")


def _check_number(number: float, declared: inspect.IntType | inspect.FloatType, path: str) -> None:
    lowest, greatest = declared.ge if declared.gt is None else declared.gt + 1, declared.le
    if (lowest is not None and number < lowest) or (greatest is not None and number > greatest):
        allowed = f"{lowest:.0f} and more" if greatest is None else f"{lowest:.0f} to {greatest:.0f}"
        raise Rejected("bad_value", f"{path}: {allowed} allowed")


def _expect(value: object, kind: type[_T], path: str) -> _T:
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    raise Rejected("wrong_type", f"{path}: {_TYPE_NAMES[kind]} expected, got {_type_name(value)}")


def _type_name(value: object) -> str:
    return "null" if value is None else next(name for kind, name in _TYPE_NAMES.items() if isinstance(value, kind))
