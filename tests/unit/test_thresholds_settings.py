"""Rules in the settings file: what they become, and what is said when they are wrong."""

from typing import Any

import pytest

from tables.settings import Settings, SettingsError
from tests.watching import CHAT, entry, rule


def test_rules_of_the_settings() -> None:
    settings = Settings.from_mapping({"alert_rules": [entry(for_s=0.0016)], "tenants": {"b": {"alert_rules": []}}})
    (found,) = settings.tenant("acme").alert_rules
    assert (found.hold_ms, found.severity, found.no_data, found.clear) == (2, "warning", "resolve", 0.85)
    assert settings.tenant("b").alert_rules == ()
    assert rule(clear=None).clear == 0.8


BY_DAY = " is kept for tenant, channel, team and agent scopes; allowed: 5m, 15m, 30m, 1h, today"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"metric": "servce_level_ratio"}, "metric: no metric 'servce_level_ratio'; did you mean service_level_ratio?"),
        ({"window": "now"}, "window: service_level_ratio is no gauge; allowed: 5m, 15m, 30m, 1h, today, mtd, 30d"),
        ({"metric": "backlog_open"}, "window: backlog_open is a gauge; allowed: now"),
        ({"scope": "topic:a", "window": "30d"}, "window: 30d" + BY_DAY),
        ({"scope": "agent:*/channel:chat", "window": "mtd"}, "window: mtd" + BY_DAY),
        ({"metric": "revenue", "window": "mtd"}, "scope: revenue is not measured there; allowed: scopes of tenant"),
        (
            {"scope": "topic:a", "metric": "agents_online"},
            "scope: agents_online is not measured there; allowed: scopes of tenant and agent",
        ),
        ({"scope": "tenant", "metric": "mrr_new_usd"}, "window: mrr_new_usd is measured by day; allowed: mtd, 30d"),
        (
            {"scope": "tenant", "metric": "mrr_growth_ratio_eur"},
            ("window: mrr_growth_ratio_eur is measured by day; allowed: mtd, 30d"),
        ),
        ({"metric": "revenue9eur"}, "metric: no metric 'revenue9eur'; did you mean revenue?"),
        ({"metric": "mrr_gowth_ratio"}, "metric: no metric 'mrr_gowth_ratio'; did you mean mrr_growth_ratio?"),
        ({"scope": "agent:bu*"}, "scope: * stands for a whole id; allowed: agent:*"),
        ({"no_data": "drop"}, "no_data: 'drop' is not allowed; allowed: 'resolve' or 'keep'"),
    ],
)
def test_what_is_wrong_with_a_rule(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_mapping({"tenants": {"acme": {"alert_rules": [entry(**given)]}}})
    assert caught.value.problems == [f"tenants.acme.alert_rules[0].{said}"]


@pytest.mark.parametrize("scope", ["tenant", CHAT, "team:*", "agent:*"])
def test_the_windows_of_days_are_allowed_where_they_are_kept(scope: str) -> None:
    Settings.from_mapping(
        {"alert_rules": [entry(scope=scope, window=window, name=window) for window in ("mtd", "30d")]}
    )


def test_two_rules_of_one_name() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_mapping({"alert_rules": [entry(), entry(scope="tenant")]})
    assert caught.value.problems == ["alert_rules[1].name: 'slow-chat' is already the name of another entry"]
