"""Resolution time: from the opening of a cycle to its resolving."""

from __future__ import annotations

from tables import facts
from tables.kpis import durations

METRICS = durations.metrics("resolution", "resolution time")
read = durations.reader("resolution", facts.RESOLUTION)
