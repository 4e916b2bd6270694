"""What a conversation is at an instant, in the compact form that travels in the changelog."""

from __future__ import annotations

from typing import assert_never

import msgspec

from streams.events import (
    Assigned,
    Delivery,
    Handoff,
    Message,
    OfConversation,
    PrioritySet,
    StatusChanged,
    Survey,
    Tagged,
)

NONE, OPEN, PENDING, ON_HOLD, RESOLVED = range(5)
"""Phases. NONE: no cycle was ever opened; the conversation is as if resolved."""
PHASES = {"open": OPEN, "pending": PENDING, "on_hold": ON_HOLD, "resolved": RESOLVED}

CUSTOMER, HUMAN, BOT, ASSIGNED, HANDOFF, STATUS, PRIORITY, TAGGED, NOTHING, CSAT, NPS, CES, FAILED = range(13)
"""What a step does to the fold; NOTHING only takes its place in the history (notes, system messages)."""
SURVEYS = {"csat": CSAT, "nps": NPS, "ces": CES}
_WRITERS = {("inbound", "customer"): CUSTOMER, ("outbound", "agent"): HUMAN, ("outbound", "bot"): BOT}

Dims = tuple[str, str | None, str | None, str, tuple[str, ...]]
"""Channel, agent, team, priority, topics: what a sample is booked under."""

RunKey = tuple[int, str]
"""Metric and instance: what makes it the same run."""

FIRST_RESPONSE, NEXT_RESPONSE, RESOLUTION, REPLY_WINDOW = range(4)
WHATSAPP = "whatsapp"
"""The channel that has a reply window of its own."""
METRICS = ("first_response", "next_response", "resolution", "reply_window")


class Step(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An event as the fold sees it. `behind` is set for a late one: it stands behind the event of that id, at `t`."""

    t: int
    id: str
    channel: str
    code: int
    at: int
    agent: str | None = None
    team: str | None = None
    value: str | int | None = None
    sets: int = 0
    """For ASSIGNED: 1 = the agent is given, 2 = the team is given."""
    topics: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    behind: str | None = None
    customer: str | None = None

    @property
    def place(self) -> tuple[int, str, int]:
        """Its place in the history: (instant, event id, behind others of that id)."""
        return (self.t, self.id, 0) if self.behind is None else (self.t, self.behind, 1)


def step_of(event: OfConversation) -> Step:
    """The step that an event takes at its own instant."""
    at, id_, channel = event.at, event.event_id, event.channel
    match event:
        case Message():
            code = NOTHING if event.private or event.auto else _WRITERS.get((event.direction, event.author), NOTHING)
            agent = event.agent_id if code == HUMAN else None
            return Step(at, id_, channel, code, at, agent, customer=event.customer_id)
        case StatusChanged():
            return Step(at, id_, channel, STATUS, at, value=PHASES[event.status])
        case Assigned():
            agent = None if event.agent_id is msgspec.UNSET else event.agent_id
            team = None if event.team is msgspec.UNSET else event.team
            sets = (event.agent_id is not msgspec.UNSET) | (event.team is not msgspec.UNSET) << 1
            return Step(at, id_, channel, ASSIGNED, at, agent, team, sets=sets)
        case Handoff():
            return Step(at, id_, channel, HANDOFF, at, team=event.team)
        case PrioritySet():
            return Step(at, id_, channel, PRIORITY, at, value=event.priority)
        case Tagged():
            return Step(at, id_, channel, TAGGED, at, topics=(event.add, event.remove))
        case Survey():
            return Step(at, id_, channel, SURVEYS[event.survey], at, value=event.score)
        case Delivery():
            return Step(at, id_, channel, FAILED if event.state == "failed" else NOTHING, at)
        case _:
            assert_never(event)


class Run(msgspec.Struct, array_like=True):
    """One SLA run: a wait or a cycle measured against a policy's target. Durations in ms of the policy's open time."""

    metric: int
    instance: str
    started_at: int
    policy: str = ""
    target: int = 0
    """0: not tracked, the policy in force has no target for it."""
    marks: list[tuple[int, int]] = []
    """What is still to come, as (elapsed ms, level); level 0 is the breach."""
    pauses: int = 0
    """Bit n set: phase n pauses the run."""
    paused: int = 0
    paused_at: int = 0
    stood: list[tuple[int, int]] = []
    """Past pauses, from and until; their open time is `paused`."""
    sent: list[int] = []
    breached_at: int = 0
    """The deadline that was breached; 0: not breached."""

    @property
    def key(self) -> RunKey:
        """What makes it the same run."""
        return (self.metric, self.instance)


class State(msgspec.Struct, array_like=True):
    """A conversation between two events. Instants are ms, 0 for none."""

    at: int = 0
    """Instant and id of the newest event."""
    id: str = ""
    fired: int = 0
    """The instant of the last timer that acted since that event."""
    channel: str = ""
    phase: int = NONE
    agent: str | None = None
    team: str | None = None
    priority: str = "normal"
    topics: tuple[str, ...] = ()
    cycles: int = 0
    opened_at: int = 0
    waiting_since: int = 0
    anchor: int = 0
    """Where the first-response wait in progress began."""
    decided: bool = False
    answered: bool = False
    """A first-response wait was ended by a human reply, at any time."""
    wrote: bool = False
    """The customer has written in this cycle."""
    human: bool = False
    """A human reply, a hand-off or an assignment came in this cycle: no bot can take it over."""
    with_bot: bool = False
    last_reply_at: int = 0
    overdue: bool = False
    runs: list[Run] = []
    replies: int = 0
    """Human replies in this cycle."""
    customer: str | None = None
    """The last customer id that a message gave."""
    wrote_at: int = 0
    """Instant and id of the customer's last message, in any cycle."""
    wrote_id: str = ""
    working_since: int = 0
    """Since when the status is open and someone is assigned."""
    handled: int = 0
    """So much of this cycle was that, in ms until `working_since`; and in business time."""
    handled_business: int = 0
    occupied_since: int = 0
    """Since when the same agent and team are occupied with it."""
    touched_at: int = 0
    """When the last cycle was resolved by one touch; 0: it was not. And under which dims."""
    touched: Dims | None = None
    topics_met: tuple[str, ...] = ()
    """The topics that this cycle has had."""
    rules: str = ""
    """By which policies the runs are measured (`conversation.Rules.print`)."""

    @property
    def in_cycle(self) -> bool:
        """Whether a cycle is open (the conversation is in the backlog)."""
        return self.phase not in (NONE, RESOLVED)

    @property
    def dims(self) -> Dims:
        """What a sample is booked under now."""
        return (self.channel, self.agent, self.team, self.priority, self.topics)
