"""What `sigap load` produces: many conversations at once, an event of each in turn."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from aiokafka.partitioner import murmur2

from streams.codecs import encode, key_of
from streams.events import Assigned, Message, Presence, PrioritySet, StatusChanged, Tagged

if TYPE_CHECKING:
    from collections.abc import Iterator

CHANNELS: Final = ("whatsapp", "email", "chat")
TEAMS: Final = 8
TOPICS: Final = 12
_PRIORITIES: Final = ("low", "normal", "high", "urgent")
_LENGTH: Final = 15
"""Events of a conversation, on average."""
_KINDS: Final = (("customer", "agent", "resolve"), (50, 43, 7))


class Produced(NamedTuple):
    """A record to send; `agent` is whose messages it counts among, None if it is no message or nobody's."""

    partition: int
    key: bytes
    value: bytes
    agent: int | None


class Conversations:
    """`open_at_once` conversations in turn; one that has ended makes room for a new one.

    `run` is part of every id, so that the figures of this run's agents start at nothing.
    """

    def __init__(self, run: str, tenant: str, agents: int, open_at_once: int, partitions: int, seed: int) -> None:
        self._rng = Random(seed)  # noqa: S311 - nothing secret
        self._tenant = tenant
        self._run = run
        self._agents = [f"{run}-agent-{number:03d}" for number in range(agents)]
        self._partitions = partitions
        self._began = 0
        self._at = 0
        self._slots: list[Iterator[tuple[Any, int | None]]] = []
        self._homes: list[tuple[bytes, int]] = []
        for slot in range(open_at_once):
            self._slots.append(iter(()))
            self._homes.append((b"", 0))
            self._begin(slot)
        self._turn = 0

    @property
    def scopes(self) -> list[str]:
        """The scope of each agent."""
        return [f"agent:{agent}" for agent in self._agents]

    def presence(self, state: Literal["online", "offline"], at: int) -> list[tuple[bytes, bytes]]:
        """Every agent's coming or going at the instant `at` (ms), as (key, value)."""
        events = [
            Presence(v=1, tenant=self._tenant, event_id=f"{agent}-{state}", at=at, agent_id=agent, state=state)
            for agent in self._agents
        ]
        return [(key_of(event), encode(event)) for event in events]

    def produce(self, at: int) -> Produced:
        """The next event, at the instant `at` (ms)."""
        slot = self._turn
        self._turn = (slot + 1) % len(self._slots)
        self._at = at
        made = next(self._slots[slot], None)
        if made is None:
            self._begin(slot)
            made = next(self._slots[slot])
        event, agent = made
        key, partition = self._homes[slot]
        return Produced(partition, key, encode(event), agent)

    def _begin(self, slot: int) -> None:
        number = self._began
        self._began += 1
        name = f"{self._run}-{number:07d}"
        key = f"{self._tenant}/{name}".encode()
        self._homes[slot] = (key, (murmur2(key) & 0x7FFFFFFF) % self._partitions)
        self._slots[slot] = self._play(name, CHANNELS[number % len(CHANNELS)])

    def _play(self, name: str, channel: str) -> Iterator[tuple[Any, int | None]]:
        """One conversation: (event, the agent whose message it is) at each turn."""
        rng = self._rng
        number = 0

        def common() -> dict[str, Any]:
            nonlocal number
            number += 1
            return {
                "v": 1,
                "tenant": self._tenant,
                "event_id": f"{name}-{number:05d}",
                "at": self._at,
                "conversation_id": name,
                "channel": channel,
            }

        agent = rng.randrange(len(self._agents))
        who, customer = self._agents[agent], f"{rng.getrandbits(64):016x}"
        yield Message(**common(), direction="inbound", author="customer", customer_id=customer), None
        yield Assigned(**common(), agent_id=who, team=f"team-{rng.randrange(TEAMS)}"), None
        yield Tagged(**common(), add=(f"topic-{rng.randrange(TOPICS):02d}",)), None
        if rng.random() < 0.25:  # noqa: PLR2004
            yield PrioritySet(**common(), priority=rng.choice(_PRIORITIES)), None
        for _ in range(rng.randrange(2 * (_LENGTH - 4))):
            match rng.choices(*_KINDS)[0]:
                case "customer":
                    yield Message(**common(), direction="inbound", author="customer", customer_id=customer), agent
                case "agent":
                    yield Message(**common(), direction="outbound", author="agent", agent_id=who), agent
                case _:
                    yield StatusChanged(**common(), status="resolved", agent_id=who), None
        yield StatusChanged(**common(), status="resolved", agent_id=who), None
