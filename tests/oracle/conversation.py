"""A conversation from its first event until it is forgotten: its history, what it says, and what was sent of it."""

from __future__ import annotations

from typing import Any

from tests.oracle.demands import Alert, Demand, demands
from tests.oracle.fold import fold
from tests.oracle.gauges import Standing, stand
from tests.oracle.history import History, Placed
from tests.oracle.life import Life
from tests.oracle.outbox import Outbox, as_record
from tests.oracle.presence import Stretch, working
from tests.oracle.rules import Rules


class Conversation:
    """`place`: how many there were before it, of all tenants."""

    def __init__(self, tenant: str, conversation_id: str, rules: Rules, place: int) -> None:
        self.tenant, self.conversation_id, self.rules, self.place = tenant, conversation_id, rules, place
        self.history = History(rules)
        self.life = Life()
        self.demands: list[Demand] = []
        self.outbox = Outbox()
        self.stood: Standing | None = None

    def refold(self, placed: Placed) -> None:
        """All anew, but for the demands of runs that had ended before an event that was only appended."""
        before = [] if placed is Placed.REORDERED else self.demands
        self.life = fold(self.history.entries, self.rules)
        self.demands = demands(self.life, self.history.entries, self.rules, self.tenant, before)
        self.stood = None

    def forgotten(self, clock: int) -> bool:
        return self.history.forgotten(clock) and not self.life.faces[-1].in_cycle

    def settle(self, clock: int, cause_at: int | None = None) -> list[dict[str, Any]]:
        due = [demand.due(clock) for demand in self.demands]
        sent = self.outbox.settle(due, cause_at, self.life.faces[-1])
        return [as_record(alert, self.tenant, self.conversation_id) for alert in sent]

    def standing(self, clock: int) -> Standing:
        """At a clock that does not go back."""
        if self.stood is None or clock >= self.stood.until:
            self.stood = stand(self.life.faces[-1], self.breaches, clock)
        return self.stood

    def stood_at(self, at: int) -> Standing:
        """As the clock leaves an instant."""
        return stand(self.life.faces[-1], self.breaches, at, past=True)

    @property
    def breaches(self) -> list[Alert]:
        """Those of the present cycle, now or to come."""
        face = self.life.faces[-1]
        return [d.breach for d in self.demands if d.breach is not None and d.run.cycle == face.cycle]

    def stretches(self) -> list[Stretch]:
        """When it occupied whom."""
        return working([entry.at for entry in self.history.entries], self.life.faces)
