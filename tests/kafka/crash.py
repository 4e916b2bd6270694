"""kill -9 at an exact point of the engine: `POINT:N`, the N-th time that a process comes to it."""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

from streams.engine.core import Core
from streams.engine.faust.log import FencedLog
from streams.engine.faust.transport import Consumer

POINTS: dict[str, tuple[type, str]] = {
    "delivered": (Core, "delivered"),  # the changelog has the chunk, the core does not know
    "published": (Core, "published"),  # the alerts are out
    "done": (Consumer, "mark_done"),  # the offset is marked, not committed
    "kpi": (FencedLog, "append"),  # the roll-up's records are out, nobody was told
}
_AFTER = {"done", "kpi"}


def crash_at(plan: str) -> None:
    """Kill this process as planned; an empty plan changes nothing."""
    if not plan:
        return
    point, _, times = plan.partition(":")
    owner, name = POINTS[point]
    stock: Callable[..., Any] = getattr(owner, name)
    left = int(times)

    def come() -> bool:
        nonlocal left
        left -= 1
        if left <= 0 and point not in _AFTER:
            _kill()
        return left <= 0

    def counted(*args: Any, **kwargs: Any) -> Any:
        last = come()
        result = stock(*args, **kwargs)
        if last:
            _kill()
        return result

    async def counted_async(*args: Any, **kwargs: Any) -> Any:
        last = come()
        result = await stock(*args, **kwargs)
        if last:
            _kill()
        return result

    setattr(owner, name, counted_async if asyncio.iscoroutinefunction(stock) else counted)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
