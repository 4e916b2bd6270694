"""Threshold alerts against the plain reading, through restarts, and with values out of order."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.engine.ports import Output
from tables.settings_model import AlertRule
from tables.thresholds import Rule, Watches, rule_of
from tests.oracle import thresholds as oracle

TENANT, SCOPE, WINDOW = "acme", "agent:ana/channel:chat", "now"
AGE, SINCE = "oldest_waiting_s", "oldest_waiting_at"
LAST = 120
"""The instant at which every run ends; instants are ms."""

unhurried = settings(deadline=None)  # a busy machine is no bug

Step = tuple[int, float | None]


@st.composite
def entries(draw: st.DrawFn, metrics: tuple[str, ...] = ("backlog_open", AGE)) -> dict[str, Any]:
    """A rule of the settings file; limits of ages within the run, those of others among few values."""
    metric = draw(st.sampled_from(metrics))
    low, high = sorted(draw(st.tuples(st.integers(0, 4), st.integers(0, 4))))
    unit = 0.01 if metric == AGE else 1
    way = draw(st.sampled_from(["below", "above"]))
    threshold, clear = (low, high) if way == "below" else (high, low)
    rule: dict[str, Any] = {"name": "a/b", "scope": "agent:*/channel:*", "metric": metric, "window": WINDOW}
    rule |= {way: threshold * unit, "no_data": draw(st.sampled_from(["resolve", "keep"]))}
    if draw(st.booleans()):
        rule["clear"] = clear * unit
    if draw(st.booleans()):
        rule["for_s"] = draw(st.integers(0, 40)) / 1000
    return rule


def series(metric: str) -> st.SearchStrategy[list[Step]]:
    """Values at instants in order, several at some; of an age, since when it grows."""
    values = st.integers(0, 4).map(float) if metric != AGE else st.integers(-50, LAST)
    some = st.lists(st.tuples(st.integers(0, LAST), st.none() | values), max_size=25)
    return some.map(lambda steps: sorted(steps, key=lambda step: step[0])).map(
        lambda steps: [(at, None if value is None or (metric == AGE and value > at) else value) for at, value in steps]
    )


runs = entries().flatmap(lambda entry: st.tuples(st.just(entry), series(entry["metric"])))


class Worker:
    """Holds the watches of one rule, and all that they give."""

    def __init__(self, rule: Rule, log: dict[bytes, bytes | None] | None = None) -> None:
        self.metric = rule.metric
        self.watches = Watches(lambda _: (rule,))
        self.log: dict[bytes, bytes | None] = {} if log is None else log
        for key, value in self.log.items():
            self.watches.restore(key, value)
        self.told: list[bytes] = []
        self.keep(self.watches.recovered())

    def observe(self, at: int, value: float | None) -> None:
        metrics = {SINCE: value, AGE: -1} if self.metric == AGE else {self.metric: value}
        self.keep(self.watches.observe(TENANT, SCOPE, WINDOW, metrics, at))

    def advance(self, at: int, *, final: bool = False) -> None:
        self.keep(self.watches.advance(at, final=final))

    def keep(self, outputs: list[Output]) -> None:
        self.log |= dict(self.watches.changes())
        self.told += [each.value for each in outputs if each.value is not None]


def plain(entry: dict[str, Any], steps: list[Step]) -> list[dict[str, Any]]:
    rule = oracle.rule_from(entry)
    values = oracle.ages(steps, rule) if rule.metric == AGE else steps
    return oracle.transitions(values, rule, TENANT, SCOPE, LAST)


def records(told: list[bytes]) -> list[dict[str, Any]]:
    return [{key: value for key, value in each.items() if key != "alert_id"} for each in map(msgspec.json.decode, told)]


def ids(told: list[bytes]) -> list[str]:
    return [msgspec.json.decode(each)["alert_id"] for each in told]


@unhurried
@given(runs, st.data())
def test_what_is_told_is_what_the_plain_reading_demands(
    run: tuple[dict[str, Any], list[Step]], data: st.DataObject
) -> None:
    """However often the clock is told on the way, and values are read again."""
    entry, steps = run
    worker = Worker(rule_of(AlertRule(**entry)))
    clock, value = 0, None
    for at, following in steps:
        for instant in sorted(data.draw(st.lists(st.integers(clock, at), max_size=2))):
            if data.draw(st.booleans()):
                worker.observe(instant, value)
            worker.advance(instant)
        clock, value = at, following
        worker.observe(at, value)
    worker.advance(LAST, final=True)
    assert records(worker.told) == plain(entry, steps)
    assert len(set(ids(worker.told))) == len(worker.told)
    assert not worker.watches.advance(LAST, final=True)


@unhurried
@given(runs, st.data())
def test_a_restart_changes_nothing(run: tuple[dict[str, Any], list[Step]], data: st.DataObject) -> None:
    """A worker dies anywhere: before it wrote the state, before it published, or after; the next one reads the state,
    and the values from the last one before what is lost, or from earlier on.
    """
    entry, steps = run
    rule = rule_of(AlertRule(**entry))
    worker, place = Worker(rule), 0
    arrived: list[bytes] = []
    while place < len(steps):
        at, value = steps[place]
        written, published = dict(worker.log), list(worker.told)
        worker.observe(at, value)
        place += 1
        what = data.draw(st.sampled_from(["nothing", "clock", "delivered", "dies early", "dies", "dies late"]))
        if what == "clock":
            worker.advance(at)
        elif what == "delivered":
            arrived += worker.told
            worker.told.clear()
            worker.watches.delivered()
            worker.keep([])
        elif what != "nothing":
            if what == "dies early":
                worker.log, worker.told, place = written, published, place - 1
            if what != "dies":
                arrived += worker.told
            place = data.draw(st.integers(max(0, place - 5), place))
            worker = Worker(rule, worker.log)
            worker.observe(*(steps[place - 1] if place else (0, None)))
    worker.advance(LAST, final=True)
    arrived += worker.told
    unique = dict(zip(ids(arrived), arrived, strict=True))
    assert all(unique[each] == value for each, value in zip(ids(arrived), arrived, strict=True))
    told = sorted(records(list(unique.values())), key=lambda each: (each["at"], each["started_at"]))
    assert told == plain(entry, steps)


@unhurried
@given(
    entries(("backlog_open",)), st.lists(st.tuples(st.integers(0, LAST), st.none() | st.integers(0, 4)), max_size=40)
)
def test_out_of_order_every_episode_still_is_one(entry: dict[str, Any], steps: list[Step]) -> None:
    """Values for instants already decided: instants only grow, and no transition is told twice."""
    worker = Worker(rule_of(AlertRule(**entry)))
    for place, (at, value) in enumerate(steps):
        worker.observe(at, value)
        if place % 3 == 0:
            worker.advance(at)
    worker.advance(2 * LAST, final=True)
    told = records(worker.told)
    assert len(set(ids(worker.told))) == len(told)
    instants = [each["at"] for each in told]
    assert instants == sorted(set(instants))
    states = Counter((each["started_at"], each["state"]) for each in told)
    assert set(states.values()) <= {1}
    following = {None: {"pending"} if entry.get("for_s") else {"firing"}, "pending": {"firing", "resolved"}}
    before = None
    for each in told:
        assert each["state"] in following.get(before, {"resolved"})
        before = None if each["state"] == "resolved" else each["state"]


@unhurried
@given(st.lists(runs, min_size=2, max_size=4))
def test_rules_do_not_mind_each_other(several: list[tuple[dict[str, Any], list[Step]]]) -> None:
    """One house with all rules, each in a scope of its own, tells what each would tell alone, in order of instants."""
    rules = [
        rule_of(AlertRule(**entry | {"name": f"r{n}", "scope": f"topic:{n}"})) for n, (entry, _) in enumerate(several)
    ]
    watches = Watches(lambda _: tuple(rules))
    told: list[bytes | None] = []
    for at in range(LAST + 1):
        told += [each.value for each in watches.advance(at)]
        for n, (_, steps) in enumerate(several):
            for instant, value in steps:
                if instant == at:
                    metrics = {SINCE: value} if rules[n].metric == AGE else {rules[n].metric: value}
                    assert not watches.observe(TENANT, f"topic:{n}", WINDOW, metrics, at)
    told += [each.value for each in watches.advance(LAST, final=True)]
    found = records([each for each in told if each is not None])
    assert [each["at"] for each in found] == sorted(each["at"] for each in found)
    for n, (entry, steps) in enumerate(several):
        expected = [each | {"rule": f"r{n}", "scope": f"topic:{n}"} for each in plain(entry, steps)]
        assert [each for each in found if each["rule"] == f"r{n}"] == expected
