"""`python -m tests.fuzz [TARGET…] --seconds N`, or `TARGET --input FILE` for what was found; exits 1 if a target fails.

What libFuzzer finds worth keeping, its logs and what made a target fail stay in `build/fuzz/TARGET/`.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from resource import RLIMIT_CPU, setrlimit
from time import process_time
from typing import NamedTuple

from streams.clock import running_s
from tests.fuzz.targets import TARGETS

FOLDER = Path("build") / "fuzz"
_LONGEST = 32_768
_MEMORY_MB = 2_048
_WORDS = 400
_WORD = re.compile(rb"[A-Za-z][A-Za-z0-9_-]{2,30}")


class Outcome(NamedTuple):
    """How a target fared."""

    executions: int
    seconds: int
    covered: int
    """libFuzzer's count of edges reached in `streams` and `tables`."""
    found: list[Path]
    """Inputs that made it fail: an error, more than the time or the memory that an input may take."""
    code: int


def fuzz(name: str, seconds: int, limit: int) -> Outcome:
    """Feed a target for some seconds; no input may take more than `limit` seconds of CPU."""
    folder = FOLDER / name
    corpus, begin, failed = folder / "corpus", folder / "seeds", folder / "failed"
    for each in (corpus, begin, failed):
        each.mkdir(parents=True, exist_ok=True)
    seeds = list(TARGETS[name].seeds())
    for number, seed in enumerate(seeds):
        (begin / f"{number:04}").write_bytes(seed)
    words = sorted({word for seed in seeds for word in _WORD.findall(seed)})[:_WORDS]
    (folder / "words").write_text("".join(f'"{word.decode()}"\n' for word in words))
    known = set(failed.iterdir())
    options = {
        "max_total_time": seconds,
        "timeout": limit,
        "max_len": _LONGEST,
        "rss_limit_mb": _MEMORY_MB,
        "artifact_prefix": f"{failed}/",
        "dict": folder / "words",
        "print_final_stats": 1,
    }
    arguments = [*(f"-{option}={value}" for option, value in options.items()), str(corpus), str(begin)]
    log = folder / "log"
    began = running_s()
    with log.open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz.one", name, *arguments], check=False, stdout=out, stderr=out
        )
    took = int(running_s() - began)
    said = log.read_text(errors="replace")
    found = sorted(set(failed.iterdir()) - known)
    idle = [each for each in found if _only_waited(name, each, limit)]
    for each in idle:
        each.unlink()
    outcome = Outcome(
        _last(r"number_of_executed_units: (\d+)|^#(\d+)", said),
        took,
        _last(r"cov: (\d+)", said),
        [each for each in found if each not in idle],
        0 if idle == found and idle else done.returncode,
    )
    if idle and not outcome.found and took < seconds:
        more = fuzz(name, seconds - took, limit)
        return more._replace(executions=more.executions + outcome.executions, seconds=more.seconds + took)
    return outcome


def _only_waited(name: str, found: Path, limit: int) -> bool:
    """Whether an input took its time because the machine stood still: alone, it needs no more CPU than it may."""
    if not found.name.startswith(("timeout-", "slow-unit-")):
        return False
    again = [sys.executable, "-m", "tests.fuzz", name, "--input", str(found), "--limit", str(limit)]
    return subprocess.run(again, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def _last(pattern: str, text: str) -> int:
    found = [each[0] or each[-1] for each in re.findall(f"(?:{pattern})()", text, re.MULTILINE)]
    return int(found[-1]) if found else 0


def main() -> int:
    """Fuzz what is asked for; 1 if a target fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"all, or some of {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--limit", type=int, default=10, help="seconds of CPU that an input may take")
    parser.add_argument("--input", type=Path, help="feed this file to the target, and nothing else")
    arguments = parser.parse_args()
    names = arguments.targets or list(TARGETS)
    if unknown := [each for each in names if each not in TARGETS]:
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    if arguments.input is not None:
        most = int(process_time()) + 1 + arguments.limit  # then SIGXCPU ends it
        setrlimit(RLIMIT_CPU, (most, most))
        for name in names:
            TARGETS[name].take(arguments.input.read_bytes())
        return 0
    if find_spec("atheris") is None:
        parser.error("Atheris is missing: `uv run --group fuzz python -m tests.fuzz`")
    failed = 0
    print(f"{'target':14}{'executions':>12}{'seconds':>9}{'edges':>7}  found")
    for name in names:
        outcome = fuzz(name, arguments.seconds, arguments.limit)
        bad = bool(outcome.code or outcome.found)
        failed += bad
        what = ", ".join(map(str, outcome.found)) or (f"see {FOLDER / name / 'log'}" if bad else "nothing")
        print(f"{name:14}{outcome.executions:12,}{outcome.seconds:9}{outcome.covered:7}  {what}", flush=True)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
