"""What business records are called, in the changelog and on the way to the roll-up; all begin with `=`.

Changelog keys: `=s|tenant/customer`, `=p|tenant/event_id`, `=v|tenant/segment`. A tenant's summaries: `=s` (customers
and MRR), `=p` (what has accrued), `=v` and the segment's name (visitors).
"""

from __future__ import annotations

SUMS, CURVES, SEGMENTS = "=s", "=p", "=v"
