"""A worker that is told to stop ends, whatever its parts do."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from streams.engine.faust import app


async def test_a_part_that_does_not_stop_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(*_: Any) -> None:
        await asyncio.sleep(60)

    async def deaf() -> None:
        while True:
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                if ended.is_set():
                    raise

    def fatal(reason: str) -> None:
        raise RuntimeError(reason)

    ended = asyncio.Event()
    monkeypatch.setattr(app, "_work", work)
    monkeypatch.setattr(app, "_STOP_S", 0.1)
    stop = asyncio.Event()
    stop.set()
    driver: Any = SimpleNamespace(fatal=fatal, stop=work)
    try:
        async with asyncio.timeout(5):
            with pytest.raises(RuntimeError, match="did not stop"):
                await app.run(driver, SimpleNamespace(stop=deaf), stop=stop)  # type: ignore[arg-type]
    finally:
        ended.set()
