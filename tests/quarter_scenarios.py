"""Scenarios of `tests.scenarios` bent towards interval records: much happens at, or a millisecond beside, the end of
a quarter of an hour and its end plus a tenant's lateness; in between, hours pass without an event."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.oracle.rules import rules_for
from tests.scenario_beside import Arrival
from tests.scenario_events import Talk
from tests.scenario_parts import DAY, HOUR, MINUTE, QUARTER, Config, Event, Scenario
from tests.scenarios import Writer

LATENESS = (0, 30, 60, 600, 900, 1000, 1800)  # s: within a quarter of an hour, a whole one, more than one


def quarter_scenario(seed: int) -> Scenario:
    """(config, events in order of arrival, until): half a day to six days, mostly read past an interval's close."""
    return _Quarters(seed).write()


def _tenant(rng: random.Random, over: Config) -> Config:
    return over if rng.random() < 0.3 else over | {"lateness_s": rng.choice(LATENESS)}


def _silence(events: Iterable[Event], after: int, by: int) -> Iterator[Event]:
    """What is later than an instant comes so much later; presence that arrives behind it stays as late as it was."""
    passed = False
    told: dict[Any, bool] = {}
    for event in events:
        at = event.get("at")
        if type(at) is not int:
            yield event
            continue
        moved = at > after or (passed and event["type"] == "presence")
        if event["type"] == "presence":  # told again it is the same
            moved = told.setdefault(event["event_id"], moved)
        passed = passed or moved
        yield event | {"at": at + by} if moved else event


class _Quarters(Writer):
    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.plot = "day" if self.rng.random() < 0.7 and not self.watched else "compact"
        given = self.config.get("tenants", {})
        self.config["tenants"] = {name: _tenant(self.rng, given.get(name, {})) for name in self.tenants}

    def write(self) -> Scenario:
        """Now and then nobody says anything for days, longer than any window lasts."""
        config, events, until = super().write()
        if self.rng.random() < 0.3 and not self.watched:
            silence = self.rng.randrange(HOUR, 3 * DAY)
            after = self.rng.choice([event["at"] for event in events if type(event.get("at")) is int])
            events = list(_silence(events, after, silence))
            until = until if until is None or until <= after else until + silence
        return config, events, until

    def lateness(self, tenant: str) -> int:
        return rules_for(self.config, tenant).lateness

    def boundary(self, at: int, tenant: str) -> int:
        """An instant not before `at` at which an interval of the tenant ends or closes, or one next to it."""
        after = self.rng.choice((0, 0, self.lateness(tenant)))
        end = -((after - at) // QUARTER) * QUARTER
        return max(at, end + after + self.rng.choice((-1, 0, 0, 1)))

    def next_instant(self, talk: Talk, act: Callable[[Talk], Event]) -> int:
        dice = self.rng.random()
        if dice < 0.3:
            return self.boundary(talk.at, self.rng.choice(self.tenants))
        if dice < 0.37:
            return self.boundary(talk.at + self.rng.randrange(HOUR, 9 * HOUR), talk.tenant)
        return super().next_instant(talk, act)

    def delivered(self, talk: Talk) -> list[Arrival]:
        """Of one conversation in three, events come around the end or the close of the interval that they are of."""
        out = super().delivered(talk)
        if self.rng.random() < 0.67:
            return out
        return [(self.arrival(at, event), tie, event) for at, tie, event in out]

    def arrival(self, at: int, event: Event) -> int:
        if self.rng.random() < 0.6:
            return at
        end = (int(event["at"]) // QUARTER + 1) * QUARTER
        beside = self.rng.choice((-1, 1, 2, MINUTE))
        return max(at, end + self.rng.choice((0, self.lateness(event["tenant"]))) + beside)

    def until(self, events: list[Event]) -> int | None:
        given = super().until(events)
        if given is not None and self.rng.random() < 0.2 and not self.watched:
            return given + self.rng.randrange(DAY, 3 * DAY)  # and so at the end
        if given is None or self.rng.random() < 0.4:
            return given
        return self.boundary(given, self.rng.choice(self.tenants))
