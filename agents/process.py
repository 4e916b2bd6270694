"""A worker as a process of its own, for commands that need one beside them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

STOP_S = 25.0


class WorkerFailed(Exception):
    """The worker ended before it was told to."""


class WorkerProcess:
    """`sigap worker` with an environment of its own; its log goes to a file."""

    def __init__(self, environ: Mapping[str, str], log: Path, *arguments: str) -> None:
        self._environ = dict(environ)
        self._log = log
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Its process id; it must have been started."""
        assert self._process is not None  # noqa: S101
        return self._process.pid

    async def __aenter__(self) -> Self:
        """Start it; `said` waits for what it says."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "agents", "worker", *self._arguments,
                env=self._environ, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        return self

    async def said(self, word: str, timeout_s: float) -> None:
        """Wait for a line on its standard output. Raises WorkerFailed with the end of its log."""
        assert self._process is not None and self._process.stdout is not None  # noqa: S101, PT018
        try:
            async with asyncio.timeout(timeout_s):
                while (line := await self._process.stdout.readline()).strip() != word.encode():
                    if not line:
                        raise WorkerFailed(f"the worker ended: {self._tail()}")
        except TimeoutError:
            raise WorkerFailed(f"the worker did not say {word!r} within {timeout_s:.0f} s: {self._tail()}") from None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """SIGTERM, and kill if that is not enough."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    def _tail(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        return "\n".join(["", *lines[-15:]])
