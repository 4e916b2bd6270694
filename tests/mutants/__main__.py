"""`poe mutants --sample N --seed S`: how many changes to the code the tests notice; exits 1 below 85 %."""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections import Counter

from streams.clock import running_s
from tests.mutants.accepted import accepted, stale
from tests.mutants.campaign import ROOT, Unsound, try_all
from tests.mutants.groups import GROUPS
from tests.mutants.mutations import Mutant, mutants

HASHES = "PYTHONHASHSEED"
WANTED = 0.85
COLUMNS = ("mutants", "killed", "timed out", "survived", "accepted")
HEAD = ("", *COLUMNS, "share")
ALL = "all"
Counts = Counter[tuple[str, str]]
"""By group, or ALL, and column."""


def main() -> int:
    """The exit code."""
    options = _options()
    found = [(group, mutant) for group in GROUPS for file in group.files for mutant in mutants(ROOT, file)]
    entries = accepted()
    if outdated := stale(entries, [mutant for _, mutant in found]):
        print("accepted, but no mutant is like that:", *outdated, sep="\n  ")
        return 2
    chosen = [each for each in found if _is_asked_for(each[1], options.only)]
    if options.sample is not None and options.sample < len(chosen):
        # In no order, so that what an interrupted run has tried is a sample too.
        chosen = random.Random(options.seed).sample(chosen, options.sample)
    counts: Counts = Counter()
    tried = []
    for group, mutant in chosen:
        _count(counts, group.name, "mutants")
        if any(entry.covers(mutant) for entry in entries):
            _count(counts, group.name, "accepted")
        else:
            tried.append((group, mutant))
    began = running_s()
    try:
        for number, (name, mutant, verdict) in enumerate(try_all(tried, options.jobs), start=1):
            _count(counts, name, verdict)
            if verdict != "killed":
                print(f"{verdict}: {mutant.file}:{mutant.line}\n{mutant.diff()}\n", flush=True)
            print(f"[{running_s() - began:5.0f} s] {number} of {len(tried)}", file=sys.stderr, flush=True)
    except Unsound as error:
        print(error)
        return 2
    except KeyboardInterrupt:
        print("interrupted; of the mutants tried until then:")
    print(_table(counts), f"{counts[ALL, 'mutants']} of {len(found)} mutants", sep="\n")
    return 0 if _share(counts, ALL) >= WANTED else 1


def _is_asked_for(mutant: Mutant, only: list[str]) -> bool:
    return not only or mutant.file in only or f"{mutant.file}:{mutant.line}" in only


def _count(counts: Counts, group: str, column: str) -> None:
    for name in (group, ALL):
        counts[name, column] += 1


def _share(counts: Counts, name: str) -> float:
    """Of the mutants that are not accepted, the part that a test has noticed: it failed, or never ended."""
    noticed = counts[name, "killed"] + counts[name, "timed out"]
    judged = noticed + counts[name, "survived"]
    return noticed / judged if judged else 1.0


def _table(counts: Counts) -> str:
    names = [name for name in (*(group.name for group in GROUPS), ALL) if counts[name, "mutants"]]
    rows = [(name, *(str(counts[name, column]) for column in COLUMNS), f"{_share(counts, name):.1%}") for name in names]
    return "\n".join(f"{name:<11}" + "".join(f"{cell:>11}" for cell in cells) for name, *cells in (HEAD, *rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, metavar="N", help="so many mutants, drawn from the seed; else all")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of the sample (1)")
    parser.add_argument("--only", nargs="+", default=[], metavar="FILE[:LINE]", help="mutants of these files or lines")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="trials at a time (1)")
    return parser.parse_args()


if __name__ == "__main__":
    if os.environ.get(HASHES) != "0":  # sets are walked through in another order otherwise
        os.execve(sys.executable, [sys.executable, "-m", "tests.mutants", *sys.argv[1:]], os.environ | {HASHES: "0"})
    sys.exit(main())
