"""Mails (RFC 5322) to events: one mail, one message.

Every id is hashed: message ids hold hosts, and often addresses.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from streams.channels.house import Origin
from streams.channels.mail_dates import date_ms
from streams.channels.mail_headers import Headers, without_comments
from streams.channels.parts import Outcome
from streams.events import MAX_AT, Message
from streams.rejects import AHEAD_MS, Rejected

_CHANNEL = "email"

_PRECEDENCE = frozenset(["auto_reply", "bulk", "junk"])  # not `list`: a group address may be how customers write
_SUPPRESSED = frozenset(["all", "oof", "autoreply"])
_ROBOTS = frozenset(["mailer-daemon"])
_HOPS = 16  # topmost Received fields that are looked at
_MAX_DATE = 200  # characters of a date that are looked at
_word = re.compile(r"[a-z_-]+")


def outcomes(mail: bytes, origin: Origin) -> Iterator[Outcome]:
    """The message that a mail is."""
    headers = Headers(mail)
    sender = _sender(headers)
    auto = _is_automatic(headers, sender)
    if sender is None and not auto:
        raise Rejected("missing_field", "From: required, or Sender, or Return-Path")
    at = _sent_at(headers, origin)
    bare_id = "".join(headers.first("Message-ID").split()) or hashlib.sha256(mail).hexdigest()
    own_id = next(iter(headers.message_ids("Message-ID")), bare_id)
    root = next(iter(headers.message_ids("References") or headers.message_ids("In-Reply-To")), own_id)
    head = origin.head(
        f"{_CHANNEL}-{origin.pseudonym('mail', own_id)}",
        at,
        f"{_CHANNEL}-{origin.pseudonym('mail thread', root)}",
        _CHANNEL,
    )
    if sender is None or not origin.house.owns(sender):
        customer_id = _customer_id(origin, sender)
        yield Message(**head, direction="inbound", author="customer", customer_id=customer_id, auto=auto)
        return
    recipients = headers.addresses("To", "Cc", "Bcc")
    outside = next((each for each in recipients if not origin.house.owns(each)), None)
    asker = next((each for each in headers.addresses("Reply-To") if not origin.house.owns(each)), None)
    if outside is None and asker is not None:  # a form on the house's site: it writes for the customer
        yield Message(
            **head, direction="inbound", author="customer", customer_id=_customer_id(origin, asker), auto=False
        )
        return
    yield Message(
        **head,
        direction="outbound",
        author="system" if auto else "agent",
        agent_id=None if auto else _agent_id(origin, sender),
        customer_id=_customer_id(origin, outside),
        private=bool(recipients) and outside is None,
        auto=auto,
    )


def _sender(headers: Headers) -> str | None:
    """The sender's address; where no field has one, what else stands in `From`."""
    addresses = headers.addresses("From", "Sender", "Return-Path")
    return addresses[0] if addresses else headers.first("From").lower() or None


def _customer_id(origin: Origin, address: str | None) -> str | None:
    return None if address is None or "@" not in address else origin.pseudonym("customer", _CHANNEL, address)


def _agent_id(origin: Origin, address: str) -> str:
    return origin.house.agents.get(address) or f"{_CHANNEL}-{origin.pseudonym('agent', address)}"


def _is_automatic(headers: Headers, sender: str | None) -> bool:
    """Whether a machine wrote the mail: RFC 3834, and what else machines put into their mails."""
    return (
        any(_word_of(value) != "no" for value in headers.all("Auto-Submitted"))
        or any(_word_of(value) != "no" for name in ("X-Autoreply", "X-Autorespond") for value in headers.all(name))
        or any(_word_of(value) in _PRECEDENCE for value in headers.all("Precedence"))
        or not _SUPPRESSED.isdisjoint(_word.findall(headers.first("X-Auto-Response-Suppress").lower()))
        or "".join(headers.first("Return-Path").split()) == "<>"
        or headers.first("Content-Type").lower().startswith("multipart/report")
        or (sender or "").partition("@")[0] in _ROBOTS
    )


def _word_of(value: str) -> str:
    """The keyword that a field begins with."""
    found = _word.search(without_comments(value).lower())
    return found[0] if found else ""


def _sent_at(headers: Headers, origin: Origin) -> int:
    """The `Date`, in ms; where it cannot be, when the mail was received: by the house's server, else by the intake."""
    hops = (_instant(value.rpartition(";")[2]) for value in headers.all("Received")[:_HOPS])
    received_at = next((at for at in hops if at is not None), origin.received_at)
    at = _instant(headers.first("Date"))
    if at is not None and (received_at is None or at <= received_at + AHEAD_MS):
        return at
    if received_at is None:
        raise Rejected("missing_field", "Date: required without a Received field and without a header received_at")
    return received_at


def _instant(text: str) -> int | None:
    at = date_ms(without_comments(text)[:_MAX_DATE])
    return at if at is not None and 0 < at <= MAX_AT else None
