"""For commands that run until they are told to end."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event
from types import FrameType

import click


class _Signalled(BaseException):
    """SIGINT or SIGTERM while the command was still starting."""


def say(line: str) -> None:
    """A line about what is being done, beside the command's result."""
    click.echo(line, err=True)


@contextmanager
def until_signalled() -> Iterator[Callable[[], None]]:
    """Yield a function that returns on the first SIGINT or SIGTERM.

    A signal before that call leaves the block at once, still in order: context managers inside it
    clean up. Further signals change nothing: cleaning up is bounded in time anyway.
    """
    told = Event()
    waiting = False

    def tell(_signal: int, _frame: FrameType | None) -> None:
        first = not told.is_set()
        told.set()
        if first and not waiting:
            raise _Signalled

    def wait() -> None:
        nonlocal waiting
        waiting = True
        told.wait()

    before = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with suppress(_Signalled):
            yield wait
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
