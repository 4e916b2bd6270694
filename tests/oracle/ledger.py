"""What a conversation is while it is folded, and the booking of samples under what it is at the moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tests.oracle.calendar import AROUND_THE_CLOCK
from tests.oracle.face import Face, Sample, scopes
from tests.oracle.history import Entry
from tests.oracle.life import Life, Run, Wait
from tests.oracle.rules import Rules, choose

ONE_TOUCH_KEEPS = 72 * 3_600_000  # ms without a reopening


class Ledger:
    def __init__(self, entries: Sequence[Entry], rules: Rules) -> None:
        self.entries = entries
        self.rules = rules
        self.life = Life()
        first = entries[0].event
        self.tenant: str = first["tenant"]
        self.conversation_id: str = first["conversation_id"]
        self.channel: str = first["channel"]
        self.index = 0
        self.entry = entries[0]
        self.status = "resolved"
        self.agent: str | None = None
        self.team: str | None = None
        self.topics: frozenset[str] = frozenset()
        self.met: set[str] = set()  # topics that the cycle has had
        self.priority = "normal"
        self.customer: str | None = None
        self.wrote: tuple[str, int] | None = None  # event_id and instant of the customer's last message
        self.waiting_since: int | None = None
        self.answered = False  # a human reply has ended a first-response wait, or a stay with the bot
        self.last_reply = -1  # the newest human reply's own `at`
        self.one_touch: Sample | None = None  # of the cycle resolved last
        self.cycle = 0
        self.opened_at = 0
        self.customer_wrote = False  # in this cycle, as are all further ones
        self.human_came = False
        self.with_bot = False
        self.replies = 0
        self.handling_since: int | None = None  # since when it has been open and assigned
        self.handled = 0  # ms, before that
        self.handled_business = 0
        self.wait: Wait | None = None
        self.next_run: Run | None = None
        self.cycle_run: Run | None = None
        self.window_run: Run | None = None

    @property
    def now(self) -> int:
        return self.entry.at

    @property
    def in_cycle(self) -> bool:
        return self.status != "resolved"

    def face(self) -> Face:
        return Face(
            self.status,
            self.channel,
            self.agent,
            self.team,
            self.topics,
            self.priority,
            self.cycle,
            self.opened_at,
            self.waiting_since,
        )

    def book(self, kind: str, agent: str | None, value: int = 0, at: int | None = None, business: int = 0) -> Sample:
        at = self.now if at is None else at
        theirs = scopes(self.channel, self.priority, self.team, self.topics, agent)
        sample = Sample(kind, at, theirs, self.conversation_id, value, business)
        self.life.samples.append(sample)
        return sample

    def book_time(self, kind: str, agent: str | None, since: int) -> None:
        self.book(kind, agent, self.now - since, business=self.business(since))

    def book_reply(self, sender: str) -> None:
        sample = self.book("messages_out", sender, at=self.entry.own_at)
        touches = [replace(sample, kind=kind) for kind in ("touch_active", "touch_handled")]
        if self.customer is not None:
            touches.append(replace(sample, kind="touch_customer", subject=self.customer))
        self.life.samples += touches

    def book_resolve(self) -> None:
        self.book("conversations_resolved", self.agent)
        self.book_time("resolution", self.agent, self.opened_at)
        self.book("handle", self.agent, self.handled, business=self.handled_business)
        if self.with_bot:
            self.book("bot_resolved", self.agent)
        if self.replies <= 1:
            self.one_touch = self.book("fcr_one_touch", self.agent)

    def meet_topics(self) -> None:
        """Each topic counts once in a cycle."""
        new = self.topics - self.met if self.in_cycle else set()
        self.met |= new
        self.life.topics += [(self.now, topic) for topic in new]

    def take_back_one_touch(self) -> None:
        """A reopening takes back the one touch of the cycle resolved last, if that is not long ago."""
        if self.one_touch is not None and self.now - self.one_touch.at <= ONE_TOUCH_KEEPS:
            self.life.samples.remove(self.one_touch)
        self.one_touch = None

    def business(self, since: int) -> int:
        """Open ms until now, by the policy in force after the event."""
        policy = choose(self.rules, self.tenant, self.channel, self.priority, self.team, self.topics)
        return (AROUND_THE_CLOCK if policy is None else policy.hours).elapsed(since, self.now)

    def handle(self) -> None:
        """A stretch of handling starts or ends when the status or the presence of an assignee changes."""
        handling = self.status == "open" and self.agent is not None
        if handling and self.handling_since is None:
            self.handling_since = self.now
        elif not handling and self.handling_since is not None:
            self.handled += self.now - self.handling_since
            self.handled_business += self.business(self.handling_since)
            self.handling_since = None
