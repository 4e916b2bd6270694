"""The shape of the settings file (contract section 10): one model a mapping, nothing else allowed.

The models check one value at a time; `tables/settings_load.py` checks what names something elsewhere in the file.
"""

from __future__ import annotations

import datetime as dt
import re
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from tables.country_days import check_country

Formula = Literal["ignore_abandoned", "abandoned_missed", "abandoned_met"]
Window = Literal["now", "5m", "15m", "30m", "1h", "today", "mtd", "30d"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Target = Literal["first_response", "next_response", "resolution", "reply_window"]

_CENTURY_S = 3_155_760_000
_WARN: Final = re.compile(r"-(?P<amount>\d+(\.\d+)?)(?P<unit>[smh])")
_TIME: Final = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>[0-5]\d)")
_SCOPE: Final = re.compile(r"tenant|(channel|team|topic|priority):[^/: |]+|agent:[^/: |]+(/channel:[^/: |]+)?")
_UNIT_S: Final = {"s": 1, "m": 60, "h": 3600}
_DAY_MINUTES = 1440


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        near = get_close_matches(name, available_timezones(), n=1)
        hint = f"did you mean {near[0]}?" if near else "allowed is an IANA name such as Asia/Jakarta"
        raise ValueError(f"{name!r} is no time zone; {hint}") from None
    return name


def minutes(text: str) -> int:
    """Minutes since midnight of `HH:MM`, 0 to 1440 (24:00); raises ValueError."""
    found = _TIME.fullmatch(text)
    result = int(found["hour"]) * 60 + int(found["minute"]) if found else _DAY_MINUTES + 1
    if result > _DAY_MINUTES:
        raise ValueError(f"{text!r} is no time of day; allowed are 00:00 to 24:00, quoted")
    return result


def _time(value: Any) -> Any:
    # YAML 1.1 reads an unquoted 13:00 as 780, the minutes since midnight.
    if type(value) is int and 0 <= value <= _DAY_MINUTES:
        return f"{value // 60:02d}:{value % 60:02d}"
    if isinstance(value, str):
        minutes(value)
    return value


def _interval(value: tuple[str, str]) -> tuple[str, str]:
    if minutes(value[0]) >= minutes(value[1]):
        raise ValueError("the end must come after the start; one that passes midnight is two, the first to 24:00")
    return value


def _date(text: str) -> str:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date; allowed is YYYY-MM-DD") from None
    return text


def _warn(value: Any) -> float | str:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 1:
        return float(value)
    if isinstance(value, str) and (found := _WARN.fullmatch(value)) and float(found["amount"]) > 0:
        return value
    raise ValueError(
        f"{value!r} is no warning; allowed are a fraction of the target above 0 and up to 1, "
        'or open time before it such as "-30s"'
    )


def before_s(warn: str) -> float:
    """Seconds before the deadline of a warning such as `-30s`, `-5m`, `-1.5h`."""
    found = _WARN.fullmatch(warn)
    assert found is not None  # noqa: S101 - validated
    return float(found["amount"]) * _UNIT_S[found["unit"]]


def _scope(text: str) -> str:
    if not _SCOPE.fullmatch(text):
        raise ValueError(
            f"{text!r} is no scope; allowed are tenant, channel:C, agent:A, team:T, agent:A/channel:C, topic:T, "
            "priority:P, with ids percent-encoded or * for each"
        )
    return text


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, (str, int, float)) else value


Text = Annotated[str, Field(min_length=1, max_length=512)]
_SLUG: Final = r"^[a-z0-9][a-z0-9_-]*$"
Slug = Annotated[str, Field(pattern=_SLUG, max_length=64)]
Seconds = Annotated[float, Field(ge=0, le=_CENTURY_S, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(ge=0.001, le=_CENTURY_S, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Zone = Annotated[str, AfterValidator(_zone)]
Date = Annotated[str, AfterValidator(_date)]
Time = Annotated[str, BeforeValidator(_time)]
Interval = Annotated[tuple[Time, Time], Field(strict=False), AfterValidator(_interval)]
WarnLevel = Annotated[
    float | str,
    BeforeValidator(_warn),
    WithJsonSchema(
        {
            "oneOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                {"type": "string", "pattern": r"^-[0-9]+(\.[0-9]+)?[smh]$"},
            ]
        }
    ),
]
Scope = Annotated[str, AfterValidator(_scope), WithJsonSchema({"type": "string", "pattern": f"^({_SCOPE.pattern})$"})]
Metric = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Mapping(BaseModel):
    """A mapping of the file: frozen, strict about types, closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ServiceLevel(Mapping):
    """Formula and thresholds; `threshold_s` by channel, `default` for the others."""

    formula: Formula = "ignore_abandoned"
    short_abandon_s: Seconds = 5
    threshold_s: dict[Slug, PositiveSeconds] = {}


class Formulas(Mapping):
    """The variants of figures that houses count differently; the first of each list is the default."""

    frt_mean: Literal["responded", "resolved"] = "responded"
    handle_mean: Literal["resolved", "customers"] = "resolved"
    fcr: Literal["resolved", "received"] = "resolved"
    ces: Literal["high_is_easy", "low_is_easy"] = "high_is_easy"
    cost_per_resolution: Literal["resolved", "received"] = "resolved"
    net_revenue_retention: Literal["existing", "with_new"] = "existing"


class Names(Mapping):
    """What the wallboard shows in place of ids."""

    agents: dict[Text, Text] = {}
    teams: dict[Text, Text] = {}
    channels: dict[Text, Text] = {}
    topics: dict[Text, Text] = {}


class Calendar(Mapping):
    """Opening hours: half-open intervals of local time by weekday, and the days that differ."""

    tz: Zone
    hours: dict[Day, list[Interval]] = {}
    holidays: list[Date] = []
    country_holidays: Annotated[
        list[Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"), AfterValidator(check_country)]],
        BeforeValidator(_as_list),
        WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}}),
    ] = []
    date_overrides: dict[Date, list[Interval]] = {}
    breaks: dict[Date, list[Interval]] = {}

    @model_validator(mode="after")
    def _opens(self) -> Calendar:
        if not any(self.hours.values()):
            when = "open on some dates only, then never again" if any(self.date_overrides.values()) else "never open"
            raise ValueError(f"{when}; `hours` must hold at least one interval")
        return self


def _one_or_more(schema: dict[str, Any]) -> tuple[Any, ...]:
    """Metadata of a list for which one value alone may stand."""
    return (
        BeforeValidator(_as_list),
        Field(min_length=1),
        WithJsonSchema({"oneOf": [schema, {"type": "array", "items": schema, "minItems": 1}]}),
    )


_TEXT_SCHEMA: dict[str, Any] = {"type": "string", "minLength": 1}
Texts = Annotated[list[Text], *_one_or_more(_TEXT_SCHEMA)]
Slugs = Annotated[list[Slug], *_one_or_more({"type": "string", "pattern": _SLUG})]
Priorities = Annotated[
    list[Literal["low", "normal", "high", "urgent"]], *_one_or_more({"enum": ["low", "normal", "high", "urgent"]})
]


class PolicyMatch(Mapping):
    """One value or a list for each field; an absent field matches anything."""

    tenant: Slugs | None = None
    channel: Slugs | None = None
    priority: Priorities | None = None
    team: Texts | None = None
    topic: Texts | None = None


class Targets(Mapping):
    """Seconds of open time."""

    first_response: PositiveSeconds | None = None
    next_response: PositiveSeconds | None = None
    resolution: PositiveSeconds | None = None
    reply_window: PositiveSeconds | None = None


class SlaPolicy(Mapping):
    """One policy of the ordered list; the first that matches is in force."""

    name: Text
    match: PolicyMatch = PolicyMatch()
    calendar: Text | None = None
    targets: Targets
    warn: list[WarnLevel] = []
    pause_on: dict[Target, list[Literal["open", "pending", "on_hold"]]] = {}


class AlertRule(Mapping):
    """A threshold alert: fires when the metric stays `above` or `below` for `for_s`, ends at `clear`.

    `no_data` says what a metric that cannot be calculated does to an alert: end it, or leave it as it is.
    """

    name: Text
    scope: Scope
    metric: Metric
    window: Window
    below: Number | None = None
    above: Number | None = None
    clear: Number | None = None
    for_s: Seconds = 0
    severity: Slug = "warning"
    no_data: Literal["resolve", "keep"] = "resolve"

    @model_validator(mode="after")
    def _compares(self) -> AlertRule:
        if (self.below is None) == (self.above is None):
            raise ValueError("exactly one of `below` and `above` is required")
        if self.clear is not None:
            if self.below is not None and self.clear < self.below:
                raise ValueError("`clear` must not be less than `below`")
            if self.above is not None and self.clear > self.above:
                raise ValueError("`clear` must not be greater than `above`")
        return self


class Intake(Mapping):
    """What raw payloads do not say: the house's own mail addresses and domains, and ids for its people and teams.

    `agents` by mail address, `chatwoot:ID`, `intercom:ID` or `whatsapp:PHONE_NUMBER_ID`; `teams` by `chatwoot:ID` or
    `intercom:ID`; `inboxes`: the channel of a Chatwoot inbox by its type. `tenant` and `source` hold where a record's
    headers do not say.
    """

    tenant: Slug = "default"
    source: Literal["chatwoot", "intercom"] | None = None
    addresses: list[Text] = []
    agents: dict[Text, Text] = {}
    teams: dict[Text, Text] = {}
    inboxes: dict[Text, Slug] = {}


class Tenant(Mapping):
    """All that can differ between tenants."""

    timezone: Zone = "UTC"
    lateness_s: Seconds = 600
    retain_s: PositiveSeconds = 604_800
    dedup_max: Annotated[int, Field(ge=1, le=1_000_000)] = 4096
    reorder_max: Annotated[int, Field(ge=1, le=100_000)] = 256
    service_level: ServiceLevel = ServiceLevel()
    formulas: Formulas = Formulas()
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    goals: dict[Scope, dict[Metric, Number]] = {}
    names: Names = Names()
    intake: Intake = Intake()
    calendars: dict[Text, Calendar] = {}
    sla_policies: list[SlaPolicy] = []
    alert_rules: list[AlertRule] = []


class File(Tenant):
    """The whole file; what stands under `tenants` is laid over the rest, mapping by mapping."""

    tenants: dict[Slug, Tenant] = {}
