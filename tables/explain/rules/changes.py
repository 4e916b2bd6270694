"""What is set from outside: assignee, team, status, priority, topics."""

from __future__ import annotations

from streams.events import OfConversation
from tables.explain.records import Rule
from tables.explain.rules.common import Rules, first_wait, move
from tables.explain.rules.cycles import resolved
from tables.explain.standing import STATUSES
from tables.explain.trace import Entry
from tables.explain.view import View
from tables.state import NONE, OPEN, RESOLVED, Step


def assigned(entry: Entry, step: Step, _: OfConversation, view: View) -> Rules:
    """`assigned`."""
    before, after = entry.before, entry.after
    moves = (("assignee", before.agent, after.agent), ("team", before.team, after.team))
    changes = [f"{name} {was or 'none'} → {now or 'none'}" for name, was, now in moves if was != now]
    yield Rule(name="assigned", why=", ".join(changes) or "nothing changes")
    if step.sets & 1 and step.agent is not None:
        yield from _taken_back(entry, view, "an assignment to an agent")


def handoff(entry: Entry, step: Step, _: OfConversation, view: View) -> Rules:
    """`handoff`."""
    before, after = entry.before, entry.after
    if not after.in_cycle:
        yield Rule(name="hand-off on a resolved conversation", why="sets the team and nothing more")
        return
    if step.team is not None:
        yield Rule(name="team", why=move(before.team, after.team))
    if before.anchor:
        fate = "missed already, which stays booked" if before.decided else "undecided"
        why = f"the wait is dropped ({fate}) and a new one starts; waiting since stays"
        yield Rule(name="hand-off during a wait", why=why)
        yield first_wait(after, view, "the hand-off")
    elif before.with_bot:
        yield from _taken_back(entry, view, "a hand-off")
    else:
        why = "no bot and no first-response wait: nothing to take back; no bot takes this cycle over any more"
        yield Rule(name="hand-off", why=why)


def _taken_back(entry: Entry, view: View, what: str) -> Rules:
    if entry.before.with_bot and not entry.after.with_bot:
        yield Rule(name="taken back from the bot", why=f"{what} ends being with the bot; the customer waits from now")
        if entry.after.anchor:
            yield first_wait(entry.after, view, what)
        else:
            yield Rule(name="next-response wait", why="starts: a first response was given before")


def status(entry: Entry, step: Step, _: OfConversation, view: View) -> Rules:
    """`status`."""
    before, after = entry.before, entry.after
    if step.value != RESOLVED:
        was = OPEN if after.cycles > before.cycles else before.phase
        yield Rule(name="status", why=move(STATUSES[was], STATUSES[after.phase]))
    elif before.in_cycle:
        yield from resolved(entry, view)
    else:
        name = "resolved before any cycle" if before.phase == NONE else "second resolved"
        yield Rule(name=name, why="there is no open cycle: nothing changes")


def priority(entry: Entry, _: Step, __: OfConversation, ___: View) -> Rules:
    """`priority`."""
    yield Rule(name="priority", why=move(entry.before.priority, entry.after.priority))


def tagged(entry: Entry, _: Step, __: OfConversation, ___: View) -> Rules:
    """`tagged`."""
    was, now = set(entry.before.topics), set(entry.after.topics)
    changes = [f"+{topic}" for topic in sorted(now - was)] + [f"-{topic}" for topic in sorted(was - now)]
    yield Rule(name="topics", why=" ".join(changes) or "nothing changes")
