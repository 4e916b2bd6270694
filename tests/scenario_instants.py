"""When the next event of a scenario's conversation comes: often at, or a millisecond beside, an instant that decides
something."""

from __future__ import annotations

from collections.abc import Callable

from tests.oracle.calendar import AROUND_THE_CLOCK, Calendar, Hours
from tests.oracle.rules import Rules, rules_for
from tests.scenario_calendars import turns
from tests.scenario_events import Events, Talk
from tests.scenario_parts import DAY, HOUR, MINUTE, QUARTER, RETAIN, SECOND, Config, Event

BESIDE = (-1, 0, 1)
ONE_TOUCH = 72 * HOUR
Act = Callable[[Talk], Event]


class Instants(Events):
    plot: str
    watched: bool  # by threshold rules, to whom every minute matters: then all is told in a day or two
    config: Config
    offsets: list[int]
    known_rules: dict[str, Rules]

    def next_instant(self, talk: Talk, act: Act) -> int:
        rng, at = self.rng, talk.at
        dice = rng.random()
        if dice < 0.15:
            return at
        if dice < 0.2:
            return at + 1
        if (due := self.days_later(talk, act)) is not None or (due := self.beside_turn(talk)) is not None:
            return due
        if dice < (0.7 if act in (self.reply, self.resolved) else 0.45) and (talk.anchors or talk.opened):
            due = self.measured(talk, act) + rng.choice(BESIDE)
            if due >= at:
                return due
        if dice < 0.56:
            grain = rng.choice((MINUTE, QUARTER))
            return at // grain * grain + grain + rng.choice(BESIDE)
        if self.plot == "weeks" and dice < 0.72:
            retain = int(self.config.get("retain_s", RETAIN // 1000)) * 1000
            return at + rng.choice((retain - 1, retain, retain + 1, retain + HOUR, 2 * DAY, 9 * DAY))
        if self.plot == "day" and dice < 0.66:
            days: tuple[int, ...] = () if self.watched else (DAY, 2 * DAY)
            return at + rng.choice((HOUR, 4 * HOUR, rng.randrange(6 * HOUR), *days))
        return at + rng.choice((rng.randrange(10 * SECOND), rng.randrange(2 * MINUTE), rng.randrange(15 * MINUTE)))

    def rules(self, tenant: str) -> Rules:
        if tenant not in self.known_rules:
            self.known_rules[tenant] = rules_for(self.config, tenant)
        return self.known_rules[tenant]

    def measured(self, talk: Talk, act: Act) -> int:
        """An instant so far from another that something of the configuration turns on it."""
        rng = self.rng
        hours: Hours = AROUND_THE_CLOCK
        measure = rng.choice(self.offsets)
        if act == self.resolved and rng.random() < 0.5:
            measure = self.config["service_level"]["short_abandon_s"] * SECOND
        elif act == self.reply and rng.random() < 0.5:
            measure = self.rules(talk.tenant).threshold(talk.channel)
        elif policies := self.rules(talk.tenant).policies:
            hours = rng.choice(policies).hours
        return hours.add(rng.choice(talk.anchors[-1:] * 2 + talk.opened[-1:]), measure)

    def days_later(self, talk: Talk, act: Act) -> int | None:
        """When a reopening takes no one touch back any more, or WhatsApp's reply window ends."""
        found: list[int] = []
        if talk.resolved_at is not None and act in (self.customer, self.status):
            found.append(talk.resolved_at + ONE_TOUCH)
        if talk.channel == "whatsapp" and talk.anchors:
            found.append(talk.anchors[-1] + DAY)
        if not found or self.plot == "compact" or self.watched or self.rng.random() < 0.7:
            return None
        due = self.rng.choice(found) + self.rng.choice(BESIDE)
        return due if due >= talk.at else None

    def beside_turn(self, talk: Talk) -> int | None:
        """Beside an instant at which a calendar opens or closes, or so much before that a target ends there."""
        turn = self.turn(talk) if self.rng.random() < 0.06 else None
        if turn is None:
            return None
        due = turn - self.rng.choice((0, self.rng.choice(self.offsets))) + self.rng.choice(BESIDE)
        return due if due >= talk.at else None

    def turn(self, talk: Talk) -> int | None:
        """An instant near, and not before its last, at which a calendar of the conversation's tenant turns."""
        policies = self.rules(talk.tenant).policies
        calendars = [policy.hours for policy in policies if isinstance(policy.hours, Calendar)]
        near = turns(self.rng.choice(calendars), talk.at)[:3] if calendars else []
        return self.rng.choice(near) if near else None
