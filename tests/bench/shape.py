"""What the bench is run on: a day of conversations in order of time, and the figures that must come out."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from aiokafka.partitioner import murmur2

from streams.codecs import encode
from streams.events import Assigned, Message, StatusChanged, Tagged
from tables.days import day_start
from tables.settings import Settings

TENANT = "bench"
CHANNELS = ("whatsapp", "email", "chat")
AGENTS = 200
TEAMS = 8
TOPICS = 12
HOUR = 3_600_000
_LATEST_HOUR = 22
"""The local hour of the run: nearly a whole day lies behind, and midnight does not come while it is measured."""


class Item(NamedTuple):
    """One event as a record of the topic."""

    at: int
    partition: int
    key: bytes
    value: bytes


@dataclass
class Wait:
    """A first-response wait; `state` is met, missed, abandoned, short or, while undecided, empty."""

    due: int
    state: str = ""


@dataclass
class Load:
    """The events, and what the KPI records of the tenant's day must say of them."""

    items: list[Item] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)
    frt_ms: int = 0
    waits: list[Wait] = field(default_factory=list)

    def expected(self, as_of: int) -> dict[str, int | float]:
        """The metrics of scope `tenant`, window `today`, at the instant `as_of` (ms)."""
        states = [wait.state or ("missed" if wait.due < as_of else "") for wait in self.waits]
        found: dict[str, int | float] = dict(self.totals)
        found |= {f"sl_{state}": states.count(state) for state in ("met", "missed", "abandoned")}
        return found | {"frt_mean_s": self.frt_ms / self.totals["frt_count"] / 1000}


def zone(now_ms: int) -> str:
    """A time zone in which it is now between 22:00 and 23:00."""
    offset = _LATEST_HOUR - now_ms // HOUR % 24
    offset -= 24 if offset > 11 else 0
    return f"Etc/GMT{-offset:+d}" if offset else "Etc/GMT"  # their signs are the other way round


def settings(now_ms: int) -> dict[str, Any]:
    """Everything on: policies for every channel with three warnings each."""
    targets = {"chat": (60, 120, 3_600), "whatsapp": (300, 600, 14_400), "email": (14_400, 28_800, 86_400)}
    return {
        "timezone": zone(now_ms),
        "service_level": {"threshold_s": {channel: first for channel, (first, _, _) in targets.items()}},
        "sla_policies": [
            {
                "name": channel,
                "match": {"channel": channel},
                "targets": {"first_response": first, "next_response": following, "resolution": whole},
                "warn": [0.5, 0.8, "-15s"],
            }
            for channel, (first, following, whole) in targets.items()
        ],
    }


def generate(events: int, conversations: int, partitions: int, now_ms: int, seed: int = 7) -> Load:
    """`events` events of `conversations` conversations between local midnight and five minutes before `now_ms`."""
    loaded = Settings.from_mapping(settings(now_ms))
    tenant = loaded.tenant(TENANT)
    start, end = day_start(now_ms, tenant.timezone), now_ms - 300_000
    load = Load(totals=dict.fromkeys(("messages_in", "messages_out", "conversations_opened", "conversations_reopened",
                                      "conversations_resolved", "conversations_active", "conversations_handled",
                                      "frt_count", "nrt_count"), 0))  # fmt: skip
    for number in range(conversations):
        length = events // conversations + (number < events % conversations)
        one = _Conversation(Random(f"{seed}/{number}"), number, load, tenant.threshold_ms(CHANNELS[number % 3]))
        one.play(length, start, end, partitions)
    load.items.sort(key=lambda item: item.at)
    return load


class _Conversation:
    def __init__(self, rng: Random, number: int, load: Load, threshold_ms: int) -> None:
        self.rng = rng
        self.name = f"conversation-{number:06d}"
        self.channel = CHANNELS[number % 3]
        self.customer = f"customer-{rng.getrandbits(96):024x}"
        self.agent = f"agent-{rng.randrange(AGENTS):03d}"
        self.key = f"{TENANT}/{self.name}".encode()
        self.load = load
        self.threshold_ms = threshold_ms
        self.open = self.answered = False
        self.cycles = 0
        self.waiting = 0
        self.anchor = 0
        self.at = 0

    def play(self, length: int, start: int, end: int, partitions: int) -> None:
        rng, load = self.rng, self.load
        partition = (murmur2(self.key) & 0x7FFFFFFF) % partitions
        begin = start + rng.randrange(max(1, (end - start) * 9 // 10))
        gap = min((end - begin) / length / 2, 180_000)
        self.at = begin
        handled = False
        for place in range(length):
            common: dict[str, Any] = {
                "v": 1,
                "tenant": TENANT,
                "event_id": f"{self.name}-{place:04d}-{rng.getrandbits(64):016x}",
                "at": self.at,
                "conversation_id": self.name,
                "channel": self.channel,
            }
            event: Any
            if place == 1:
                event = Assigned(**common, agent_id=self.agent, team=f"team-{rng.randrange(TEAMS)}")
            elif place == 2:
                event = Tagged(**common, add=(f"topic-{rng.randrange(TOPICS):02d}",))
            elif not self.open or (roll := rng.random()) >= 0.52:
                event = Message(**common, direction="inbound", author="customer", customer_id=self.customer)
                self.customer_wrote()
            elif roll < 0.08:
                event = StatusChanged(**common, status="resolved", agent_id=self.agent)
                self.resolved()
            else:
                event = Message(
                    **common, direction="outbound", author="agent", agent_id=self.agent, customer_id=self.customer
                )
                self.replied()
                handled = True
            load.items.append(Item(self.at, partition, self.key, encode(event)))
            self.at += min(int(rng.expovariate(1.0) * gap), (end - self.at) // 2) + 1
            if rng.random() < 0.02:
                self.agent = f"agent-{rng.randrange(AGENTS):03d}"
        load.totals["conversations_active"] += 1
        load.totals["conversations_handled"] += handled

    def customer_wrote(self) -> None:
        totals = self.load.totals
        totals["messages_in"] += 1
        if not self.open:
            self.open = True
            totals["conversations_opened"] += 1
            totals["conversations_reopened"] += self.cycles > 0
            self.cycles += 1
            if not self.answered:
                self.anchor = self.at
                self.load.waits.append(Wait(self.at + self.threshold_ms))
        self.waiting = self.waiting or self.at

    def replied(self) -> None:
        totals = self.load.totals
        totals["messages_out"] += 1
        if self.anchor:
            totals["frt_count"] += 1
            self.load.frt_ms += self.at - self.anchor
            wait = self.load.waits[-1]
            wait.state = "met" if self.at <= wait.due else "missed"
            self.answered = True
        elif self.waiting:
            totals["nrt_count"] += 1
        self.anchor = self.waiting = 0

    def resolved(self) -> None:
        self.load.totals["conversations_resolved"] += 1
        if self.anchor:
            wait = self.load.waits[-1]
            short = self.at - self.anchor <= 5_000
            wait.state = "missed" if self.at > wait.due else "short" if short else "abandoned"
        self.open = False
        self.anchor = self.waiting = 0
