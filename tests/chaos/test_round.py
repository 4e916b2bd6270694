"""A short round of chaos for every change, and what a round is asked to do."""

import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from deploy.local import jars
from deploy.local.errors import EmbeddedUnavailable
from deploy.local.redis import server_binary
from tests.chaos.round import schedule
from tests.conftest import unavailable
from tests.kafka.lab import ROOT

KINDS = ("worker-kill", "worker-zombie", "broker-stop", "broker-kill", "redis-replace")


def test_every_fault_has_its_turn_before_any_comes_again() -> None:
    first, second = (list(islice(schedule(KINDS, Random(seed)), 2 * len(KINDS))) for seed in (1, 2))
    assert sorted(first[: len(KINDS)]) == sorted(first[len(KINDS) :]) == sorted(KINDS)
    assert first != second


def test_an_unknown_fault_is_refused_with_those_there_are() -> None:
    command = [sys.executable, "-m", "tests.chaos", "--faults", "worker-kill,meteor"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "no fault meteor; there are worker-kill" in ended.stderr


@pytest.mark.alone
def test_a_round_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    try:
        jars.classpath(lambda _line: None)
        server_binary()
    except EmbeddedUnavailable as error:
        unavailable(error.reason)
    report = tmp_path / "outcome.json"
    command = [sys.executable, "-m", "tests.chaos", "--seed", "6", "--rate", "100"]
    command += ["--faults", ",".join(KINDS), "--pause", "12", "--hold", "5"]
    command += ["--json", str(report), "--keep", str(tmp_path / "round")]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SIGAP_KAFKA")}
    ended = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-4000:] + ended.stdout
    outcome = json.loads(report.read_text())
    assert sorted(each["kind"] for each in outcome["faults"]) == sorted(KINDS)
    verdict = outcome["verdict"]
    assert verdict["events"] > 8_000
    assert min(verdict["records"], verdict["intervals"], verdict["alerts"]) > 30
