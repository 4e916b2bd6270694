"""Next response time: from the oldest unanswered customer message to the human reply, after the first response."""

from __future__ import annotations

from tables import facts
from tables.kpis import durations

METRICS = durations.metrics("nrt", "next response time")
read = durations.reader("nrt", facts.NRT)
