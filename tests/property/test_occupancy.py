"""Occupancy as partitions tell it and a roll-up counts it, against a pane-by-pane reading."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.codecs import encode_id
from streams.events import Presence
from tables.bits import MOST, Bits, decode_told, touched, union
from tables.history import WORK_KEPT
from tables.occupancy import Occupancy, Occupied, Online
from tables.presence import Presences
from tests.oracle.presence import Stretch, agents_online, occupancy

MINUTE = 60_000
START = 30_000_000
"""A minute; the local day begins an hour later."""
DAY = START + 60
AGENTS = ("ana", "b/1", "c")
TEAMS = (None, "vip", "t:2")
SCOPES = ("tenant", "team:vip", "team:t%3A2", "agent:ana", "agent:b%2F1", "agent:c")
PARTITIONS = 2


class Desk:
    """Source partitions and a roll-up, with what the oracle needs to know."""

    def __init__(self) -> None:
        self.arrivals: list[dict[str, Any]] = []
        self.stretches: list[tuple[int, Stretch]] = []
        self.changelog: dict[bytes, bytes] = {}
        self.presences = [Presences() for _ in range(PARTITIONS)]
        self.occupied: list[dict[tuple[str, str], Occupied]] = [{} for _ in range(PARTITIONS)]
        self.dirty: set[tuple[int, str, str]] = set()
        self.online = Online()
        self.scopes = {scope: Occupancy(scope) for scope in SCOPES}
        self.epochs = [0] * PARTITIONS
        self.told: list[tuple[str, str, int, int, int, bytes]] = []
        self.steps = 0
        self.clock = 0
        self.windows_from = 0
        """Where new counts begin."""

    def presence(self, agent: str, at: int, state: str, event_id: str) -> None:
        fields = {"tenant": "acme", "agent_id": agent, "at": at, "state": state, "event_id": event_id}
        self.arrivals.append(fields)
        self.clock = max(self.clock, at)
        event = Presence(v=1, **fields)  # type: ignore[arg-type]
        folded = self.presences[AGENTS.index(agent) % PARTITIONS].fold(event, len(self.arrivals), self.clock)
        self.changelog[folded.key] = folded.value
        self.steps += folded.step

    def stretch(self, partition: int, stretch: Stretch) -> None:
        self.stretches.append((partition, stretch))
        self.clock = max(self.clock, stretch.end or stretch.start)
        self.book(partition, stretch, 1)

    def back(self, place: int) -> None:
        if self.stretches:
            partition, stretch = self.stretches.pop(place % len(self.stretches))
            self.book(partition, stretch, -1)

    def book(self, partition: int, stretch: Stretch, sign: int) -> None:
        agent = encode_id(stretch.agent)
        scopes = ["tenant", f"agent:{agent}"] + ([f"team:{encode_id(stretch.team)}"] if stretch.team else [])
        for scope in scopes:
            held = self.occupied[partition].get((scope, agent))
            if held is None:
                held = self.occupied[partition][scope, agent] = Occupied(self.windows_from)
            if stretch.end is not None:
                held.add(stretch.start, stretch.end, sign)
            elif sign > 0:
                held.begin(stretch.start)
            else:
                held.end(stretch.start)
            self.dirty.add((partition, scope, agent))

    def tell(self, partition: int) -> None:
        for _, agent_id, payload in self.presences[partition].tell():
            self.send("", encode_id(agent_id), partition, payload)
        for each, scope, agent in sorted(self.dirty):
            if each == partition:
                self.dirty.remove((each, scope, agent))
                self.send(scope, agent, partition, self.occupied[partition][scope, agent].payload())

    def send(self, scope: str, agent: str, partition: int, payload: bytes) -> None:
        self.told.append((scope, agent, partition, self.epochs[partition], len(self.told), payload))
        assert self.hand_over(len(self.told) - 1)

    def hand_over(self, place: int) -> bool:
        scope, *told = self.told[place]
        return (self.scopes[scope] if scope else self.online).put(*told)  # type: ignore[arg-type]

    def again(self, place: int) -> None:
        """Something told before comes once more, behind what was told after it."""
        if self.told:
            scope, agent, partition, epoch, *_ = self.told[place % len(self.told)]
            if epoch == self.epochs[partition]:
                assert not self.hand_over(place % len(self.told)), (scope, agent)

    def restart(self, partition: int) -> None:
        """A new owner has the changelog and nothing else."""
        self.epochs[partition] += 1
        self.presences[partition] = Presences()
        for key, value in self.changelog.items():
            if AGENTS.index(key.decode().partition("/")[2]) % PARTITIONS == partition:
                self.presences[partition].restore(key, value)
        self.occupied[partition] = {}
        self.dirty = {each for each in self.dirty if each[0] != partition}
        for place, stretch in self.stretches:
            if place == partition:
                self.book(partition, stretch, 1)
        for _, agent_id, payload in self.presences[partition].tell_all():
            self.send("", encode_id(agent_id), partition, payload)
        self.tell(partition)
        for holder in (self.online, *self.scopes.values()):
            holder.forget(partition, self.epochs[partition], 0)

    def look(self) -> None:
        """What is counted now must not stay as it is."""
        for holder in self.scopes.values():
            holder.count(DAY, DAY + 60, self.online, DAY)

    def assert_counts(self, first: int, last: int, day: int = DAY) -> None:
        conversations = [stretch for _, stretch in self.stretches]
        for scope, holder in self.scopes.items():
            expected = occupancy(scope, self.arrivals, conversations, range(first, last + 1), range(day, last + 1))
            assert holder.count(first, last, self.online, day) == expected, (scope, first - START, last - START)


# -- any order of arrival, taken back, told late, told twice, told by another owner ------------------------------

instants = st.builds(
    lambda quarter, off: START * MINUTE + quarter * 15_000 + off, st.integers(0, 480), st.sampled_from([-1, 0, 1])
)
presences = st.tuples(
    st.just("presence"),
    st.sampled_from(AGENTS),
    instants,
    st.sampled_from(["online", "busy", "away", "offline"]),
    st.integers(0, 99).map(str),
)
stretches = st.tuples(
    st.just("stretch"),
    st.integers(0, PARTITIONS - 1),
    st.builds(
        lambda agent, team, start, length: Stretch(agent, team, start, None if length is None else start + length),
        st.sampled_from(AGENTS),
        st.sampled_from(TEAMS),
        instants,
        st.one_of(st.none(), st.integers(0, 8).map(lambda n: n * 30_000), st.integers(0, 3_000_000)),
    ),
)
others = st.one_of(
    st.tuples(st.sampled_from(["tell", "restart"]), st.integers(0, PARTITIONS - 1)),
    st.tuples(st.sampled_from(["back", "again"]), st.integers(0, 99)),
    st.just(("look",)),
)
scripts = st.lists(st.one_of(presences, presences, stretches, stretches, others), max_size=40)


@given(scripts, st.lists(st.tuples(st.integers(START - 2, START + 175), st.integers(1, 60)), min_size=1, max_size=4))
def test_what_is_told_is_what_was(script: list[Any], windows: list[tuple[int, int]]) -> None:
    desk = Desk()
    for name, *arguments in script:
        getattr(desk, name)(*arguments)
    for partition in range(PARTITIONS):
        desk.tell(partition)
    for first, length in windows:
        desk.assert_counts(first, first + length - 1)
    online = {agent for each in desk.presences for (_, agent), is_online in each.everybody() if is_online}
    assert online == agents_online(desk.arrivals)
    assert desk.steps == len(online)


# -- days, of which partitions keep the last ---------------------------------------------------------------------

days = st.lists(
    st.tuples(
        st.integers(0, 6 * 24 * 4),
        st.one_of(
            st.tuples(st.sampled_from(AGENTS), st.sampled_from(["online", "offline"])),
            st.tuples(st.sampled_from(AGENTS), st.sampled_from(TEAMS), st.integers(1, 3_000)),
        ),
        st.booleans(),
    ),
    max_size=30,
)


@given(days, st.integers(0, 6 * 1440))
def test_a_partition_far_ahead_of_the_others_takes_nothing_from_them(script: list[Any], first: int) -> None:
    """Quarter-hours close by the least clock: what partitions let go of once it was told is still counted."""
    desk = Desk()
    for quarter, what, tells in sorted(script, key=lambda each: each[0]):
        at = START * MINUTE + quarter * 900_000 + 7
        if len(what) == 2:
            desk.presence(what[0], at, what[1], f"{len(desk.arrivals):03d}")
        else:
            agent, team, minutes = what
            desk.stretch(0, Stretch(agent, team, at - minutes * MINUTE // 2, at))
        if tells:
            desk.tell(0)
            desk.tell(1)
            desk.windows_from = max(desk.clock // MINUTE - WORK_KEPT, 0)
            for held in desk.occupied[0].values():
                held.discard(desk.windows_from)
            desk.occupied[0] = {key: held for key, held in desk.occupied[0].items() if not held.empty}
    desk.tell(0)
    desk.tell(1)
    desk.assert_counts(START + first, START + first + 14, START + first - first % 1440)
    newest = desk.clock // MINUTE
    for holder in (desk.online, *desk.scopes.values()):
        holder.discard(newest - 1440)
    desk.assert_counts(newest - 1440, newest, newest - 1440)


# -- parts -------------------------------------------------------------------------------------------------------

spans = st.tuples(st.integers(0, 12 * MINUTE), st.integers(0, 5 * MINUTE)).map(lambda each: (each[0], sum(each)))


@given(st.lists(st.one_of(spans.map(lambda span: (*span, 1)), st.integers(0, 9), st.just("discard")), max_size=30))
def test_counters_count_every_minute(script: list[Any]) -> None:
    """A number takes back one of the stretches counted before; minutes let go of stay out."""
    occupied, plain, counted, oldest = Occupied(0), Counter[int](), list[tuple[int, int]](), 0
    for step in script:
        if step == "discard":
            oldest += 2
            occupied.discard(oldest)
        elif isinstance(step, tuple):
            counted.append(step[:2])
            occupied.add(*step)
            plain.update(range(touched(*step[:2])[0], touched(*step[:2])[1] + 1))
        elif counted:
            span = counted.pop(step % len(counted))
            occupied.add(*span, -1)
            plain.subtract(range(touched(*span)[0], touched(*span)[1] + 1))
        told = decode_told(occupied.payload())
        assert told.first == oldest
        minutes = {minute for minute, count in plain.items() if count and minute >= oldest}
        assert {minute for minute in range(60) if told.minutes().count(minute, minute)} == minutes
    for span in counted:
        occupied.add(*span, -1)
    assert occupied.empty


some_bits = st.one_of(
    st.builds(Bits, st.integers(0, 20), st.integers(0, 2**12 - 1)), st.builds(Bits.since, st.integers(0, 30))
)


def held(bits: Bits) -> set[int]:
    return {minute for minute in range(40) if bits.count(minute, minute)}


@given(some_bits, some_bits, st.integers(0, 40), st.integers(0, 40))
def test_bits_are_sets_of_minutes(one: Bits, other: Bits, first: int, last: int) -> None:
    assert held(union([one, other])) == held(one) | held(other)
    assert held(one.both(other)) == held(one) & held(other)
    assert held(one.before(first)) == {minute for minute in held(one) if minute < first}
    assert held(one.cut(first)) == {minute for minute in held(one) if minute >= first}
    assert one.count(first, last) == len({minute for minute in held(one) if first <= minute <= min(last, 39)}) + (
        last == 40 and first <= 40 and one.bits < 0
    )


@given(st.lists(st.integers(0, 40_000_000), min_size=1, max_size=5))
def test_bits_far_apart_cost_little(bases: list[int]) -> None:
    found = union([Bits.of(base, base + 5) for base in bases])
    assert found.bits.bit_length() <= MOST + 6
    assert found.count(max(bases), max(bases) + 5) == 6
