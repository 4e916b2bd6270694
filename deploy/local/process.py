"""A server as a child process that dies with us, even when we are killed with -9."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from deploy.local.errors import EmbeddedFailed

Command = Literal["term", "kill", "pause", "resume"]

_GUARD = Path(__file__).with_name("guard.py")
_LOG_LINES = 25
_LOG_BYTES = 64 * 1024


class ServerProcess:
    """One running server behind its guard (`deploy/local/guard.py`), in a process group of its own.

    Its output goes to the end of `log_file`. If `remove` is given, the guard removes that folder when
    this process dies without stopping the server. Raises EmbeddedFailed when it cannot be run at all.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log_file: Path,
        *,
        remove: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log_file = log_file
        self._lock = threading.Lock()
        options = ["--remove", str(remove)] if remove else []
        guard = [sys.executable, "-I", "-S", str(_GUARD), *options, "--", *map(str, command)]
        with log_file.open("ab") as log:
            self._guard = subprocess.Popen(  # noqa: S603  (our own command line)
                guard,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=env,
                text=True,
                start_new_session=True,  # Ctrl-C is ours to handle, not the server's
            )
        assert self._guard.stdout is not None  # noqa: S101  (PIPE above)
        line = self._guard.stdout.readline()
        if not line.strip().isdigit():
            self._guard.wait()
            self._close()
            raise EmbeddedFailed(f"{name} could not be run:\n{self.log_tail()}")
        self.pid = int(line)
        """The server's own process id (not the guard's)."""

    @property
    def running(self) -> bool:
        """Whether the server has not ended (a paused one has not)."""
        return self._guard.poll() is None

    def send(self, command: Command) -> None:
        """Signal the server; nothing happens if it has ended."""
        assert self._guard.stdin is not None  # noqa: S101  (PIPE above)
        # ValueError: closed by an earlier stop.
        with self._lock, contextlib.suppress(BrokenPipeError, ValueError):
            self._guard.stdin.write(f"{command}\n")
            self._guard.stdin.flush()

    def wait(self, timeout_s: float | None = None) -> int:
        """The server's exit code (128 + n for signal n). Raises TimeoutError after `timeout_s`."""
        try:
            code = self._guard.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} still runs after {timeout_s} s") from None
        self._close()
        return code

    def stop(self, timeout_s: float = 10.0, *, hard: bool = False) -> int:
        """End the server, by SIGTERM and after `timeout_s` by SIGKILL; at once if `hard`. Its exit code."""
        if not hard:
            self.send("resume")  # a paused server would never see the next one
            self.send("term")
            with contextlib.suppress(TimeoutError):
                return self.wait(timeout_s)
        self.send("kill")
        return self.wait()

    def log_tail(self) -> str:
        """The last lines of the server's log, for an error message."""
        with self.log_file.open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(0, size - _LOG_BYTES))
            text = log.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-_LOG_LINES:]) or "(its log is empty)"

    def _close(self) -> None:
        for pipe in (self._guard.stdin, self._guard.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
