"""Occupancy: the minutes in which agents had an open conversation assigned, over those in which they were online.

A source partition keeps, by scope and agent, how many conversations occupied each minute (`Occupied`), and tells the
minutes. A roll-up unites what the partitions tell (`Online`, `Occupancy`) and counts the minutes of a window:

    occupancy_ratio = minutes occupied and online / minutes online

Agents are named as scopes name them, percent-encoded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tables.bits import MOST, NONE, Bits, decode_told, encode_told, touched, union
from tables.days import QUARTER
from tables.facts import MINUTE


class Occupied:
    """In which minutes conversations occupied one agent, in one scope and source partition.

    Each minute has a binary counter. They are kept by digit: bit n of the number `_digits[k]` is the digit k of the
    counter of the minute `_base` + n, so that a stretch of any length is counted in one addition with carry.
    """

    __slots__ = ("_base", "_digits", "_first", "_running")

    def __init__(self, first: int) -> None:
        self._first = first
        """Minutes before this one are not counted any more."""
        self._base = first
        self._digits: list[int] = []
        self._running: dict[int, int] = {}
        """How many stretches go on, by the minute they began in."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to tell."""
        return not self._digits and not self._running

    def add(self, start: int, end: int, sign: int = 1) -> None:
        """Count the stretch from `start` to before `end` (ms), or, with the sign -1, take back one that was counted."""
        first, last = touched(start, end)
        self.discard(last - MOST)
        first = max(first, self._first)
        if first > last:
            return
        if not self._digits:
            self._base = first
        elif first < self._base:
            self._digits = [digit << (self._base - first) for digit in self._digits]
            self._base = first
        row = ((1 << (last - first + 1)) - 1) << (first - self._base)
        if sign > 0:
            self._count(row)
        else:
            self._take_back(row)

    def _count(self, carry: int) -> None:
        digits = self._digits
        for place, digit in enumerate(digits):
            digits[place], carry = digit ^ carry, digit & carry
            if not carry:
                return
        digits.append(carry)

    def _take_back(self, borrow: int) -> None:
        digits = self._digits
        borrow &= self._ended()  # a minute that has been let go of, or was never counted, stays at nothing
        for place, digit in enumerate(digits):
            digits[place], borrow = digit ^ borrow, ~digit & borrow
        self._strip()

    def _strip(self) -> None:
        while self._digits and not self._digits[-1]:
            self._digits.pop()

    def _ended(self) -> int:
        bits = 0
        for digit in self._digits:
            bits |= digit
        return bits

    def begin(self, since: int) -> None:
        """A stretch goes on from `since` (ms)."""
        self._run(since // MINUTE, 1)

    def end(self, since: int) -> None:
        """A stretch that went on from `since` (ms) does so no more; what is left of it is to be added."""
        self._run(since // MINUTE, -1)

    def _run(self, minute: int, amount: int) -> None:
        count = self._running.get(minute, 0) + amount
        if count:
            self._running[minute] = count
        else:
            del self._running[minute]

    def discard(self, before: int) -> None:
        """Let go of the minutes before this one. What has not been told of them is lost."""
        if before <= self._first:
            return
        self._first = before
        if before > self._base:
            self._digits = [digit >> (before - self._base) for digit in self._digits]
            self._base = before
            self._strip()

    def payload(self) -> bytes:
        """What the roll-up is told; see `tables.bits.Told`."""
        since = min((minute for minute, count in self._running.items() if count > 0), default=-1)
        return encode_told(self._first, Bits(self._base, self._ended()), since)


# -- the roll-up's side -----------------------------------------------------------------------------------


class Part(NamedTuple):
    """What one source partition has told of an agent last, and the minutes known of it."""

    epoch: int
    seq: int
    payload: bytes
    minutes: Bits


class ByAgent:
    """Minutes by agent, as the source partitions tell them."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[int, Part]] = {}
        self._minutes: dict[str, Bits] = {}
        self._stale: set[str] = set()
        """Agents of whom something has come since `minutes` was asked for."""
        self._oldest = 0

    def put(self, agent: str, partition: int, epoch: int, seq: int, payload: bytes) -> bool:
        """Take over what a partition tells of an agent; False if something newer is known."""
        parts = self._parts.setdefault(agent, {})
        held = parts.get(partition)
        if held is not None and (held.epoch, held.seq) >= (epoch, seq):
            return False
        told = decode_told(payload)
        minutes = told.minutes()
        if held is not None:
            minutes = union((minutes, held.minutes.before(told.first)))
        parts[partition] = Part(epoch, seq, payload, minutes)
        self._stale.add(agent)
        return True

    def held(self, agent: str, partition: int) -> Part | None:
        """What a partition has told of an agent last."""
        return self._parts.get(agent, {}).get(partition)

    def forget(self, partition: int, epoch: int, oldest: int) -> bool:
        """Drop what owners before `epoch` have told of a partition from the minute `oldest` on; whether there was any.

        What is older the owner of now no longer knows: it stands.
        """
        found = [agent for agent, parts in self._parts.items() if partition in parts and parts[partition].epoch < epoch]
        for agent in found:
            part = self._parts[agent][partition]
            minutes = part.minutes.before(oldest)
            if minutes.bits:
                self._parts[agent][partition] = part._replace(minutes=minutes)
            else:
                del self._parts[agent][partition]
        self._stale.update(found)
        return bool(found)

    def discard(self, oldest: int) -> None:
        """Nobody will ask for a minute before this one. Cheap to call at any time: it acts once in a quarter-hour."""
        if oldest < self._oldest + QUARTER:
            return
        self._oldest = oldest
        for agent, parts in self._parts.items():
            cut = {each: part._replace(minutes=part.minutes.cut(oldest)) for each, part in parts.items()}
            self._parts[agent] = {each: part for each, part in cut.items() if part.minutes.bits}
        self._stale.update(self._parts)

    def minutes(self) -> dict[str, Bits]:
        """The minutes of every agent of whom any are known; those to come of a stretch that goes on included."""
        for agent in self._stale:
            parts = self._parts.get(agent)
            if parts:
                self._minutes[agent] = union(part.minutes for part in parts.values())
            else:
                self._parts.pop(agent, None)
                self._minutes.pop(agent, None)
        self._stale.clear()
        return self._minutes


class Online(ByAgent):
    """The minutes in which the agents of a tenant were online or busy."""


class Counted(NamedTuple):
    """Of one agent: what was counted, for which minutes, and what came out, occupied first."""

    own: Bits
    online: Bits
    span: tuple[tuple[int, ...], int]
    row: tuple[int, ...]


class Occupancy(ByAgent):
    """The minutes in which conversations of one scope (`tenant`, `team:*` or `agent:*`) occupied agents."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self._kind, _, self._name = scope.partition(":")
        self._counted: dict[str, Counted] = {}
        """By agent, what was counted last: most of them have not changed when the scope is counted again."""

    def count(self, first: int, last: int, online: Online, members_from: int) -> tuple[int, int]:
        """Agent-minutes (occupied and online, online) of the minutes `first` to `last`; see `counts`."""
        return self.counts((first,), last, online, members_from)[0]

    def counts(self, firsts: tuple[int, ...], last: int, online: Online, members_from: int) -> list[tuple[int, int]]:
        """Agent-minutes (occupied and online, online) of the minutes from each of `firsts` to `last`, which is reached.

        `online` is of the scope's tenant. A team's agents are those whom a conversation of the team occupied in the
        minutes `members_from` to `last`; the first of these is the local day's.
        """
        mine, theirs = self.minutes(), online.minutes()
        known, span = self._counted, (firsts, last)
        rows = []
        for agent in self._agents(mine, theirs, members_from, last):
            own, there = mine.get(agent, NONE), theirs.get(agent, NONE)
            held = known.get(agent)
            if held is None or held.own is not own or held.online is not there or held.span != span:
                both = own.both(there)
                row = (*(both.count(first, last) for first in firsts), *(there.count(first, last) for first in firsts))
                held = known[agent] = Counted(own, there, span, row)
            rows.append(held.row)
        totals = [sum(column) for column in zip(*rows, strict=True)] or [0] * (2 * len(firsts))
        return list(zip(totals[: len(firsts)], totals[len(firsts) :], strict=True))

    def _agents(self, mine: dict[str, Bits], theirs: dict[str, Bits], members_from: int, last: int) -> Iterable[str]:
        if self._kind == "agent":
            return (self._name,)
        if self._kind == "team":
            return [agent for agent, minutes in mine.items() if minutes.count(members_from, last)]
        return theirs

    def discard(self, oldest: int) -> None:
        """As of every kind; and forget agents who are gone."""
        if oldest >= self._oldest + QUARTER:
            self._counted.clear()
        super().discard(oldest)
