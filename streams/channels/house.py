"""What the house sets for its intake, and the pseudonyms that stand for people, numbers and addresses."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypedDict

from streams.events import MAX_AT, SLUG
from streams.rejects import Rejected

DEVELOPMENT_KEY: Final = b"sigap"
"""The key without a setting. Everybody knows it, so anybody could find the phone number behind a pseudonym."""

_PSEUDONYM = 32  # hex digits, 128 bits: no two people of a house meet
_slug = re.compile(SLUG)
_digits = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class House:
    """Settings of the intake, for one tenant.

    `key` is the secret of the pseudonyms: another key gives other customers and conversations. `tenant` and `source`
    hold where a record's headers do not say. `addresses` are the house's own mail addresses and domains. `agents`
    gives people their agent id: by mail address, `chatwoot:ID`, `intercom:ID` or `whatsapp:PHONE_NUMBER_ID`; `teams`
    does so for teams. `inboxes` gives the channel of a Chatwoot inbox by its type (`Channel::Whatsapp`).
    """

    key: bytes = field(default=DEVELOPMENT_KEY, repr=False)
    tenant: str = "default"
    source: str = ""
    addresses: frozenset[str] = field(default=frozenset(), repr=False)
    agents: Mapping[str, str] = field(default_factory=dict, repr=False)
    teams: Mapping[str, str] = field(default_factory=dict)
    inboxes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        addresses = frozenset(each.lower().removeprefix("@") for each in self.addresses)
        object.__setattr__(self, "addresses", addresses)
        object.__setattr__(self, "agents", {who.lower(): agent for who, agent in self.agents.items()})

    def owns(self, address: str) -> bool:
        """Whether a mail address (lower case) is the house's own; `support+42@` is `support@`."""
        local, _, domain = address.rpartition("@")
        return not self.addresses.isdisjoint((address, domain, f"{local.partition('+')[0]}@{domain}"))


class Head(TypedDict):
    """The fields that every event of a conversation has."""

    v: Literal[1]
    tenant: str
    event_id: str
    at: int
    conversation_id: str
    channel: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a payload comes from: tenant, source, when it was received (ms) where that is known, and the house."""

    house: House
    tenant: str
    source: str
    received_at: int | None

    @classmethod
    def of(cls, headers: Mapping[str, str], house: House) -> Origin:
        """The origin that a record's headers name; raises `Rejected`."""
        tenant = headers.get("tenant") or house.tenant
        if not _slug.match(tenant) or len(tenant) > 64:  # noqa: PLR2004 - the contract's length of a slug
            raise Rejected("bad_value", "header tenant: a-z, 0-9, _ and - allowed, the first a letter or digit")
        received = headers.get("received_at")
        if received is not None and not (_digits.fullmatch(received) and 0 < int(received) <= MAX_AT):
            raise Rejected("bad_value", f"header received_at: milliseconds since 1970, 1 to {MAX_AT}")
        source = (headers.get("source") or house.source).lower()
        return cls(house, tenant, source, None if received is None else int(received))

    def pseudonym(self, kind: str, *parts: str) -> str:
        """32 hex digits that stand for `parts`: always the same for a key, a tenant and a kind."""
        # With their lengths, so that ("ab", "c") and ("a", "bc") differ.
        text = "".join(f"{len(part)}:{part}" for part in (self.tenant, kind, *parts))
        return hmac.new(self.house.key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:_PSEUDONYM]

    def agent(self, source: str, number: int | str) -> str:
        """The agent id of a platform's user."""
        return self.house.agents.get(f"{source}:{number}", f"{source}-{number}")

    def team(self, source: str, number: int | str) -> str:
        """The id of a platform's team."""
        return self.house.teams.get(f"{source}:{number}", f"{source}-{number}")

    def head(self, event_id: str, at: int, conversation_id: str, channel: str) -> Head:
        """The common fields of an event; `at` in ms."""
        return {
            "v": 1,
            "tenant": self.tenant,
            "event_id": event_id,
            "at": at,
            "conversation_id": conversation_id,
            "channel": channel,
        }
