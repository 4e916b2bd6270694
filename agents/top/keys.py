"""Single keys from the terminal, without Enter and without echo."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SEQUENCE = re.compile(r"\x1b(\[[0-9;]*[A-Za-z~]|O.|.)?")  # arrows and their like
_LOCAL, _CONTROLS = 3, 6  # places in what tcgetattr answers


@contextmanager
def listening(heard: Callable[[str], None]) -> Iterator[bool]:
    """Call `heard` with each key pressed; yields whether there are keys. The terminal is put back at the end.

    Ctrl-C still interrupts; Ctrl-Z does nothing, or a shell would stand on the other screen.
    """
    if not sys.stdin.isatty():
        yield False
        return
    descriptor = sys.stdin.fileno()
    loop = asyncio.get_running_loop()
    before = termios.tcgetattr(descriptor)
    raw = termios.tcgetattr(descriptor)
    raw[_LOCAL] &= ~(termios.ICANON | termios.ECHO)
    raw[_CONTROLS][termios.VSUSP] = b"\0"

    def read() -> None:
        try:
            pressed = os.read(descriptor, 64).decode("utf-8", "replace")
        except OSError:
            pressed = ""
        if not pressed:  # the terminal is gone
            loop.remove_reader(descriptor)
            heard("q")
        for key in _SEQUENCE.sub("", pressed):
            heard(key)

    termios.tcsetattr(descriptor, termios.TCSADRAIN, raw)
    loop.add_reader(descriptor, read)
    try:
        yield True
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
