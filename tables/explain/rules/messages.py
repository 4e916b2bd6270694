"""What messages do: they wait, answer, take over, and name the customer."""

from __future__ import annotations

from streams.events import Delivery, Message, OfConversation
from tables.explain.lengths import duration, seconds
from tables.explain.records import Rule
from tables.explain.rules.common import Rules, books, first_wait, in_business, move, sample
from tables.explain.trace import Entry
from tables.explain.view import View
from tables.facts import FRT, MESSAGES_OUT, NRT, SL_MET
from tables.state import PENDING, RESOLVED, Step


def customer(entry: Entry, step: Step, _: OfConversation, view: View) -> Rules:
    """A customer message."""
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
        yield first_wait(after, view, "the first customer message of the cycle")
    else:
        why = "a first response was given before" if after.answered else "no longer the first message of the cycle"
        yield Rule(name="next-response wait", why=f"starts: the customer waits; {why}")


def human(entry: Entry, step: Step, _: OfConversation, view: View) -> Rules:
    """A human reply."""
    before, after = entry.before, entry.after
    if before.phase == RESOLVED:
        why = "a message and nothing more: no response time, no assignment"
        yield Rule(name="reply on a resolved conversation", why=why)
        return
    if before.agent is None and after.agent is not None:
        why = f"a human reply on an unassigned conversation assigns its agent, {step.agent}"
        yield Rule(name="assigned by a reply", why=why)
    first, following = sample(entry, FRT), sample(entry, NRT)
    if before.with_bot:
        yield Rule(name="reply into the bot", why="ends being with the bot; counts as answered, without an FRT sample")
    elif first is not None:
        why = f"{duration(first.value)} from the anchor to the reply{in_business(first)}, credited to {step.agent}"
        yield Rule(name="first response", why=why)
        yield from _decided(entry, first.value, view)
    elif following is not None:
        since = f"{duration(following.value)} since the oldest unanswered message{in_business(following)}"
        yield Rule(name="next response", why=f"{since}, credited to {step.agent}")
    elif step.behind is not None and after.waiting_since:
        yield Rule(name="older than the wait", why="it is older than what the customer waits for: it ends no wait")
    else:
        yield Rule(name="no one waits", why="a message and nothing more: it answers no customer message")


def _decided(entry: Entry, first: int, view: View) -> Rules:
    limit = seconds(view.values.threshold_ms(entry.after.channel))
    if sample(entry, SL_MET) is not None:
        yield Rule(name="service level: met", why=f"{seconds(first)} is within T = {limit}")
    else:
        yield Rule(name="service level", why=f"missed before, at anchor + T = {limit}; the reply changes that no more")


def bot(entry: Entry, _: Step, __: OfConversation, ___: View) -> Rules:
    """A bot's message."""
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


def other(_: Entry, __: Step, event: OfConversation, ___: View) -> Rules:
    """What changes nothing in the conversation."""
    match event:
        case Message(private=True):
            yield Rule(name="private note", why="neither a customer message nor a human reply: changes nothing")
        case Message(auto=True):
            yield Rule(name="auto-reply", why="neither a customer message nor a human reply: changes nothing")
        case Message():
            why = f"{event.direction} by {event.author}: neither customer message, human reply nor bot: changes nothing"
            yield Rule(name="other message", why=why)
        case Delivery():
            yield Rule(name="delivery", why="only failed ones are counted: changes nothing")
        case _:
            yield Rule(name="no effect", why="changes nothing")


def named(entry: Entry) -> Rules:
    """Whom a message names as the customer, and for whom a human reply counts."""
    before, after = entry.before.customer, entry.after.customer
    if before != after:
        yield Rule(name="customer", why=move(before, after))
    if not books(entry, MESSAGES_OUT):
        return
    if after is None:
        why = "none: no message has named the customer"
    else:
        why = f"the reply counts for {after} in customers_handled"
    yield Rule(name="customer handled", why=why)
