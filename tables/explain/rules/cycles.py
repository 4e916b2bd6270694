"""The life of a cycle: how it opens and ends, and how long it is worked on."""

from __future__ import annotations

from tables import sla
from tables.conversation import TOUCH_MS
from tables.explain.lengths import duration, seconds
from tables.explain.records import Rule
from tables.explain.rules.common import Rules, books, in_business, sample
from tables.explain.trace import Entry
from tables.explain.view import View
from tables.facts import BOT_RESOLVED, HANDLE, ONE_TOUCH, ONE_TOUCH_BACK, ONE_TOUCH_BACK_LATE, RESOLUTION, SL_ABANDONED
from tables.state import CUSTOMER, HANDOFF, HUMAN, STATUS, Step

_WHAT = {CUSTOMER: "customer message", HUMAN: "human reply", HANDOFF: "hand-off", STATUS: "status"}
_LIMIT = f"{TOUCH_MS // 3_600_000} h"


def opened(entry: Entry, step: Step) -> Rules:
    """A cycle opens; if it is not the first one, whether that takes a one-touch cycle back."""
    before, cycle = entry.before, entry.after.cycles
    if cycle == before.cycles:
        return
    if cycle == 1:
        yield Rule(name="cycle opened", why=f"the first {_WHAT[step.code]} opens the first cycle")
        return
    yield Rule(name="reopened", why=f"a {_WHAT[step.code]} on a resolved conversation opens cycle {cycle}")
    if before.touched is not None:
        after = f"{duration(entry.at - before.touched_at)} after it was resolved"
        if books(entry, ONE_TOUCH_BACK) or books(entry, ONE_TOUCH_BACK_LATE):
            why = f"{after}, not later than {_LIMIT}: gone from the windows that still hold that instant"
            yield Rule(name="one touch taken back", why=f"{why}; closed intervals stay")
        else:
            yield Rule(name="one touch stays", why=f"{after}, more than {_LIMIT}")


def resolved(entry: Entry, view: View) -> Rules:
    """A cycle ends."""
    length = sample(entry, RESOLUTION)
    if length is not None:
        yield Rule(name="resolved", why=f"the cycle ends after {duration(length.value)}{in_business(length)}")
    yield from _level(entry, view)
    if books(entry, BOT_RESOLVED):
        yield Rule(name="bot-resolved", why="the bot had the conversation to the end")
    replies = entry.before.replies
    told = f"{replies or 'no'} human {'reply' if replies == 1 else 'replies'} in the cycle"
    if books(entry, ONE_TOUCH):
        yield Rule(name="one touch", why=f"{told}: a first contact resolution, unless reopened within {_LIMIT}")
    else:
        yield Rule(name="more than one touch", why=f"{told}: no first contact resolution")


def _level(entry: Entry, view: View) -> Rules:
    before = entry.before
    if not before.anchor:
        return
    waited, limit = duration(entry.at - before.anchor), seconds(view.values.threshold_ms(before.channel))
    if sample(entry, SL_ABANDONED) is not None:
        why = f"resolved {waited} after the anchor, within T = {limit}, without a human reply"
        yield Rule(name="service level: abandoned", why=why)
    elif before.decided:
        yield Rule(name="service level", why=f"missed before, at anchor + T = {limit}; no reply came")
    else:
        short = seconds(view.values.short_abandon_ms)
        why = f"resolved {waited} after the anchor, within S = {short}: counts in nothing"
        yield Rule(name="short abandoned", why=why)


def handling(entry: Entry, view: View) -> Rules:
    """A stretch of handling begins or ends, or the cycle's handle time is booked."""
    before, after = entry.before, entry.after
    if after.working_since and not before.working_since:
        yield Rule(name="handling", why=f"starts: the status is open and {after.agent} is assigned")
    elif before.working_since and not after.working_since:
        yield Rule(name="handling", why=_stretch(entry, view))
    total = sample(entry, HANDLE)
    if total is not None:
        credit = "no one" if after.agent is None else after.agent
        length = f"{duration(total.value)} open and assigned in this cycle{in_business(total)}"
        yield Rule(name="handle time", why=f"{length}, credited to {credit}")


def _stretch(entry: Entry, view: View) -> str:
    since, calendar = entry.before.working_since, view.rules.calendar(entry.after.dims)
    text = f"stops: {duration(entry.at - since)} open and assigned"
    if calendar is None:
        return text
    name = view.calendar(entry.after.dims)
    return f"{text}, {duration(sla.between(calendar, since, entry.at))} of it in calendar {name}"
