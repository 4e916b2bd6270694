"""Tasks that must end."""

import asyncio
from typing import Any

_AGAIN_S = 0.5


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they have ended, whatever they end with.

    They are asked again: before Python 3.12 `asyncio.wait_for`, in clients of Redis for one, swallows a cancellation
    that comes together with an answer, and a loop would go on for good.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
