"""The fields that every event has, and what their values may be."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MAX_AT = 253_402_300_799_999
"""The last millisecond of the year 9999."""

MAX_ID_BYTES = 512
"""The greatest length of an id, in bytes of UTF-8."""
SLUG = r"^[a-z0-9][a-z0-9_-]*$(?!\n)"
"""A tenant's or channel's name. The look-ahead is for Python, whose `$` also matches before a last line feed."""

Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID_BYTES)]
Instant = Annotated[int, Meta(gt=0, le=MAX_AT)]
# The codec checks the pattern: msgspec would run the expression for every event, which doubles the cost of decoding.
Slug = Annotated[str, Meta(min_length=1, max_length=64, extra_json_schema={"pattern": SLUG})]


class Common(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The fields of every event; `at` is Unix epoch milliseconds, UTC."""

    v: Literal[1]
    tenant: Slug
    event_id: Id
    at: Instant
