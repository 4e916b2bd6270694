"""Many conversations at once, seeded: every kind of event, at a pace where targets of seconds are met and missed."""

from collections.abc import Iterator
from random import Random

from tests.kafka.house import Event, event

CONFIG: Event = {
    "timezone": "Asia/Jakarta",
    "service_level": {"threshold_s": {"chat": 2, "default": 4}, "short_abandon_s": 1},
    "sla_policies": [
        {
            "name": "urgent",
            "match": {"priority": "urgent"},
            "targets": {"first_response": 1, "next_response": 1, "resolution": 5},
            "warn": [0.5],
        },
        {
            "name": "all",
            "targets": {"first_response": 2, "next_response": 3, "resolution": 10},
            "warn": [0.5, "-0.5s"],
            "pause_on": {"resolution": ["pending", "on_hold"], "next_response": ["on_hold"]},
        },
    ],
}
_TENANTS = ("acme", "globex")
_CHANNELS = ("chat", "whatsapp", "email")
_AGENTS = ("ana", "budi/jkt", "c d", "eve")
_TEAMS = ("billing", "tier 2")
_KINDS = {
    "customer": 30,
    "reply": 26,
    "resolved": 10,
    "status": 8,
    "assigned": 8,
    "priority": 5,
    "tagged": 5,
    "handoff": 4,
    "bot": 4,
}


def chatter(seed: int, conversations: int = 200) -> Iterator[Event]:
    """Events without end; whoever sends one gives it its `at`."""
    rng = Random(seed)
    number = 0
    while True:
        number += 1
        kind = rng.choices(list(_KINDS), list(_KINDS.values()))[0]
        place = rng.randrange(conversations)
        common: Event = {
            "tenant": _TENANTS[place % 2],
            "event_id": f"e{seed}-{number:07}",
            "channel": _CHANNELS[place % 3],
        }
        yield event(kind, f"c{seed}-{place}", 1, **(common | _more(rng, kind)))


def _more(rng: Random, kind: str) -> Event:
    agent, team = {"agent_id": rng.choice(_AGENTS)}, {"team": rng.choice(_TEAMS)}
    match kind:
        case "customer":
            return {"customer_id": f"h{rng.randrange(50)}"}
        case "reply":
            return agent
        case "status":
            return {"status": rng.choice(("pending", "on_hold", "open"))}
        case "assigned":
            return rng.choice((agent, team, agent | team, {"agent_id": None}))
        case "priority":
            return {"priority": rng.choice(("urgent", "normal", "low"))}
        case "tagged":
            return {"add": [rng.choice(("refund", "login"))], "remove": []}
        case "bot":
            return {"type": "message", "direction": "outbound", "author": "bot"}
        case _:
            return {}
