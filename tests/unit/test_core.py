"""Each transition of the core, with the shard that counts."""

from collections.abc import Sequence
from typing import TypeVar

import pytest

from streams.clock import Mode, PartitionClock
from streams.engine.commands import Append, Command, Crash, MarkDone, Publish, Read, Ready, Seek
from streams.engine.core import MAX_IN_FLIGHT, TICK_HEADER, Core, Phase, _Flight
from streams.engine.journal import (
    FENCE,
    HEAD,
    MAX_BATCH,
    OUTBOX,
    Head,
    Replay,
    decode_outputs,
    encode_outputs,
    outbox_key,
    split,
)
from streams.engine.lease import Lease
from streams.engine.ports import Output, Record
from tests.toy import ToyShard

KEY = b"k"
T = TypeVar("T")


def record(offset: int, key: bytes | None = KEY, value: bytes | None = b"x", timestamp: int = 0) -> Record:
    return Record(key, value, offset, timestamp)


def records(start: int, count: int, key: bytes = KEY) -> list[Record]:
    return [record(offset, key) for offset in range(start, start + count)]


def running(log_end: int = 0, source: int = 0, shard: ToyShard | None = None, **options: bool) -> Core:
    """A core whose fence lies at `log_end`."""
    core = Core(shard or ToyShard(), PartitionClock(), **options)
    core.assigned(log_end, source)
    (fence,) = core.recovered()
    assert isinstance(fence, Append)
    core.delivered(fence.seq, log_end)
    assert core.phase is Phase.RUNNING
    return core


def only(commands: Sequence[Command], kind: type[T]) -> T:
    (command,) = commands
    assert isinstance(command, kind)
    return command


class TestRecovery:
    def test_reads_the_log_fences_it_and_seeks_the_source(self) -> None:
        core = Core(ToyShard(), PartitionClock())
        assert core.assigned(0, 7) == [Read(0, 0)]
        fence = only(core.recovered(), Append)
        assert fence.records == [(FENCE, b"")]
        assert core.delivered(fence.seq, 0) == [Seek(7), Ready(0)]
        assert core.epoch == 0

    def test_a_core_is_assigned_once(self) -> None:
        with pytest.raises(RuntimeError):
            running().assigned(0, 0)

    def test_what_was_written_before_the_fence_is_read_too(self) -> None:
        core = Core(ToyShard(), PartitionClock())
        core.assigned(3, 0)
        fence = only(core.recovered(), Append)
        assert core.delivered(fence.seq, 5) == [Read(3, 5)]
        assert core.recovered() == [Seek(0), Ready(5)]
        assert core.log_end == 6

    def test_a_log_that_shrank_is_not_written(self) -> None:
        core = Core(ToyShard(), PartitionClock())
        core.assigned(3, 0)
        fence = only(core.recovered(), Append)
        assert "deleted" in only(core.delivered(fence.seq, 1), Crash).reason

    def test_undelivered_outbox_entries_are_published(self) -> None:
        alert = Output("alerts", b"a", b"1")
        core = Core(ToyShard(), PartitionClock())
        core.assigned(3, 0)
        core.restored(
            [
                record(0, FENCE, b""),
                record(1, outbox_key(0, 1), encode_outputs([alert])),
                record(2, outbox_key(0, 2), encode_outputs([Output("alerts", b"b", b"2")])),
                record(3, outbox_key(0, 2), None),
            ]
        )
        fence = only(core.recovered(), Append)
        seek, ready, publish = core.delivered(fence.seq, 3)
        assert (seek, ready) == (Seek(0), Ready(3))
        assert isinstance(publish, Publish)
        assert publish.outputs == [alert]
        assert core.published(publish.seq) == []
        batch = only(core.fetched(0, records(0, 1), 1), Append)
        assert (outbox_key(0, 1), None) in batch.records

    def test_a_zombies_records_are_left_out_and_written_again(self) -> None:
        shard, good, old = ToyShard(), b'[5, 9, 0, 0, ""]', b'[1, 0, 0, 0, ""]'
        log = [
            record(0, FENCE, b""),
            record(1, HEAD, Head(0, 0, 0, None).encode()),
            record(2, KEY, good),
            record(3, FENCE, b""),
            record(4, HEAD, Head(0, 0, 0, None).encode()),
            record(5, KEY, old),
            record(6, b"new", old),
        ]
        core = Core(shard, PartitionClock())
        core.assigned(7, 0)
        core.restored(log)
        fence = only(core.recovered(), Append)
        assert core.delivered(fence.seq, 7) == [Read(0, 7)]
        core.restored(log)
        repair = only(core.recovered(), Append)
        assert sorted(repair.records[1:]) == [(KEY, good), (b"new", None)]
        assert core.delivered(repair.seq, 8) == [Seek(0), Ready(7)]
        assert shard.counts == {KEY: 5}

    def test_the_clock_outlives_an_owner_who_did_nothing_but_repair(self) -> None:
        known = Head(0, 900, 800, 1_000, 700)
        log = [record(0, FENCE, b""), record(1, HEAD, known.encode()), record(2, KEY, b'[5, 9, 0, 0, ""]')]
        log += [record(3, FENCE, b""), record(4, HEAD, Head(0, 0, 0, None).encode()), record(5, KEY, b"[]")]
        core = Core(ToyShard(), PartitionClock())
        core.assigned(6, 0)
        core.restored(log)
        fence = only(core.recovered(), Append)
        core.delivered(fence.seq, 6)
        core.restored(log)
        repair = only(core.recovered(), Append)
        assert repair.records[0] == (HEAD, known._replace(epoch=6).encode())

    def test_what_the_former_owner_left_undone_at_its_clock_is_done_before_anything_is_told(self) -> None:
        core = Core(ToyShard(), PartitionClock())
        core.assigned(2, 0)
        core.restored([record(0, HEAD, Head(0, 900, 800, None).encode()), record(1, KEY, b'[1, 0, 850, 0, ""]')])
        fence = only(core.recovered(), Append)
        seek, ready, late = core.delivered(fence.seq, 2)
        assert (seek, ready) == (Seek(0), Ready(2))
        assert isinstance(late, Append)
        assert (KEY, b'[1, 0, 0, 0, ""]') in late.records
        publish = only(core.delivered(late.seq, 3), Publish)
        assert [each.key for each in publish.outputs] == [b"k:timer:850"]

    def test_a_clock_goes_on_where_the_former_owners_stood(self) -> None:
        clock = PartitionClock()
        core = Core(ToyShard(), clock)
        core.assigned(1, 0)
        core.restored([record(0, HEAD, Head(0, 900, 800, None).encode())])
        core.delivered(only(core.recovered(), Append).seq, 1)
        assert (clock.now, clock.greatest_timestamp) == (900, 800)


class TestChunks:
    def test_changelog_then_done(self) -> None:
        core = running()
        batch = only(core.fetched(0, records(0, 3), 3), Append)
        assert batch.records[0][0] == HEAD
        assert [key for key, _ in batch.records[1:]] == [KEY]
        assert core.delivered(batch.seq, 1) == [MarkDone(3)]
        assert core.in_flight == 0

    def test_alerts_wait_in_the_outbox_for_the_changelog(self) -> None:
        core = running()
        batch = only(core.fetched(0, records(0, 10), 10), Append)
        assert batch.records[1][0].startswith(OUTBOX)
        publish = only(core.delivered(batch.seq, 1), Publish)
        assert [output.key for output in publish.outputs] == [b"k:10"]
        assert core.published(publish.seq) == [MarkDone(10)]

    def test_a_delivered_outbox_is_deleted_by_the_next_batch(self) -> None:
        core = running()
        first = only(core.fetched(0, records(0, 10), 10), Append)
        core.delivered(first.seq, 1)
        core.published(first.seq)
        second = only(core.fetched(10, records(10, 1), 11), Append)
        assert second.records[1] == (first.records[1][0], None)

    def test_dead_letters_come_before_done(self) -> None:
        core = running()
        publish = only(core.fetched(0, [record(0, value=b"bad")], 1), Publish)
        assert core.published(publish.seq) == [MarkDone(1)]

    def test_a_chunk_without_effects_is_done_at_once(self) -> None:
        core = running()
        assert core.fetched(0, [], 4) == [MarkDone(4)]

    def test_done_is_in_order(self) -> None:
        core = running()
        first = only(core.fetched(0, records(0, 1), 1), Append)
        assert core.fetched(1, [], 2) == []
        assert core.delivered(first.seq, 1) == [MarkDone(2)]

    def test_no_more_than_the_limit_in_flight(self) -> None:
        core = running()
        for offset in range(MAX_IN_FLIGHT):
            assert core.fetched(offset, records(offset, 1), offset + 1)
        assert not core.accepts
        assert core.fetched(MAX_IN_FLIGHT, records(MAX_IN_FLIGHT, 1), MAX_IN_FLIGHT + 1) == []
        assert core.tick(10_000, caught_up=True) == []

    def test_somebody_elses_batch_is_a_crash(self) -> None:
        core = running()
        batch = only(core.fetched(0, records(0, 1), 1), Append)
        assert only(core.delivered(batch.seq, 2), Crash).reason.startswith("fenced")
        assert core.fetched(1, records(1, 1), 2) == []
        assert core.delivered(batch.seq, 2) == []
        assert core.published(batch.seq) == []

    def test_an_offset_that_the_broker_does_not_know_is_a_crash(self) -> None:
        core = running()
        batch = only(core.fetched(0, records(0, 1), 1), Append)
        only(core.delivered(batch.seq, -1), Crash)

    def test_what_exceeds_a_batch_is_several_each_with_a_head(self) -> None:
        shard = ToyShard(padding=MAX_BATCH // 2)
        core = running(shard=shard)
        source = [record(n, b"k%d" % n) for n in range(3)]
        batches = core.fetched(0, source, 3)
        assert len(batches) == 3
        done: list[Command] = []
        for base, batch in zip((1, 3, 5), batches, strict=True):
            assert isinstance(batch, Append)
            assert batch.records[0][0] == HEAD
            done += core.delivered(batch.seq, base)
        assert done == [MarkDone(3)]


class TestContinuity:
    def test_behind_is_skipped(self) -> None:
        core = running(source=5)
        assert core.fetched(0, records(0, 5), 5) == []

    def test_the_part_behind_is_skipped(self) -> None:
        shard = ToyShard()
        core = running(source=5, shard=shard)
        only(core.fetched(3, records(3, 4), 7), Append)
        assert shard.counts == {KEY: 2}
        assert core.next_offset == 7

    def test_ahead_is_sought_back_and_taken_the_second_time(self) -> None:
        core = running()
        assert core.fetched(4, records(4, 1), 5) == [Seek(0)]
        only(core.fetched(4, records(4, 1), 5), Append)

    def test_another_gap_is_sought_anew(self) -> None:
        core = running()
        assert core.fetched(4, records(4, 1), 5) == [Seek(0)]
        assert core.fetched(3, records(3, 1), 4) == [Seek(0)]


class TestTicks:
    def test_a_timers_effects_go_the_same_way_without_a_source_offset(self) -> None:
        core = running()
        batch = only(core.fetched(0, [record(0, value=b"timer:500")], 1), Append)
        core.delivered(batch.seq, 1)
        assert core.tick(500, caught_up=True) == []
        batch = only(core.tick(501, caught_up=True), Append)
        publish = only(core.delivered(batch.seq, core.log_end - len(batch.records)), Publish)
        assert [output.key for output in publish.outputs] == [b"k:timer:500"]
        assert core.published(publish.seq) == []

    def test_without_ticks_the_shard_gets_the_record(self) -> None:
        shard = ToyShard()
        core = running(shard=shard)
        core.fetched(0, [Record(b"t", b"x", 0, 0, ((TICK_HEADER, b"900"),))], 1)
        assert shard.counts == {b"t": 1}
        assert core.clock.stop_at is None

    def test_a_tick_stops_the_clock_and_outlives_a_crash(self) -> None:
        shard = ToyShard()
        core = running(shard=shard, ticks=True)
        batch = only(core.fetched(0, [Record(b"t", b"", 0, 0, ((TICK_HEADER, b"900"),))], 1), Append)
        assert Head.decode(batch.records[0][1] or b"").stop_at == 900
        assert shard.counts == {}
        core.tick(5_000, caught_up=True)
        assert (core.clock.now, core.clock.final) == (900, True)

    def test_a_tick_that_is_no_number_is_the_shards(self) -> None:
        shard = ToyShard()
        core = running(shard=shard, ticks=True)
        core.fetched(0, [Record(b"t", b"x", 0, 0, ((TICK_HEADER, b"soon"),))], 1)
        assert shard.counts == {b"t": 1}

    def test_event_time_is_moved_by_events(self) -> None:
        core = Core(ToyShard(), PartitionClock(Mode.EVENT), event_time=True)
        core.assigned(0, 0)
        core.delivered(only(core.recovered(), Append).seq, 0)
        core.fetched(0, [record(0, timestamp=700)], 1)
        core.tick(99_000, caught_up=True)
        assert core.clock.now == 700

    def test_views_only_while_running(self) -> None:
        core = Core(ToyShard(), PartitionClock())
        assert core.views(0) == []
        assert [output.topic for output in running().views(0)] == ["_partials"]


class TestRevocation:
    def test_takes_nothing_more_but_completes_what_is_in_flight(self) -> None:
        core = running()
        batch = only(core.fetched(0, records(0, 1), 1), Append)
        assert core.revoked() == []
        assert core.fetched(1, records(1, 1), 2) == []
        assert core.tick(99, caught_up=True) == []
        assert core.delivered(batch.seq, 1) == [MarkDone(1)]

    def test_deliveries_are_recorded_before_the_end(self) -> None:
        core = running()
        batch = only(core.fetched(0, records(0, 10), 10), Append)
        core.delivered(batch.seq, 1)
        core.revoked()
        done, last = core.published(batch.seq)
        assert done == MarkDone(10)
        assert isinstance(last, Append)
        assert last.records[1][1] is None
        assert core.delivered(last.seq, core.log_end - len(last.records)) == []
        assert core.in_flight == 0

    def test_a_drained_core_is_reusable_if_nobody_wrote(self) -> None:
        core = running()
        core.fetched(0, [], 4)
        core.revoked()
        assert core.reusable(core.log_end, 4)
        assert not core.reusable(core.log_end + 1, 4)
        assert not core.reusable(core.log_end, 5)
        assert core.resumed() == [Seek(4), Ready(0)]
        assert core.accepts

    def test_one_in_flight_or_recovering_is_not(self) -> None:
        core = running()
        core.fetched(0, records(0, 1), 1)
        core.revoked()
        assert not core.reusable(core.log_end, 0)
        core = Core(ToyShard(), PartitionClock())
        core.assigned(0, 0)
        core.revoked()
        assert core.phase is Phase.ENDED


def test_a_split_keeps_order_and_everything() -> None:
    entries = [(b"%d" % n, b"x" * 300_000) for n in range(7)]
    batches = split(Head(0, 0, 0, None), [(b"\0o", b"y"), *entries])
    assert [entry for batch in batches for entry in batch if entry[0] != HEAD] == [(b"\0o", b"y"), *entries]


def test_as_long_as_the_outbox_is_half_written_a_batch_has_the_clock_of_before() -> None:
    entries = [(b"\0o%d" % n, b"x" * 400_000) for n in range(3)] + [(b"k%d" % n, b"x" * 400_000) for n in range(3)]
    before, now = Head(3, 500, 500, None, 400), Head(3, 900, 900, None, 800)
    batches = split(now, entries, before=before, kept=3)
    assert [[key for key, _ in batch[1:]] for batch in batches] == [
        [b"\0o0", b"\0o1"],
        [b"\0o2", b"k0"],
        [b"k1", b"k2"],
    ]
    assert [Head.decode(batch[0][1] or b"") for batch in batches] == [before, now, now]


def test_what_has_been_written_of_the_clock_is_remembered() -> None:
    core = running()
    core.clock.advance(500, caught_up=True)
    core._append([(b"k", b"v")], _Flight(0, None))
    core.clock.advance(900, caught_up=True)
    alerts = [Output("alerts", b"%d" % n, b"x" * 1_000) for n in range(2_000)]
    heads = [
        Head.decode(each.records[0][1] or b"")
        for each in core._append([], _Flight(0, 1), alerts)
        if isinstance(each, Append)
    ]
    assert [head.clock for head in heads] == [500, 500, 900]


def test_an_outbox_larger_than_a_batch_becomes_several_entries() -> None:
    alerts = [Output("alerts", b"%d" % n, b"x" * 1_000) for n in range(2_000)]
    core = running()
    commands = core._append([(b"k", b"v")], _Flight(0, 1), alerts)
    batches = [command.records for command in commands if isinstance(command, Append)]
    assert len(batches) > 1
    assert all(sum(len(value or b"") for _, value in batch) < MAX_BATCH * 1.1 for batch in batches)
    kept = [
        one
        for batch in batches
        for key, value in batch
        if key.startswith(OUTBOX)
        for one in decode_outputs(value or b"")
    ]
    assert kept == alerts
    assert batches[-1][-1] == (b"k", b"v")


def test_a_compacted_log_has_no_zombies() -> None:
    shard = ToyShard()
    replay = Replay(shard.restore)
    # Compaction left one fence and one head; the records before them have lost theirs.
    value = b'[3, 2, 0, 0, ""]'
    replay.apply([record(4, b"a", value), record(9, FENCE, b""), record(12, b"b", value)])
    replay.apply([record(20, HEAD, Head(9, 50, 40, None).encode()), record(21, b"c", value), record(22, None)])
    assert set(shard.counts) == {b"a", b"b", b"c"}
    assert not replay.stolen


def test_a_lease_ends_before_the_session() -> None:
    lease = Lease(session_s=10, now=100)
    assert lease.held(108)
    assert not lease.held(108.1)
    lease.renew(107)
    lease.renew(103)
    assert lease.held(115)
    assert lease.age(110) == 3


def test_a_partition_with_nothing_to_write_finds_what_a_former_owner_wrote() -> None:
    core = running()
    core.tick(1_000, caught_up=True)
    assert core.tick(60_999, caught_up=True) == []
    head = only(core.tick(61_000, caught_up=True), Append)
    assert [key for key, _ in head.records] == [HEAD]
    assert core.delivered(head.seq, 1) == []
    assert core.tick(62_000, caught_up=True) == core.tick(121_999, caught_up=True) == []
    again = only(core.tick(122_000, caught_up=True), Append)
    crash = only(core.delivered(again.seq, 5), Crash)  # somebody has written in between
    assert "fenced" in crash.reason


def test_a_wall_clock_set_back_does_not_keep_a_quiet_partition_from_writing() -> None:
    core = running()
    core.tick(1_000_000, caught_up=True)
    core.tick(500_000, caught_up=True)
    core.tick(1_000_000, caught_up=True)
    only(core.tick(1_060_000, caught_up=True), Append)
