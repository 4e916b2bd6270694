"""The roll-up: what it makes of partials that come late."""

import msgspec

from streams.engine.ports import Output, Record
from tables import partials
from tables.facts import MESSAGES_IN
from tables.rollup import Rollup
from tables.settings import Settings

MINUTE_MS = 60_000
NOW = 28_000_000 * MINUTE_MS
MINUTE = NOW // MINUTE_MS
PANE = b"0|acme|tenant|m%d" % MINUTE


class Bench:
    """A roll-up of one partition, and the log that it reads."""

    def __init__(self) -> None:
        self.log: list[Record] = []
        self.rollup = Rollup(0, 1, Settings.from_mapping({}))
        self.rollup.recovered(0)
        self.now = NOW

    def take(self, key: bytes, value: bytes) -> None:
        self.log.append(Record(key, value, len(self.log), self.now))
        self.rollup.apply(self.log[-1:], self.now)

    def pane(self, epoch: int, seq: int, messages: int, key: bytes = PANE) -> None:
        self.take(key, partials.encode(partials.Partial(epoch, seq, self.now, {MESSAGES_IN: messages})))

    def beat(self, epoch: int, seq: int) -> None:
        self.take(b"0|clock", partials.encode(partials.Beat(epoch, seq, self.now, 0, complete=True, final=False)))

    def due(self) -> list[Output]:
        """What is due a second later; what goes to the log is read back from it."""
        self.now += 1_000
        outputs = self.rollup.due(self.now)
        for each in outputs:
            if each.topic == partials.TOPIC:
                assert each.partition == 0
                self.take(each.key or b"", each.value or b"")
        return outputs

    def compacted(self) -> dict[bytes, bytes]:
        return {record.key or b"": record.value or b"" for record in self.log}


def messages_in(outputs: list[Output]) -> list[int]:
    records = [msgspec.json.decode(each.value or b"") for each in outputs if each.topic == "kpi"]
    return [each["metrics"]["messages_in"] for each in records if each["window"] == "5m"]


def again(outputs: list[Output]) -> list[bytes | None]:
    return [each.key for each in outputs if each.topic == partials.TOPIC]


def test_an_older_owners_partial_that_comes_late_does_not_stay_the_newest_in_the_log() -> None:
    bench = Bench()
    bench.pane(epoch=7, seq=1, messages=5)
    bench.beat(epoch=7, seq=2)
    assert messages_in(bench.due()) == [5]
    bench.pane(epoch=3, seq=900, messages=2)
    outputs = bench.due()
    assert messages_in(outputs) == []
    assert again(outputs) == [PANE]
    assert again(bench.due()) == []
    afresh = Bench()
    for key, value in bench.compacted().items():
        afresh.take(key, value)
    assert messages_in(afresh.due()) == [5]


def test_it_is_sent_again_too_while_the_new_owner_has_not_told_all() -> None:
    bench = Bench()
    bench.take(b"0|clock", partials.encode(partials.Beat(7, 1, NOW, 0, complete=False, final=False)))
    bench.pane(epoch=7, seq=2, messages=5)
    bench.pane(epoch=3, seq=900, messages=2)
    assert again(bench.due()) == [PANE]


def test_gauges_and_quarters_are_sent_again_likewise() -> None:
    bench = Bench()
    keys = [b"0|acme|tenant|g", b"0|acme|tenant|q%d" % (MINUTE - MINUTE % 15)]
    for key in keys:
        bench.pane(epoch=7, seq=1, messages=5, key=key)
        bench.pane(epoch=3, seq=900, messages=2, key=key)
    bench.beat(epoch=7, seq=2)
    assert sorted(filter(None, again(bench.due()))) == keys


def test_what_was_sent_again_behind_a_newer_value_heals_itself() -> None:
    bench = Bench()
    bench.pane(epoch=7, seq=1, messages=5)
    bench.pane(epoch=3, seq=900, messages=2)
    stale = bench.rollup.due(NOW + 1)
    bench.pane(epoch=7, seq=2, messages=6)
    for each in stale:
        if each.topic == partials.TOPIC:
            bench.take(each.key or b"", each.value or b"")
    bench.due()
    kept = partials.decode_partial(bench.compacted()[PANE])
    assert (kept.epoch, kept.seq) == (7, 2)


def test_what_its_owners_newer_value_has_overtaken_is_sent_again_after_a_while() -> None:
    bench = Bench()
    bench.pane(epoch=7, seq=2, messages=6)
    bench.pane(epoch=7, seq=1, messages=5)
    bench.beat(epoch=7, seq=3)
    told = [again(bench.due()) for _ in range(8)]
    assert told.count([PANE]) == 1
    kept = partials.decode_partial(bench.compacted()[PANE])
    assert (kept.epoch, kept.seq) == (7, 2)


def test_what_was_handed_over_ahead_of_the_log_is_not_sent_again() -> None:
    bench = Bench()
    value = partials.encode(partials.Partial(7, 2, bench.now, {MESSAGES_IN: 6}))
    bench.rollup.ahead([Record(PANE, value, 0, 0)], bench.now)
    bench.pane(epoch=7, seq=1, messages=5)
    bench.beat(epoch=7, seq=3)
    assert again(bench.due()) == []
    bench.take(PANE, value)
    assert [again(bench.due()) for _ in range(8)] == [[]] * 8


def test_minutes_told_by_an_owner_whose_clock_is_behind_count_without_their_quarter_hour() -> None:
    bench = Bench()
    quarter = MINUTE - MINUTE % 15
    bench.pane(epoch=3, seq=1, messages=5, key=b"0|acme|tenant|q%d" % quarter)
    bench.beat(epoch=3, seq=2)
    bench.due()
    bench.pane(epoch=7, seq=1, messages=5, key=b"0|acme|tenant|m%d" % quarter)
    bench.beat(epoch=7, seq=2)
    bench.due()
    out: list[Output] = []
    bench.rollup.publish_all(bench.now, bench.now, out)
    today = [msgspec.json.decode(each.value or b"") for each in out if (each.key or b"").endswith(b"/today")]
    assert [each["metrics"]["messages_in"] for each in today] == [5]


def test_a_wall_clock_that_is_set_back_holds_nothing_up() -> None:
    bench = Bench()
    bench.pane(epoch=7, seq=1, messages=5)
    bench.beat(epoch=7, seq=2)
    assert messages_in(bench.due()) == [5]
    before = bench.now
    bench.now -= 300_000
    bench.pane(epoch=7, seq=3, messages=6)
    bench.beat(epoch=7, seq=4)
    outputs = bench.due()
    assert messages_in(outputs) == [6]
    seqs = [msgspec.json.decode(each.value or b"")["seq"] for each in outputs if each.topic == "kpi"]
    assert min(seqs) > before


def test_the_usual_order_sends_nothing_again() -> None:
    bench = Bench()
    bench.pane(epoch=3, seq=1, messages=1)
    bench.pane(epoch=3, seq=2, messages=2)
    bench.pane(epoch=7, seq=1, messages=2)
    bench.beat(epoch=7, seq=2)
    bench.pane(epoch=7, seq=3, messages=3)
    assert again(bench.due()) == []
