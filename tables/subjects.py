"""What the numbers of a window are about, as bits: what has changed says which KPIs must be read anew."""

from __future__ import annotations

from typing import Final

from tables import facts
from tables.tally import (
    ACTIVE,
    ACTIVE_MARKS,
    COUNT,
    CUSTOMERS,
    DURATIONS,
    HANDLED,
    HANDLED_MARKS,
    MAX,
    SCORES,
    SUM,
    TOPICS,
    code,
)

(
    MESSAGES,
    OPENINGS,
    RESOLVES,
    TOUCHED,
    SERVICE_LEVEL,
    ONE_TOUCH,
    BOTS,
    HANDLED_CUSTOMERS,
    NAMED_TOPICS,
    OCCUPANCY,
    BUSINESS,
    *_KINDS,
) = (1 << place for place in range(11 + len(facts.DURATIONS) + len(SCORES)))
FRT, NRT, RESOLUTION, HANDLE, CSAT, NPS, CES = _KINDS
EVERYTHING: Final = (CES << 1) - 1

OF_KIND: Final[dict[int, int]] = {
    **{kind: _KINDS[facts.DURATIONS.index((kind - facts.FRT) % 4 + facts.FRT)] for kind in DURATIONS},
    **dict(zip(SCORES, (CSAT, NPS, CES), strict=True)),
}
"""By kind of duration or score."""
OF_CODE: Final[dict[int, int]] = {
    **dict.fromkeys((facts.MESSAGES_IN, facts.MESSAGES_OUT, facts.DELIVERY_FAILED), MESSAGES),
    **dict.fromkeys((facts.OPENED, facts.REOPENED), OPENINGS),
    facts.RESOLVED: RESOLVES,
    **dict.fromkeys((*ACTIVE, *HANDLED), TOUCHED),
    **dict.fromkeys((facts.SL_MET, facts.SL_MISSED, facts.SL_ABANDONED), SERVICE_LEVEL),
    **dict.fromkeys((facts.ONE_TOUCH, facts.ONE_TOUCH_BACK, facts.ONE_TOUCH_BACK_LATE), ONE_TOUCH),
    facts.BOT_RESOLVED: BOTS,
    **{code(kind, part): OF_KIND[kind] for kind in DURATIONS for part in (COUNT, SUM, MAX)},
}
"""By code of a count, sum or maximum."""
OF_CLASS: Final[dict[int, int]] = {
    CUSTOMERS: HANDLED_CUSTOMERS,
    ACTIVE_MARKS: TOUCHED,
    HANDLED_MARKS: TOUCHED,
    TOPICS: NAMED_TOPICS,
}
"""By class of what is distinct."""
