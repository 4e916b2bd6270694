"""How far the clock may go while raw topics lag."""

from streams.engine.frontier import Frontier


def test_without_feeds_the_brokers_answer_alone_counts() -> None:
    assert Frontier().instant(5_000) == 5_000


def test_nothing_is_known_until_every_feed_has_been_heard_of() -> None:
    frontier = Frontier()
    frontier.expect(["raw-0", "raw-1"])
    frontier.note({"raw-0": 4_000}, 4_100)
    assert frontier.instant(5_000) == 0
    frontier.note({"raw-1": 3_000}, 4_200)
    assert frontier.instant(5_000) == 3_000


def test_the_slowest_feed_holds_the_clock_back_and_nothing_takes_back_what_was_said() -> None:
    frontier = Frontier()
    frontier.note({"raw-0": 4_000, "raw-1": 9_000}, 9_000)
    frontier.note({"raw-0": 2_000}, 9_500)
    assert frontier.instant(10_000) == 4_000
    frontier.note({"raw-0": 8_000}, 9_600)
    assert frontier.instant(10_000) == 8_000


def test_an_answer_of_the_broker_older_than_the_word_of_a_feed_does_not_hold_what_the_feed_delivered() -> None:
    frontier = Frontier()
    frontier.note({"raw-0": 4_000}, 4_100)
    frontier.note({"raw-0": 6_000}, 6_100)
    assert frontier.instant(6_050) == 4_000
    assert frontier.instant(6_100) == 6_000
