"""The people of the demo and how one of their conversations goes, from its first event to its last.

Durations are lognormal, as measured in call centres (Brown et al., JASA 2005); their medians are of the order that
published benchmarks of chat, messaging and e-mail have, such that four waits of five are answered in time.
"""

from __future__ import annotations

from math import exp, log, pi, sin
from typing import TYPE_CHECKING, Final, NamedTuple

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

    from streams.events import OfConversation, Status

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
SHIFT: Final = 9 * HOUR
"""Longer than a third of a day, so that one shift hands over to the next."""

TEAMS: Final = {
    "billing": ("ayu", "bagas", "citra", "dimas", "elena", "farah", "galih", "hana"),
    "delivery": ("indra", "joko", "kirana", "laras", "made", "nadia", "oscar", "putri"),
    "technical": ("rizky", "sinta", "tomas", "umar", "vina", "wayan", "yusuf", "zara"),
}
TOPICS: Final = {
    "billing": ("refund", "invoice", "payment-failed", "voucher"),
    "delivery": ("late-parcel", "address-change", "return", "damaged"),
    "technical": ("login", "app-crash", "device-setup", "account"),
}
_SHIFTS: Final = (0, 8, 16, 8, 16, 0, 8, 16)
"""The hour at which the shift of each agent of a team begins."""
_TEAM_NAMES: Final = tuple(TEAMS)
CUSTOMERS: Final = 40_000


def shift_of(agent: str) -> int:
    """The hour of the local day, 0 to 23, at which an agent's shift begins."""
    return next(_SHIFTS[members.index(agent)] for members in TEAMS.values() if agent in members)


def on_shift(team: str, hour: int) -> tuple[str, ...]:
    """Who of a team works at that hour of the local day; never nobody."""
    hours = SHIFT // HOUR
    return tuple(agent for agent, start in zip(TEAMS[team], _SHIFTS, strict=True) if (hour - start) % 24 < hours)


_CREWS: Final = {team: tuple(on_shift(team, hour) for hour in range(24)) for team in TEAMS}


class Style(NamedTuple):
    """What a channel is like: medians in seconds, spreads as the sigma of the logarithm, shares of conversations."""

    share: float
    bot: float
    """Greeted by a bot."""
    first_s: float
    first_spread: float
    reply_s: float
    think_s: float
    """Until the customer writes again."""
    turns: float
    """Mean number of further questions."""
    abandoned: float
    pending: float
    returns_s: float
    """Until a customer who was left pending, or whose case was resolved, writes again."""
    threshold_s: float


STYLES: Final = {
    "chat": Style(0.5, 0.45, 31, 0.72, 34, 38, 3.0, 0.06, 0.05, 900, 60),
    "whatsapp": Style(0.4, 0.2, 125, 0.95, 110, 140, 2.5, 0.03, 0.12, 2_400, 300),
    "email": Style(0.1, 0.0, 4_800, 0.9, 4_000, 3_000, 0.7, 0.01, 0.2, 9_000, 14_400),
}
_CHANNELS: Final = tuple(STYLES)
_SHARES: Final = tuple(style.share for style in STYLES.values())
_LONGEST: Final = 2.5
"""No duration is more than this many sigmas above its median: the tail of a demo that is looked at."""


class Desk(NamedTuple):
    """What all conversations of a run have in common."""

    tenant: str
    run: str
    """Part of every id, so that two runs into one topic do not meet."""
    midnight: int
    """An instant, in ms, at which the local day begins."""


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
        self.agent: str | None = None
        # A multiplicative hash: numbers that say nothing, as a keyed hash would.
        self.customer = f"cust-{rng.randrange(CUSTOMERS) * 2_654_435_761 % 2**32:08x}"
        self.events: list[OfConversation] = []

    # -- the course of things -------------------------------------------------------------------------

    def play(self) -> list[OfConversation]:
        rng, style = self.rng, self.style
        self.customer_writes(0)
        self.titles()
        if self.happens(style.bot):
            if self.bot_helps():
                self.close(2)
                return self.events
            self.wait(1)
            self.add(Handoff, team=self.team)
        else:
            if self.channel == "email":
                self.wait(1)
                self.add(Message, direction="outbound", author="system", auto=True)
            self.wait(0.5)
            self.add(Assigned, team=self.team)
        began = self.at
        if self.happens(style.abandoned):
            self.wait(rng.uniform(0.05, 1.3) * style.threshold_s)
            self.status("resolved")
            return self.events
        answer = self.draw(style.first_s, style.first_spread) * strain(began)
        if self.happens(0.7):
            self.wait(answer * rng.uniform(0.1, 0.6))
            self.assign()
        self.wait(max(2.0, answer - (self.at - began) / 1000))
        self.reply()
        if self.happens(0.8):
            self.wait(rng.uniform(3, 20))
            self.add(Tagged, add=(rng.choice(TOPICS[self.team]),))
        self.talk(rng.randrange(round(2 * style.turns) + 1))
        self.close(45)
        if self.happens(0.05):
            self.wait(self.draw(style.returns_s, 0.7))
            self.customer_writes(0)
            self.answer()
            self.close(45)
        return self.events

    def titles(self) -> None:
        """Most conversations stay `normal`."""
        if self.happens(0.25):
            self.wait(0.4)
            self.add(PrioritySet, priority=self.rng.choices(("urgent", "high", "low"), (30, 50, 20))[0])

    def bot_helps(self) -> bool:
        """The bot's part; whether that was all."""
        for _ in range(self.rng.randint(1, 3)):
            self.wait(self.rng.uniform(0.6, 2.5))
            self.add(Message, direction="outbound", author="bot")
            self.customer_writes(self.draw(15, 0.6))
        return self.happens(0.35)

    def talk(self, turns: int) -> None:
        """Question and answer, now and then with a pause."""
        rng, style = self.rng, self.style
        for _ in range(turns):
            if self.happens(style.pending):
                self.wait(rng.uniform(2, 20))
                self.status("pending")
                self.customer_writes(self.draw(style.returns_s, 0.6))
            else:
                self.customer_writes(self.draw(style.think_s, 0.8))
            if self.happens(0.25):  # a second thought
                self.customer_writes(rng.uniform(3, 25))
            if self.happens(0.06):
                self.wait(rng.uniform(2, 30))
                self.add(Message, direction="outbound", author="agent", agent_id=self.agent, private=True)
            self.answer()

    def answer(self) -> None:
        self.wait(max(2.0, self.draw(self.style.reply_s, 0.8) * strain(self.at)))
        self.reply()

    def close(self, after_s: float) -> None:
        """Resolve, and perhaps ask how it was."""
        self.wait(self.draw(after_s, 0.7))
        self.status("resolved")
        if self.happens(0.3):
            self.wait(self.draw(60, 0.8))
            score = self.rng.choices((1, 2, 3, 4, 5), (5, 5, 10, 30, 50))[0]
            self.add(Survey, survey="csat", score=score)

    # -- single steps ---------------------------------------------------------------------------------

    def customer_writes(self, after_s: float) -> None:
        self.wait(after_s)
        self.add(Message, direction="inbound", author="customer", customer_id=self.customer)

    def reply(self) -> None:
        """By the agent of the conversation, or whoever took over when that one's shift ended."""
        if self.agent is None:
            self.agent = self.rng.choice(self.crew())
        elif self.agent not in self.crew():
            self.assign()
            self.wait(self.rng.uniform(2, 6))
        self.add(Message, direction="outbound", author="agent", agent_id=self.agent, customer_id=self.customer)
        if self.channel == "whatsapp":
            sent = self.events[-1].event_id
            self.wait(self.rng.uniform(0.3, 2))
            state = "failed" if self.happens(0.015) else "delivered"
            self.add(Delivery, message_id=sent, state=state)

    def assign(self) -> None:
        self.agent = self.rng.choice(self.crew())
        self.add(Assigned, agent_id=self.agent, team=self.team)

    def status(self, status: Status) -> None:
        self.add(StatusChanged, status=status, agent_id=self.agent)

    def crew(self) -> tuple[str, ...]:
        return _CREWS[self.team][(self.at - self.desk.midnight) // HOUR % 24]

    def happens(self, share: float) -> bool:
        return self.rng.random() < share

    def wait(self, seconds: float) -> None:
        self.at += max(1, round(seconds * 1000))

    def draw(self, median_s: float, spread: float) -> float:
        """A lognormal duration in seconds."""
        return min(self.rng.lognormvariate(log(median_s), spread), median_s * exp(_LONGEST * spread))

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
