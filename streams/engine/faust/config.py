"""What a worker of the engine is told about its surroundings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streams.clock import Timeline

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """Addresses, names and limits. The defaults are the ones that worked on real Kafka."""

    bootstrap: str
    """`host:port,...`"""
    group: str
    prefix: str = "sigap"
    instance_id: str | None = None
    """One per worker where the platform gives a stable name: a restart then stalls only its own partitions."""
    security: Mapping[str, Any] = field(default_factory=dict)
    """Passed to every aiokafka client: `security_protocol`, `ssl_context`, `sasl_mechanism`, ..."""
    timeline: Timeline = field(default_factory=Timeline)
    ticks: bool = False
    """Records of the events topic with the header `sigap-tick: MS` stop their partition's clock at that instant."""

    session_s: float = 8.0
    heartbeat_s: float = 2.5
    rebalance_s: float = 8.0
    request_s: float = 30.0
    commit_s: float = 1.0
    fetch_wait_ms: int = 40
    fetch_pace_s: float = 0.03
    """Least time between two fetches that brought little: a chunk has a price of its own, however small."""
    fetch_bytes: int = 2 * 1024 * 1024
    chunk_records: int = 2000
    tick_s: float = 0.05
    views_s: float = 0.2
    due_s: float = 0.03
    feeds_s: float = 0.25
    stuck_s: float = 10.0
    """Delivery that takes longer is logged, and again each time as long."""

    def topic(self, name: str) -> str:
        """The full name of a topic: `events` is `sigap.events`."""
        return f"{self.prefix}.{name}"

    @property
    def client(self) -> dict[str, Any]:
        """Arguments that every aiokafka client takes."""
        return {
            "bootstrap_servers": self.bootstrap,
            "request_timeout_ms": int(self.request_s * 1000),
            **self.security,
        }
