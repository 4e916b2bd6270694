"""What the records of a scope say at an instant: its windows brought up to it, and read by the tenant's formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from streams.engine.owner import STATE_TOPIC
from streams.engine.ports import Output
from tables import facts
from tables.business.metrics import Cycles
from tables.day_windows import DAY_WINDOWS, SETTLED, decode_worked, encode_worked
from tables.day_windows import decode as decode_day
from tables.day_windows import encode as encode_day
from tables.days import QUARTER, day_start, today
from tables.facts import MINUTE
from tables.intervals import add_up
from tables.kpis import read_gauges, read_window, topics
from tables.kpis.texts import Texts
from tables.tally import TOPICS
from tables.teller import horizon

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from tables.kpis.metric import Value
    from tables.listener import Listener
    from tables.occupancy import Occupancy
    from tables.settings import Settings
    from tables.tally import Tally
    from tables.tracked import Tracked
    from tables.window import Window

_encode = msgspec.json.Encoder().encode


class Reading:
    """Reads the scopes that a listener knows."""

    def __init__(self, listener: Listener, settings: Settings, partition: int) -> None:
        self._listener = listener
        self.settings = settings
        self._partition = partition

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Apply one record of the roll-up's own state.

        By the letter that its key begins with: a closed day of a scope (d), agent-minutes of a day (w), the name of a
        topic (n). Those of rules (t) are the roll-up's.
        """
        if value is None:
            return
        kind, place, start = key.decode().split("|")
        tenant, _, scope = place.partition("/")
        if kind == "n":
            self._listener.name_topic(tenant, int(start), value.decode(), known=True)
            return
        by_day = self._listener.track(tenant, scope).windows.by_day
        if by_day is not None and kind == "d":
            by_day.put(decode_day(value))
        elif by_day is not None:
            by_day.worked[int(start)] = decode_worked(value)

    # -- the present ----------------------------------------------------------------------------------

    def bring_up(self, tracked: Tracked, as_of: int) -> list[Output]:
        """Let the windows of a scope end at `as_of` (ms); what is to be written down of days is returned."""
        windows, tenant = tracked.windows, self.settings.tenant(tracked.tenant)
        minute = as_of // MINUTE
        open_from = (self._listener.pending.watermark - tenant.lateness_ms) // MINUTE - QUARTER
        windows.roll(minute, today(as_of, tenant.timezone), open_from)
        out = self._close_days(tracked, as_of, tenant.timezone)
        windows.look_up_largest()
        if tracked.occupancy is not None:
            out += self._count_occupancy(tracked, tracked.occupancy, as_of, tenant.timezone)
            # Those of yesterday are wanted until they are written down, those of its whole day by an interval that is
            # open: they say who is of a team. Who was online is wanted by other scopes too.
            oldest = min(self._settled(as_of), max(open_from, 0))
            tracked.occupancy.discard(today(oldest * MINUTE, tenant.timezone).today - QUARTER)
            self._listener.online(tracked.tenant).discard(min(windows.day.mtd, windows.day.last_30d))
        named, self._listener.new_topics = self._listener.new_topics, []
        return out + [self._state(f"n|{tenant}/tenant|{mark}", name.encode()) for tenant, mark, name in named]

    @staticmethod
    def gauges(tracked: Tracked) -> Tally:
        """The gauges of a scope over all source partitions."""
        return add_up(tally for _, _, tally in tracked.windows.gauges.values())

    def now(self, tracked: Tracked, as_of: int) -> dict[str, Value]:
        """The metrics of the window `now`."""
        return read_gauges(self.gauges(tracked), as_of, tracked.name)

    def window(self, tracked: Tracked, name: str, as_of: int) -> dict[str, Any]:
        """The metrics of a window with a length."""
        tenant = self.settings.tenant(tracked.tenant)
        return read_window(tracked.windows.named[name], tenant, tracked.name) | self._of_house(tracked, name, as_of)

    def text(self, tracked: Tracked, name: str, as_of: int) -> bytes:
        """The same as JSON; takes note of what has changed since the last call."""
        texts = tracked.texts.get(name)
        if texts is None:
            texts = tracked.texts[name] = Texts(tracked.name)
        text = texts.read(tracked.windows.named[name], self.settings.tenant(tracked.tenant))
        more = self._of_house(tracked, name, as_of)
        return b"{%b,%b" % (text, _encode(more)[1:]) if more else b"{%b}" % text

    def _of_house(self, tracked: Tracked, name: str, as_of: int) -> dict[str, Any]:
        """What only a whole tenant has: business figures and topics, by day."""
        if tracked.name != "tenant" or name not in DAY_WINDOWS:
            return {}
        tenant = self.settings.tenant(tracked.tenant)
        counts = tracked.windows.named[name].counts
        cycles = Cycles(counts.get(facts.RESOLVED, 0), counts.get(facts.OPENED, 0))
        start = tracked.windows.start(name) * MINUTE
        figures = self._listener.business(tracked.tenant)
        metrics: dict[str, Any] = dict(figures.read(start, as_of, cycles, tenant.formulas, tenant.currency))
        metrics[topics.NAME] = msgspec.Raw(topics.encode(self._topics(tracked, name, cycles.opened)))
        return metrics

    def _topics(self, tracked: Tracked, name: str, opened: int) -> list[topics.Topic]:
        by_day = tracked.windows.by_day
        assert by_day is not None  # noqa: S101 - the scope `tenant` has days
        names = self._listener.topics.get(tracked.tenant, {})
        counted = by_day.windows[name].distinct[TOPICS].counts
        now = {names[mark]: count for mark, count in counted.items() if mark in names}
        held = (by_day.topics_before or {}).get(name, {})
        before = {names[mark]: count for mark, count in held.items() if mark in names}
        return topics.top(now, before, opened)

    def moves(self, tracked: Tracked, name: str, as_of: int) -> bool:
        """Whether the clock alone changes what a window says from instant to instant: amounts accrue."""
        accrues = tracked.name == "tenant" and name in DAY_WINDOWS
        return accrues and self._listener.business(tracked.tenant).accrues(as_of)

    # -- the past -------------------------------------------------------------------------------------

    def minute(self, tracked: Tracked, minute: int) -> dict[str, Value]:
        """The metrics of one closed minute."""
        return self._alone(tracked, tracked.windows.one_minute(minute), minute, minute)

    def quarter(self, tracked: Tracked, window: Window, first: int, gauges: Tally, end: int) -> dict[str, Value]:
        """The metrics of the quarter-hour from a minute on, whose gauges at its end (ms) were these."""
        sampled = self._alone(tracked, window, first, first + QUARTER - 1)
        return sampled | read_gauges(gauges, end, tracked.name)

    def _alone(self, tracked: Tracked, window: Window, first: int, last: int) -> dict[str, Value]:
        tenant = self.settings.tenant(tracked.tenant)
        if tracked.occupancy is not None:
            day = day_start(first * MINUTE, tenant.timezone) // MINUTE
            online = self._listener.online(tracked.tenant)
            window.set_occupancy(tracked.occupancy.count(first, last, online, day))
        return read_window(window, tenant, tracked.name)

    # -- days -----------------------------------------------------------------------------------------

    def _close_days(self, tracked: Tracked, as_of: int, zone: ZoneInfo) -> list[Output]:
        """Sum up the days of which every source partition has let go, once in a quarter of an hour."""
        before = horizon(min(as_of, self._listener.told)) - QUARTER
        if before <= tracked.days_closed_at:
            return []
        tracked.days_closed_at = before
        closed = [(day.start, encode_day(day)) for day in tracked.windows.close_days(before, zone)]
        expired = [(start, None) for start in tracked.windows.expired_days()]
        return [self._state(f"d|{tracked.key}|{start}", value) for start, value in [*closed, *expired]]

    def _settled(self, as_of: int) -> int:
        """Agent-minutes of days that end by this minute change no more: every partition is past it."""
        return max(min(as_of, self._listener.told) // MINUTE - SETTLED, 0)

    def _count_occupancy(self, tracked: Tracked, occupancy: Occupancy, as_of: int, zone: ZoneInfo) -> list[Output]:
        """Bring the agent-minutes of all windows up to date; what is to be written down of past days is returned."""
        minute = as_of // MINUTE
        if tracked.occupancy_of == minute:
            return []
        tracked.occupancy_of = minute
        windows, online = tracked.windows, self._listener.online(tracked.tenant)
        by_day, day = windows.by_day, windows.day.today
        names = [name for name in windows.named if name not in DAY_WINDOWS]
        counted = occupancy.counts(tuple(map(windows.start, names)), minute, online, day)
        for name, worked in zip(names, counted, strict=True):
            windows.named[name].set_occupancy(worked)
        if by_day is None:
            return []
        fixed = by_day.count_days(
            minute,
            self._settled(as_of),
            windows.today.occupancy,
            zone,
            lambda first, last: occupancy.count(first, last, online, first),
        )
        return [self._state(f"w|{tracked.key}|{start}", encode_worked(worked)) for start, worked in fixed]

    def _state(self, key: str, value: bytes | None) -> Output:
        return Output(STATE_TOPIC, key.encode(), value, self._partition)
