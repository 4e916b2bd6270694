"""What tests of threshold alerts share: a rule, and a house that watches values and keeps what it tells."""

from typing import Any

import msgspec

from tables.settings_model import AlertRule
from tables.thresholds import Rule, Watches, rule_of

T = 1_767_000_000_000
CHAT = "channel:chat"


def entry(**given: Any) -> dict[str, Any]:
    """A rule of the settings file: the service level of the chat below 0.8, over at 0.85, unless given."""
    plain = {"name": "slow-chat", "scope": CHAT, "metric": "service_level_ratio", "window": "15m"}
    return plain | ({} if "above" in given else {"below": 0.8, "clear": 0.85}) | given


def rule(**given: Any) -> Rule:
    return rule_of(AlertRule(**entry(**given)))


class House:
    """A tenant's rules, and all that they tell. Instants are ms after T."""

    def __init__(self, *rules: Rule) -> None:
        self.log: dict[bytes, bytes | None] = {}
        self.watches = Watches(lambda tenant: rules if tenant == "acme" else ())

    def value(self, at: int, value: float | None, scope: str = CHAT, **others: float | None) -> list[str]:
        metrics = {"service_level_ratio": value, **others}
        return self.keep(self.watches.observe("acme", scope, "15m", metrics, T + at))

    def clock(self, at: int, *, final: bool = False) -> list[str]:
        return self.keep(self.watches.advance(T + at, final=final))

    def keep(self, outputs: list[Any]) -> list[str]:
        self.told = [msgspec.json.decode(each.value) for each in outputs]
        assert [each.key.decode() for each in outputs] == [each["alert_id"] for each in self.told]
        assert {each.topic for each in outputs} <= {"alerts"}
        self.log |= dict(self.watches.changes())
        return [f"{each['state']} {each['at'] - T}" for each in self.told]

    def restarted(self, *rules: Rule) -> "House":
        """Another worker that knows only what was written."""
        other = House(*rules)
        other.log = dict(self.log)
        for key, value in self.log.items():
            other.watches.restore(key, value)
        return other

    def recovered(self) -> list[str]:
        return self.keep(self.watches.recovered())
