"""All that is known of one tenant: its conversations, who was online, and its business."""

from __future__ import annotations

from tests.oracle.business import Event
from tests.oracle.conversation import Conversation
from tests.oracle.face import Sample
from tests.oracle.fold import fold
from tests.oracle.gauges import Standing
from tests.oracle.intervals import Intervals, Quarters
from tests.oracle.presence import Counted, Staff, Stretch
from tests.oracle.records import View
from tests.oracle.rules import Rules
from tests.oracle.worked import Worked


class Tenant:
    """`all`: its conversations, the forgotten ones too; `known`: scopes that its history has known at some time."""

    def __init__(self, name: str, rules: Rules) -> None:
        self.name, self.rules = name, rules
        self.current: dict[str, Conversation] = {}
        self.all: list[Conversation] = []
        self.known: set[str] = set()
        self.staff = Staff()
        self.business: list[Event] = []
        self.quarters = Quarters()
        self.intervals = Intervals(name, rules)

    def add(self, conversation: Conversation) -> None:
        """A new one, in place of one that is forgotten or of none."""
        self.current[conversation.conversation_id] = conversation
        self.all.append(conversation)

    @property
    def known_beside(self) -> set[str]:
        """Scopes known by what is of no conversation."""
        return self.staff.scopes | ({"tenant"} if self.business else set())

    @property
    def agents(self) -> frozenset[str]:
        return self.staff.now

    def standing(self, at: int) -> list[Standing]:
        return [one.standing(at) for one in self.current.values() if one.life.faces[-1].in_cycle]

    def booked_in(self, start: int) -> list[Sample]:
        return self.quarters.of(start)

    def worked_in(self, start: int, end: int) -> dict[str, Counted]:
        return Worked(self.known | self.staff.scopes, self.staff, self.stretches(), self.rules.zone, end - 1).since(
            start, end - 1
        )

    def stretches(self) -> list[Stretch]:
        return [stretch for conversation in self.all for stretch in conversation.stretches()]

    def view(self, at: int) -> View:
        """At the end, timers before `at` included."""
        lives = [fold(conversation.history.entries, self.rules, horizon=at) for conversation in self.all]
        samples = [sample for life in lives for sample in life.samples]
        scopes = {scope for life in lives for scope in life.scopes} | self.known_beside
        standing, stretches = self.standing(at), self.stretches()
        return View(self.name, self.rules, scopes, samples, standing, self.staff, stretches, self.business)
