"""The files of one embedded Kafka node."""

from dataclasses import dataclass
from pathlib import Path

from deploy.local.ports import LOOPBACK

_MAX_REPLICAS = 3

# Console only: the process's output is the node's log file.
LOG4J = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %m (%c)%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
logger.config.name = org.apache.kafka.common.config.AbstractConfig
logger.config.level = warn
logger.kafkaconfig.name = kafka.server.KafkaConfig
logger.kafkaconfig.level = warn
"""


@dataclass(frozen=True, slots=True)
class Node:
    """One node, broker and controller in one; `id` counts from 1."""

    id: int
    port: int
    controller_port: int
    directory: Path

    @property
    def address(self) -> str:
        """What clients connect to."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def log_file(self) -> Path:
        """What Kafka says; kept as long as the node's folder."""
        return self.directory / "kafka.log"

    @property
    def properties_file(self) -> Path:
        """Kafka's settings of this node."""
        return self.directory / "server.properties"

    @property
    def log4j_file(self) -> Path:
        """The logging settings of this node."""
        return self.directory / "log4j2.properties"

    @property
    def data(self) -> Path:
        """Kafka's records and metadata."""
        return self.directory / "data"

    @property
    def cluster_id(self) -> str | None:
        """The cluster the node's storage was formatted for; None for a node never started."""
        meta = self.data / "meta.properties"
        lines = meta.read_text().splitlines() if meta.exists() else []
        return next((line.partition("=")[2] for line in lines if line.startswith("cluster.id=")), None)


def write(node: Node, cluster: list[Node]) -> None:
    """Write the node's settings; the same data may be started again under other ports."""
    node.directory.mkdir(parents=True, exist_ok=True)
    lines = (f"{key}={value}\n" for key, value in _properties(node, cluster).items())
    node.properties_file.write_text("".join(lines))
    node.log4j_file.write_text(LOG4J)


def _properties(node: Node, cluster: list[Node]) -> dict[str, object]:
    replicas = min(len(cluster), _MAX_REPLICAS)
    in_sync = max(1, replicas - 1)  # one node of three may be away
    return {
        "process.roles": "broker,controller",
        "node.id": node.id,
        "controller.quorum.voters": ",".join(f"{n.id}@{LOOPBACK}:{n.controller_port}" for n in cluster),
        "listeners": f"PLAINTEXT://{node.address},CONTROLLER://{LOOPBACK}:{node.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{node.address}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": node.data,
        # A topic is made by who knows its settings, not by the first who misspells it.
        "auto.create.topics.enable": "false",
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
        # Small: a developer's machine, a test's lifetime.
        "num.partitions": 4,
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.num.partitions": 4,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        "num.network.threads": 2,
        "num.io.threads": 4,
        # A node that was stopped hard is missed in seconds, and stopping waits for nobody long.
        "broker.session.timeout.ms": 6000,
        "controlled.shutdown.enable": str(len(cluster) > 1).lower(),
    }
