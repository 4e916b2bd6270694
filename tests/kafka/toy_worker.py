"""A worker with toy shards, as a process of its own: `python -m tests.kafka.toy_worker JSON`.

`TOY_CRASH=POINT:N` kills it, as kill -9 does, the N-th time it comes to a point: `delivered` (the changelog has the
chunk, the core does not know), `published` (the alerts are out), `done` (the offset is marked, not committed).
"""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from streams.engine.core import Core
from streams.engine.faust.app import make_app, run
from streams.engine.faust.config import EngineConfig
from streams.engine.faust.driver import Driver
from streams.engine.faust.transport import Consumer
from tests.toy import ToyRollup, ToyShard

POINTS: dict[str, tuple[type, str]] = {
    "delivered": (Core, "delivered"),
    "published": (Core, "published"),
    "done": (Consumer, "mark_done"),
}


def crash_at(point: str, times: int) -> None:
    owner, name = POINTS[point]
    stock: Callable[..., Any] = getattr(owner, name)
    left = times

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= 1
        if left <= 0:
            if point == "done":
                stock(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)
        return stock(*args, **kwargs)

    setattr(owner, name, counted)


async def main(options: dict[str, Any]) -> None:
    padding = options.pop("padding", 0)
    config = EngineConfig(**options)
    driver = Driver(config, lambda partition: ToyShard(partition, padding), rollups=ToyRollup)
    await run(driver, make_app(config, driver), on_ready=lambda: print("ready", flush=True))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("aiokafka.consumer.subscription_state").setLevel(logging.WARNING)
    if plan := os.environ.get("TOY_CRASH"):
        where, _, count = plan.partition(":")
        crash_at(where, int(count))
    asyncio.run(main(json.loads(sys.argv[1])))
