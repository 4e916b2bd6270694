"""What is said of a wrong value of the settings file: its path, what is wrong, what is allowed."""

from __future__ import annotations

import re
import types
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from tables.settings_model import Tenant

Loc = tuple[str | int, ...]
"""A path in the file: keys and places."""

_MAX_SHOWN = 40  # characters of a wrong value
_PLAIN_KEY = re.compile(r"[A-Za-z_][\w-]*")
_EXPECTED: Final = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "text",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list of two times, start and end",
    "missing": "two times, start and end",  # of a list; a mapping's missing key has its own words
    "too_long": "two times, start and end",
}


def line(loc: Loc, text: str) -> str:
    """One problem, after its path as it is written in the file.

    >>> line(("alert_rules", 0, "name"), "required"), line(("goals", "channel:chat"), "required")
    ('alert_rules[0].name: required', 'goals["channel:chat"]: required')
    """
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            path += f".{part}" if path else part
        else:
            path += f'["{part.encode(errors="backslashreplace").decode()}"]'  # half of a surrogate cannot be printed
    return f"{path or 'the file'}: {text}"


def explain(error: ErrorDetails, model: type[Tenant]) -> tuple[Loc, str]:
    """The path of what a model refuses, and the reason in the words of the file."""
    loc = error["loc"]
    if loc and loc[-1] == "[key]":
        loc = loc[:-1]
    if error["type"] == "extra_forbidden":
        return loc, f"unknown key; {allowed(str(loc[-1]), _fields_at(loc[:-1], model))}"
    if error["type"] == "missing" and isinstance(loc[-1], str):
        return loc, "required"
    return loc, _wrong_value(error)


def _wrong_value(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _EXPECTED:
        return f"{_EXPECTED[kind]} expected, got {kind_of(error['input'])}"
    match kind:
        case "value_error":
            return str(context["error"])
        case "string_too_short" | "too_short":
            return "must not be empty"
        case "literal_error":
            why = f"allowed: {context['expected']}"
        case "string_pattern_mismatch":
            why = f"it must match {context['pattern']}"
        case "greater_than_equal":
            why = f"at least {context['ge']} allowed"
        case "less_than_equal":
            why = f"at most {context['le']} allowed"
        case _:
            why = error["msg"].lower()
    return f"{shown(error['input'])} is not allowed; {why}"


def _fields_at(loc: Loc, model: type[Tenant]) -> list[str]:
    """The keys allowed in the mapping at `loc`."""
    kind: Any = model
    for part in loc:
        kind = _model_or_container(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = kind.model_fields[str(part)].annotation
        else:
            kind = get_args(kind)[-1]
    kind = _model_or_container(kind)
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []


def _model_or_container(kind: Any) -> Any:
    """The type without `Annotated` and `| None`."""
    while hasattr(kind, "__metadata__"):
        kind = kind.__origin__
    if get_origin(kind) in {Union, types.UnionType}:
        return _model_or_container(next(each for each in get_args(kind) if each is not type(None)))
    return kind


def allowed(wrong: str, known: list[str]) -> str:
    """What may stand in place of a wrong name: the nearest one, or all.

    >>> allowed("ofice", ["home", "office"]), allowed("x", [])
    ('did you mean office?', 'allowed: none')
    """
    near = get_close_matches(wrong, known, n=1)
    return f"did you mean {near[0]}?" if near else f"allowed: {', '.join(known) or 'none'}"


def shown(value: Any) -> str:
    """A wrong value, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def kind_of(value: Any) -> str:
    """What a value is, in the words of the file."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {shown(value)}"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return type(value).__name__
