"""From YAML to checked settings: every problem at once, each with its path in the file."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from tables.settings_model import File, Tenant
from tables.settings_words import Loc, allowed, explain, kind_of, line
from tables.thresholds import checks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_MOST_VALUES = 1_000_000
"""Aliases of aliases make more of a few lines than anybody can wait for."""


class SettingsError(Exception):
    """The settings cannot be used; `problems` holds every reason, `path: what is wrong; what is allowed`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


# --- YAML ------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """YAML with the scalars of version 1.2: `13:00`, `2026-12-25` and `NO` are text. Keys are text and unique."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - declared so in the base class

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and not key.tag.endswith(":merge"):
                key.tag = "tag:yaml.org,2002:str"
                if key.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"key {key.value!r} given twice", problem_mark=key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > _MOST_VALUES:
            raise yaml.MarkedYAMLError(problem=f"more than {_MOST_VALUES} values merged", problem_mark=node.start_mark)


def _decimal(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(loader.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:int", _decimal)
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]{1,18}", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), list(_first))


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file (an empty file is an empty one); raises `SettingsError`."""
    try:
        found = yaml.load(path.read_bytes(), _Loader)  # noqa: S506 - a safe loader
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read: {error.strerror or error}"]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise SettingsError([f"{path}{place}: no YAML: {error.problem or error.context}"]) from None
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        # Values that are not what their tags call them end in any of these.
        raise SettingsError([f"{path}: no YAML: {type(error).__name__}"]) from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise SettingsError([f"{path}: a mapping expected, got {kind_of(found)}"])
    return found


# --- checking --------------------------------------------------------------------------------------


def check(mapping: Mapping[str, Any]) -> tuple[Tenant, dict[str, Tenant]]:
    """The settings of all tenants, and those of each tenant named under `tenants`; raises `SettingsError`."""
    try:
        plain = _plain(mapping, count(1))
    except RecursionError:
        raise SettingsError(["the file: nested too deeply, or holds itself"]) from None
    if not isinstance(plain, dict):
        raise SettingsError([f"the file: a mapping expected, got {kind_of(plain)}"])
    overrides = plain.pop("tenants", {})
    common, problems = _check_one(File, plain)
    found: dict[str, Tenant] = {}
    lines = [line(loc, text) for loc, text in problems]
    for loc, text in _wrong_tenants(overrides):
        lines.append(line(loc, text))
    for name, override in overrides.items() if isinstance(overrides, dict) else ():
        if not isinstance(override, dict):
            continue
        tenant, own = _check_one(Tenant, _merge(plain, override))
        lines += [
            line(("tenants", name, *loc), text)
            for loc, text in own
            if (loc, text) not in problems or _reaches(override, loc)
        ]
        if tenant is not None:
            found[name] = tenant
    if lines or common is None:
        raise SettingsError(lines)
    return common, found


def _wrong_tenants(overrides: Any) -> Iterator[tuple[Loc, str]]:
    if not isinstance(overrides, dict):
        yield ("tenants",), f"a mapping expected, got {kind_of(overrides)}"
        return
    for name, override in overrides.items():
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name):
            yield ("tenants", name), "a tenant's name is made of a-z, 0-9, _ and -"
        if not isinstance(override, dict):
            yield ("tenants", name), f"a mapping expected, got {kind_of(override)}"


def _check_one(model: type[Tenant], mapping: dict[str, Any]) -> tuple[Tenant | None, list[tuple[Loc, str]]]:
    problems = list(_cross(mapping))
    try:
        return model.model_validate(mapping), problems
    except ValidationError as error:
        return None, [explain(each, model) for each in error.errors()] + problems


def _cross(mapping: dict[str, Any]) -> Iterator[tuple[Loc, str]]:
    """What names something elsewhere in the file; the shapes may still be wrong."""
    calendars = mapping.get("calendars")
    known = list(calendars) if isinstance(calendars, dict) else []
    goals = mapping.get("goals")
    for scope, goal in goals.items() if isinstance(goals, dict) else ():
        for name in goal if isinstance(goal, dict) else ():
            if checks.metric_of(name) is None:
                yield ("goals", scope, name), checks.unknown(name)
    for key in ("sla_policies", "alert_rules"):
        names: set[str] = set()
        entries = mapping.get(key)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            if not isinstance(entry, dict):
                continue
            name, calendar = entry.get("name"), entry.get("calendar")
            if isinstance(name, str) and name in names:
                yield (key, index, "name"), f"{name!r} is already the name of another entry"
            elif isinstance(name, str):
                names.add(name)
            if isinstance(calendar, str) and calendar not in known:
                yield (key, index, "calendar"), f"no calendar {calendar!r}; {allowed(calendar, known)}"
            if key == "alert_rules":
                yield from (((key, index, field), text) for field, text in checks.problems(entry))


def _plain(value: Any, seen: Iterator[int]) -> Any:
    """Keys and dates as text, as a YAML 1.1 loader may not have left them; `seen` counts the values."""
    if next(seen) > _MOST_VALUES:
        raise SettingsError([f"the file: more than {_MOST_VALUES} values, aliases followed"])
    if isinstance(value, Mapping):
        return {str(key): _plain(each, seen) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each, seen) for each in value]
    return value.isoformat() if isinstance(value, dt.date) else value


def _merge(below: Any, above: Any) -> Any:
    """`above` laid over `below`: mappings key by key, anything else whole."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return below | {key: _merge(below[key], each) if key in below else each for key, each in above.items()}


def _reaches(value: Any, loc: Loc) -> bool:
    for part in loc:
        if isinstance(value, dict) and part in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return False
    return True
