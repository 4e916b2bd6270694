"""All that is known of one tenant: its conversations, who was online, and its business."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.oracle.business import Event
from tests.oracle.conversation import Conversation
from tests.oracle.face import Sample
from tests.oracle.fold import fold
from tests.oracle.gauges import Standing, ages, timers
from tests.oracle.intervals import Intervals, Quarters
from tests.oracle.presence import Counted, Staff, Stretch
from tests.oracle.records import View
from tests.oracle.rules import Rules
from tests.oracle.watch import Watch
from tests.oracle.windows import PANE
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
        self.watch = Watch(rules.alert_rules)
        self.watch = Watch(rules.alert_rules)

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
        return self.seen(scopes, samples, self.standing(at))

    def seen(self, scopes: set[str], samples: list[Sample], standing: list[Standing]) -> View:
        topics = [met for conversation in self.all for met in conversation.life.topics]
        stretches = self.stretches()
        return View(self.name, self.rules, scopes, samples, standing, self.staff, stretches, topics, self.business)

    # What rules look at

    def leave(self, old: int, new: int) -> None:
        """The clock goes on from one instant to another; no more events come of those before it."""
        if not self.rules.alert_rules or new == old:
            return
        samples = [sample for conversation in self.all for sample in conversation.life.samples]
        view = self.seen(self.known | self.known_beside, samples, [])
        going_on = [one for one in self.current.values() if one.life.faces[-1].in_cycle]
        turns = {turn for one in going_on for turn in (*timers(one.breaches), *ages(one.life.faces[-1]))}
        for at in sorted({old, *(turn for turn in turns if old < turn < new)}):
            self.watch.gauges(view, [one.stood_at(at) for one in going_on], at)
        minutes = range((old // PANE + 1) * PANE, new, PANE)
        self.watch.windows(view, sorted({old, *minutes, *(s.at for s in samples if old < s.at < new)}))

    def alerts(self, view: View, at: int) -> list[dict[str, Any]]:
        """Of its rules, at the end; `view`: what is known then."""
        if self.rules.alert_rules:
            view = replace(view, scopes=self.known | self.known_beside)
            self.watch.gauges(view, view.standing, at)
            self.watch.windows(view, [at])
        return self.watch.alerts(self.name, at)
