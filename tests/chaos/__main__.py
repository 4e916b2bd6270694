"""`poe chaos --seed N --minutes M`: a round of chaos; exits 1 where anything differs from the replay."""

import argparse
import asyncio
import json
import logging
import shutil
import signal
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

from streams.clock import running_s
from tests.chaos.faults import FAULTS, Pace
from tests.chaos.round import Outcome, Plan, run, table

SHOWN = 40


def main() -> int:
    """The exit code."""
    options = _options()
    pace = Pace(**{each.name: getattr(options, each.name) for each in fields(Pace)})
    plan = Plan(options.seed, options.minutes, options.rate, options.workers, options.faults, pace)
    folder = Path(options.keep or tempfile.mkdtemp(prefix="sigap-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=folder / "driver.log")  # what clients say while brokers are away
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whatever runs is to be ended in order
    began = running_s()

    def say(line: str) -> None:
        print(f"[{running_s() - began:5.0f} s] {line}", file=sys.stderr, flush=True)

    outcome, good = None, False
    try:
        outcome = asyncio.run(run(plan, folder, say))
        good = outcome.good
    finally:
        if not good:
            say(f"seed {plan.seed} FAILED; logs and data are in {folder}")
        elif options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    _show(outcome, folder, options.json)
    return 0 if good else 1


def _show(outcome: Outcome, folder: Path, file: Path | None) -> None:
    print(table(outcome))
    lines = [*outcome.problems, *(f"{what}: {text}" for what, text in outcome.verdict.differences)]
    for line in lines[:SHOWN]:
        print(line)
    if len(lines) > SHOWN:
        print(f"... and {len(lines) - SHOWN} more")
    for target in (file, folder / "outcome.json" if folder.exists() else None):
        if target is not None:
            target.write_text(json.dumps(outcome.as_json(), indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="poe chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="draws events, faults and their details (default 1)")
    parser.add_argument("--minutes", type=float, help="how long faults come; without, each kind once")
    parser.add_argument("--rate", type=int, default=Plan.rate, help=f"events a second (default {Plan.rate})")
    parser.add_argument("--workers", type=int, default=Plan.workers, choices=range(1, 5), help="default 3")
    parser.add_argument("--faults", type=_kinds, default=tuple(FAULTS), help=f"of {', '.join(FAULTS)}; default all")
    for each in fields(Pace):
        name = "--" + each.name.removesuffix("_s")
        parser.add_argument(
            name, dest=each.name, type=float, default=each.default, help="seconds (default %(default)s)"
        )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the outcome here as well")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep logs and data here, not only of a failing round")
    return parser.parse_args()


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(text.split(","))
    if unknown := [each for each in kinds if each not in FAULTS]:
        raise argparse.ArgumentTypeError(f"no fault {', '.join(unknown)}; there are {', '.join(FAULTS)}")
    return kinds


if __name__ == "__main__":
    sys.exit(main())
