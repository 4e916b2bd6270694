"""First response time: from the customer's first message, or the hand-off, to the first human reply."""

from __future__ import annotations

from tables import facts
from tables.kpis import durations

METRICS = durations.metrics("frt", "first response time")
read = durations.reader("frt", facts.FRT)
