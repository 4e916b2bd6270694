"""The fold of one conversation, from its first event to its last: contract section 3, read line by line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.oracle.calendar import FOREVER
from tests.oracle.face import scopes_of
from tests.oracle.history import Entry
from tests.oracle.ledger import Ledger
from tests.oracle.life import Life, Run, Wait
from tests.oracle.rules import Rules

MOST_TOPICS = 50


def fold(entries: Sequence[Entry], rules: Rules, horizon: int = FOREVER) -> Life:
    """Folds the entries in order; timers act if their instant is strictly before `horizon`."""
    return _Fold(entries, rules).run(horizon)


class _Fold(Ledger):
    def run(self, horizon: int) -> Life:
        for index, entry in enumerate(self.entries):
            self.timers(before=entry.at)
            self.index, self.entry = index, entry
            self.effect(entry.event)
            self.handle()
            face = self.face()
            self.life.faces.append(face)
            if face.in_cycle:
                self.life.scopes.update(scopes_of(face, face.agent))
        self.timers(before=horizon)
        for sample in self.life.samples:
            self.life.scopes.update(sample.scopes)
        return self.life

    def timers(self, before: int) -> None:
        """The only timer of the fold: a first-response wait is missed."""
        if self.wait is not None and not self.wait.decided:
            due = self.wait.anchor + self.rules.threshold(self.channel)
            if due < before:
                self.wait.decided = True
                self.book("sl_missed", self.agent, at=due)

    def effect(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "message":
                self.message(event)
            case "assigned":
                self.assigned(event)
            case "handoff":
                self.handoff(event)
            case "status":
                self.set_status(event["status"])
            case "priority":
                self.priority = event["priority"]
            case "tagged":
                self.topics -= set(event.get("remove", ()))
                for topic in sorted(set(event.get("add", ())) - set(event.get("remove", ()))):
                    if len(self.topics) < MOST_TOPICS:
                        self.topics |= {topic}
                self.meet_topics()
            case "survey":
                self.book(event["survey"], self.agent, event["score"], at=self.entry.own_at)
            case "delivery":
                if event["state"] == "failed":
                    self.book("delivery_failed", self.agent, at=self.entry.own_at)

    # Cycles

    def open_cycle(self) -> None:
        self.cycle += 1
        self.status = "open"
        self.opened_at = self.now
        self.customer_wrote = self.human_came = self.with_bot = False
        self.replies = self.handled = self.handled_business = 0
        self.met = set()
        self.meet_topics()
        self.take_back_one_touch()
        self.cycle_run = self.start_run("resolution")
        self.book("conversations_opened", self.agent)
        if self.cycle > 1:
            self.book("conversations_reopened", self.agent)

    def set_status(self, status: str) -> None:
        if status == "resolved":
            if self.in_cycle:
                self.resolve()
            return
        if not self.in_cycle:
            self.open_cycle()
        self.status = status

    def resolve(self) -> None:
        if self.wait is not None and not self.wait.decided:
            waited = self.now - self.wait.anchor
            short = waited <= self.rules.short_abandon
            self.book("sl_short_abandoned" if short else "sl_abandoned", self.agent, waited)
        self.drop_waits("resolved")
        self.status = "resolved"
        self.handle()
        self.book_resolve()
        self.with_bot = False
        self.finish(self.cycle_run)

    # Messages

    def message(self, event: dict[str, Any]) -> None:
        self.customer = event.get("customer_id") or self.customer
        if event.get("private") or event.get("auto"):
            return
        match event["direction"], event["author"]:
            case "inbound", "customer":
                self.customer_message()
            case "outbound", "agent":
                self.human_reply(event["agent_id"])
            case "outbound", "bot":
                self.bot_message()

    def customer_message(self) -> None:
        if not self.in_cycle:
            self.open_cycle()
        elif self.status == "pending":
            self.status = "open"
        first, self.customer_wrote = not self.customer_wrote, True
        stale = self.entry.late and self.entry.own_at < self.last_reply
        self.wrote = (self.entry.event["event_id"], self.now)
        if self.waiting_since is not None:
            self.finish(self.window_run, "newer_message")
            self.start_window()
        elif not self.with_bot and not stale:
            self.start_waiting(first_response=first and not self.answered)
        self.book("messages_in", self.agent, at=self.entry.own_at)
        self.book("touch_active", self.agent, at=self.entry.own_at)

    def human_reply(self, sender: str) -> None:
        if self.cycle == 0:
            self.open_cycle()
        if self.in_cycle:
            self.human_came = True
            self.replies += 1
            self.agent = self.agent if self.agent is not None else sender
            if self.with_bot:
                self.with_bot = False
                self.answered = True
            self.answer(sender)
        self.last_reply = max(self.last_reply, self.entry.own_at)
        self.book_reply(sender)

    def answer(self, sender: str) -> None:
        if self.waiting_since is None or (self.entry.late and self.entry.own_at < self.waiting_since):
            return
        if self.wait is not None:
            self.book_time("frt", sender, self.wait.anchor)
            if not self.wait.decided:
                self.book("sl_met", sender, self.now - self.wait.anchor)
            self.finish(self.wait.run)
            self.answered = True
        else:
            self.book_time("nrt", sender, self.waiting_since)
            self.finish(self.next_run)
        self.finish(self.window_run)
        self.wait = self.next_run = self.window_run = self.waiting_since = None

    def bot_message(self) -> None:
        if self.in_cycle and self.customer_wrote and not self.human_came:
            self.drop_waits("bot")
            self.with_bot = True

    # Hand-over to humans

    def handoff(self, event: dict[str, Any]) -> None:
        if self.cycle == 0:
            self.open_cycle()
        if event.get("team") is not None:
            self.team = event["team"]
        if not self.in_cycle:
            return
        self.human_came = True
        if self.with_bot:
            self.take_back()
        elif self.wait is not None:
            self.finish(self.wait.run, "handoff")
            self.wait = Wait(self.now, self.start_run("first_response"))

    def assigned(self, event: dict[str, Any]) -> None:
        if "team" in event:
            self.team = event["team"]
        if "agent_id" in event:
            self.agent = event["agent_id"]
            if self.agent is not None and self.in_cycle:
                self.human_came = True
                if self.with_bot:
                    self.take_back()

    def take_back(self) -> None:
        self.with_bot = False
        self.start_waiting(first_response=not self.answered)

    # Waits and runs

    def start_waiting(self, *, first_response: bool) -> None:
        self.waiting_since = self.now
        if first_response:
            self.wait = Wait(self.now, self.start_run("first_response"))
        else:
            self.next_run = self.start_run("next_response")
        self.start_window()

    def start_window(self) -> None:
        """The reply window opens with the customer's last message, whenever that was."""
        assert self.wrote is not None
        self.window_run = self.start_run("reply_window", *self.wrote)

    def drop_waits(self, reason: str) -> None:
        if self.wait is not None:
            self.finish(self.wait.run, reason)
        self.finish(self.next_run, reason)
        self.finish(self.window_run, reason)
        self.wait = self.next_run = self.window_run = self.waiting_since = None

    def start_run(self, metric: str, instance: str | None = None, since: int | None = None) -> Run:
        instance = self.entry.event["event_id"] if instance is None else instance
        run = Run(metric, instance, self.now if since is None else since, self.index, self.cycle)
        self.life.runs.append(run)
        return run

    def finish(self, run: Run | None, reason: str | None = None) -> None:
        if run is not None:
            run.end, run.reason = self.index, reason
