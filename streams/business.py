"""Business events: what `sigap.business` holds (contract section 7); on `sigap.events` they go with the others."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from streams.fields import Common, Id, Instant

MAX_AMOUNT = 1e15
"""The greatest amount of money: up to here a float tells eighths of a unit apart."""

Amount = Annotated[float, Meta(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]
NotNegative = Annotated[float, Meta(ge=0, le=MAX_AMOUNT)]
Currency = Annotated[str, Meta(min_length=3, max_length=3, pattern="^[A-Z]{3}$")]
"""An ISO 4217 code, or one of its shape."""


class Subscription(Common, frozen=True, kw_only=True, gc=False, tag_field="type", tag="subscription"):
    """A customer's monthly recurring revenue (MRR) in one currency changed, in units of the currency a month."""

    customer_id: Id
    kind: Literal["new", "expansion", "contraction", "cancel"]
    mrr_before: NotNegative
    mrr_after: NotNegative
    currency: Currency


class Posting(Common, frozen=True, kw_only=True, gc=False):
    """An amount that accrues linearly over a half-open period; a negative one takes back what another said."""

    amount: Amount
    period_start_at: Instant
    period_end_at: Instant
    currency: Currency | None = None


class Cost(Posting, frozen=True, kw_only=True, gc=False, tag_field="type", tag="cost"):
    """What customer service cost."""


class Revenue(Posting, frozen=True, kw_only=True, gc=False, tag_field="type", tag="revenue"):
    """What the house earned."""


class Visit(Common, frozen=True, kw_only=True, gc=False, tag_field="type", tag="visit"):
    """A visitor came."""

    visitor_id: Id


class Conversion(Common, frozen=True, kw_only=True, gc=False, tag_field="type", tag="conversion"):
    """A visitor did what the house hopes for."""

    visitor_id: Id


Business = Subscription | Cost | Revenue | Visit | Conversion
