"""Explain: one conversation's life, and what it counts for, from recorded events (`sigap explain`).

The fold that is explained is that of production, run as `tables.replay` runs it and watched by `tables.explain.trace`.
A property test holds what is said of all conversations, added up, against the records of a replay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

import msgspec

from streams.clock import wall_ms
from streams.codecs import decode
from streams.events import ConversationEvent, Message, OfConversation
from streams.rejects import Rejected
from tables.distinct import hashed
from tables.explain.deadlines import running
from tables.explain.records import Explanation, Outcome, Refused
from tables.explain.samples import counts_in
from tables.explain.standing import gauges_of, standing_of
from tables.explain.timeline import moments, waits_of
from tables.explain.trace import Watch
from tables.explain.view import View
from tables.replay import instant_of
from tables.rules import Rules
from tables.settings import Settings

NEAR = 5
NEAR_AMONG = 50_000
"""So many ids are compared letter by letter; of more, only those that hold what was asked for are named."""


class NotFound(LookupError):
    """No event of the conversation, or none by `until`; the message says what there is instead."""


class Ambiguous(ValueError):
    """Several tenants have the conversation."""

    def __init__(self, conversation_id: str, tenants: Iterable[str]) -> None:
        self.tenants = tuple(sorted(tenants))
        super().__init__(f"{conversation_id!r} is a conversation of several tenants: {', '.join(self.tenants)}")


class _Names(msgspec.Struct):
    """What a record says it is of, valid or not."""

    tenant: Any = None
    conversation_id: Any = None
    event_id: Any = None


_names = msgspec.json.Decoder(_Names).decode


class _Input:
    """The records of the input: when each moves the clock, and those of one conversation id."""

    def __init__(self, records: Iterable[bytes], conversation_id: str, now: int) -> None:
        self.records = list(records)
        self.instants: list[int] = []
        """The `at` of each valid record, 0 of the others."""
        self.events: dict[int, OfConversation] = {}
        self.rejects: dict[int, tuple[_Names, Rejected]] = {}
        self.nameless = 0
        self.others: set[tuple[str, str]] = set()
        """Tenant and id of the other conversations."""
        for place, value in enumerate(self.records):
            try:
                event = decode(value, now)
            except Rejected as rejected:
                self.instants.append(0)
                self._reject(place, value, conversation_id, rejected)
                continue
            self.instants.append(event.at)
            if not isinstance(event, ConversationEvent):
                continue
            if event.conversation_id == conversation_id:
                self.events[place] = event
            else:
                self.others.add((event.tenant, event.conversation_id))

    def _reject(self, place: int, value: bytes, conversation_id: str, rejected: Rejected) -> None:
        try:
            names = _names(value)
        except msgspec.DecodeError:
            names = _Names()
        if names.conversation_id == conversation_id:
            self.rejects[place] = (names, rejected)
        self.nameless += not isinstance(names.conversation_id, str)

    def tenants(self) -> set[str]:
        """The tenants that have the conversation."""
        found = {event.tenant for event in self.events.values()}
        return found or {names.tenant for names, _ in self.rejects.values() if isinstance(names.tenant, str)}

    def near(self, conversation_id: str) -> list[str]:
        """Ids of other conversations that look like it."""
        ids = sorted({each for _, each in self.others})
        asked = conversation_id.casefold()
        holding = [each for each in ids if asked in each.casefold() or each.casefold() in asked]
        holding.sort(key=lambda each: abs(len(each) - len(asked)))
        close = get_close_matches(conversation_id, ids, NEAR) if len(ids) <= NEAR_AMONG else []
        return list(dict.fromkeys([*holding[:NEAR], *close]))[:NEAR]


def explain(
    events: Iterable[bytes],
    conversation_id: str,
    config: Settings | dict[str, Any] | None = None,
    until: int | None = None,
    tenant: str | None = None,
    *,
    wall: Callable[[], int] = wall_ms,
) -> Explanation:
    """Explain a conversation from canonical events, in order of arrival; clock and `until` (ms) as in a replay.

    `tenant` is needed where several have the id. Raises `NotFound` and `Ambiguous`.
    """
    settings = config if isinstance(config, Settings) else Settings.from_mapping(config or {})
    given = _Input(events, conversation_id, wall())
    tenant = _tenant(given, conversation_id, tenant)
    watch = Watch(settings, tenant, conversation_id, wall)
    left_out: list[Refused] = []
    for place, (value, at) in enumerate(zip(given.records, given.instants, strict=True)):
        event = given.events.get(place)
        if event is not None and event.tenant != tenant:
            event = None
        if until is not None and instant_of(value) > until:
            if event is not None:
                left_out.append(_refused(place, "after_until", event.at, event.event_id))
        elif event is not None:
            watch.arrive(place, value, event)
        else:
            watch.advance(at)
    end = watch.clock if until is None else until
    watch.advance(end)
    if until is not None and left_out and not watch.arrivals:
        first = min(each.at or 0 for each in left_out)
        raise NotFound(f"no event of {conversation_id!r} by {until}: the first of {len(left_out)} is at {first}")
    return _explanation(given, watch, settings, tenant, conversation_id, left_out)


def _tenant(given: _Input, conversation_id: str, tenant: str | None) -> str:
    """The tenant whose conversation is meant."""
    tenants = given.tenants()
    if tenant is None:
        if len(tenants) > 1:
            raise Ambiguous(conversation_id, tenants)
        if tenants:
            return tenants.pop()
    elif tenant in tenants:
        return tenant
    elif tenants:
        owners = ", ".join(sorted(tenants))
        raise NotFound(f"tenant {tenant!r} has no conversation {conversation_id!r}; it is one of {owners}")
    near = given.near(conversation_id)
    number = len(given.others)
    hint = f"; near: {', '.join(near)}" if near else f"; there are {number:,} others in these events"
    raise NotFound(f"no conversation {conversation_id!r}{hint}")


def _explanation(
    given: _Input, watch: Watch, settings: Settings, tenant: str, conversation_id: str, left_out: list[Refused]
) -> Explanation:
    view = View(Rules(settings, tenant), watch.clock, _customers(watch))
    timeline, end = moments(watch, view), view.until
    last = watch.lives[-1][-1].after if watch.lives else None
    state = None if watch.lives and watch.ends[-1] else last
    rejects = [
        _refused(place, "rejected", instant_of(given.records[place]) or None, names.event_id, rejected)
        for place, (names, rejected) in given.rejects.items()
        if names.tenant == tenant or not isinstance(names.tenant, str)
    ]
    duplicates = [
        _refused(each.record, "duplicate", each.event.at, each.event.event_id)
        for each in watch.arrivals
        if each.order == "duplicate"
    ]
    return Explanation(
        tenant=tenant,
        conversation_id=conversation_id,
        channel=None if last is None else last.channel,
        timezone=view.zone.key,
        until=end,
        standing=None if state is None else standing_of(state, end, view),
        gauges={} if state is None else gauges_of(state, end),
        formula=view.values.formula,
        waits=waits_of(watch, view),
        runs=() if state is None else running(state, view),
        counts_in=counts_in(timeline, view.values),
        timeline=timeline,
        refused=tuple(sorted([*rejects, *duplicates, *left_out], key=lambda each: each.record)),
        nameless=given.nameless,
    )


def _customers(watch: Watch) -> dict[int, str]:
    """The customers that messages of the conversation name, by their hashes."""
    events = (arrival.event for arrival in watch.arrivals)
    named = {event.customer_id for event in events if isinstance(event, Message) and event.customer_id is not None}
    return {hashed(each): each for each in named}


def _refused(place: int, outcome: Outcome, at: int | None, event_id: object, why: Rejected | None = None) -> Refused:
    return Refused(
        record=place + 1,
        outcome=outcome,
        at=at,
        event_id=event_id if isinstance(event_id, str) else None,
        reason="" if why is None else why.reason,
        detail="" if why is None else why.detail,
    )
