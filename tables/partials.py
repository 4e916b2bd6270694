"""Partial aggregates on the wire: what a source partition tells the roll-up (internal topic `_partials`).

Every value is absolute and carries its owner's epoch and a number that grows: any of them may come twice or late.
Keys: `P|tenant|scope|mN` (pane of minute N), `…|qN` (quarter-hour from minute N), `…|cN` (what was added to that
quarter-hour after its panes were let go of), `…|g` (gauges), `…|sN` (gauges as they were when the clock passed the
quarter-hour N, in minutes, if they had changed), `…|oA` (the minutes in which its conversations occupied agent A),
`P|clock`. In place of a scope `=online` stands for the minutes in which the agent was online, told to every partition,
and `=business` for a tenant's summaries (see `tables.business.names`), and `=topics|nH` for the name of the topic with
the hash H. A partition of the roll-up itself leaves `P|closed` here, how far its intervals are closed; workers tell in
`feeds|…` how far raw topics have been passed on (`streams.engine.frontier`).
"""

from __future__ import annotations

from typing import Final

import msgspec

from streams.engine.owner import PARTIALS_TOPIC
from tables.tally import Tally

TOPIC: Final = PARTIALS_TOPIC
ONLINE, BUSINESS, TOPICS = "=online", "=business", "=topics"
BEHIND_MS = 5_000
"""A source partition that lags by more, or is silent for longer, makes records partial."""
PANES_KEPT = 90
"""Minutes for which a pane is kept by itself: the longest rolling window, and time for corrections."""
TURNS = 3
"""Every scope is told of in one turn of so many: the partials of all partitions then come together."""


class Partial(msgspec.Struct, array_like=True, frozen=True):
    """A pane, a quarter-hour or the gauges of one scope in one source partition."""

    epoch: int
    seq: int
    clock: int
    """The source partition's clock in ms."""
    tally: Tally


class Beat(msgspec.Struct, array_like=True, frozen=True):
    """A source partition's clock, to every partition of the roll-up."""

    epoch: int
    seq: int
    clock: int
    lag_ms: int
    complete: bool
    """Whether this owner has sent all that it holds."""
    final: bool
    """Whether the clock will not go on."""
    told: int = 0
    """The clock up to which all has been sent, snapshots too."""
    since: int = 0
    """The first quarter-hour (ms) that this owner sees the clock pass."""


class Snapshot(msgspec.Struct, array_like=True, frozen=True):
    """The gauges of one scope in one source partition when the clock passed a quarter-hour."""

    epoch: int
    seq: int
    at: int
    """The quarter-hour, in ms."""
    tally: Tally
    was: Tally | None
    """The snapshot before it; None: not known to this owner."""


class Share(msgspec.Struct, array_like=True, frozen=True):
    """What else a source partition tells: an agent's minutes, a summary of business events, the name of a topic."""

    epoch: int
    seq: int
    clock: int
    payload: bytes
    """See `tables.bits.Told` and `tables.business.names`; a name is UTF-8."""


class Stamp(msgspec.Struct, array_like=True, frozen=True):
    """What a partial begins with: newer ones have a greater stamp."""

    epoch: int
    seq: int


encode = msgspec.msgpack.Encoder().encode
decode_stamp = msgspec.msgpack.Decoder(Stamp).decode
decode_snapshot = msgspec.msgpack.Decoder(Snapshot).decode
decode_partial = msgspec.msgpack.Decoder(Partial).decode
decode_share = msgspec.msgpack.Decoder(Share).decode
decode_beat = msgspec.msgpack.Decoder(Beat).decode
