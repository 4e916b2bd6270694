"""The board on a screen: follows a source, draws on change and each second, until told to end."""

from __future__ import annotations

import asyncio
import signal

from rich.console import Console, ConsoleDimensions
from rich.control import Control
from rich.segment import ControlType, Segment, Segments

from agents.tasks import end
from agents.top.board import Board
from agents.top.grid import Line
from agents.top.keys import listening
from agents.top.sources import Away, Refused, Source
from agents.top.view import WINDOWS, draw
from streams.clock import running_s

REDRAW_S = 0.25
"""The shortest time between two drawings."""
_TICK_S = 1.0
_RETRY_S = 1.0
_PATIENCE_S = 10.0
_ERASE = Control((ControlType.ERASE_IN_LINE, 0))
_KEYS = "q quits · w another window"


class Screen:
    """One board of one source on one console."""

    def __init__(self, source: Source, console: Console, window: str, tenant: str | None) -> None:
        self._source = source
        self._console = console
        self._board = Board(window, tenant)
        self._changed = asyncio.Event()
        self._ended = asyncio.Event()
        self._following: asyncio.Task[None]
        self._shown: list[Line] = []
        self._size: ConsoleDimensions | None = None

    async def once(self) -> None:
        """Print what there is now. Raises `Away` and `Refused`."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._complete()
        except TimeoutError:
            raise Away(f"No figures within {_PATIENCE_S:.0f} s.") from None
        for line in draw(self._board, running_s(), self._console.width):
            self._console.print(Segments([*_segments(self._console, line), Segment.line()]), end="", crop=False)

    async def _complete(self) -> None:
        async with self._source(self._board.window, self._board.tenant) as events:
            async for event in events:
                if event.name == "status" and not event.body["redis"]:
                    raise Away("Redis does not answer.")
                self._board.take(event.name, event.body, running_s())
                if self._board.complete:
                    return

    async def run(self) -> None:
        """Draw until `q`, Ctrl-C or SIGTERM. Raises `Refused`."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._ended.set)
        loop.add_signal_handler(signal.SIGWINCH, self._changed.set)
        with self._console.screen(hide_cursor=True), listening(self._key) as keys:
            self._follow()
            try:
                while not self._ended.is_set():
                    self._draw(_KEYS if keys else "")
                    await self._pause()
            finally:
                await end(self._following)
        if not self._following.cancelled():
            self._following.result()

    def _draw(self, keys: str) -> None:
        """Write the lines that differ from those on the screen."""
        console, size = self._console, self._console.size
        lines = draw(self._board, running_s(), size.width, size.height, keys)
        changes: list[Segment] = []
        if self._size != size:
            self._size, self._shown = size, []
            changes.append(Control.clear().segment)
        for place, line in enumerate(lines):
            if place >= len(self._shown) or self._shown[place] != line:
                changes += [Control.move_to(0, place).segment, _ERASE.segment, *_segments(console, line)]
        console.print(Segments(changes), end="", crop=False)
        self._shown = lines

    async def _pause(self) -> None:
        """Until something changes or a second is over, but never less than `REDRAW_S`."""
        self._changed.clear()
        ended = asyncio.create_task(self._ended.wait())
        changed = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait({ended}, timeout=REDRAW_S)
            await asyncio.wait({ended, changed}, timeout=_TICK_S - REDRAW_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            changed.cancel()

    def _follow(self) -> None:
        """Follow the window that the board shows now."""
        self._following = asyncio.create_task(self._take())
        self._following.add_done_callback(lambda task: None if task.cancelled() else self._ended.set())

    async def _take(self) -> None:
        """Let the board take what the source says, again and again. Raises `Refused`."""
        while True:
            try:
                async with self._source(self._board.window, self._board.tenant) as events:
                    async for event in events:
                        self._board.take(event.name, event.body, running_s())
                        self._changed.set()
            except (Away, Refused) as why:
                # What has been shown once may come back: a Redis that is filled anew does not know every tenant yet.
                if isinstance(why, Refused) and not self._board.complete:
                    raise
                self._board.problem = str(why)
                self._changed.set()
            await asyncio.sleep(_RETRY_S)

    def _key(self, key: str) -> None:
        if key in {"q", "Q"}:
            self._ended.set()
        elif key in {"w", "W"}:
            names = list(WINDOWS)
            self._board.window = names[(names.index(self._board.window) + 1) % len(names)]
            self._following.cancel()
            self._follow()
            self._changed.set()


def _segments(console: Console, line: Line) -> list[Segment]:
    return [Segment(text, console.get_style(style) if style else None) for text, style in line]
