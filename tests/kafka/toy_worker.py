"""A worker with toy shards, as a process of its own: `python -m tests.kafka.toy_worker JSON`.

`TEST_CRASH=POINT:N` kills it at a point of `tests.kafka.crash`.
"""

import asyncio
import json
import logging
import os
import signal
import sys
from typing import Any

from streams.engine.faust.app import make_app, run
from streams.engine.faust.config import EngineConfig
from streams.engine.faust.driver import Driver
from tests.kafka.crash import crash_at
from tests.toy import ToyRollup, ToyShard


async def main(options: dict[str, Any]) -> None:
    padding = options.pop("padding", 0)
    config = EngineConfig(**options)
    driver = Driver(config, lambda partition: ToyShard(partition, padding), rollups=ToyRollup)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await run(driver, make_app(config, driver), stop=stop, on_ready=lambda: print("ready", flush=True))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("aiokafka.consumer.subscription_state").setLevel(logging.WARNING)
    crash_at(os.environ.get("TEST_CRASH", ""))
    asyncio.run(main(json.loads(sys.argv[1])))
