"""Scopes: whom a number is about (contract section 4)."""

from __future__ import annotations

from functools import lru_cache

from streams.codecs import encode_id
from tables.state import Dims

TREND_KINDS = ("tenant", "channel", "team")
"""The scopes that have minute records."""
OCCUPANCY_KINDS = ("tenant", "team", "agent")
PRESENCE_KINDS = ("tenant", "agent")
DAY_KINDS = ("tenant", "channel", "team", "agent")
"""The scopes that have records of a month to date and of 30 days; an agent's single channels have none."""


@lru_cache(maxsize=200_000)
def scopes(dims: Dims) -> tuple[str, ...]:
    """The names of the scopes of a sample.

    >>> scopes(("chat", "budi/jkt", None, "normal", ("refund",)))
    ('tenant', 'channel:chat', 'agent:budi%2Fjkt', 'agent:budi%2Fjkt/channel:chat', 'priority:normal', 'topic:refund')
    """
    channel, agent, team, priority, topics = dims
    names = ["tenant", f"channel:{channel}"]
    if agent is not None:
        name = f"agent:{encode_id(agent)}"
        names += [name, f"{name}/channel:{channel}"]
    if team is not None:
        names.append(f"team:{encode_id(team)}")
    names.append(f"priority:{priority}")
    names.extend(f"topic:{encode_id(topic)}" for topic in topics)
    return tuple(names)


@lru_cache(maxsize=200_000)
def kind_of(scope: str) -> str:
    """What a scope is about.

    >>> kind_of("agent:budi/channel:chat"), kind_of("agent:budi"), kind_of("tenant")
    ('agent/channel', 'agent', 'tenant')
    """
    return "/".join(part.partition(":")[0] for part in scope.split("/"))


def has_trend(scope: str) -> bool:
    """Whether minute records of the scope are published."""
    return kind_of(scope) in TREND_KINDS


def has_occupancy(scope: str) -> bool:
    """Whether records say how much of their time agents were occupied."""
    return kind_of(scope) in OCCUPANCY_KINDS


def has_presence(scope: str) -> bool:
    """Whether records say how many agents are online."""
    return kind_of(scope) in PRESENCE_KINDS


def has_days(scope: str) -> bool:
    """Whether records of a month to date and of 30 days are published.

    >>> has_days("agent:ana"), has_days("agent:ana/channel:chat"), has_days("topic:refund")
    (True, False, False)
    """
    return kind_of(scope) in DAY_KINDS
