"""What customers wrote about most: `top_topics` of contract section 7."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.figures import ratio
from tests.oracle.windows import midnight

MOST = 10
Met = tuple[int, str]  # when a cycle first had a topic


def before(window: str, start: int, at: int, zone: ZoneInfo) -> tuple[int, int]:
    """The window before, from an instant to before another: 30 days, or as many days of the month before."""
    first, today = (datetime.fromtimestamp(instant // 1000, zone).date() for instant in (start, at))
    if window == "30d":
        return midnight(first - timedelta(days=30), zone), start
    month_before = (first - timedelta(days=1)).replace(day=1)
    return midnight(month_before, zone), midnight(min(month_before + timedelta(days=today.day), first), zone)


def top_topics(met: Sequence[Met], window: str, start: int, at: int, zone: ZoneInfo, opened: int) -> dict[str, Any]:
    """The metric of a window from `start` on, in which so many cycles were opened."""
    now = counted(met, start, at + 1)
    earlier = counted(met, *before(window, start, at, zone))
    ranked = sorted(now, key=lambda topic: (-now[topic], topic))[:MOST]
    return {
        "top_topics": [
            {
                "topic": topic,
                "conversations": now[topic],
                "share": ratio(now[topic], opened),
                "change": ratio(now[topic] - earlier[topic], earlier[topic]),
            }
            for topic in ranked
        ]
    }


def counted(met: Iterable[Met], start: int, end: int) -> Counter[str]:
    return Counter(topic for at, topic in met if start <= at < end)
