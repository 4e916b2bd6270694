"""What a quarter-hour's sum must follow."""

from tables.facts import MESSAGES_IN, Fact
from tables.foot import Foot
from tables.panes import Panes
from tables.presence import Presences
from tables.staff import Staff
from tables.tally import ACTIVE_LAST

DIMS = ("chat", None, None, "normal", ())


def test_a_minute_that_changes_again_before_it_was_told_is_summed_up_anew() -> None:
    panes, foot = Panes(Staff(Presences(), 0)), Foot(b"acme/c1")
    panes.book(foot, "acme", [Fact(MESSAGES_IN, 3, DIMS)])
    panes.seal(15)  # the minute is still dirty: nobody has been told of it
    panes.book(foot, "acme", [Fact(MESSAGES_IN, 40, DIMS)])  # the newest touch moves out of minute 3
    panes.seal(30)
    scope = panes.scopes["acme", "tenant"]
    assert ACTIVE_LAST not in scope.sealed[0]
    assert scope.sealed[0][MESSAGES_IN] == 1
