"""First response time: from the customer's first message, or the hand-off, to the first human reply."""

from __future__ import annotations

from tables import facts
from tables.kpis.durations import Duration

_ROOM = Duration("frt", facts.FRT, "first response time")
METRICS = _ROOM.metrics()
read = _ROOM.read
