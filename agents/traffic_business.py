"""The business side of the demo's house: subscribers, what service costs and sales bring, and visits to its shop.

Subscribers have a past of two months, so that there are customers at the start of every window. Costs and sales are
booked by the hour and only for hours that have conversations: a cost per resolution would mean nothing else.
"""

from __future__ import annotations

from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any, Final, Literal

from agents.traffic_house import DAY, HOUR, customer_id, draw_s
from streams.business import Conversion, Cost, Revenue, Subscription, Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agents.traffic_house import Desk

Kind = Literal["new", "expansion", "contraction", "cancel"]

CURRENCY: Final = "IDR"
SUBSCRIBERS: Final = 1_200
"""At the end of that past."""
_PAST: Final = (35 * DAY, 55 * DAY)
"""They subscribed so long before the day of the start: before the month began and before the last 30 days."""
_PLANS: Final = (149_000, 349_000, 899_000, 2_400_000)
"""A month."""
_PLAN_SHARES: Final = (55, 30, 12, 3)
_MOVES: Final[dict[Kind, int]] = {"new": 34, "expansion": 32, "contraction": 12, "cancel": 22}
"""Kinds of movements, in percent."""
_MOVES_A_DAY: Final = 9
_COST: Final = 9_000
"""Of service, for a conversation."""
_COST_RATIO: Final = 0.07
_VISITORS: Final = 12_000
_CONVERSION: Final = 0.05
"""Share of visits."""


def subscriptions(desk: Desk) -> Iterator[Subscription]:
    """Those who subscribed in the past, then what becomes of them, in order of `at`, without end."""
    rng = Random(f"{desk.run}/subscriptions")  # noqa: S311 - nothing secret
    customers: list[str] = []
    plans: dict[str, int] = {}
    """Places in `_PLANS`, of those who have one."""
    number = count()

    def changes(at: int, kind: Kind, customer: str, before: int, after: int) -> Subscription:
        common = _common(desk, "subscription", next(number), at)
        return Subscription(
            **common, customer_id=customer, kind=kind, mrr_before=before, mrr_after=after, currency=CURRENCY
        )

    def subscribes(at: int) -> Subscription:
        customer = customer_id(len(customers))
        customers.append(customer)
        plans[customer] = rng.choices(range(len(_PLANS)), _PLAN_SHARES)[0]
        return changes(at, "new", customer, 0, _PLANS[plans[customer]])

    def moves(at: int, kind: Kind, customer: str) -> Subscription:
        before = plans.pop(customer)
        if kind == "cancel":
            return changes(at, kind, customer, _PLANS[before], 0)
        rises = before == 0 or (kind == "expansion" and before < len(_PLANS) - 1)
        plans[customer] = before + (1 if rises else -1)
        return changes(at, "expansion" if rises else "contraction", customer, _PLANS[before], _PLANS[plans[customer]])

    for at in sorted(desk.midnight - rng.randrange(*_PAST) for _ in range(SUBSCRIBERS)):
        yield subscribes(at)
    at = desk.midnight - _PAST[0]
    while True:
        at += round(rng.expovariate(_MOVES_A_DAY / DAY))
        kind, customer = rng.choices(tuple(_MOVES), tuple(_MOVES.values()))[0], rng.choice(customers)
        if kind == "new":
            yield subscribes(at)
        elif customer in plans:
            yield moves(at, kind, customer)


def postings(desk: Desk, rate_at: Callable[[int], float]) -> Iterator[Cost | Revenue]:
    """What an hour costs and brings, at its beginning; `rate_at` gives conversations a minute at an instant (ms)."""
    rng = Random(f"{desk.run}/postings")  # noqa: S311
    for number, at in enumerate(count(desk.begin, HOUR)):
        cost = _COST * 60 * rate_at(at + HOUR // 2)
        for kind, name, amount in (
            (Cost, "cost", cost * rng.uniform(0.95, 1.05)),
            (Revenue, "revenue", cost / _COST_RATIO * rng.uniform(0.8, 1.2)),
        ):
            period: dict[str, Any] = {"period_start_at": at, "period_end_at": at + HOUR, "currency": CURRENCY}
            yield kind(**_common(desk, name, number, at), amount=round(amount, -3), **period)


def visits(desk: Desk, instants: Iterator[int]) -> Iterator[list[Visit | Conversion]]:
    """A visit at each of the instants, and what the visitor does then."""
    rng = Random(f"{desk.run}/visits")  # noqa: S311
    for number, at in enumerate(instants):
        visitor = f"visit-{rng.randrange(_VISITORS):05d}"
        story: list[Visit | Conversion] = [Visit(**_common(desk, "visit", number, at), visitor_id=visitor)]
        if rng.random() < _CONVERSION:
            later = at + round(draw_s(rng, 240, 0.7) * 1000)
            story.append(Conversion(**_common(desk, "conversion", number, later), visitor_id=visitor))
        yield story


def _common(desk: Desk, what: str, number: int, at: int) -> dict[str, Any]:
    return {"v": 1, "tenant": desk.tenant, "event_id": f"{what}-{desk.run}-{number}", "at": at}
