"""A campaign: many mutants, each tried against the tests of its group."""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from importlib import import_module
from math import ceil
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, Phase, settings

from tests.mutants.groups import Group
from tests.mutants.mutations import Mutant
from tests.mutants.trial import Change, start, verdict

ROOT = Path(__file__).parents[2]
_EXAMPLES = 40
"""Of a property, unless its test says how many; always the same ones."""
_LONGEST_S = 600
_SHARED = (
    *("asyncio", "holidays", "hypothesis.strategies", "msgspec", "orjson", "pdb", "pydantic.main"),
    *("pytest_asyncio.plugin", "xml.etree.ElementTree", "yaml", "deploy.local.kafka", "deploy.local.redis"),
)
"""What is slow to import and knows nothing of `tables`: trials begin as copies of this process."""


class Result(NamedTuple):
    """What became of a mutant."""

    group: str
    mutant: Mutant
    verdict: str
    """`killed`, `timed out` or `survived`."""


class Unsound(Exception):
    """The tests of a group fail without any change."""


def try_all(chosen: Sequence[tuple[Group, Mutant]], jobs: int) -> Iterator[Result]:
    """Try mutants, so many at a time; results come as they are there. Raises `Unsound`."""
    _prepare()
    waiting, running = deque(chosen), dict[int, tuple[Group, Mutant]]()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder)
        limits = {group.name: _limit(group, log / "log") for group in dict.fromkeys(group for group, _ in chosen)}
        while waiting or running:
            while waiting and len(running) < jobs:
                group, mutant = waiting.popleft()
                change = Change(_module(mutant.file), ROOT / mutant.file, mutant.source())
                pid = start(ROOT, group.tests, change, limits[group.name], Path(os.devnull))
                running[pid] = (group, mutant)
            pid, status = os.wait()
            group, mutant = running.pop(pid)
            yield Result(group.name, mutant, verdict(status))


def _module(file: str) -> str:
    return file.removesuffix(".py").replace("/", ".")


def _prepare() -> None:
    for name in _SHARED:
        import_module(name)
    settings.register_profile(
        "mutants",
        max_examples=_EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),  # the first failure is enough, be it as long as it is
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("mutants")


def _limit(group: Group, log: Path) -> int:
    """The CPU seconds that a trial may take: twice those of the tests as they are, and some."""
    _, status, usage = os.wait4(start(ROOT, group.tests, None, _LONGEST_S, log), 0)
    if verdict(status) != "survived":
        raise Unsound(f"the tests of {group.name} fail without any change:\n{log.read_text(errors='replace')}")
    return ceil(2 * (usage.ru_utime + usage.ru_stime)) + 5
