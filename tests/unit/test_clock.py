from streams.clock import Mode, PartitionClock, Timeline, running_s, wall_ms


def test_wall_is_milliseconds_of_this_century() -> None:
    assert 1_700_000_000_000 < wall_ms() < 4_000_000_000_000


def test_running_time_goes_on() -> None:
    assert running_s() <= running_s()


def test_caught_up_is_the_wall_clock() -> None:
    clock = PartitionClock()
    assert clock.advance(1_000, caught_up=True) == 1_000


def test_behind_is_the_smaller_of_greatest_at_and_greatest_timestamp() -> None:
    clock = PartitionClock()
    clock.observe(500, 700)
    assert clock.advance(9_000, caught_up=False) == 500
    clock.observe(900, 700)
    assert clock.advance(9_000, caught_up=False) == 700


def test_what_was_seen_before_is_not_forgotten() -> None:
    clock = PartitionClock()
    clock.observe(500, 700)
    clock.observe(100, 200)
    assert clock.advance(9_000, caught_up=False) == 500


def test_never_goes_back() -> None:
    clock = PartitionClock()
    clock.advance(1_000, caught_up=True)
    clock.observe(500, 700)
    assert clock.advance(900, caught_up=True) == 1_000
    assert clock.advance(2_000, caught_up=False) == 1_000


def test_nothing_known_is_zero() -> None:
    assert PartitionClock().advance(9_000, caught_up=False) == 0


def test_event_time_knows_no_wall_clock_and_no_timestamps() -> None:
    clock = PartitionClock(Mode.EVENT)
    clock.observe(500, 10)
    assert clock.advance(9_000, caught_up=True) == 500
    assert clock.advance(9_000, caught_up=False) == 500


def test_scaled_follows_events_while_behind_and_the_runs_wall_clock_else() -> None:
    clock = PartitionClock(Mode.SCALED)
    clock.observe(500, 10)
    assert clock.advance(9_000, caught_up=False) == 500
    assert clock.advance(9_000, caught_up=True) == 9_000


def test_a_stop_is_reached_and_then_final() -> None:
    clock = PartitionClock()
    clock.stop(1_000)
    assert (clock.advance(900, caught_up=True), clock.final) == (900, False)
    assert (clock.advance(1_500, caught_up=True), clock.final) == (1_000, True)
    assert clock.advance(9_000, caught_up=True) == 1_000


def test_a_stop_already_passed_stops_at_once() -> None:
    clock = PartitionClock()
    clock.advance(2_000, caught_up=True)
    clock.stop(1_000)
    assert clock.final
    assert clock.advance(9_000, caught_up=True) == 2_000


def test_in_event_time_a_stop_beyond_the_last_event_is_reached_at_once() -> None:
    clock = PartitionClock(Mode.EVENT)
    clock.observe(500, 0)
    clock.stop(1_000)
    assert clock.advance(0, caught_up=True) == 1_000
    assert clock.final


def test_a_later_stop_lets_a_clock_go_on() -> None:
    clock = PartitionClock()
    clock.stop(1_000)
    clock.advance(5_000, caught_up=True)
    clock.stop(3_000)
    assert not clock.final
    assert clock.advance(5_000, caught_up=True) == 3_000


def test_a_new_owner_goes_on_where_the_former_stood() -> None:
    clock = PartitionClock()
    clock.restore(1_000, 800, 1_200)
    assert clock.now == 1_000
    clock.observe(5_000, 0)
    assert clock.advance(9_000, caught_up=False) == 1_000  # no record seen since
    assert clock.advance(9_000, caught_up=True) == 1_200


def test_a_timeline_maps_the_real_clock() -> None:
    assert Timeline().wall(5) == 5
    scaled = Timeline(Mode.SCALED, origin_at=100, origin_wall=1_000, speed=2.0)
    assert scaled.wall(1_000) == 100
    assert scaled.wall(1_050) == 200
    assert [Timeline(mode).event_time for mode in Mode] == [False, True, True]
