"""A pane or a quarter-hour as the roll-up keeps it: packed, with the stamp of whoever sent it."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from tables.tally import MAXIMA, Tally

unpack = msgspec.msgpack.Decoder(Tally).decode
pack = msgspec.msgpack.Encoder().encode
NOTHING: Tally = {}
"""The maxima of a tally without durations: one for all, never changed."""


class Stamped(NamedTuple):
    """A tally as it was sent: newer ones have a greater (epoch, seq)."""

    epoch: int
    seq: int
    packed: bytes
    largest: Tally
    """Its maxima, so that they can be looked up without unpacking it."""


def maxima(tally: Tally) -> Tally:
    """The maxima of a tally."""
    if MAXIMA.keys().isdisjoint(tally.keys()):
        return NOTHING
    return {each: tally[each] for each in MAXIMA if each in tally}


def difference(tally: Tally, before: Tally) -> Tally:
    """What a new absolute value adds to the one before it. A changed maximum is kept, to tell the change."""
    delta = {each: amount - before.get(each, 0) for each, amount in tally.items() if amount != before.get(each, 0)}
    if not before.keys() <= tally.keys():
        delta.update({each: -amount for each, amount in before.items() if each not in tally})
    return delta
