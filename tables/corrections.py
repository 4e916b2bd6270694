"""Corrections in the changelog: what was added to quarter-hours that the panes had let go of.

The roll-up has closed such days; a late event, or a reopening that takes back one touch, reaches them in this way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tables.tally import Tally

if TYPE_CHECKING:
    from tables.panes import Panes

PREFIX = b"=c|"
"""What the keys begin with; no conversation's does."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Tally).decode


def changed(panes: Panes) -> list[tuple[bytes, bytes | None]]:
    """The changelog's records of the corrections that have changed since the last call."""
    out: list[tuple[bytes, bytes | None]] = []
    for scope, quarter in panes.corrected:
        tally = scope.corrections.get(quarter)
        key = PREFIX + f"{scope.tenant}|{scope.name}|{quarter}".encode()
        out.append((key, _encode(tally) if tally else None))
    panes.corrected.clear()
    return out


def restore(panes: Panes, key: bytes, value: bytes | None) -> None:
    """Take a record over; None is none."""
    if value is not None:
        tenant, scope, quarter = key[len(PREFIX) :].decode().split("|")
        panes.restore_correction(tenant, scope, int(quarter), _decode(value))
