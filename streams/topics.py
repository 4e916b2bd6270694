"""Every topic as data: what it holds, how it is keyed, kept and divided (contract section 1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

PREFIX: Final = "sigap"
"""The default prefix of every topic's name."""
PARTITIONS: Final = 4
"""The number of partitions of a new installation."""

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS
_MIB = 1_048_576


class Partitions(StrEnum):
    """How the number of a topic's partitions is chosen."""

    STATE = "as events, for good"  # state lives by partition: these topics are divided alike and never anew
    FREE = "as events when created, may grow"
    ONE = "one"


class Cleanup(StrEnum):
    """What the broker removes: old segments, old records of a key, or both."""

    DELETE = "delete"
    COMPACT = "compact"
    BOTH = "compact,delete"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic; `name` is without the prefix, `retention_ms` None where nothing is removed by age.

    `extra` holds further settings of the broker for the topic, under the broker's names.
    """

    name: str
    key: str
    value: str
    cleanup: Cleanup
    partitions: Partitions
    retention_ms: int | None
    meaning: str
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def internal(self) -> bool:
        """Whether only Sigap's own workers read and write it."""
        return self.name.startswith("_")

    def full_name(self, prefix: str = PREFIX) -> str:
        """The name on the broker."""
        return f"{prefix}.{self.name}"

    def count(self, events: int) -> int:
        """The number of partitions to create where `events` has `events`."""
        return 1 if self.partitions is Partitions.ONE else events

    def config(self, replication: int) -> dict[str, str]:
        """The broker's settings of the topic. With three replicas one may be away without loss or stop."""
        return {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(-1 if self.retention_ms is None else self.retention_ms),
            # Retention and the clocks of partitions count from when the broker got a record, whatever its producer
            # wrote: events of a replay may be years old.
            "message.timestamp.type": "LogAppendTime",
            "min.insync.replicas": "2" if replication > 2 else "1",  # noqa: PLR2004 - a majority of three
            "unclean.leader.election.enable": "false",
            **self.extra,
        }


# Above the 1 MiB that a record may have, so that one too large becomes a dead letter and not a producer's error.
_INPUT: Final = {"max.message.bytes": str(4 * _MIB)}
# A segment is compacted only once it is closed: small ones, closed and compacted soon, keep the log, which is read from
# its beginning, near the size of the state. Deletions stay a day, longer than any reader takes from end to end. What a
# former owner has written over is repaired within a minute; until then the value before it must stand.
_STATE: Final = {
    "segment.ms": str(10 * _MINUTE_MS),
    "segment.bytes": str(64 * _MIB),
    "min.cleanable.dirty.ratio": "0.1",
    "min.compaction.lag.ms": str(2 * _MINUTE_MS),
    "max.compaction.lag.ms": str(_HOUR_MS),
    "delete.retention.ms": str(_DAY_MS),
}
# Compacted for readers that start anew; who follows sees every record of the last minutes.
_FEED: Final = {
    "segment.ms": str(_HOUR_MS),
    "segment.bytes": str(64 * _MIB),
    "min.compaction.lag.ms": str(10 * _MINUTE_MS),
}

TOPICS: Final = (
    Topic(
        "raw.whatsapp",
        "any",
        "WhatsApp Cloud API webhook body, as delivered",
        Cleanup.DELETE,
        Partitions.FREE,
        7 * _DAY_MS,
        "What WhatsApp sent; headers `tenant` and `source`.",
        _INPUT,
    ),
    Topic(
        "raw.email",
        "any",
        "one RFC 5322 message, bytes",
        Cleanup.DELETE,
        Partitions.FREE,
        7 * _DAY_MS,
        "E-mail as received; headers `tenant` and `source`.",
        _INPUT,
    ),
    Topic(
        "raw.chat",
        "any",
        "chat webhook body, as delivered",
        Cleanup.DELETE,
        Partitions.FREE,
        7 * _DAY_MS,
        "What a chat platform sent; the header `source` names the platform.",
        _INPUT,
    ),
    Topic(
        "events",
        "tenant/conversation_id",
        "canonical event, JSON",
        Cleanup.DELETE,
        Partitions.STATE,
        35 * _DAY_MS,  # longer than the longest window, so that a replay can fill a new prefix
        "What happened in conversations and to agents.",
        _INPUT,
    ),
    Topic(
        "business",
        "tenant/customer_id",
        "business event, JSON",
        Cleanup.DELETE,
        Partitions.FREE,
        400 * _DAY_MS,
        "Subscriptions, costs, revenue, visits and conversions.",
        _INPUT,
    ),
    Topic(
        "kpi",
        "tenant/scope/window",
        "KPI record, JSON",
        Cleanup.COMPACT,
        Partitions.STATE,
        None,
        "The latest KPI record of every scope and window; the roll-up's own changelog.",
        _STATE,
    ),
    Topic(
        "kpi.intervals",
        "tenant/scope/start_at",
        "KPI record, JSON",
        Cleanup.DELETE,
        Partitions.STATE,
        400 * _DAY_MS,
        "The final KPI record of each closed 15-minute interval, once.",
    ),
    Topic(
        "kpi.minutes",
        "tenant/scope/start_at",
        "KPI record, JSON",
        Cleanup.BOTH,
        Partitions.FREE,
        2 * _DAY_MS,
        "The KPI record of each minute with a sample: the trend lines.",
        _FEED,
    ),
    Topic(
        "alerts",
        "alert_id",
        "alert, JSON",
        Cleanup.BOTH,
        Partitions.FREE,
        30 * _DAY_MS,
        "SLA and threshold alerts.",
        _FEED,
    ),
    Topic(
        "dlq",
        "as received",
        "the rejected record",
        Cleanup.DELETE,
        Partitions.ONE,
        30 * _DAY_MS,
        "Records that could not be used, with headers that say why and from where.",
    ),
    Topic(
        "_conversations",
        "a conversation or the engine's own",
        "state, binary",
        Cleanup.COMPACT,
        Partitions.STATE,
        None,
        "The changelog of the conversations, with the alerts not yet delivered.",
        _STATE,
    ),
    Topic(
        "_partials",
        "a scope's pane of a partition",
        "partial aggregate, binary",
        Cleanup.BOTH,
        Partitions.STATE,
        80 * _HOUR_MS,  # from the beginning of a local day until it is closed, 27 h after its end; and a day
        "Absolute panes and clocks of each partition of `events`, on their way to the roll-up.",
        _STATE,
    ),
    Topic(
        "_rollup",
        "a scope's closed day, or a rule and a scope",
        "state, binary",
        Cleanup.COMPACT,
        Partitions.STATE,
        None,
        "What the roll-up keeps for longer than the partials last: closed days, and threshold alerts in progress.",
        _STATE,
    ),
)
"""Every topic, inputs first."""

BY_NAME: Final = {topic.name: topic for topic in TOPICS}
"""Every topic by its name without the prefix."""
