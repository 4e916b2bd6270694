"""`poe soak`: the same load for an hour. Nothing may grow but with what is to be remembered."""

import argparse
import asyncio
import json
import statistics
import sys
import time
from typing import Any

from agents.load_events import Conversations
from streams.clock import wall_ms
from tests.extremes.stage import PARTITIONS, Item, Stage, stage
from tests.kafka.house import TENANT, metric

Sample = dict[str, float]

_EVERY_S = 10.0
_WARM_MINUTES = 2.0
"""Until then every agent and scope has become known."""
_GROWS = 1.2
"""How much more a conversation may cost in the second half."""
_LOG_BYTES = 1_000_000
_FILES = 8


async def soak(rate: float, minutes: float, agents: int) -> dict[str, Any]:
    """The figures; `ok` says whether memory, lag and files are flat and every KPI record equals the replay."""
    async with stage() as on:
        made = Conversations("soak", TENANT, agents, max(1, int(rate)), PARTITIONS, seed=1)

        def next_one() -> Item:
            found = made.produce(wall_ms())
            return found.key, found.value

        began, samples = time.monotonic(), list[Sample]()
        sending = asyncio.create_task(on.send(next_one, rate, 60 * minutes))
        while not sending.done():
            await asyncio.wait({sending}, timeout=_EVERY_S)
            samples.append(await _sample(on) | {"minute": (time.monotonic() - began) / 60})
            print(json.dumps(samples[-1]), file=sys.stderr)
        events = sending.result()
        took = await on.caught_up(600)
        different = await on.differences()
    samples = [each for each in samples if each["minute"] > _WARM_MINUTES] or samples
    halves = [_half(samples[: len(samples) // 2]), _half(samples[len(samples) // 2 :])]
    first, second = halves
    ok = (
        not different
        and second["kb_per_conversation"] <= _GROWS * first["kb_per_conversation"]
        and second["lag_s"] <= max(1.0, _GROWS * first["lag_s"])
        and samples[-1]["log_bytes"] < _LOG_BYTES
        and samples[-1]["files"] <= samples[0]["files"] + _FILES
    )
    return {
        "events": events,
        "minutes": minutes,
        "halves": halves,
        "last": samples[-1],
        "caught_up_after_s": round(took, 1),
        "different": different[:5],
        "ok": ok,
    }


async def _sample(on: Stage) -> Sample:
    return {
        "rss_mb": on.rss_mb(),
        "cpu_s": on.cpu_s(),
        "conversations": await metric(on.health, "sigap_conversations") or 0.0,
        "behind": await on.behind(),
        "lag_s": await metric(on.health, "sigap_partition_lag_seconds") or 0.0,
        "files": on.open_files(),
        "log_bytes": on.worker.log.stat().st_size,
    }


def _half(samples: list[Sample]) -> dict[str, float]:
    first, last = samples[0], samples[-1]
    more = max(1.0, last["conversations"] - first["conversations"])
    return {
        "kb_per_conversation": round(1024 * (last["rss_mb"] - first["rss_mb"]) / more, 2),
        "lag_s": round(statistics.median(each["lag_s"] for each in samples), 2),
        "behind": statistics.median(each["behind"] for each in samples),
        "cores": round((last["cpu_s"] - first["cpu_s"]) / (60 * max(0.01, last["minute"] - first["minute"])), 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="poe soak", description=__doc__)
    parser.add_argument("--rate", type=float, default=2_000, help="events a second (default 2000)")
    parser.add_argument("--minutes", type=float, default=60, help="default 60")
    parser.add_argument("--agents", type=int, default=200, help="default 200")
    options = parser.parse_args()
    found = asyncio.run(soak(options.rate, options.minutes, options.agents))
    print(json.dumps(found, indent=2))
    sys.exit(not found["ok"])


if __name__ == "__main__":
    main()
