"""Believable customer-service traffic for the demo: the local day so far, then what comes, seeded and without a clock.

Arrivals are a Poisson process whose rate follows the hour and is random by itself (Gamma-Poisson, as call volumes are).
How a conversation goes is in `agents/traffic_plan.py`, who answers in `agents/traffic_staff.py`, what the house earns
in `agents/traffic_business.py`. The same arguments give the same events.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush, merge
from itertools import count
from operator import attrgetter
from random import Random
from typing import TYPE_CHECKING, Final, TypeVar
from zoneinfo import ZoneInfo

from agents.traffic_business import postings, subscriptions, visits
from agents.traffic_house import DAY, HOUR, Desk
from agents.traffic_plan import conversation
from agents.traffic_staff import Staff
from streams.codecs import key_of
from streams.events import Event, Presence
from tables.days import day_start

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

TENANT: Final = "acme"
ZONE: Final = "Asia/Jakarta"

_HOURS: Final = (18, 12, 9, 8, 9, 14, 26, 45, 70, 90, 100, 98, 82, 86, 96, 94, 88, 80, 74, 76, 70, 56, 40, 27)
"""Arrivals by hour of the local day, in percent of the busiest."""
_EVENING: Final = HOUR
"""So long before the day conversations begin: figures have a past just after midnight, and customers of yesterday
come back today. At most two hours, for samples are kept for 26."""
_BLEND: Final = 90 * 60_000
"""Before the demo starts, for so long the rate of the hour turns into the rate that was asked for."""
_PAST: Final = 5_000
"""Conversations before that, at most. A busier day is quietened down: a worker that needs minutes for the day so far
shows figures of the morning meanwhile."""
_SPELL: Final = 5 * 60_000
"""The rate keeps its chance factor for so long."""
_EVENNESS: Final = 25.0
"""Shape of the gamma distribution of that factor: a standard deviation of a fifth."""
_VISITS: Final = 0.5
"""Visits to the shop, for each conversation."""
_CAPACITY: Final = 5

Keyed = tuple[bytes, Event]
E = TypeVar("E", bound=Event)


class Traffic:
    """One run's traffic: `day_so_far` once, then `live` goes on where it ended, open conversations included.

    `now_ms` is the instant at which the run starts; from there on about `rate_per_minute` conversations begin each
    minute, before it as many as the hour suggests, or fewer. `seed` is part of every id: runs into one topic need
    different ones.
    """

    def __init__(self, now_ms: int, rate_per_minute: float, seed: int = 0) -> None:
        self._now = now_ms
        self._rate = rate_per_minute
        zone = ZoneInfo(ZONE)
        midnight = day_start(now_ms, zone)
        date = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=now_ms)).astimezone(zone).date()
        run = f"{date:%y%m%d}-{seed:x}"
        self._desk = Desk(TENANT, run, midnight, midnight - _EVENING, Staff(run, midnight))
        past = range(self._desk.begin, now_ms - _BLEND, _SPELL)
        expected = rate_per_minute * _SPELL / 60_000 * sum(map(self._share_at, past))
        self._quiet = min(1.0, _PAST / max(1.0, expected))
        self._events = self._in_order()
        self._first: Keyed | None = None

    def day_so_far(self) -> list[Keyed]:
        """Every event up to `now_ms`, in order of `at`: of the local day, and of what it has from before."""
        day: list[Keyed] = []
        for keyed in self._events:
            if keyed[1].at > self._now:
                self._first = keyed  # no longer of the day, but already taken
                break
            day.append(keyed)
        return day

    def live(self) -> Iterator[Keyed]:
        """Every event after `now_ms`, in order of `at`, without end; the caller waits for each one's instant."""
        if self._first is None:
            self.day_so_far()
        if self._first is not None:
            yield self._first
        yield from self._events

    def _in_order(self) -> Iterator[Keyed]:
        desk = self._desk
        streams: tuple[Iterator[Event], ...] = (
            self._presence(),
            in_order(self._conversations()),
            in_order(visits(desk, self._arrivals("visitors", _VISITS))),
            postings(desk, self._rate_at),
            subscriptions(desk),
        )
        return ((key_of(event), event) for event in merge(*streams, key=attrgetter("at")))

    def _presence(self) -> Iterator[Presence]:
        # Not of the evening before: a worker has settled the agent-minutes of that day before it hears of it.
        for number, (at, agent, state) in enumerate(self._desk.staff.changes(self._desk.midnight)):
            yield Presence(
                v=1,
                tenant=self._desk.tenant,
                event_id=f"presence-{self._desk.run}-{number}",
                at=at,
                agent_id=agent,
                state=state,
                capacity=_CAPACITY,
            )

    def _conversations(self) -> Iterator[Sequence[Event]]:
        rng = Random(f"{self._desk.run}/conversations")  # noqa: S311 - nothing secret
        for number, at in enumerate(self._arrivals("arrivals", 1)):
            yield conversation(rng, self._desk, number, at)

    def _arrivals(self, what: str, share: float) -> Iterator[int]:
        """Instants (ms) of something that is so many times as frequent as conversations."""
        rng = Random(f"{self._desk.run}/{what}")  # noqa: S311
        for spell in count(self._desk.begin, _SPELL):
            # Within a spell the rate of its beginning: exact enough for five minutes.
            rate = share * self._rate_at(spell) / 60_000 * rng.gammavariate(_EVENNESS, 1 / _EVENNESS)
            at = spell + rng.expovariate(rate)
            while at < spell + _SPELL:
                yield round(at)
                at += rng.expovariate(rate)

    def _rate_at(self, at: int) -> float:
        """Conversations a minute."""
        asked = min(1.0, max(0.0, 1 - (self._now - at) / _BLEND))
        return self._rate * (asked + (1 - asked) * self._quiet * self._share_at(at))

    def _share_at(self, at: int) -> float:
        """The rate of the hour, as a share of that of the busiest."""
        hour, within = divmod((at - self._desk.midnight) % DAY, HOUR)
        return (_HOURS[hour] + (_HOURS[(hour + 1) % 24] - _HOURS[hour]) * within / HOUR) / 100


def in_order(stories: Iterable[Sequence[E]]) -> Iterator[E]:
    """The events of stories that begin one after another: each is made up whole and its events wait for their time."""
    waiting: list[tuple[int, int, E]] = []
    number = count()
    for story in stories:
        while waiting and waiting[0][0] < story[0].at:
            yield heappop(waiting)[2]
        for event in story:
            heappush(waiting, (event.at, next(number), event))


def day_so_far(now_ms: int, rate_per_minute: float, seed: int = 0) -> list[Keyed]:
    """The tenant's local day up to `now_ms`, as (key, event) in order of `at`."""
    return Traffic(now_ms, rate_per_minute, seed).day_so_far()


def live(now_ms: int, rate_per_minute: float, seed: int = 0) -> Iterator[Keyed]:
    """What follows `day_so_far` with the same arguments, without end. Makes that day up again: `Traffic` does not."""
    return Traffic(now_ms, rate_per_minute, seed).live()
