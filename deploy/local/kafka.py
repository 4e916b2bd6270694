"""A real Apache Kafka on loopback: KRaft, N nodes, gone when the program is gone."""

import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local import jars
from deploy.local.errors import EmbeddedFailed
from deploy.local.java import java
from deploy.local.kafka_config import Node, write
from deploy.local.kafka_ready import broker_ids
from deploy.local.ports import free_ports, is_free
from deploy.local.process import ServerProcess

_JVM = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-Djava.awt.headless=true")
_QUICK = "-XX:TieredStopAtLevel=1"  # for what ends after a second: saves a third of it
_READY_S = 90.0
_POLL_S = 0.1
_STOP_S = 15.0


class EmbeddedKafka:
    """A cluster of `nodes` Kafka nodes, each broker and controller; starts as a context manager.

    Nodes are named by their Kafka id, 1 to `nodes`, and listen on `port`, `port + 1`, ... (any free
    ports without). With `directory` the data stays there and the next start goes on with it; without,
    they live in a temporary folder that goes in the end, kill -9 included. `log` gets a line for each
    step. `quick` is for a cluster of minutes: it saves a quarter of the processor's time by compiling less, and carries
    less in the long run. Topics have as many replicas as there are nodes, three at most, and acknowledged records
    survive the loss of one node of three.

    Raises EmbeddedUnavailable where Kafka cannot be had, EmbeddedFailed (with the end of the node's
    log) where it does not start, ValueError where `directory` holds a cluster of another size.
    """

    def __init__(
        self,
        nodes: int = 1,
        directory: Path | None = None,
        port: int | None = None,
        log: Callable[[str], None] | None = None,
        *,
        quick: bool = False,
    ) -> None:
        if nodes < 1:
            raise ValueError(f"a Kafka cluster has 1 node or more, not {nodes}")
        self._size = nodes
        self._directory = directory
        self._port = port
        self._log = log or (lambda _line: None)
        self._quick = [_QUICK] if quick else []
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._nodes: list[Node] = []
        self._processes: dict[int, ServerProcess] = {}
        self._classpath = ""

    @property
    def bootstrap(self) -> str:
        """`host:port` of every node, by commas: what clients are given."""
        return ",".join(node.address for node in self._nodes)

    @property
    def node_ids(self) -> list[int]:
        """Kafka's ids of the nodes."""
        return [node.id for node in self._nodes]

    def pid(self, node_id: int) -> int:
        """The process id of the node's Java."""
        return self._processes[node_id].pid

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        # What is thrown away need not be closed in order.
        hard = self._temporary is not None
        for process in self._processes.values():
            process.send("kill" if hard else "resume")
            process.send("term")
        for process in self._processes.values():
            process.stop(_STOP_S, hard=hard)
        self._processes.clear()
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def stop_node(self, node_id: int, *, hard: bool = False) -> None:
        """Stop one node, in order or (`hard`) as by kill -9."""
        self._processes.pop(node_id).stop(_STOP_S, hard=hard)

    def start_node(self, node_id: int) -> None:
        """Start a node that was stopped, with its data, and wait until the cluster has it."""
        if node_id in self._processes:
            raise ValueError(f"node {node_id} runs already")
        self._launch(self._node(node_id))
        self._wait({node_id})

    def _node(self, node_id: int) -> Node:
        for node in self._nodes:
            if node.id == node_id:
                return node
        raise ValueError(f"no node {node_id}; there are {self.node_ids}")

    def _start(self) -> None:
        self._classpath = jars.classpath(self._log)
        if self._directory is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="sigap-kafka-", ignore_cleanup_errors=True)
        home = (self._directory or Path(self._temporary.name if self._temporary else "")).resolve()
        self._nodes = self._plan(home)
        for node in self._nodes:
            write(node, self._nodes)
        self._format()
        self._log(f"starting Kafka {jars.KAFKA_VERSION}, {self._size} node(s), on {self.bootstrap}")
        for node in self._nodes:
            self._launch(node)
        self._wait(set(self.node_ids))

    def _plan(self, home: Path) -> list[Node]:
        there = len(list(home.glob("node-*")))
        if there not in {0, self._size}:
            raise ValueError(f"{home} holds a cluster of {there} node(s), not {self._size}")
        ports = free_ports(2 * self._size)
        listen = ports[: self._size] if self._port is None else range(self._port, self._port + self._size)
        return [
            Node(i, port, controller, home / f"node-{i}")
            for i, (port, controller) in enumerate(zip(listen, ports[self._size :], strict=True), start=1)
        ]

    def _java(self, node: Node, *main: str | Path) -> list[str | Path]:
        logging = f"-Dlog4j2.configurationFile={node.log4j_file.as_uri()}"
        return [java(), *_JVM, logging, "-cp", self._classpath, *main]

    def _format(self) -> None:
        """Give new nodes their storage, all at once; a node that has it keeps it."""
        cluster_id = next(filter(None, (node.cluster_id for node in self._nodes)), None) or _new_cluster_id()
        running = []
        for node in self._nodes:
            if node.cluster_id is None:
                tool = ("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", node.properties_file)
                command = self._java(node, _QUICK, *tool)
                running.append(ServerProcess(f"formatting node {node.id}", command, node.log_file))
        for process, code in [(process, process.wait()) for process in running]:
            if code != 0:
                raise EmbeddedFailed(f"{process.name} failed; its log ends\n{process.log_tail()}")

    def _launch(self, node: Node) -> None:
        if not is_free(node.port):  # else whoever listens there would answer for the node
            raise EmbeddedFailed(f"Kafka node {node.id} cannot listen on {node.address}: the address is in use")
        self._processes[node.id] = ServerProcess(
            f"Kafka node {node.id}",
            self._java(node, *self._quick, "kafka.Kafka", node.properties_file),
            node.log_file,
            remove=Path(self._temporary.name) if self._temporary else None,
        )

    def _wait(self, started: set[int]) -> None:
        """Until each node just started answers and knows the others: an open port is not an answer."""
        deadline = time.monotonic() + _READY_S
        missing = set(started)
        while missing:
            for process in map(self._processes.__getitem__, missing):
                if not process.running:
                    raise EmbeddedFailed(f"{process.name} ended; its log ends\n{process.log_tail()}")
                if time.monotonic() > deadline:
                    raise EmbeddedFailed(
                        f"{process.name} not ready in {_READY_S:.0f} s; its log ends\n{process.log_tail()}"
                    )
            time.sleep(_POLL_S)
            # Asked one by one: the others may still name a node by its life before.
            missing = {i for i in missing if not started <= broker_ids(self._node(i).address)}


def _new_cluster_id() -> str:
    """A random one, 22 characters as Kafka has them, never with a dash in front: tools take that for an option."""
    raw = uuid.uuid4().bytes
    return urlsafe_b64encode(bytes([raw[0] & 0x7F]) + raw[1:]).decode().rstrip("=")
