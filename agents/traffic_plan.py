"""How a conversation of the demo goes, from its first event to its last.

Durations are lognormal, as measured in call centres (Brown et al., JASA 2005); their medians are of the order that
published benchmarks of chat, messaging and e-mail have, such that four waits of five are answered in time.
"""

from __future__ import annotations

from math import pi, sin
from typing import TYPE_CHECKING, Final

from agents.traffic_house import CUSTOMERS, STYLES, TEAMS, TOPIC_SHARES, TOPICS, Desk, customer_id, draw_s
from agents.traffic_surveys import answer
from streams.events import (
    Assigned,
    Delivery,
    Handoff,
    Message,
    PrioritySet,
    StatusChanged,
    Survey,
    Tagged,
)

if TYPE_CHECKING:
    from random import Random

    from agents.traffic_staff import Crew
    from streams.events import OfConversation, Status

_TEAM_NAMES: Final = tuple(TEAMS)
_CHANNELS: Final = tuple(STYLES)
_SHARES: Final = tuple(style.share for style in STYLES.values())
_DIFFICULT: Final = 0.04
"""The share of conversations that a lead takes."""


def strain(at: int) -> float:
    """How much slower than usual the house answers at an instant: crowded quarters of an hour come and go."""
    minutes = at / 60_000
    return 1 + 0.25 * sin(2 * pi * minutes / 47) + 0.2 * sin(2 * pi * minutes / 13)


def conversation(rng: Random, desk: Desk, number: int, at: int) -> list[OfConversation]:
    """A whole conversation that starts at `at` (ms): its events in order, each at an instant of its own."""
    channel = rng.choices(_CHANNELS, _SHARES)[0]
    return _Conversation(rng, desk, f"{channel}-{desk.run}-{number:06d}", channel, at).play()


class _Conversation:
    """One conversation while it is being made up."""

    def __init__(self, rng: Random, desk: Desk, name: str, channel: str, at: int) -> None:
        self.rng = rng
        self.desk = desk
        self.name = name
        self.channel = channel
        self.style = STYLES[channel]
        self.at = at
        self.team = rng.choice(_TEAM_NAMES)
        self.topic = rng.choices(TOPICS[self.team], TOPIC_SHARES)[0]
        self.agent: str | None = None
        self.customer = customer_id(rng.randrange(CUSTOMERS))
        self.upset = False
        self.events: list[OfConversation] = []

    # -- the course of things -------------------------------------------------------------------------

    def play(self) -> list[OfConversation]:
        self.opens()
        if self.happens(self.style.bot) and self.bot_helps():
            self.close(2)
        elif not self.reaches_somebody():
            return self.events
        else:
            self.talk(self.rng.randrange(round(2 * self.style.turns) + 1))
            self.close(45)
        while self.happens(0.05):
            self.comes_back()
        return self.events

    def opens(self) -> None:
        """With the topic that the customer chose, if there was a form; most conversations stay `normal`."""
        if self.happens(self.style.form):
            self.add(Tagged, add=(self.topic,))
        self.customer_writes(0)
        if self.happens(0.25):
            self.wait(0.4)
            self.add(PrioritySet, priority=self.rng.choices(("urgent", "high", "low"), (30, 50, 20))[0])

    def bot_helps(self) -> bool:
        """The bot's part; whether that was all, else it hands over."""
        for _ in range(self.rng.randint(1, 3)):
            self.wait(self.rng.uniform(0.6, 2.5))
            self.add(Message, direction="outbound", author="bot")
            self.customer_writes(draw_s(self.rng, 15, 0.6))
        if self.happens(0.35):
            return True
        self.wait(1)
        self.add(Handoff, team=self.team)
        return False

    def reaches_somebody(self) -> bool:
        """Until the first response; False if the customer gives up before."""
        rng, style = self.rng, self.style
        if not isinstance(self.events[-1], Handoff):
            if self.channel == "email":
                self.wait(1)
                self.add(Message, direction="outbound", author="system", auto=True)
            self.wait(0.5)
            self.add(Assigned, team=self.team)
        began = self.at
        if self.happens(style.abandoned):
            self.wait(rng.uniform(0.05, 1.3) * style.threshold_s)
            self.status("resolved")
            return False
        waits = draw_s(rng, style.first_s, style.first_spread) * strain(began)
        if self.happens(0.7):
            self.wait(waits - min(waits * rng.uniform(0.4, 0.9), style.writing_s * rng.uniform(0.5, 1)))
            self.assign()
        self.wait(max(2.0, waits - (self.at - began) / 1000))
        self.upset = waits > style.threshold_s
        self.reply()
        self.sorted_out()
        return True

    def sorted_out(self) -> None:
        """The agent says what it is about, where no form did or the customer was mistaken."""
        chosen = isinstance(self.events[0], Tagged)
        if self.happens(0.1 if chosen else 0.8):
            self.wait(self.rng.uniform(3, 20))
            if chosen:
                others = [topic for topic in TOPICS[self.team] if topic != self.topic]
                self.add(Tagged, add=(self.rng.choice(others),), remove=(self.topic,))
            else:
                self.add(Tagged, add=(self.topic,))

    def talk(self, turns: int) -> None:
        """Question and answer, now and then with a pause."""
        rng, style = self.rng, self.style
        for _ in range(turns):
            if self.happens(style.pending):
                self.wait(rng.uniform(2, 20))
                self.status("pending")
                self.customer_writes(draw_s(rng, style.returns_s, 0.6))
            else:
                self.customer_writes(draw_s(rng, style.think_s, 0.8))
            if self.happens(0.25):  # a second thought
                self.customer_writes(rng.uniform(3, 25))
            if self.happens(0.06):
                self.wait(rng.uniform(2, 30))
                self.add(Message, direction="outbound", author="agent", agent_id=self.agent, private=True)
            self.answer()

    def comes_back(self) -> None:
        """The customer writes after all was settled: soon, or after a night's sleep or a day's work."""
        later = self.happens(0.5)
        self.customer_writes(self.rng.uniform(5, 16) * 3600 if later else draw_s(self.rng, self.style.returns_s, 0.7))
        self.answer()
        self.close(45)

    def close(self, after_s: float) -> None:
        """Resolve, and perhaps ask how it was."""
        self.wait(draw_s(self.rng, after_s, 0.7))
        self.status("resolved")
        if self.happens(0.3):
            self.wait(draw_s(self.rng, 60, 0.8))
            survey, score = answer(self.rng, upset=self.upset)
            self.add(Survey, survey=survey, score=score)

    # -- single steps ---------------------------------------------------------------------------------

    def customer_writes(self, after_s: float) -> None:
        self.wait(after_s)
        self.add(Message, direction="inbound", author="customer", customer_id=self.customer)

    def answer(self) -> None:
        self.wait(max(2.0, draw_s(self.rng, self.style.reply_s, 0.8) * strain(self.at)))
        self.reply()

    def reply(self) -> None:
        """By the agent of the conversation, or whoever takes over while that one is away or at home."""
        if self.agent is None:
            self.agent = self.somebody()
        elif self.agent not in self.crew().there:
            self.assign()
            self.wait(self.rng.uniform(2, 6))
        self.add(Message, direction="outbound", author="agent", agent_id=self.agent, customer_id=self.customer)
        if self.channel == "whatsapp":
            sent = self.events[-1].event_id
            self.wait(self.rng.uniform(0.3, 2))
            state = "failed" if self.happens(0.015) else "delivered"
            self.add(Delivery, message_id=sent, state=state)

    def assign(self) -> None:
        self.agent = self.somebody()
        self.add(Assigned, agent_id=self.agent, team=self.team)

    def somebody(self) -> str:
        crew = self.crew()
        return self.rng.choice(crew.leads if self.happens(_DIFFICULT) else crew.free)

    def crew(self) -> Crew:
        return self.desk.staff.crew(self.team, self.at)

    def status(self, status: Status) -> None:
        self.add(StatusChanged, status=status, agent_id=self.agent)

    def happens(self, share: float) -> bool:
        return self.rng.random() < share

    def wait(self, seconds: float) -> None:
        self.at += max(1, round(seconds * 1000))

    def add(self, kind: type[OfConversation], **fields: object) -> None:
        self.events.append(
            kind(
                v=1,
                tenant=self.desk.tenant,
                event_id=f"{self.name}-{len(self.events)}",
                at=self.at,
                conversation_id=self.name,
                channel=self.channel,
                **fields,  # type: ignore[arg-type]
            )
        )
        self.at += 1
