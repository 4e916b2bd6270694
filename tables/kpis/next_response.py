"""Next response time (NRT): from the oldest unanswered customer message to the human reply, after the first response.

>>> from tables.settings import Settings
>>> from tables.tally import add_duration
>>> from tables.window import Window
>>> window, out, tally = Window(), {}, {}
>>> for seconds in (30, 60, 120):
...     add_duration(tally, facts.NRT, 1, 1000 * seconds)
>>> window.add(tally, 1)
>>> read(window, out, Settings.load(None).tenant("acme"))
>>> out["nrt_count"], out["nrt_mean_s"], round(out["nrt_p90_s"])
(3, 70.0, 120)
"""

from __future__ import annotations

from tables import facts, subjects
from tables.kpis import durations
from tables.kpis.metric import Text

DURATION = durations.Duration(
    "nrt",
    Text(
        "Next response time",
        "after the first response, from the oldest unanswered customer message to the human reply",
        "NRT",
    ),
    Text(
        "Waktu respons lanjutan",
        "setelah respons pertama, dari pesan pelanggan terlama yang belum dibalas sampai balasan agen",
        "NRT",
    ),
)
READS = subjects.NRT
METRICS = DURATION.metrics
read = durations.reader("nrt", facts.NRT)
