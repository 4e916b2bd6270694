"""A thousand seeds of the simulation; `python -m tests.simulation SEED` shows what happens in one of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BLOCK, BLOCKS = 125, 8
ROOT = Path(__file__).parents[2]


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, where sets have always the same order."""
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "0"},
    )


@pytest.mark.parametrize("first", range(0, BLOCK * BLOCKS, BLOCK))
def test_whatever_happens_all_equals_the_replay(first: int) -> None:
    done = simulate("--seeds", str(first), str(first + BLOCK))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_seed_is_always_the_same() -> None:
    traces = [simulate("57").stdout for _ in range(2)]
    assert traces[0] == traces[1]
    assert "dies" in traces[0]
