"""The house of the demo: its teams and topics, what its channels are like, and what all of a run has in common."""

from __future__ import annotations

from math import exp, log
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from random import Random

    from agents.traffic_staff import Staff

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR

TEAMS: Final = {
    "billing": ("ayu", "bagas", "citra", "dimas", "elena", "farah", "galih", "hana"),
    "delivery": ("indra", "joko", "kirana", "laras", "made", "nadia", "oscar", "putri"),
    "technical": ("rizky", "sinta", "tomas", "umar", "vina", "wayan", "yusuf", "zara"),
}
TOPICS: Final = {
    "billing": ("refund", "invoice", "payment-failed", "voucher"),
    "delivery": ("late-parcel", "address-change", "return", "damaged"),
    "technical": ("login", "app-crash", "device-setup", "account"),
}
TOPIC_SHARES: Final = (40, 30, 20, 10)
"""Of a team's conversations, in percent, in the order of `TOPICS`."""
CUSTOMERS: Final = 15_000


class Style(NamedTuple):
    """What a channel is like: medians in seconds, spreads as the sigma of the logarithm, shares of conversations."""

    share: float
    bot: float
    """Greeted by a bot."""
    form: float
    """Begun with a topic chosen from a form or a menu."""
    first_s: float
    first_spread: float
    writing_s: float
    """Of the first response, at most: for so long an agent has the conversation before it."""
    reply_s: float
    think_s: float
    """Until the customer writes again."""
    turns: float
    """Mean number of further questions."""
    abandoned: float
    pending: float
    returns_s: float
    """Until a customer who was left pending, or whose case was resolved, writes again."""
    threshold_s: float


STYLES: Final = {
    "chat": Style(0.5, 0.45, 0.7, 31, 0.72, 30, 34, 38, 3.0, 0.06, 0.05, 900, 60),
    "whatsapp": Style(0.4, 0.2, 0.5, 125, 0.95, 120, 110, 140, 2.5, 0.03, 0.12, 2_400, 300),
    "email": Style(0.1, 0.0, 0.3, 4_800, 0.9, 900, 4_000, 3_000, 0.7, 0.01, 0.8, 9_000, 14_400),
}
_LONGEST: Final = 2.5
"""No duration is more than this many sigmas above its median: the tail of a demo that is looked at."""


class Desk(NamedTuple):
    """What all of a run has in common."""

    tenant: str
    run: str
    """Part of every id, so that two runs into one topic do not meet."""
    midnight: int
    """The instant, in ms, at which the local day of the start begins."""
    begin: int
    """The instant, in ms, of the first conversation: some are left from the evening before that day."""
    staff: Staff


def customer_id(number: int) -> str:
    """The customer of a number below 2**32."""
    # A multiplicative hash: numbers that say nothing, as a keyed hash would.
    return f"cust-{number * 2_654_435_761 % 2**32:08x}"


def draw_s(rng: Random, median_s: float, spread: float) -> float:
    """A lognormal duration in seconds."""
    return min(rng.lognormvariate(log(median_s), spread), median_s * exp(_LONGEST * spread))
