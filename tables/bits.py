"""Panes as bits: the minutes in which an agent was online, or occupied, as one number; and how they are told.

A pane is a minute since the epoch. A stretch touches every minute that it shares an instant with.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tables.facts import MINUTE

MOST = 92 * 1440
"""Minutes that bits span at most: an instant far off (seconds taken for milliseconds) must not cost megabytes."""


def touched(start: int, end: int) -> tuple[int, int]:
    """The first and last minute of the stretch from `start` to before `end` (ms); last before first when it is empty.

    >>> touched(59_999, 120_000)
    (0, 1)
    >>> touched(60_000, 60_000)
    (1, 0)
    """
    first = start // MINUTE
    return first, (end - 1) // MINUTE if end > start else first - 1


class Bits(msgspec.Struct, frozen=True):
    """A set of minutes. A negative number holds every minute from some minute on: a stretch that goes on."""

    base: int
    bits: int
    """Bit n stands for the minute base + n."""

    @classmethod
    def of(cls, first: int, last: int) -> Bits:
        """All minutes from `first` to `last`.

        >>> Bits.of(10, 12).count(11, 99)
        2
        """
        return cls(first, (1 << max(last - first + 1, 0)) - 1)

    @classmethod
    def since(cls, first: int) -> Bits:
        """All minutes from `first` on.

        >>> Bits.since(10).count(8, 14)
        5
        """
        return cls(first, -1)

    def at(self, base: int) -> int:
        """The bits counted from another minute; minutes before that one are lost."""
        shift = self.base - base
        return self.bits << shift if shift >= 0 else self.bits >> -shift

    def both(self, other: Bits) -> Bits:
        """The minutes that are in both."""
        base = max(self.base, other.base)
        return Bits(base, self.at(base) & other.at(base))

    def before(self, minute: int) -> Bits:
        """The minutes before this one."""
        return Bits(self.base, self.bits & ((1 << max(minute - self.base, 0)) - 1))

    def cut(self, minute: int) -> Bits:
        """The minutes from this one on."""
        return self if self.base >= minute else Bits(minute, self.at(minute))

    def count(self, first: int, last: int) -> int:
        """How many minutes there are from `first` to `last`."""
        base = self.base
        if last < first or last < base:
            return 0
        shift = first - base
        bits = self.bits >> shift if shift >= 0 else self.bits << -shift
        return (bits & ((1 << (last - first + 1)) - 1)).bit_count()


NONE = Bits(0, 0)


def union(parts: Iterable[Bits]) -> Bits:
    """The minutes that are in any; of more than `MOST` minutes the oldest are lost.

    >>> union([Bits.of(10, 11), Bits.of(11, 14), NONE]).count(0, 99)
    5
    """
    held = [part for part in parts if part.bits]
    if len(held) < 2:  # noqa: PLR2004 - nothing to unite
        return held[0] if held else NONE
    bases = [part.base for part in held]
    base = max(min(bases), max(bases) - MOST)
    bits = 0
    for part in held:
        bits |= part.at(base)
    return Bits(base, bits)


# -- what is told -----------------------------------------------------------------------------------------


class Told(msgspec.Struct, array_like=True, frozen=True):
    """The minutes of one agent as a source partition tells them."""

    first: int
    """The first minute spoken of: what was told before of minutes before it holds."""
    base: int
    ended: bytes
    """Of stretches that have ended: bits from the minute `base` on, the lowest first."""
    since: int
    """The minute in which a stretch that goes on began; -1 without one."""

    def minutes(self) -> Bits:
        """What is said, as bits; a stretch that goes on never ends here, so do not count beyond the clock."""
        ended = Bits(self.base, int.from_bytes(self.ended, "little"))
        return ended if self.since < 0 else union((ended, Bits.since(self.since)))


_encode = msgspec.msgpack.Encoder().encode
decode_told = msgspec.msgpack.Decoder(Told).decode


def encode_told(first: int, ended: Bits, since: int) -> bytes:
    """What is to be told; see `Told`."""
    bits = ended.bits
    low = (bits & -bits).bit_length() - 1 if bits else -ended.base
    bits >>= max(low, 0)
    packed = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
    return _encode(Told(first, ended.base + low, packed, max(since, first) if since >= 0 else -1))
