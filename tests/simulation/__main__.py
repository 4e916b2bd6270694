"""`python -m tests.simulation SEED`, or `--seeds A B`; exits 1 if a seed fails."""

from __future__ import annotations

import argparse
import os
import sys
import traceback

from tests.simulation.check import problems
from tests.simulation.world import World

HASHES = "PYTHONHASHSEED"
_SHOWN = 12


def failures(seed: int, *, trace: bool = False) -> list[str]:
    """What is wrong with a seed."""
    world = World(seed, print if trace else lambda _: None)
    try:
        world.run()
        return problems(world)
    except Exception:  # noqa: BLE001 - whatever it is, it is this seed's
        return traceback.format_exc().splitlines()


def main() -> int:
    """Run what is asked for; the number of seeds that fail, at most 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", help="one seed, with everything that happens")
    parser.add_argument("--seeds", type=int, nargs=2, metavar=("A", "B"), help="those from A to before B")
    arguments = parser.parse_args()
    if (arguments.seed is None) == (arguments.seeds is None):
        parser.error("one seed, or --seeds A B")
    seeds = range(arguments.seed, arguments.seed + 1) if arguments.seeds is None else range(*arguments.seeds)
    failed = 0
    for seed in seeds:
        lines = failures(seed, trace=arguments.seeds is None)
        if lines:
            failed += 1
            print(f"seed {seed}: {len(lines)} problems", *lines[-_SHOWN:], sep="\n  ", flush=True)
    print(f"{len(seeds)} seeds, {failed} failed")
    return min(failed, 1)


if __name__ == "__main__":
    if os.environ.get(HASHES) != "0":  # sets are walked through in another order otherwise
        os.execve(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]], os.environ | {HASHES: "0"})
    sys.exit(main())
