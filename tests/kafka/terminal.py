"""A command in a pseudo-terminal, and what stands on its screen."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
_TOKEN = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|([^\x1b])")
ALTERNATE, BACK, HIDE, SHOW = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25l", "\x1b[?25h"


class Terminal:
    """`with Terminal("top", …) as terminal`: its process, its size, its screen."""

    def __init__(self, *arguments: str, environ: Mapping[str, str], columns: int = 100, rows: int = 30) -> None:
        self.master, self._slave = pty.openpty()
        os.set_blocking(self.master, False)
        self.size = (columns, rows)
        self.resize(columns, rows)
        self.before = self.modes()
        self._raw = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agents", *arguments],
            cwd=ROOT,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env={**environ, "TERM": "xterm-256color"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - for SIGWINCH and Ctrl-C
        )

    def modes(self) -> list[Any]:
        """What the shell would find."""
        return termios.tcgetattr(self._slave)

    def resize(self, columns: int, rows: int) -> None:
        self.size = (columns, rows)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    @property
    def text(self) -> str:
        """All that was written."""
        while True:
            try:
                found = os.read(self.master, 65_536)
            except (BlockingIOError, OSError):
                break
            self._raw += found
        return self._raw.decode("utf-8", "replace")

    @property
    def screen(self) -> str:
        """What is to be seen."""
        return "\n".join(self.lines)

    @property
    def lines(self) -> list[str]:
        """What is to be seen, line by line: only the sequences that `sigap top` uses are known."""
        columns, rows = self.size
        grid = [[" "] * columns for _ in range(rows)]
        row = column = 0
        for arguments, kind, char in _TOKEN.findall(self.text):
            if kind == "H":
                numbers = [int(each or 1) for each in arguments.split(";")] if arguments else [1, 1]
                row, column = numbers[0] - 1, numbers[1] - 1
            elif kind == "K" and row < rows:
                grid[row][column:] = [" "] * (columns - column)
            elif kind == "J":
                grid = [[" "] * columns for _ in range(rows)]
            elif char and char.isprintable():
                if row < rows and column < columns:
                    grid[row][column] = char
                column += 1
        return ["".join(line).rstrip() for line in grid]

    def cpu_s(self) -> float:
        """CPU time used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self.master)
        os.close(self._slave)
