"""`poe bench`: what the README's figures come from, as one JSON.

The worker's price is measured from outside (its process's CPU time), and so is that of a naive version on stock Faust,
with the first of the same events. How the worker's divides is measured in this process, without a broker.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.clock import wall_ms
from tests.bench import beside, pure
from tests.bench.shape import AGENTS, CHANNELS, generate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.shape import Item


def machine() -> dict[str, Any]:
    """What the figures depend on; `loop_ns` is this interpreter's time for a round of a loop that counts in a dict."""
    counts: dict[int, int] = {}
    began = time.thread_time_ns()
    for i in range(1_000_000):
        counts[i & 1023] = counts.get(i & 1023, 0) + 1
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "loop_ns": round((time.thread_time_ns() - began) / 1_000_000, 1),
    }


def compare(found: dict[str, Any], items: Sequence[Item], partitions: int, now_ms: int) -> None:
    """Hold the naive version's counts against Sigap's, and its CPU per event too."""
    naive = found["naive"]
    counts = naive.pop("counts")
    naive["counts"] = counts.get("tenant")
    naive["wrong"] = beside.differences(counts, items, partitions, now_ms)
    naive["cpu_ratio"] = round(naive["cpu_us_per_event"] / found["worker"]["cpu_us_per_event"], 1)


def told(found: dict[str, Any]) -> str:
    """The comparison in a sentence."""
    naive, worker = found["naive"], found["worker"]
    each = [f"{one['cpu_us_per_event']:.0f} µs ({one['events_per_s']} events/s)" for one in (naive, worker)]
    return f"CPU per event: naive {each[0]}, Sigap {each[1]}; ratio {naive['cpu_ratio']}. Naive: {naive['note']}."


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--conversations", type=int, default=20_000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--pure", action="store_true", help="without servers: only how the price divides")
    parser.add_argument("--naive", type=int, default=15_000, help="events for the naive version on stock Faust, or 0")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the JSON here too")
    options = parser.parse_args()
    now = wall_ms()
    load = generate(options.events, options.conversations, options.partitions, now)
    found: dict[str, Any] = {
        "machine": machine(),
        "events": len(load.items),
        "conversations": options.conversations,
        "partitions": options.partitions,
        "agents": AGENTS,
        "channels": len(CHANNELS),
        "bytes_per_event": round(sum(len(item.value) for item in load.items) / len(load.items)),
    }
    if not options.pure:
        from tests.bench import live  # noqa: PLC0415 - servers and clients that the other mode does without

        found |= live.run(load, options.partitions, now, options.naive)
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # as the worker has it
    found["computation"] = pure.run(load, options.partitions, now)
    if "naive" in found:
        compare(found, load.items[: options.naive], options.partitions, now)
    text = json.dumps(found, indent=2)
    if options.json is not None:
        options.json.write_text(text + "\n")
    print(text)
    if "naive" in found:
        print(told(found), file=sys.stderr)
    worker = found.get("worker", {"equal": True, "recovery": {"equal": True}})
    if not (worker["equal"] and worker["recovery"]["equal"] and found["computation"]["equal"]):
        sys.exit("the totals differ from the generator's")
    if found.get("naive", {}).get("wrong"):
        sys.exit("the naive version's counts differ from Sigap's")


if __name__ == "__main__":
    main()
