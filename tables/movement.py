"""Who waits since when, and what is due when."""

from __future__ import annotations

from typing import NamedTuple

from tables.history import History
from tables.scopes import scopes
from tables.state import METRICS


class Movement(NamedTuple):
    """One conversation as the lists of who waits and what is due hold it. Instants in ms."""

    tenant: str
    conversation_id: str
    waiting_since: int | None
    scopes: tuple[str, ...]
    deadlines: dict[str, int]
    """By metric."""
    policies: dict[str, str]
    """By the same metrics, the names of the policies that they come from."""


def movement(key: bytes, history: History | None, now: int) -> Movement:
    """A conversation at `now` (ms); outside a cycle, or forgotten (None), it neither waits nor has deadlines."""
    tenant, _, conversation_id = key.decode().partition("/")
    if history is None or not history.c.state.in_cycle:
        return Movement(tenant, conversation_id, None, (), {}, {})
    s = history.c.state
    runs = [run for run in s.runs if run.target and not run.breached_at]
    deadlines = {METRICS[run.metric]: history.life.deadline(run, now) for run in runs}
    policies = {METRICS[run.metric]: run.policy for run in runs}
    return Movement(tenant, conversation_id, s.waiting_since or None, scopes(history.life.dims), deadlines, policies)
