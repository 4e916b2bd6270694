"""Believable customer-service traffic for the demo: the local day so far, then what comes, seeded and without a clock.

Arrivals are a Poisson process whose rate follows the hour and is random by itself (Gamma-Poisson, as call volumes are);
how a conversation goes is in `agents/traffic_plan.py`. The same arguments give the same events.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Final, Literal
from zoneinfo import ZoneInfo

from agents.traffic_plan import DAY, HOUR, SHIFT, TEAMS, Desk, conversation, shift_of
from streams.codecs import key_of
from streams.events import Presence
from tables.days import day_start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.events import Event

TENANT: Final = "acme"
ZONE: Final = "Asia/Jakarta"

_HOURS: Final = (18, 12, 9, 8, 9, 14, 26, 45, 70, 90, 100, 98, 82, 86, 96, 94, 88, 80, 74, 76, 70, 56, 40, 27)
"""Arrivals by hour of the local day, in percent of the busiest."""
_BLEND: Final = 90 * 60_000
"""Before the demo starts, for so long the rate of the hour turns into the rate that was asked for."""
_SPELL: Final = 5 * 60_000
"""The rate keeps its chance factor for so long."""
_EVENNESS: Final = 25.0
"""Shape of the gamma distribution of that factor: a standard deviation of a fifth."""
_CAPACITY: Final = 5

State = Literal["online", "away", "offline"]
Keyed = tuple[bytes, "Event"]


class Traffic:
    """One run's traffic: `day_so_far` once, then `live` goes on where it ended, open conversations included.

    `now_ms` is the instant at which the run starts; from there on about `rate_per_minute` conversations begin each
    minute, before it as many as the hour suggests. `seed` is part of every id: runs into one topic need different ones.
    """

    def __init__(
        self, now_ms: int, rate_per_minute: float, seed: int = 0, *, tenant: str = TENANT, zone: str = ZONE
    ) -> None:
        self._now = now_ms
        self._rate = rate_per_minute
        self._midnight = day_start(now_ms, ZoneInfo(zone))
        date = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=now_ms)).astimezone(ZoneInfo(zone)).date()
        self._desk = Desk(tenant, f"{date:%y%m%d}-{seed:x}", self._midnight)
        self._rng = Random(f"{self._desk.run}/conversations")  # noqa: S311 - nothing secret
        self._events = self._in_order()
        self._first: Keyed | None = None

    def day_so_far(self) -> list[Keyed]:
        """Every event from local midnight up to `now_ms`, in order of `at`."""
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
        """Conversations are made up whole when they begin; their events wait here for their instants."""
        waiting: list[tuple[int, int, bytes, Event]] = []
        number = count()

        def put(event: Event) -> None:
            heappush(waiting, (event.at, next(number), key_of(event), event))

        for at, what in self._beginnings():
            while waiting and waiting[0][0] < at:
                _, _, key, event = heappop(waiting)
                yield key, event
            if isinstance(what, Presence):
                put(what)
                continue
            for each in conversation(self._rng, self._desk, what, at):
                put(each)

    def _beginnings(self) -> Iterator[tuple[int, int | Presence]]:
        """Instants at which a conversation begins, with its number, and the agents' comings and goings between."""
        presence = self._presence()
        coming = next(presence)
        for number, at in enumerate(self._arrivals()):
            while coming.at <= at:
                yield coming.at, coming
                coming = next(presence)
            yield at, number

    # -- arrivals -------------------------------------------------------------------------------------

    def _arrivals(self) -> Iterator[int]:
        rng = self._rng
        spell = self._midnight
        while True:
            # Within a spell the rate of its beginning: exact enough for five minutes.
            rate = self._rate_at(spell) / 60_000 * rng.gammavariate(_EVENNESS, 1 / _EVENNESS)
            at, end = spell + rng.expovariate(rate), spell + _SPELL
            while at < end:
                yield round(at)
                at += rng.expovariate(rate)
            spell = end

    def _rate_at(self, at: int) -> float:
        """Conversations a minute."""
        hour, within = divmod((at - self._midnight) % DAY, HOUR)
        share = _HOURS[hour] + (_HOURS[(hour + 1) % 24] - _HOURS[hour]) * within / HOUR
        asked = min(1.0, max(0.0, 1 - (self._now - at) / _BLEND))
        return self._rate * (asked + (1 - asked) * share / 100)

    # -- agents ---------------------------------------------------------------------------------------

    def _presence(self) -> Iterator[Presence]:
        """Shifts begin within five minutes of the hour and are broken by half an hour's rest."""
        rng = Random(f"{self._desk.run}/shifts")  # noqa: S311
        ahead: list[tuple[int, str, State]] = []
        # Who began yesterday still works at midnight.
        for midnight in count(self._midnight - DAY, DAY):
            for agent in (agent for team in TEAMS.values() for agent in team):
                start = midnight + shift_of(agent) * HOUR + rng.randrange(300_000)
                rest = start + rng.randrange(3 * HOUR, 5 * HOUR)
                end = start + SHIFT - rng.randrange(HOUR // 4)
                changes: tuple[tuple[int, State], ...] = (
                    (start, "online"),
                    (rest, "away"),
                    (rest + HOUR // 2, "online"),
                    (end, "offline"),
                )
                if midnight < self._midnight:
                    changes = _from(self._midnight, changes)
                for at, state in changes:
                    heappush(ahead, (at, agent, state))
            while ahead[0][0] < midnight + DAY:
                yield self._state(*heappop(ahead))

    def _state(self, at: int, agent: str, state: State) -> Presence:
        return Presence(
            v=1,
            tenant=self._desk.tenant,
            event_id=f"{agent}-{self._desk.run}-{at}",
            at=at,
            agent_id=agent,
            state=state,
            capacity=_CAPACITY,
        )


def _from(instant: int, changes: tuple[tuple[int, State], ...]) -> tuple[tuple[int, State], ...]:
    """What an agent's changes look like to somebody who watches from `instant` on."""
    before = [state for at, state in changes if at < instant]
    after = tuple(each for each in changes if each[0] >= instant)
    return ((instant, before[-1]), *after) if after and before else after


def day_so_far(now_ms: int, rate_per_minute: float, seed: int = 0) -> list[Keyed]:
    """The tenant's local day up to `now_ms`, as (key, event) in order of `at`."""
    return Traffic(now_ms, rate_per_minute, seed).day_so_far()


def live(now_ms: int, rate_per_minute: float, seed: int = 0) -> Iterator[Keyed]:
    """What follows `day_so_far` with the same arguments, without end. Makes that day up again: `Traffic` does not."""
    return Traffic(now_ms, rate_per_minute, seed).live()
