"""Settings that change a number: policies, thresholds, formulas, time zones, goals, by tenant."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from streams.channels import House
from tables.calendar import Calendar
from tables.policies import Match, Policy, Warn
from tables.settings_load import SettingsError, check, read_yaml
from tables.settings_model import File, Formula, before_s
from tables.thresholds.rule import Rule, rule_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tables.settings_model import SlaPolicy, Tenant

__all__ = ["Match", "Policy", "Settings", "SettingsError", "TenantSettings", "Warn", "json_schema"]

DEFAULT_THRESHOLDS_MS: Final = {"chat": 60_000, "whatsapp": 300_000, "email": 14_400_000, "default": 300_000}
"""T of the service level by channel, in ms; `default` for the others."""
DEFAULT_PAUSES: Final = {"resolution": frozenset({"pending"})}
"""The statuses that pause a target, where a policy says nothing about it."""


@dataclass(frozen=True, slots=True)
class TenantSettings:
    """One tenant's settings; durations in ms.

    `goals` by scope and metric; `names` by kind (`agents`, `teams`, `channels`, `topics`) and id; `formulas` by figure.
    """

    timezone: ZoneInfo
    lateness_ms: int
    retain_ms: int
    dedup_max: int
    reorder_max: int
    formula: Formula
    short_abandon_ms: int
    thresholds_ms: dict[str, int]
    policies: tuple[Policy, ...]
    calendars: dict[str, Calendar]
    goals: dict[str, dict[str, float]]
    names: dict[str, dict[str, str]]
    formulas: dict[str, str]
    currency: str | None
    """In which the money metrics without a suffix are; None: the only one seen."""
    house: House
    """Of the intake of raw payloads; without its secret key."""
    alert_rules: tuple[Rule, ...]

    def threshold_ms(self, channel: str) -> int:
        """T of the service level for a channel."""
        return self.thresholds_ms.get(channel) or self.thresholds_ms["default"]


class Settings:
    """The settings of every tenant, checked whole."""

    __slots__ = ("_choose", "_common", "_tenants")

    def __init__(self, common: TenantSettings, tenants: Mapping[str, TenantSettings]) -> None:
        self._common = common
        self._tenants = dict(tenants)
        self._choose = lru_cache(maxsize=65_536)(self._first_match)

    @classmethod
    def load(cls, path: Path | None) -> Settings:
        """The settings of a YAML file, or the defaults; raises `SettingsError` with every problem of the file."""
        return cls.from_mapping({} if path is None else read_yaml(path))

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Settings:
        """The settings that a mapping of the file's shape holds; raises `SettingsError` with every problem."""
        common, tenants = check(mapping)
        calendars: dict[Calendar, Calendar] = {}
        return cls(_tenant(common, calendars), {name: _tenant(each, calendars) for name, each in tenants.items()})

    def tenant(self, name: str) -> TenantSettings:
        """The settings of a tenant, named in the file or not."""
        return self._tenants.get(name, self._common)

    @property
    def latenesses_ms(self) -> frozenset[int]:
        """The lateness of every tenant, each once, in ms."""
        return frozenset(each.lateness_ms for each in (self._common, *self._tenants.values()))

    @property
    def has_rules(self) -> bool:
        """Whether any tenant has threshold rules."""
        return any(each.alert_rules for each in (self._common, *self._tenants.values()))

    @property
    def tenants(self) -> frozenset[str]:
        """The tenants that the file names."""
        return frozenset(self._tenants)

    def choose(
        self, tenant: str, channel: str, priority: str, team: str | None, topics: frozenset[str] | tuple[str, ...]
    ) -> Policy | None:
        """The first policy that matches, None if none does."""
        return self._choose(tenant, channel, priority, team, topics)

    def _first_match(
        self, tenant: str, channel: str, priority: str, team: str | None, topics: frozenset[str] | tuple[str, ...]
    ) -> Policy | None:
        for policy in self.tenant(tenant).policies:
            if policy.match.accepts(tenant, channel, priority, team, topics):
                return policy
        return None


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **File.model_json_schema()}


def _tenant(model: Tenant, known: dict[Calendar, Calendar]) -> TenantSettings:
    """The settings of one tenant; a calendar equal to one of `known`, those so far, is that one."""
    level = model.service_level
    given = {name: Calendar(each) for name, each in model.calendars.items()}
    calendars = {name: known.setdefault(each, each) for name, each in given.items()}
    return TenantSettings(
        timezone=ZoneInfo(model.timezone),
        lateness_ms=_ms(model.lateness_s),
        retain_ms=_ms(model.retain_s),
        dedup_max=model.dedup_max,
        reorder_max=model.reorder_max,
        formula=level.formula,
        short_abandon_ms=_ms(level.short_abandon_s),
        thresholds_ms=DEFAULT_THRESHOLDS_MS | {channel: _ms(each) for channel, each in level.threshold_s.items()},
        policies=tuple(_policy(each, calendars) for each in model.sla_policies),
        calendars=calendars,
        goals=model.goals,
        names=model.names.model_dump(),
        formulas=model.formulas.model_dump(),
        currency=model.currency,
        house=House(
            tenant=model.intake.tenant,
            source=model.intake.source or "",
            addresses=frozenset(model.intake.addresses),
            agents=model.intake.agents,
            teams=model.intake.teams,
            inboxes=model.intake.inboxes,
        ),
        alert_rules=tuple(rule_of(each) for each in model.alert_rules),
    )


def _policy(model: SlaPolicy, calendars: Mapping[str, Calendar]) -> Policy:
    match = {field: frozenset(values) for field, values in model.match if values is not None}
    return Policy(
        name=model.name,
        match=Match(**match),
        targets_ms={name: _ms(each) for name, each in model.targets if each is not None},
        warn=tuple(_warn(each) for each in model.warn),
        pause_on=DEFAULT_PAUSES | {target: frozenset(statuses) for target, statuses in model.pause_on.items()},
        calendar=None if model.calendar is None else calendars[model.calendar],
    )


def _warn(level: float | str) -> Warn:
    return Warn(before_ms=_ms(before_s(level))) if isinstance(level, str) else Warn(fraction=level)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
