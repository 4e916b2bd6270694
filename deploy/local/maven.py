"""Fetches jars by their Maven coordinates with jgo, several at once, and gives up in bounded time.

jgo's `EnvironmentBuilder` is not used on purpose: to sort jars into modules it has cjdk download a JDK.
"""

import itertools
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from jgo.config import GlobalSettings
from jgo.maven import MavenContext, PythonResolver

from deploy.local.errors import EmbeddedUnavailable
from deploy.local.jars import Jar, Log

_CONNECTIONS = 6
_REQUEST_TIMEOUT_S = 10
# jgo waits up to minutes when told to come back later; a person at a terminal should not.
_STALL_S = 25.0
_REASON_LENGTH = 200
_MIB = 1024 * 1024

_Fetched = tuple[Jar, Path] | BaseException | int
"""What a download reports: a jar that is there, what went wrong, or bytes received."""


def context(store: Path, received: Callable[[int], None] | None = None) -> MavenContext:
    """A Maven context that keeps its files in `store` and honours the mirrors of the user's jgo settings."""

    @contextmanager
    def progress(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield received or (lambda _count: None)

    return MavenContext(
        resolver=PythonResolver(progress_callback=progress),
        repo_cache=store,
        remote_repos=GlobalSettings.load().repositories or None,
        timeout=_REQUEST_TIMEOUT_S,
    )


def fetch(jars: list[Jar], store: Path, log: Log) -> Iterator[tuple[Jar, Path]]:
    """Yield each jar with the file it was downloaded to, unchecked. Raises EmbeddedUnavailable."""
    reports: queue.Queue[_Fetched] = queue.Queue()
    maven = context(store, reports.put)
    todo = iter(jars)
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                jar = next(todo, None)
            if jar is None:
                return
            try:
                reports.put((jar, maven.create_dependency(jar.coordinate).artifact.resolve()))
            except BaseException as error:  # noqa: BLE001  (raised again by the reader)
                reports.put(error)
                return

    for _ in range(min(_CONNECTIONS, len(jars))):
        threading.Thread(target=work, daemon=True).start()  # daemon: a stalled one must not hold up the exit
    with _progress(sum(jar.size for jar in jars), log) as advance:
        for left in itertools.count(len(jars), -1):
            if left == 0:
                return
            yield _next_jar(reports, advance)


def _next_jar(reports: "queue.Queue[_Fetched]", advance: Callable[[int], None]) -> tuple[Jar, Path]:
    while True:
        try:
            report = reports.get(timeout=_STALL_S)
        except queue.Empty:
            raise EmbeddedUnavailable(f"Kafka's jars: nothing received for {_STALL_S:.0f} s") from None
        match report:
            case int():
                advance(report)
            case BaseException():
                raise EmbeddedUnavailable(f"Kafka's jars cannot be downloaded: {_in_short(report)}") from report
            case _:
                return report


def _in_short(error: BaseException) -> str:
    """One line; of an error of requests, the cause inside it."""
    cause = error.args[0] if error.args else error
    return str(getattr(cause, "reason", error)).partition("\n")[0][:_REASON_LENGTH]


def _progress(size: int, log: Log) -> AbstractContextManager[Callable[[int], None]]:
    """A bar on a terminal, a line for each quarter elsewhere."""
    if sys.stderr.isatty():
        return _bar(size)
    log(f"downloading Kafka, {size / _MIB:.0f} MiB")
    seen = 0

    def advance(count: int) -> None:
        nonlocal seen
        quarter = 4 * seen // size
        seen += count
        if 4 * seen // size > quarter:
            log(f"downloading Kafka, {100 * seen // size} %")

    return nullcontext(advance)


@contextmanager
def _bar(size: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console  # only where it is looked at
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    columns = ("downloading Kafka", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=size)
        yield lambda count: progress.advance(task, count)
