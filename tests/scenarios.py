"""Seeded scenarios: a configuration, canonical events in order of arrival, and the instant to read them at.

The same seed gives the same scenario, here and elsewhere. Instants lie in 2024 and early 2025.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tests.scenario_beside import Arrival, Beside
from tests.scenario_events import Talk
from tests.scenario_parts import (
    CHANNELS,
    DAY,
    DAYS,
    HOUR,
    MARKS,
    MINUTE,
    PLOTS,
    RETAIN,
    TENANTS,
    ZONES,
    Config,
    Event,
    Scenario,
    configuration,
    measures,
)
from tests.scenario_rules import alert_rules


def scenario(seed: int) -> Scenario:
    """(config, events in order of arrival, until). `until` None: the greatest `at`."""
    return Writer(seed).write()


def sorted_scenario(seed: int) -> Scenario:
    """The same with arrivals sorted by `at`."""
    return in_order(*scenario(seed))


def in_order(config: Config, events: list[Event], until: int | None) -> Scenario:
    """A scenario with its arrivals sorted by `at` (a bad record without one stays behind its neighbour)."""
    keyed: list[tuple[int, Event]] = []
    last = 0
    for event in events:
        at = event.get("at")
        last = at if type(at) is int else last
        keyed.append((last, event))
    return config, [event for _, event in sorted(keyed, key=lambda pair: pair[0])], until


class Writer(Beside):
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.plot = self.rng.choice(PLOTS)
        self.zone = self.rng.choice(ZONES)
        self.serial = 0
        self.known_rules = {}
        self.shared: set[str] = set()
        self.tenants = list(TENANTS[: self.rng.choice((1, 2, 2, 3))])
        first = self.rng.choice(DAYS[self.zone])
        self.midnight = datetime(*first, tzinfo=ZoneInfo(self.zone)) + timedelta(days=self.rng.randint(0, 1))
        self.config = configuration(self.rng, self.zone, self.tenants, self.midnight.date())
        self.watched = self.rng.random() < 0.15
        if self.watched:
            self.plot = self.rng.choice(("compact", "compact", "compact", "day"))
            self.config["alert_rules"] = alert_rules(self.rng)
            if self.rng.random() < 0.2:
                over = self.config.setdefault("tenants", {}).setdefault(self.tenants[0], {})
                over["alert_rules"] = alert_rules(self.rng)
        self.offsets = measures(self.config)
        self.weeks = self.rng.choice((12, 12, 40)) * DAY

    def write(self) -> Scenario:
        rng = self.rng
        size = rng.randint(30, 260)
        base = round(self.midnight.timestamp() * 1000) + rng.choice((-HOUR, -2 * MINUTE, -1, 0, 2 * HOUR, 11 * HOUR))
        arrivals: list[Arrival] = []
        near: dict[str, list[int]] = {}
        total = 0
        while total < size:
            talk = self.talk(base)
            total += len(talk.events)
            arrivals += self.delivered(talk)
            near.setdefault(talk.tenant, []).extend(event["at"] for event in talk.events)
        talks = [event for _, _, event in arrivals]
        arrivals += self.beside(near)
        events = [event for _, _, event in sorted(arrivals, key=lambda item: item[:2])]
        for _ in range(rng.randint(0, 5)):
            events.insert(rng.randrange(len(events) + 1), self.bad(rng.choice(talks)))
        return self.config, events, self.until(events)

    # Conversations

    def talk(self, base: int) -> Talk:
        rng = self.rng
        spread = {"compact": HOUR, "day": 20 * HOUR, "weeks": self.weeks}[self.plot]
        name = rng.choice((f"c{self.serial}", f"c {self.serial}/x", f"c|{self.serial}:%"))
        tenant = rng.choice(self.tenants)
        if rng.random() < 0.3 and tenant not in self.shared:  # one conversation id in several tenants
            self.shared.add(tenant)
            name = "same"
        talk = Talk(tenant, name, rng.choice(CHANNELS), base + rng.randrange(spread))
        talk.customers, talk.unnamed = self.customers(f"h{self.serial}"), rng.choice((0, 0, 3))
        if rng.random() < 0.2:
            talk.at = talk.at // MINUTE * MINUTE
        elif rng.random() < 0.1:
            talk.at = self.turn(talk) or talk.at
        self.serial += 1
        if rng.random() < 0.25:  # what comes before the first cycle
            for _ in range(rng.randint(1, 2)):
                self.emit(
                    talk, rng.choice((self.bot, self.note, self.survey, self.resolved, self.tagged, self.assigned))
                )
        first = rng.choice((self.customer,) * 7 + (self.reply, self.handoff, self.status))
        self.emit(talk, first)
        for _ in range(rng.choice((1, 2, 4, 6, 9, 14, 25))):
            act = self.action()
            talk.at = self.next_instant(talk, act)
            self.emit(talk, act)
        return talk

    def action(self) -> Callable[[Talk], Event]:
        weighted: tuple[tuple[Callable[[Talk], Event], int], ...] = (
            (self.customer, 20),
            (self.reply, 18),
            (self.resolved, 9),
            (self.status, 9),
            (self.bot, 7),
            (self.handoff, 5),
            (self.assigned, 8),
            (self.priority, 6),
            (self.tagged, 5),
            (self.note, 4),
            (self.odd, 3),
            (self.survey, 4),
            (self.delivery, 4),
        )
        acts, weights = zip(*weighted, strict=True)
        chosen: Callable[[Talk], Event] = self.rng.choices(acts, weights)[0]
        return chosen

    def emit(self, talk: Talk, act: Callable[[Talk], Event]) -> None:
        event = self.common(talk) | act(talk)
        if self.rng.random() < 0.04:
            event["channel"] = self.rng.choice(CHANNELS)  # only the first one's counts
        if event["type"] == "message" and len(talk.events) >= talk.unnamed and self.rng.random() < 0.6:
            event |= {"customer_id": name} if (name := self.rng.choice(talk.customers)) else {}
        if self.rng.random() < 0.05:
            event["unheard_of"] = {"x": [1]}
        match event:
            case {"author": "customer"} | {"type": "handoff"}:
                talk.anchors.append(talk.at)
        if not talk.opened or event.get("status") in ("open", "resolved"):
            talk.opened.append(talk.at)
        if event.get("status") == "resolved":
            talk.resolved_at = talk.at
        talk.events.append(event)

    def common(self, talk: Talk) -> Event:
        self.serial += 1
        return {
            "v": 1,
            "tenant": talk.tenant,
            "event_id": f"{self.rng.choice(MARKS)}{self.rng.randrange(100)}.{self.serial}",
            "at": talk.at,
            "conversation_id": talk.conversation_id,
            "channel": talk.channel,
        }

    # Delivery

    def delivered(self, talk: Talk) -> list[Arrival]:
        """Mostly at its own instant, sometimes later, sometimes twice."""
        rng = self.rng
        lateness = int(self.config["lateness_s"]) * 1000
        lag = rng.choice((0,) * 6 + (rng.randrange(lateness), 2 * lateness, HOUR))  # of the whole conversation
        shaky = rng.random() < 0.5
        out = []
        for event in talk.events:
            delay = lag
            if shaky and rng.random() < 0.2:
                delay += rng.choice(
                    (rng.randrange(lateness), lateness - 1, lateness, lateness + 1, 3 * lateness, rng.randrange(MINUTE))
                )
            arrival = event["at"] + delay
            out.append((arrival, rng.randrange(1000), event))
            if rng.random() < 0.05:
                again = rng.choice((0, 0, rng.randrange(MINUTE), rng.randrange(HOUR)))
                out.append((arrival + again, rng.randrange(1000), dict(event)))
        if self.plot == "weeks" and rng.random() < 0.1:  # its memory may be gone by then
            last = talk.events[-1]["at"]
            retain = int(self.config.get("retain_s", RETAIN // 1000)) * 1000
            if talk.events[-1].get("status") == "resolved":
                out.append((last + retain + HOUR, 0, dict(talk.events[0])))
        return out

    def until(self, events: list[Event]) -> int | None:
        rng = self.rng
        instants = sorted(e["at"] for e in events if type(e.get("at")) is int and e["at"] > 0)
        last = instants[-1]
        dice = rng.random()
        if dice < 0.25:
            return None
        if self.watched and dice > 0.8:
            return int(last + rng.choice((1, HOUR, rng.randrange(3 * HOUR))))
        if dice < 0.45:
            return int(rng.choice(instants[len(instants) // 2 :]))  # the rest is left out
        if dice < 0.65:
            return int(rng.choice(instants[-20:]) + rng.choice(self.offsets) + rng.choice((-1, 0, 1)))
        if dice < 0.8:
            return int(last // MINUTE * MINUTE + rng.choice((1, 5, 60)) * MINUTE - rng.choice((0, 1)))
        return int(last + rng.choice((1, HOUR, rng.randrange(30 * MINUTE), DAY, 4 * DAY)))
