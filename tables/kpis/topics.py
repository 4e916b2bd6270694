"""Top topics: what customers wrote about most, in the month to date and the last 30 days of a tenant.

A cycle counts once for each topic that it has had, at its opening or when the topic was tagged. `share` = cycles with
the topic / `conversations_opened`; `change` = cycles with the topic / those in the window before - 1. The window before
of `mtd` is as many days of the month before, that of `30d` the 30 days before.

>>> top({"refund": 3, "login": 1}, {"refund": 2}, 8)
[{'topic': 'refund', 'conversations': 3, 'share': 0.375, 'change': 0.5}, \
{'topic': 'login', 'conversations': 1, 'share': 0.125, 'change': None}]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

import msgspec

from tables.kpis.metric import Metric, Text, ratio

NAME = "top_topics"
MOST = 10
"""So many topics are named."""
METRICS = (
    Metric(
        NAME,
        "list",
        "neither",
        Text("Top topics", "the topics of most conversations, with share and change against the window before"),
        Text("Topik teratas", "topik percakapan terbanyak, dengan porsi dan perubahan terhadap rentang sebelumnya"),
        kinds=("tenant",),
    ),
)

_encode = msgspec.json.Encoder().encode


class Topic(TypedDict):
    """One topic of the list; the most frequent is first."""

    topic: str
    conversations: int
    share: float | None
    change: float | None


def encode(ranked: list[Topic]) -> bytes:
    r"""The list as JSON in which only the list itself has brackets: who reads records as text finds its end.

    >>> encode([Topic(topic="a]b", conversations=1, share=1.0, change=None)])
    b'[{"topic":"a\\u005db","conversations":1,"share":1.0,"change":null}]'
    """
    items = _encode(ranked)[1:-1]
    return b"[%b]" % items.replace(b"[", b"\\u005b").replace(b"]", b"\\u005d")


def top(counts: Mapping[str, int], before: Mapping[str, int], opened: int) -> list[Topic]:
    """The list of a window, from the cycles by topic in it and in the window before, and the cycles opened in it."""
    ranked = sorted((-count, topic) for topic, count in counts.items() if count > 0)[:MOST]
    return [
        Topic(
            topic=topic,
            conversations=-count,
            share=ratio(-count, opened),
            change=ratio(-count - before.get(topic, 0), before.get(topic, 0)),
        )
        for count, topic in ranked
    ]
