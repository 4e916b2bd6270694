"""Tasks that must end."""

import asyncio

from agents.tasks import end


async def test_a_task_that_swallows_a_cancellation_ends_all_the_same() -> None:
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed == 2:
                    raise

    async def failed() -> None:
        raise ValueError("already")

    tasks = [asyncio.create_task(each) for each in (stubborn(), failed())]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end(*tasks)
    assert all(task.done() for task in tasks)
    assert swallowed == 2
