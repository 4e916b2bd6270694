"""Next response time: from the oldest unanswered customer message to the human reply, after the first response."""

from __future__ import annotations

from tables import facts
from tables.kpis.durations import Duration

_ROOM = Duration("nrt", facts.NRT, "next response time")
METRICS = _ROOM.metrics()
read = _ROOM.read
