"""The events of scenarios, one by one: what each type of them may hold beyond the common fields."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from tests.scenario_parts import AGENTS, CUSTOMERS, PRIORITIES, TEAMS, TOPICS, Event, spoilt


@dataclass(slots=True)
class Talk:
    """A conversation being written: `anchors` are instants from which something may be measured. `customers`: who its
    messages may say that the customer is, after so many `unnamed` events."""

    tenant: str
    conversation_id: str
    channel: str
    at: int
    customers: tuple[str | None, ...] = (None,)
    unnamed: int = 0
    anchors: list[int] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)
    resolved_at: int | None = None
    events: list[Event] = field(default_factory=list)


class Events:
    """Writes events; `serial` makes their ids differ."""

    rng: random.Random
    tenants: list[str]
    serial: int

    def customers(self, own: str) -> tuple[str | None, ...]:
        """Who messages of a conversation say that its customer is: mostly always the same, sometimes nobody."""
        known, other = self.rng.choice((own, *CUSTOMERS)), self.rng.choice(CUSTOMERS)
        return self.rng.choice(((known,), (known,), (known, None), (known, known, None, other), (None,)))

    def customer(self, _: Talk) -> Event:
        event: Event = {"type": "message", "direction": "inbound", "author": "customer"}
        if self.rng.random() < 0.1:
            event["auto"] = True
        elif self.rng.random() < 0.3:
            event |= {"private": False, "auto": False}
        return event

    def reply(self, _: Talk) -> Event:
        return {"type": "message", "direction": "outbound", "author": "agent", "agent_id": self.agent()}

    def bot(self, _: Talk) -> Event:
        event: Event = {"type": "message", "direction": "outbound", "author": "bot"}
        return event | ({self.rng.choice(("private", "auto")): True} if self.rng.random() < 0.15 else {})

    def note(self, talk: Talk) -> Event:
        return self.reply(talk) | {self.rng.choice(("private", "auto")): True}

    def odd(self, talk: Talk) -> Event:
        direction, author = self.rng.choice(
            (
                ("outbound", "system"),
                ("inbound", "bot"),
                ("outbound", "customer"),
                ("inbound", "agent"),
                ("inbound", "system"),
            )
        )
        return self.reply(talk) | {"direction": direction, "author": author}

    def handoff(self, _: Talk) -> Event:
        return {"type": "handoff"} | self.rng.choice(({}, {}, {"team": self.rng.choice(TEAMS)}, {"team": None}))

    def assigned(self, _: Talk) -> Event:
        agent, team = {"agent_id": self.agent()}, {"team": self.rng.choice(TEAMS)}
        no_agent, no_team = {"agent_id": None}, {"team": None}
        return {"type": "assigned"} | self.rng.choice(
            (
                agent,
                agent,
                team,
                agent | team,
                agent | no_team,
                no_agent | team,
                no_agent,
                no_team,
                no_agent | no_team,
                {},
            )
        )

    def status(self, _: Talk) -> Event:
        event: Event = {"type": "status", "status": self.rng.choice(("open", "pending", "pending", "on_hold"))}
        return event | ({"agent_id": self.agent()} if self.rng.random() < 0.3 else {})

    def resolved(self, _: Talk) -> Event:
        return {"type": "status", "status": "resolved"}

    def priority(self, _: Talk) -> Event:
        return {"type": "priority", "priority": self.rng.choice(PRIORITIES)}

    def tagged(self, _: Talk) -> Event:
        topics = self.rng.sample(TOPICS, self.rng.randint(0, 3))
        cut = self.rng.randint(0, len(topics))
        return {"type": "tagged", "add": topics[cut:], "remove": topics[:cut]}

    def survey(self, _: Talk) -> Event:
        kind, low, high = self.rng.choice((("csat", 1, 5), ("nps", 0, 10), ("ces", 1, 7)))
        return {"type": "survey", "survey": kind, "score": self.rng.randint(low, high)}

    def delivery(self, _: Talk) -> Event:
        state = self.rng.choice(("sent", "delivered", "read", "failed"))
        return {"type": "delivery", "message_id": f"m{self.serial}", "state": state}

    def agent(self) -> str:
        return self.rng.choice(AGENTS)

    def bad(self, good: Event) -> Event:
        self.serial += 1
        return spoilt(self.rng, good, f"bad{self.serial}")
