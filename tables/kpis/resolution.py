"""Resolution time: from the opening of a cycle to its resolving.

>>> from tables.settings import Settings
>>> from tables.tally import add_duration
>>> from tables.window import Window
>>> window, out, tally = Window(), {}, {}
>>> for seconds in (30, 60, 120):
...     add_duration(tally, facts.RESOLUTION, 1, 1000 * seconds)
>>> window.add(tally, 1)
>>> read(window, out, Settings.load(None).tenant("acme"))
>>> out["resolution_count"], out["resolution_mean_s"], round(out["resolution_p90_s"])
(3, 70.0, 120)
"""

from __future__ import annotations

from tables import facts, subjects
from tables.kpis import durations
from tables.kpis.metric import Text

DURATION = durations.Duration(
    "resolution",
    Text("Resolution time", "from the opening of a cycle to its resolving", "Resolution"),
    Text("Waktu penyelesaian", "dari dibukanya siklus percakapan sampai diselesaikan", "Penyelesaian"),
)
READS = subjects.RESOLUTION
METRICS = DURATION.metrics
read = durations.reader("resolution", facts.RESOLUTION)
