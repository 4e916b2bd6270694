"""A worker with toy shards, as a process of its own: `python -m tests.kafka.toy_worker JSON`."""

import asyncio
import json
import logging
import sys

from streams.engine.faust.app import make_app, run
from streams.engine.faust.config import EngineConfig
from streams.engine.faust.driver import Driver
from tests.toy import ToyRollup, ToyShard


async def main(options: dict[str, object]) -> None:
    padding = int(str(options.pop("padding", 0)))
    rollups = options.pop("rollups", True)
    config = EngineConfig(**options)  # type: ignore[arg-type]
    driver = Driver(config, lambda partition: ToyShard(partition, padding), rollups=ToyRollup if rollups else None)
    await run(driver, make_app(config, driver), on_ready=lambda: print("ready", flush=True))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(main(json.loads(sys.argv[1])))
