"""Webhooks of chat platforms; the header `source` names the platform."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from streams.channels import chatwoot, intercom
from streams.channels.house import Origin
from streams.channels.parts import Outcome
from streams.rejects import Rejected

SOURCES: Final[Mapping[str, Callable[[bytes, Origin], Iterator[Outcome]]]] = {
    "chatwoot": chatwoot.outcomes,
    "intercom": intercom.outcomes,
}
"""Every platform by the value of the header."""


def outcomes(body: bytes, origin: Origin) -> Iterator[Outcome]:
    """What each part of a platform's webhook gives."""
    if origin.source not in SOURCES:
        raise Rejected(
            "bad_value" if origin.source else "missing_field", f"header source: allowed are {', '.join(SOURCES)}"
        )
    return SOURCES[origin.source](body, origin)
