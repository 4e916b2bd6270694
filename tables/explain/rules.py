"""The rules of the contract by name: what a step or a timer did to a conversation, read from before and after.

Nothing here decides; `tables.conversation` does. The names are those of contract section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from streams.events import Delivery, Message, OfConversation, Survey
from tables.explain.records import Rule, Status
from tables.explain.trace import Entry
from tables.facts import CALENDAR, FRT, NRT, SL_ABANDONED, SL_MET, SL_MISSED
from tables.settings import TenantSettings
from tables.state import (
    ASSIGNED,
    BOT,
    CUSTOMER,
    HANDOFF,
    HUMAN,
    METRICS,
    NONE,
    ON_HOLD,
    OPEN,
    PENDING,
    PRIORITY,
    RESOLVED,
    STATUS,
    TAGGED,
    State,
    Step,
)

STATUSES: dict[int, Status] = {NONE: "none", OPEN: "open", PENDING: "pending", ON_HOLD: "on_hold", RESOLVED: "resolved"}
LONG_MS = 120_000
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_WHAT = {CUSTOMER: "customer message", HUMAN: "human reply", HANDOFF: "hand-off", STATUS: "status"}
Rules = Iterator[Rule]


def rules_of(entry: Entry, event: OfConversation | None, values: TenantSettings) -> tuple[Rule, ...]:
    """The rules that held at one entry of the history, in the order in which they acted; `event` None: timers."""
    if entry.step is None or event is None:
        return tuple(_timer(entry, values))
    return (
        *_late(entry.step, values),
        *_opened(entry, entry.step),
        *_BY_CODE.get(entry.step.code, _nothing)(entry, entry.step, event, values),
    )


def seconds(ms: int) -> str:
    """A duration in ms as seconds.

    >>> seconds(60_000), seconds(1_500)
    ('60 s', '1.5 s')
    """
    return f"{ms / 1000:,.3f}".rstrip("0").rstrip(".") + " s"


def duration(ms: int) -> str:
    """A duration in ms as seconds, and from two minutes on also in larger units.

    >>> duration(95_500), duration(9_245_000)
    ('95.5 s', '9,245 s (2 h 34 min)')
    """
    text = seconds(ms)
    if ms < LONG_MS:
        return text
    left, parts = ms // 1000, []
    for unit, size in _UNITS:
        amount, left = divmod(left, size)
        if amount:
            parts.append(f"{amount} {unit}")
        elif parts:
            break
    return f"{text} ({' '.join(parts[:2])})"


def _timer(entry: Entry, values: TenantSettings) -> Rules:
    if _value(entry, SL_MISSED) is not None:
        limit = seconds(values.threshold_ms(entry.after.channel))
        yield Rule(name="service level: missed", why=f"T = {limit} have passed since the anchor without a human reply")
    for alert in entry.demands:
        if alert.state == "imminent":
            yield Rule(name="warning", why=f"{METRICS[alert.metric]}: level {alert.level} of policy {alert.policy}")
        else:
            yield Rule(name="breach", why=f"{METRICS[alert.metric]}: the deadline of policy {alert.policy} has passed")


def _late(step: Step, values: TenantSettings) -> Rules:
    if step.behind is None:
        return
    limit = f"the lateness ({seconds(values.lateness_ms)})"
    if step.t - step.at > values.lateness_ms:
        why = f"{duration(step.t - step.at)} before the newest event, more than {limit}: folded as the newest"
    else:
        why = f"out of order, the clock past the newest event by more than {limit}, or more events behind it than "
        why += f"reorder_max ({values.reorder_max}): folded as the newest"
    yield Rule(name="late", why=why)


def _opened(entry: Entry, step: Step) -> Rules:
    if entry.after.cycles > entry.before.cycles:
        what = _WHAT[step.code]
        if entry.after.cycles == 1:
            yield Rule(name="cycle opened", why=f"the first {what} opens the first cycle")
        else:
            yield Rule(name="reopened", why=f"a {what} on a resolved conversation opens cycle {entry.after.cycles}")


def _customer(entry: Entry, step: Step, _: OfConversation, values: TenantSettings) -> Rules:
    before, after = entry.before, entry.after
    if before.phase == PENDING:
        yield Rule(name="customer wakes pending", why="a customer message on a pending conversation sets it open")
    if after.with_bot:
        yield Rule(name="with the bot", why="a customer message starts no wait while the bot has the conversation")
    elif step.behind is not None and step.at < before.last_reply_at:
        yield Rule(name="answered already", why="it is older than the last human reply, which answered it: no wait")
    elif before.waiting_since == after.waiting_since:
        why = "the customer waits already; the oldest unanswered message counts"
        yield Rule(name="waiting", why=why)
    elif after.anchor != before.anchor:
        yield _first_wait(after, values, "the first customer message of the cycle")
    else:
        why = "a first response was given before" if after.answered else "no longer the first message of the cycle"
        yield Rule(name="next-response wait", why=f"starts: the customer waits; {why}")


def _first_wait(after: State, values: TenantSettings, why: str) -> Rule:
    limit = seconds(values.threshold_ms(after.channel))
    return Rule(name="first-response wait", why=f"starts: {why}; T of {after.channel} = {limit}")


def _human(entry: Entry, step: Step, _: OfConversation, values: TenantSettings) -> Rules:
    before, after = entry.before, entry.after
    if before.phase == RESOLVED:
        why = "a message and nothing more: no response time, no assignment"
        yield Rule(name="reply on a resolved conversation", why=why)
        return
    if before.agent is None and after.agent is not None:
        why = f"a human reply on an unassigned conversation assigns its agent, {step.agent}"
        yield Rule(name="assigned by a reply", why=why)
    first, following = _value(entry, FRT), _value(entry, NRT)
    if before.with_bot:
        yield Rule(name="reply into the bot", why="ends being with the bot; counts as answered, without an FRT sample")
    elif first is not None:
        yield Rule(
            name="first response", why=f"{duration(first)} from the anchor to the reply, credited to {step.agent}"
        )
        yield from _decided(entry, first, values)
    elif following is not None:
        why = f"{duration(following)} since the oldest unanswered message, credited to {step.agent}"
        yield Rule(name="next response", why=why)
    elif step.behind is not None and after.waiting_since:
        yield Rule(name="older than the wait", why="it is older than what the customer waits for: it ends no wait")
    else:
        yield Rule(name="no one waits", why="a message and nothing more: it answers no customer message")


def _decided(entry: Entry, first: int, values: TenantSettings) -> Rules:
    limit = seconds(values.threshold_ms(entry.after.channel))
    if _value(entry, SL_MET) is not None:
        yield Rule(name="service level: met", why=f"{seconds(first)} is within T = {limit}")
    else:
        yield Rule(name="service level", why=f"missed before, at anchor + T = {limit}; the reply changes that no more")


def _bot(entry: Entry, _: Step, __: OfConversation, ___: TenantSettings) -> Rules:
    s = entry.before
    if s.with_bot:
        why = "it has the conversation already"
    elif entry.after.with_bot:
        why = "the bot takes over: no human reply, hand-off or assignment has come in this cycle"
        yield Rule(name="with the bot", why=why + ("; the wait ends undecided" if s.anchor and not s.decided else ""))
        return
    elif not s.in_cycle:
        why = "no cycle is open: nothing changes"
    elif not s.wrote:
        why = "the customer has not written in this cycle: nothing changes"
    else:
        why = "a human reply, hand-off or assignment has come in this cycle: it takes nothing over"
    yield Rule(name="bot message", why=why)


def _assigned(entry: Entry, step: Step, _: OfConversation, values: TenantSettings) -> Rules:
    before, after = entry.before, entry.after
    moves = (("assignee", before.agent, after.agent), ("team", before.team, after.team))
    changes = [f"{name} {was or 'none'} → {now or 'none'}" for name, was, now in moves if was != now]
    yield Rule(name="assigned", why=", ".join(changes) or "nothing changes")
    if step.sets & 1 and step.agent is not None:
        yield from _taken_back(entry, values, "an assignment to an agent")


def _handoff(entry: Entry, step: Step, _: OfConversation, values: TenantSettings) -> Rules:
    before, after = entry.before, entry.after
    if not after.in_cycle:
        yield Rule(name="hand-off on a resolved conversation", why="sets the team and nothing more")
        return
    if step.team is not None:
        yield Rule(name="team", why=_move(before.team, after.team))
    if before.anchor:
        fate = "missed already, which stays booked" if before.decided else "undecided"
        why = f"the wait is dropped ({fate}) and a new one starts; waiting since stays"
        yield Rule(name="hand-off during a wait", why=why)
        yield _first_wait(after, values, "the hand-off")
    elif before.with_bot:
        yield from _taken_back(entry, values, "a hand-off")
    else:
        why = "no bot and no first-response wait: nothing to take back; no bot takes this cycle over any more"
        yield Rule(name="hand-off", why=why)


def _taken_back(entry: Entry, values: TenantSettings, what: str) -> Rules:
    if entry.before.with_bot and not entry.after.with_bot:
        yield Rule(name="taken back from the bot", why=f"{what} ends being with the bot; the customer waits from now")
        if entry.after.anchor:
            yield _first_wait(entry.after, values, what)
        else:
            yield Rule(name="next-response wait", why="starts: a first response was given before")


def _status(entry: Entry, step: Step, _: OfConversation, values: TenantSettings) -> Rules:
    before, after = entry.before, entry.after
    if step.value != RESOLVED:
        was = OPEN if after.cycles > before.cycles else before.phase
        yield Rule(name="status", why=_move(STATUSES[was], STATUSES[after.phase]))
        return
    if not before.in_cycle:
        name = "resolved before any cycle" if before.phase == NONE else "second resolved"
        yield Rule(name=name, why="there is no open cycle: nothing changes")
        return
    yield Rule(name="resolved", why=f"the cycle ends after {duration(entry.at - before.opened_at)}")
    if not before.anchor:
        return
    waited, limit = duration(entry.at - before.anchor), seconds(values.threshold_ms(before.channel))
    if _value(entry, SL_ABANDONED) is not None:
        why = f"resolved {waited} after the anchor, within T = {limit}, without a human reply"
        yield Rule(name="service level: abandoned", why=why)
    elif before.decided:
        yield Rule(name="service level", why=f"missed before, at anchor + T = {limit}; no reply came")
    else:
        why = f"resolved {waited} after the anchor, within S = {seconds(values.short_abandon_ms)}: counts in nothing"
        yield Rule(name="short abandoned", why=why)


def _priority(entry: Entry, _: Step, __: OfConversation, ___: TenantSettings) -> Rules:
    yield Rule(name="priority", why=_move(entry.before.priority, entry.after.priority))


def _tagged(entry: Entry, _: Step, __: OfConversation, ___: TenantSettings) -> Rules:
    was, now = set(entry.before.topics), set(entry.after.topics)
    changes = [f"+{topic}" for topic in sorted(now - was)] + [f"-{topic}" for topic in sorted(was - now)]
    yield Rule(name="topics", why=" ".join(changes) or "nothing changes")


def _nothing(_: Entry, __: Step, event: OfConversation, ___: TenantSettings) -> Rules:
    match event:
        case Message(private=True):
            yield Rule(name="private note", why="neither a customer message nor a human reply: changes nothing")
        case Message(auto=True):
            yield Rule(name="auto-reply", why="neither a customer message nor a human reply: changes nothing")
        case Message():
            why = f"{event.direction} by {event.author}: neither customer message, human reply nor bot: changes nothing"
            yield Rule(name="other message", why=why)
        case Survey() | Delivery():
            yield Rule(name=type(event).__name__.lower(), why="changes nothing in the conversation")
        case _:
            yield Rule(name="no effect", why="changes nothing")


def _move(was: str | None, now: str | None) -> str:
    return f"{was or 'none'} → {now or 'none'}" if was != now else "nothing changes"


def _value(entry: Entry, kind: int) -> int | None:
    return next((fact.value for fact in entry.facts if fact.kind in {kind, kind + CALENDAR}), None)


_BY_CODE: dict[int, Callable[[Entry, Step, OfConversation, TenantSettings], Rules]] = {
    CUSTOMER: _customer,
    HUMAN: _human,
    BOT: _bot,
    ASSIGNED: _assigned,
    HANDOFF: _handoff,
    STATUS: _status,
    PRIORITY: _priority,
    TAGGED: _tagged,
}
