"""What is brought into the panes in another order than that of the minutes."""

from tables.booking import Booking
from tables.facts import MESSAGES_IN, Fact, pack
from tables.history import Change, History
from tables.panes import Panes
from tables.presence import Presences
from tables.rules import Rules
from tables.settings import Settings
from tables.staff import Staff
from tables.tally import ACTIVE_LAST

KEY = b"acme/c1"
DIMS = ("chat", None, None, "normal", ())
MINUTE = 30_000_000


def test_a_touch_older_than_the_newest_does_not_become_the_newest() -> None:
    history = History.begin("c1", Rules(Settings.from_mapping({}), "acme"))
    booking = Booking(Panes(Staff(Presences(), 0)))
    for minute in (MINUTE + 5, MINUTE):
        facts = [Fact(MESSAGES_IN, minute, DIMS)]
        history.c.facts += pack(facts, history.c.dims)
        booking.book(KEY, history, Change(facts, []), (MINUTE + 9) * 60_000)
    minutes = booking.panes.scopes["acme", "tenant"].minutes
    assert {minute: tally[MESSAGES_IN] for minute, tally in minutes.items()} == {MINUTE: 1, MINUTE + 5: 1}
    assert [minute for minute, tally in minutes.items() if tally.get(ACTIVE_LAST)] == [MINUTE + 5]
