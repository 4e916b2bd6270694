"""WhatsApp Cloud API webhooks (Meta's `messages` and `smb_message_echoes` fields) to events.

Every id is hashed: a `wamid` holds the customer's phone number in base64.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from streams.channels.house import Head, Origin
from streams.channels.parts import DELIVERY_STATES, Ignored, Outcome, Stamp, Text, dig, each, instant, parse, take
from streams.events import Delivery, Message
from streams.rejects import Rejected

_CHANNEL = "whatsapp"
_OBJECT = "whatsapp_business_account"

MESSAGES: Final = frozenset(
    [
        *("text", "image", "audio", "voice", "video", "document", "sticker", "location", "contacts"),
        *("interactive", "button", "order", "system"),
    ]
)
"""The kinds that are messages; `system` is one by nobody: the customer changed the number, say."""
NO_MESSAGES: Final = frozenset(["reaction", "edit", "revoke", "request_welcome"])
"""Kinds that nobody waits for an answer to."""
UNREADABLE: Final = frozenset(["unsupported", "unknown", "ephemeral"])
"""Kinds that WhatsApp shows to no receiver of webhooks, so that no agent could answer."""
ECHOES: Final = frozenset(["smb_message_echoes", "message_echoes"])
"""Fields that repeat what was sent with the business's own phone app."""

# The same phone, with and without the digit that WhatsApp's ids of these countries may have or lack.
_MOBILE: Final = (
    (re.compile(r"55([1-9]{2})9([6-9][0-9]{7})"), r"55\1\2"),  # Brazil
    (re.compile(r"549([0-9]{10})"), r"54\1"),  # Argentina
    (re.compile(r"521([0-9]{10})"), r"52\1"),  # Mexico
)


class _Metadata(msgspec.Struct):
    phone_number_id: Text


class _Value(msgspec.Struct):
    metadata: _Metadata


class _Change(msgspec.Struct):
    field: str
    value: Any = None


class _Message(msgspec.Struct, rename={"sender": "from"}):
    id: Text
    type: str
    timestamp: Stamp | None = None
    sender: str | None = None
    from_user_id: str | None = None
    to: str | None = None
    to_user_id: str | None = None
    group_id: str | None = None
    errors: Any = None


class _Status(msgspec.Struct):
    id: Text
    status: str
    timestamp: Stamp | None = None
    recipient_id: str | None = None
    recipient_user_id: str | None = None
    recipient_participant_id: str | None = None


def outcomes(body: bytes, origin: Origin) -> Iterator[Outcome]:
    """What each entry, change, message and status of a webhook gives."""
    found = parse(body)
    if "entry" not in found:
        raise Rejected("missing_field", "$.entry: required")
    if found.get("object", _OBJECT) != _OBJECT:
        yield Ignored.OTHER_TOPIC
        return
    nothing = True
    for place, entry in each(found["entry"], "$.entry"):
        for path, change in each(dig(entry, "changes"), f"{place}.changes"):
            nothing = False
            try:
                yield from _change(change, path, origin)
            except Rejected as fault:
                yield fault
    if nothing:
        yield Ignored.NOTHING


def _change(part: object, path: str, origin: Origin) -> Iterator[Outcome]:
    change = take(part, _Change, path)
    if change.field != "messages" and change.field not in ECHOES:
        yield Ignored.OTHER_TOPIC
        return
    path, value = f"{path}.value", change.value
    line = _Line(origin, take(value, _Value, path).metadata.phone_number_id, dig(value, "contacts"))
    lists: dict[str, Callable[[object, str], Outcome]] = {
        "messages": line.message,
        "message_echoes": line.echo,
        "statuses": line.status,
        "errors": lambda *_: Ignored.PROVIDER_ERROR,
    }
    nothing = True
    for name, of in lists.items():
        for place, member in each(dig(value, name), f"{path}.{name}"):
            nothing = False
            try:
                yield of(member, place)
            except Rejected as fault:
                yield fault
    if nothing:
        yield Ignored.NOTHING


class _Line:
    """One phone number of the business, with the contacts that a change names."""

    def __init__(self, origin: Origin, number_id: str, contacts: object) -> None:
        self._origin = origin
        self._number_id = number_id
        self._contacts = contacts if isinstance(contacts, list) else []

    def message(self, part: object, path: str) -> Outcome:
        """A customer's message."""
        message = take(part, _Message, path)
        if (ignored := _ignored(message)) is not None:
            return ignored
        customer = _person(message.sender, message.from_user_id) or self._only_contact()
        if customer is None:
            raise Rejected("missing_field", f"{path}.from: required where there is not one contact")
        return Message(
            **self._head(_id(self._origin, message.id), message.timestamp, message.group_id or customer, path),
            direction="inbound",
            author="system" if message.type == "system" else "customer",
            customer_id=self._customer_id(customer),
        )

    def echo(self, part: object, path: str) -> Outcome:
        """A message that somebody of the house sent with the phone app."""
        message = take(part, _Message, path)
        if (ignored := _ignored(message)) is not None:
            return ignored
        customer = _person(message.to, message.to_user_id) or self._only_contact()
        if customer is None:
            raise Rejected("missing_field", f"{path}.to: required where there is not one contact")
        app = f"{_CHANNEL}-{self._origin.pseudonym('phone app', self._number_id)}"
        return Message(
            **self._head(_id(self._origin, message.id), message.timestamp, message.group_id or customer, path),
            direction="outbound",
            author="agent",
            agent_id=self._origin.house.agents.get(f"{_CHANNEL}:{self._number_id}", app),
            customer_id=self._customer_id(customer),
        )

    def status(self, part: object, path: str) -> Outcome:
        """What became of a message that the business sent."""
        status = take(part, _Status, path)
        if (state := DELIVERY_STATES.get(status.status)) is None:
            return Ignored.OTHER_STATE
        customer = _person(status.recipient_id, status.recipient_user_id) or self._only_contact()
        if customer is None:
            raise Rejected("missing_field", f"{path}.recipient_id: required where there is not one contact")
        message_id = _id(self._origin, status.id)
        event_id = f"{message_id}-{state}"
        if member := status.recipient_participant_id:  # one status for each member of a group
            event_id += f"-{self._origin.pseudonym('member', member)}"
        return Delivery(
            **self._head(event_id, status.timestamp, customer, path),
            message_id=message_id,
            state=state,
        )

    def _head(self, event_id: str, stamp: Stamp | None, party: str, path: str) -> Head:
        """`party` is the customer, or the group, that this number of the business talks with."""
        at = self._origin.received_at if stamp is None else instant(stamp, f"{path}.timestamp")
        if at is None:
            raise Rejected("missing_field", f"{path}.timestamp: required without a header received_at")
        conversation = self._origin.pseudonym("whatsapp conversation", self._number_id, party)
        return self._origin.head(event_id, at, f"{_CHANNEL}-{conversation}", _CHANNEL)

    def _customer_id(self, customer: str) -> str:
        return self._origin.pseudonym("customer", _CHANNEL, customer)

    def _only_contact(self) -> str | None:
        """Who a part without a number is about: the one contact of its change."""
        if len(self._contacts) != 1:
            return None
        return _person(dig(self._contacts[0], "wa_id"), dig(self._contacts[0], "user_id"))


def _id(origin: Origin, wamid: str) -> str:
    return f"{_CHANNEL}-{origin.pseudonym('whatsapp message', wamid)}"


def _ignored(message: _Message) -> Ignored | None:
    """Why a message is none, in the sense that somebody waits or has answered."""
    if message.type in NO_MESSAGES:
        return Ignored.NO_MESSAGE
    if message.errors or message.type in UNREADABLE:
        return Ignored.UNREADABLE
    return None if message.type in MESSAGES else Ignored.UNKNOWN_KIND


def _person(number: object, user_id: object) -> str | None:
    """Who a phone number stands for, however the number is written; without one, Meta's id of the user."""
    if isinstance(number, str) and number:
        number = number.removeprefix("+")
        for pattern, plain in _MOBILE:
            if found := pattern.fullmatch(number):
                return found.expand(plain)
        return number
    return user_id if isinstance(user_id, str) and user_id else None
