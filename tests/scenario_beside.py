"""What scenarios hold beside conversations: agents who come and go, and business events."""

from __future__ import annotations

from collections.abc import Sequence

from tests.oracle.windows import next_midnight, window_start
from tests.scenario_instants import BESIDE, Instants
from tests.scenario_parts import (
    AGENTS,
    AMOUNTS,
    CURRENCIES,
    DAY,
    HOUR,
    KINDS,
    MINUTE,
    PRESENCE,
    SUBSCRIBERS,
    VISITORS,
    Event,
)

Arrival = tuple[int, int, Event]  # order of arrival, tie-break, event
TOO_LATE = 26 * HOUR
PAST = 60 * DAY


class Beside(Instants):
    def beside(self, near: dict[str, list[int]]) -> list[Arrival]:
        """`near`: instants of conversations, by tenant."""
        out: list[Arrival] = []
        for tenant, instants in near.items():
            if self.rng.random() < 0.8:
                for agent in self.rng.sample(AGENTS, self.rng.choice((1, 2, 2, 4))):
                    out += self.shift(tenant, agent, instants)
            if self.rng.random() < 0.4:
                out += self.business(tenant, instants)
        return out

    def other(self, tenant: str, kind: str, at: int) -> Event:
        self.serial += 1
        name = f"{self.rng.choice('az')}{self.rng.randrange(100)}.{self.serial}"
        return {"v": 1, "tenant": tenant, "event_id": name, "type": kind, "at": at}

    # Presence

    def shift(self, tenant: str, agent: str, near: Sequence[int]) -> list[Arrival]:
        rng = self.rng
        at = rng.choice(near) - rng.choice((0, 1, rng.randrange(HOUR), rng.randrange(9 * HOUR)))
        out: list[Arrival] = []
        for _ in range(rng.choice((1, 2, 4, 6))):
            event = self.other(tenant, "presence", at) | {"agent_id": agent, "state": rng.choice(PRESENCE)}
            event |= {"capacity": rng.randint(0, 5)} if rng.random() < 0.5 else {}
            out += self.told(event)
            at = self.turn_of_shift(at, tenant)
        *_, last = (event for _, _, event in out)
        if last["at"] - out[0][2]["at"] > TOO_LATE and rng.random() < 0.5:
            ago = TOO_LATE + rng.choice((-1, 0, 1, HOUR))
            stale = self.other(tenant, "presence", last["at"] - ago) | {
                "agent_id": agent,
                "state": rng.choice(PRESENCE),
            }
            out.append((last["at"], 1000, stale))
        return out

    def turn_of_shift(self, at: int, tenant: str) -> int:
        rng = self.rng
        match rng.randrange(9):
            case 0:
                return at + rng.choice((0, 0, 1))
            case 1 | 2:
                return (at // MINUTE + rng.choice((1, 1, 15))) * MINUTE + rng.choice(BESIDE)
            case 3:
                return next_midnight(at, self.rules(tenant).zone) + rng.choice(BESIDE)
            case 4 | 5:
                return at + rng.randrange(10 * MINUTE)
            case 6 | 7:
                return at + rng.randrange(rng.choice((HOUR, 3 * HOUR)))
            case _:
                return at + rng.randrange(rng.choice((14 * HOUR, 40 * HOUR)))

    def told(self, event: Event) -> list[Arrival]:
        """Mostly at its own instant, but for the last of a shift, never more than 26 hours later."""
        rng = self.rng
        delay = rng.choice((*(0,) * 7, rng.randrange(MINUTE), rng.randrange(2 * HOUR), rng.randrange(25 * HOUR)))
        out = [(event["at"] + delay, rng.randrange(1000), event)]
        if rng.random() < 0.1:
            out.append((event["at"] + rng.randrange(delay, 25 * HOUR), 0, dict(event)))
        return out

    # Business

    def business(self, tenant: str, near: Sequence[int]) -> list[Arrival]:
        rng = self.rng
        events: list[Event] = []
        for customer in rng.sample(SUBSCRIBERS, rng.randint(0, 3)):
            currency = rng.choice(CURRENCIES)
            days = [self.some_day(tenant, near) for _ in range(rng.choice((1, 2, 4)))]
            events += [self.subscription(tenant, customer, currency, day) for day in days]
        events += [self.posting(tenant, near) for _ in range(rng.randint(0, 4))]
        for kind in rng.choices(("visit", "visit", "conversion"), k=rng.randint(0, 6)):
            who = {"visitor_id": rng.choice(VISITORS)}
            events.append(self.other(tenant, kind, self.some_day(tenant, near)) | who)
        return [arrival for event in events for arrival in self.posted(event, near)]

    def subscription(self, tenant: str, customer: str, currency: str, at: int) -> Event:
        rng = self.rng
        before, after = rng.choices(AMOUNTS, k=2)
        said = {"customer_id": customer, "kind": rng.choice(KINDS), "mrr_before": before, "mrr_after": after}
        if rng.random() < 0.1:
            currency = rng.choice(CURRENCIES)
        return self.other(tenant, "subscription", at) | said | {"currency": currency}

    def posting(self, tenant: str, near: Sequence[int]) -> Event:
        rng = self.rng
        start = self.some_day(tenant, near)
        end = start + rng.choice((1, 999, HOUR, DAY, 7 * DAY, 30 * DAY, 400 * DAY))
        event = self.other(tenant, rng.choice(("cost", "revenue")), self.some_day(tenant, near))
        event |= {"amount": rng.choice(AMOUNTS) * rng.choice((1, 1, 1, -1)), "period_start_at": start}
        currency = rng.choice((*CURRENCIES, None))
        return event | {"period_end_at": end} | ({"currency": currency} if currency or rng.random() < 0.5 else {})

    def some_day(self, tenant: str, near: Sequence[int]) -> int:
        """Among the conversations, in the weeks before them, or beside where a window of days begins."""
        rng = self.rng
        at, first = rng.choice(near), min(near)
        match rng.randrange(4):
            case 0:
                return at
            case 1:
                edge = window_start(rng.choice(("mtd", "30d", "today")), at, self.rules(tenant).zone)
                return min(at, max(edge + rng.choice(BESIDE), first - DAY if self.watched else max(near) - PAST))
            case _:
                return first - rng.randrange(DAY if self.watched else max(DAY, PAST - (max(near) - first)))

    def posted(self, event: Event, near: Sequence[int]) -> list[Arrival]:
        """At its own instant or after, sometimes long after, sometimes twice."""
        rng = self.rng
        later = [at for at in near if at >= event["at"]]
        arrival = rng.choice(later) if event["at"] < min(near) and rng.random() < 0.9 else event["at"]
        arrival += rng.choice((0, 0, 0, rng.randrange(HOUR), rng.randrange(2 * DAY)))
        out = [(arrival, rng.randrange(1000), event)]
        if rng.random() < 0.1:
            out.append((arrival + rng.choice((0, HOUR, DAY)), 0, dict(event)))
        return out
