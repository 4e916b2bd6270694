"""The settings file: what it means, and what is said when it is wrong."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from click.testing import CliRunner

from agents.commands.config import command
from tables.policies import Match, Policy, Warn
from tables.settings import Settings, SettingsError, json_schema

EXAMPLE = """
timezone: Asia/Jakarta        # default UTC; all of this is an example
lateness_s: 600
service_level:
  formula: ignore_abandoned
  short_abandon_s: 5
  threshold_s: {chat: 60, whatsapp: 300, email: 14400, default: 300}
goals: {"channel:chat": {service_level_ratio: 0.8, frt_p90_s: 60}, tenant: {csat_mean: 4.5}}
names: {agents: {budi: Budi S.}, teams: {billing: Billing}}
calendars:
  office:
    tz: Asia/Jakarta
    hours: {mon: [["09:00", "12:00"], ["13:00", "18:00"]], sat: [["09:00", "24:00"]]}   # half-open, 24:00 = end of day
    holidays: ["2026-12-25"]            # closed; `country_holidays: ID` adds a country's
    date_overrides: {"2026-12-24": [["09:00", "12:00"]]}
    breaks: {"2026-12-23": [["14:00", "15:00"]]}
sla_policies:
  - name: urgent-chat
    match: {channel: chat, priority: urgent}
    calendar: office                    # absent: around the clock
    targets: {first_response: 60, next_response: 120, resolution: 3600}
    warn: [0.5, 0.8, "-30s"]
    pause_on: {resolution: [pending]}
alert_rules:
  - {name: slow-chat, scope: "channel:chat", metric: service_level_ratio, window: 15m,
     below: 0.8, clear: 0.85, for_s: 120, severity: page}
tenants: {acme: {timezone: Europe/Berlin}}
"""


def problems(mapping: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_mapping(mapping)
    return caught.value.problems


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# --- what it means ---------------------------------------------------------------------------------


def test_defaults() -> None:
    tenant = Settings.load(None).tenant("any")

    assert tenant.timezone == ZoneInfo("UTC")
    assert (tenant.lateness_ms, tenant.retain_ms) == (600_000, 604_800_000)
    assert (tenant.dedup_max, tenant.reorder_max) == (4096, 256)
    assert (tenant.formula, tenant.short_abandon_ms) == ("ignore_abandoned", 5_000)
    assert [tenant.threshold_ms(each) for each in ("chat", "whatsapp", "email", "phone")] == [
        60_000,
        300_000,
        14_400_000,
        300_000,
    ]
    assert tenant.policies == ()
    assert Settings.load(None).choose("any", "chat", "normal", None, ()) is None


def test_the_contracts_example(tmp_path: Path) -> None:
    settings = Settings.load(written(tmp_path / "sigap.yaml", EXAMPLE))

    assert settings.tenant("other").timezone == ZoneInfo("Asia/Jakarta")
    assert settings.tenant("acme").timezone == ZoneInfo("Europe/Berlin")
    assert (
        settings.tenant("acme").policies
        == settings.tenant("other").policies
        == (
            Policy(
                name="urgent-chat",
                match=Match(channel=frozenset({"chat"}), priority=frozenset({"urgent"})),
                targets_ms={"first_response": 60_000, "next_response": 120_000, "resolution": 3_600_000},
                warn=(Warn(fraction=0.5), Warn(fraction=0.8), Warn(before_ms=30_000)),
                pause_on={"resolution": frozenset({"pending"})},
                calendar=settings.tenant("other").calendars["office"],
            ),
        )
    )
    assert settings.tenant("acme").calendars["office"] is settings.tenant("other").calendars["office"]
    assert settings.tenant("acme").goals["channel:chat"] == {"service_level_ratio": 0.8, "frt_p90_s": 60}
    assert settings.tenant("acme").names["agents"] == {"budi": "Budi S."}


def test_a_yaml_1_1_loader_gives_the_same() -> None:
    calendar = (
        "calendars: {c: {tz: UTC, hours: {mon: [[9:00, 13:00]]}, holidays: [2026-12-25], breaks: {2026-12-23: []}}}"
    )
    Settings.from_mapping(yaml.safe_load(calendar))
    assert Settings.from_mapping(yaml.safe_load(EXAMPLE)).tenants == {"acme"}


def test_what_yaml_1_1_mistakes_is_text(tmp_path: Path) -> None:
    text = """
calendars: {c: {tz: UTC, hours: {mon: [[9:00, 13:00]]}, holidays: [2026-12-25], country_holidays: NO}}
names: {agents: {123: Rina, on: Dewi}}
lateness_s: 1e3
"""
    tenant = Settings.load(written(tmp_path / "sigap.yaml", text)).tenant("x")
    assert tenant.names["agents"] == {"123": "Rina", "on": "Dewi"}
    assert tenant.lateness_ms == 1_000_000


def test_durations_round_to_the_nearest_ms() -> None:
    settings = Settings.from_mapping(
        {"lateness_s": 0.0016, "sla_policies": [{"name": "a", "targets": {"resolution": 1.2346}, "warn": ["-1.5m"]}]}
    )
    assert settings.tenant("x").lateness_ms == 2
    assert settings.tenant("x").policies[0].targets_ms == {"resolution": 1235}
    assert settings.tenant("x").policies[0].warn == (Warn(before_ms=90_000),)


def test_given_thresholds_are_laid_over_the_defaults() -> None:
    tenant = Settings.from_mapping({"service_level": {"threshold_s": {"email": 3600, "default": 60}}}).tenant("x")
    assert [tenant.threshold_ms(each) for each in ("chat", "email", "phone")] == [60_000, 3_600_000, 60_000]


def test_tenants_override_value_by_value() -> None:
    settings = Settings.from_mapping(
        {
            "service_level": {"formula": "abandoned_met", "threshold_s": {"chat": 30}},
            "calendars": {"office": {"tz": "UTC", "hours": {"fri": [["09:00", "17:00"]]}}},
            "tenants": {
                "acme": {
                    "service_level": {"short_abandon_s": 10},
                    "calendars": {"office": {"holidays": ["2026-12-25"]}},
                    "sla_policies": [{"name": "a", "targets": {}, "calendar": "office"}],
                }
            },
        }
    )
    acme, other = settings.tenant("acme"), settings.tenant("other")
    assert (acme.formula, acme.short_abandon_ms, acme.threshold_ms("chat")) == ("abandoned_met", 10_000, 30_000)
    assert (other.short_abandon_ms, other.policies) == (5_000, ())
    christmas = 1_798_156_800_000  # Friday, 2026-12-25, UTC
    assert [each.calendars["office"].elapsed(christmas, christmas + 86_400_000) for each in (acme, other)] == [
        0,
        28_800,
    ]
    assert acme.policies[0].calendar is acme.calendars["office"]


def test_pauses() -> None:
    def pauses(**given: list[str]) -> dict[str, frozenset[str]]:
        policy = {"name": "a", "targets": {"resolution": 1}, "pause_on": given}
        return Settings.from_mapping({"sla_policies": [policy]}).tenant("x").policies[0].pause_on

    assert pauses() == {"resolution": {"pending"}}
    assert pauses(resolution=[]) == {"resolution": frozenset()}
    assert pauses(resolution=["on_hold"]) == {"resolution": {"on_hold"}}
    assert pauses(next_response=["pending"]) == {"resolution": {"pending"}, "next_response": {"pending"}}


def test_the_first_policy_that_matches_is_chosen() -> None:
    def policy(name: str, **match: Any) -> dict[str, Any]:
        return {"name": name, "match": match, "targets": {"first_response": 60}}

    settings = Settings.from_mapping(
        {
            "sla_policies": [
                policy("vip", tenant="acme", topic=["vip", "press"]),
                policy("urgent", channel=["chat", "whatsapp"], priority="urgent"),
                policy("billing", team="billing"),
                policy("rest", channel="chat"),
            ]
        }
    )

    def chosen(tenant: str, channel: str, priority: str, team: str | None, topics: tuple[str, ...]) -> str | None:
        policy = settings.choose(tenant, channel, priority, team, topics)
        assert settings.choose(tenant, channel, priority, team, frozenset(topics)) is policy
        return None if policy is None else policy.name

    assert chosen("acme", "chat", "urgent", None, ("refund", "vip")) == "vip"
    assert chosen("other", "chat", "urgent", "billing", ("vip",)) == "urgent"
    assert chosen("other", "email", "urgent", "billing", ()) == "billing"
    assert chosen("other", "chat", "low", None, ()) == "rest"
    assert chosen("other", "email", "urgent", None, ()) is None


# --- what is said when it is wrong -----------------------------------------------------------------

WRONG: list[tuple[str, list[str]]] = [
    ("lateness: 1", ["lateness: unknown key; did you mean lateness_s?"]),
    ("tenant: {}", ["tenant: unknown key; did you mean tenants?"]),
    ("lateness_s: '600'", ["lateness_s: a number expected, got the text '600'"]),
    ("lateness_s: true", ["lateness_s: a number expected, got true or false"]),
    ("lateness_s: -1", ["lateness_s: -1 is not allowed; at least 0.0 allowed"]),
    ("lateness_s:", ["lateness_s: a number expected, got nothing"]),
    ("dedup_max: 1.5", ["dedup_max: a whole number expected, got the number 1.5"]),
    ("dedup_max: 0", ["dedup_max: 0 is not allowed; at least 1 allowed"]),
    ("names: 3", ["names: a mapping expected, got the number 3"]),
    ("sla_policies: {}", ["sla_policies: a list expected, got a mapping"]),
    ("timezone: Asia/Jakrta", ["timezone: 'Asia/Jakrta' is no time zone; did you mean Asia/Jakarta?"]),
    (
        "service_level: {formula: strict}",
        [
            (
                "service_level.formula: 'strict' is not allowed; allowed: "
                "'ignore_abandoned', 'abandoned_missed' or 'abandoned_met'"
            )
        ],
    ),
    (
        "service_level: {threshold_s: {chat: 0}}",
        ["service_level.threshold_s.chat: 0 is not allowed; at least 0.001 allowed"],
    ),
    (
        'goals: {"chanel:chat": {csat_mean: 4}, "channel:chat": {csat_mean: high}}',
        [
            (
                "goals[\"chanel:chat\"]: 'chanel:chat' is no scope; allowed are tenant, channel:C, agent:A, team:T, "
                "agent:A/channel:C, topic:T, priority:P, with ids percent-encoded or * for each"
            ),
            "goals[\"channel:chat\"].csat_mean: a number expected, got the text 'high'",
        ],
    ),
    (
        "goals: {tenant: {service_level_rato: 0.8, revenue_idr: 5, oldest_waiting_s: 60}}",
        ["goals.tenant.service_level_rato: no metric 'service_level_rato'; did you mean service_level_ratio?"],
    ),
    (
        "sla_policies: [{name: p, match: {channel: Chat}, targets: {resolution: 9}}]",
        ["sla_policies[0].match.channel[0]: 'Chat' is not allowed; it must match ^[a-z0-9][a-z0-9_-]*$"],
    ),
    (
        "calendars: {c: {tz: UTC, hours: {mon: [['12:00', '09:00'], ['9', '10:00'], ['22:00', '24:01'], ['01:00']]}}}",
        [
            (
                "calendars.c.hours.mon[0]: the end must come after the start; "
                "one that passes midnight is two, the first to 24:00"
            ),
            "calendars.c.hours.mon[1][0]: '9' is no time of day; allowed are 00:00 to 24:00, quoted",
            "calendars.c.hours.mon[2][1]: '24:01' is no time of day; allowed are 00:00 to 24:00, quoted",
            "calendars.c.hours.mon[3][1]: two times, start and end expected, got a list",
        ],
    ),
    ("calendars: {c: {tz: UTC}}", ["calendars.c: never open; `hours` must hold at least one interval"]),
    (
        "calendars: {c: {tz: UTC, hours: {mon: []}, date_overrides: {2026-12-24: [['9:00', '12:00']]}}}",
        ["calendars.c: open on some dates only, then never again; `hours` must hold at least one interval"],
    ),
    (
        "calendars: {c: {tz: UTC, hours: {mon: [['9:00', '17:00']]}, country_holidays: [ID, XX, GB-QQ, de, MC-X]}}",
        [
            "calendars.c.country_holidays[1]: no holidays are known of 'XX'; allowed are codes such as ID or DE-BE",
            "calendars.c.country_holidays[2]: no holidays are known of 'GB-QQ'; allowed after GB-: ENG, NIR, SCT, WLS",
            "calendars.c.country_holidays[3]: 'de' is not allowed; it must match ^[A-Z]{2}(-[A-Z0-9]{1,3})?$",
            "calendars.c.country_holidays[4]: no holidays are known of 'MC-X'; allowed: MC as a whole",
        ],
    ),
    (
        "calendars: {c: {tz: UTC, hours: {mon: [['9:00', '17:00']]}, holidays: [2026-02-30]}}",
        ["calendars.c.holidays[0]: '2026-02-30' is no date; allowed is YYYY-MM-DD"],
    ),
    (
        (
            "calendars: {office: {tz: UTC, hours: {mon: [['9:00', '17:00']]}}}\n"
            "sla_policies: [{name: a, targets: {}, calendar: ofice}]"
        ),
        ["sla_policies[0].calendar: no calendar 'ofice'; did you mean office?"],
    ),
    (
        "sla_policies: [{name: a, targets: {}, calendar: x}, {name: a, targets: {}}]",
        [
            "sla_policies[0].calendar: no calendar 'x'; allowed: none",
            "sla_policies[1].name: 'a' is already the name of another entry",
        ],
    ),
    (
        "sla_policies: [{name: a, targets: {first_reply: 1}, match: {priority: top}}, 3, {targets: {resolution: 0}}]",
        [
            "sla_policies[0].match.priority[0]: 'top' is not allowed; allowed: 'low', 'normal', 'high' or 'urgent'",
            "sla_policies[0].targets.first_reply: unknown key; did you mean first_response?",
            "sla_policies[1]: a mapping expected, got the number 3",
            "sla_policies[2].name: required",
            "sla_policies[2].targets.resolution: 0 is not allowed; at least 0.001 allowed",
        ],
    ),
    (
        "sla_policies: [{name: a, targets: {}, warn: [0.5, 1.5, '-0s', true]}]",
        [
            f"sla_policies[0].warn[{place}]: {value} is no warning; allowed are a fraction of the target above 0 and "
            'up to 1, or open time before it such as "-30s"'
            for place, value in ((1, "1.5"), (2, "'-0s'"), (3, "True"))
        ],
    ),
    (
        (
            "alert_rules: [{name: a, scope: tenant, metric: messages_in, window: 15m, above: 1, below: 2},"
            " {name: b, scope: tenant, metric: messages_in, window: 15m, below: 2, clear: 1}]"
        ),
        [
            "alert_rules[0]: exactly one of `below` and `above` is required",
            "alert_rules[1]: `clear` must not be less than `below`",
        ],
    ),
    (
        (
            "lateness_s: x\n"
            "tenants: {acme: {lateness_s: y, dedup_max: 0}, b: {names: {agent: {}}}, c: 1, D: {}, e: {tenants: {}}}"
        ),
        [
            "lateness_s: a number expected, got the text 'x'",
            "tenants.c: a mapping expected, got the number 1",
            "tenants.D: a tenant's name is made of a-z, 0-9, _ and -",
            "tenants.acme.lateness_s: a number expected, got the text 'y'",
            "tenants.acme.dedup_max: 0 is not allowed; at least 1 allowed",
            "tenants.b.names.agent: unknown key; did you mean agents?",
            (
                "tenants.e.tenants: unknown key; allowed: timezone, lateness_s, retain_s, dedup_max, reorder_max, "
                "service_level, formulas, currency, goals, names, intake, calendars, sla_policies, alert_rules"
            ),
        ],
    ),
    (
        "tenants: {acme: {sla_policies: [{name: a, targets: {}, calendar: x}]}}",
        ["tenants.acme.sla_policies[0].calendar: no calendar 'x'; allowed: none"],
    ),
    ("tenants: 3", ["tenants: a mapping expected, got the number 3"]),
]


@pytest.mark.parametrize(("text", "expected"), WRONG, ids=[text[:40] for text, _ in WRONG])
def test_every_problem_is_named_with_its_path(text: str, expected: list[str], tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load(written(tmp_path / "sigap.yaml", text))
    assert caught.value.problems == expected


def test_the_same_mistake_in_file_and_tenant_is_named_twice() -> None:
    assert problems({"dedup_max": 0, "tenants": {"acme": {"dedup_max": 0}, "b": {}}}) == [
        "dedup_max: 0 is not allowed; at least 1 allowed",
        "tenants.acme.dedup_max: 0 is not allowed; at least 1 allowed",
    ]


def test_what_is_no_settings_file_at_all(tmp_path: Path) -> None:
    def problem(text: str) -> str:
        with pytest.raises(SettingsError) as caught:
            Settings.load(written(tmp_path / "f.yaml", text))
        (found,) = caught.value.problems
        return found.removeprefix(str(tmp_path / "f.yaml"))

    assert problem("[1]") == ": a mapping expected, got a list"
    assert problem("a: [") == ":1:5: no YAML: expected the node content, but found '<stream end>'"
    assert problem("dedup_max: 1\ndedup_max: 2") == ":2:1: no YAML: key 'dedup_max' given twice"
    assert problem("a: !!python/name:os.system x").startswith(":1:4: no YAML: could not determine a constructor")
    assert problem("a: &a [*a]") == "the file: nested too deeply, or holds itself"
    for tagged in ("!!int x", "!!float x", "!!bool x", "!!timestamp 2026-99-99", "!!timestamp ''", "!!map [a]"):
        assert problem(f"a: {tagged}").startswith(": no YAML: ")
    assert problem('tenants: {"\\ud800": {}}').startswith('tenants["\\ud800"]: a tenant')
    with pytest.raises(SettingsError, match=r"absent.yaml: cannot be read: No such file"):
        Settings.load(tmp_path / "absent.yaml")
    assert problems([1]) == ["the file: a mapping expected, got a list"]
    assert Settings.load(written(tmp_path / "empty.yaml", "")).tenants == frozenset()


@pytest.mark.parametrize(
    ("first", "line", "problem"),
    [
        ("1", "{0}: &{0} [{1}]", "the file: more than 1000000 values, aliases followed"),
        ("{a: 1}", "{0}: &{0} {{<<: [{1}]}}", "no YAML: more than 1000000 values merged"),
    ],
)
def test_ten_lines_do_not_become_milliards_of_values(tmp_path: Path, first: str, line: str, problem: str) -> None:
    lines = [line.format(name, ", ".join([f"*{before}"] * 10)) for before, name in pairwise("abcdefghij")]
    with pytest.raises(SettingsError, match=problem):
        Settings.load(written(tmp_path / "f.yaml", "\n".join([f"a: &a {first}", *lines])))


# --- the command -----------------------------------------------------------------------------------


def test_config_check(tmp_path: Path) -> None:
    good, bad = written(tmp_path / "good.yaml", EXAMPLE), written(tmp_path / "bad.yaml", "a: 1\nb: 2\n")

    passed = CliRunner().invoke(command, ["check", str(good)])
    failed = CliRunner().invoke(command, ["check", str(bad)])
    absent = CliRunner().invoke(command, ["check", str(tmp_path / "absent")])

    assert (passed.exit_code, failed.exit_code, absent.exit_code) == (0, 1, 2)
    assert passed.output == f"{good}: correct; tenants with settings of their own: acme\n"
    assert failed.stderr.splitlines()[2] == f"{bad}: 2 problems"


def test_config_schema_describes_every_key() -> None:
    printed = CliRunner().invoke(command, ["schema"])
    assert json.loads(printed.output) == json_schema()
    properties = json_schema()["properties"]
    assert set(yaml.safe_load(EXAMPLE)) <= set(properties)
    assert json_schema()["additionalProperties"] is False
