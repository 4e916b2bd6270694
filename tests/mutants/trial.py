"""A trial: the tests that judge a file, in a process of their own, with the file as a mutant has it."""

from __future__ import annotations

import os
import resource
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType
from typing import NamedTuple

import pytest

MEMORY = 4 << 30
"""Bytes that a trial may have: some mutants never stop adding to a list."""
LONGEST_S = 3_600
NEVER_LOADED, BROKEN = 99, 98
"""Exit codes: the tests have not imported the file; the trial itself has failed."""
_IMPORTED_BEFORE = ("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning")
_OUT_OF_TIME = (signal.SIGXCPU, signal.SIGALRM)


class Change(NamedTuple):
    """The source that a module has in a trial."""

    module: str
    path: Path
    source: str


class _Loader(SourceFileLoader):
    """Gives the changed source, whatever there is on disk or in the cache of bytecode."""

    def __init__(self, change: Change) -> None:
        super().__init__(change.module, str(change.path))
        self._source = change.source
        self.asked = False

    def get_code(self, _: str) -> CodeType:
        self.asked = True
        return compile(self._source, self.path, "exec", dont_inherit=True)


class _Finder:
    """Finds the changed module before anybody else; a plugin, for pytest's own finder must not come first."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self.loader = _Loader(change)

    def pytest_configure(self) -> None:
        sys.meta_path.insert(0, self)

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        change = self._change
        return spec_from_file_location(name, change.path, loader=self.loader) if name == change.module else None


def start(root: Path, tests: Sequence[str], change: Change | None, cpu_s: int, log: Path) -> int:
    """Begin a trial, up to the first test that fails; its process id. Nothing of `tables` may be imported here."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = BROKEN
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))  # a signal that can be told, then SIGKILL
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.alarm(LONGEST_S)  # one that waits needs no CPU
        code = _judge(root, tests, change, log)
    except BaseException:  # noqa: BLE001 - this is a copy of the process that starts trials; nothing may get back there
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _judge(root: Path, tests: Sequence[str], change: Change | None, log: Path) -> int:
    with log.open("wb") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    finders = [_Finder(change)] if change is not None else []
    options = ["-x", "-q", "--tb=short", "-p", "no:cacheprovider", f"--rootdir={root}", *_IMPORTED_BEFORE]
    code = int(pytest.main([*options, *tests], plugins=finders))
    return code if code or all(finder.loader.asked for finder in finders) else NEVER_LOADED


def verdict(status: int) -> str:
    """What the status of an ended trial says: `survived`, `killed` or `timed out`."""
    if os.WIFSIGNALED(status):
        return "timed out" if os.WTERMSIG(status) in _OUT_OF_TIME else "killed"
    code = os.waitstatus_to_exitcode(status)
    if code in (NEVER_LOADED, BROKEN):
        raise RuntimeError(f"no trial: exit code {code}")
    return "killed" if code else "survived"
