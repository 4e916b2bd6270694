import msgspec

from streams.codecs import encode
from streams.engine.ports import Record
from streams.events import Message
from tables.rollup import EVERY_MS, Rollup
from tables.settings import Settings
from tables.shard import Shard

START = 1_795_046_400_000
"""Midnight UTC."""
MINUTE = 60_000


class Line:
    """One partition from events to the tenant's record of today."""

    def __init__(self) -> None:
        self.settings = Settings.from_mapping({})
        self.shard = Shard(0, 1, self.settings, lambda: START + 10**9, "events")
        self.shard.recovered(0)
        self.rollup = Rollup(0, 1, self.settings)
        self.offset = 0
        self.wall = START
        self.today: dict[str, int] = {}

    def message(self, at: int, conversation: str = "c") -> None:
        event = Message(
            v=1, tenant="acme", event_id=f"{self.offset:06d}", at=at, conversation_id=conversation, channel="chat",
            direction="inbound", author="customer",
        )  # fmt: skip
        self.shard.fold([Record(None, encode(event), self.offset, at)], at, event_time=True)
        self.offset += 1

    def look(self, now: int) -> dict[str, int]:
        self.shard.advance(now)
        return self.show(now)

    def show(self, now: int) -> dict[str, int]:
        told = self.shard.views(now, 0, final=False)
        self.rollup.apply([Record(each.key, each.value, 0, now) for each in told], self.wall)
        self.wall += EVERY_MS
        for each in self.rollup.due(self.wall):
            if each.key == b"acme/tenant/today" and each.value is not None:
                self.today = msgspec.json.decode(each.value)["metrics"]
        return self.today


def test_a_conversation_that_goes_on_after_an_hour_counts_once_at_once() -> None:
    line = Line()
    line.message(START + MINUTE)
    line.look(START + MINUTE)
    line.look(START + 60 * MINUTE)  # the quarter-hour of the first message is summed up
    line.message(START + 60 * MINUTE + 500)
    assert line.look(START + 60 * MINUTE + 900)["conversations_active"] == 1
    assert line.today["messages_in"] == 2


def test_a_late_message_counts_at_once() -> None:
    line = Line()
    line.message(START + MINUTE, "late")
    line.look(START + MINUTE)
    line.look(START + 60 * MINUTE)
    line.message(START + 2 * MINUTE, "late")
    assert line.look(START + 60 * MINUTE + 900)["messages_in"] == 2


def test_a_sum_not_told_yet_may_change() -> None:
    line = Line()
    line.message(START + MINUTE)
    line.look(START + MINUTE)
    line.shard.panes.seal(30 + START // MINUTE)
    line.message(START + 2 * MINUTE)
    assert line.look(START + 2 * MINUTE)["messages_in"] == 2


def test_a_new_owner_tells_at_once_what_was_booked_after_the_last_event() -> None:
    line = Line()
    line.message(START + MINUTE)
    missed = START + 3 * MINUTE
    changelog = line.shard.advance(missed).changelog
    line.shard = Shard(0, 1, line.settings, lambda: missed, "events")
    for key, value in changelog:
        line.shard.restore(key, value)
    line.shard.recovered(1, missed, line.shard.mark)
    assert line.show(missed)["sl_missed"] == 1
