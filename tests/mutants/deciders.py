"""A fixed handful of what the property tests and the simulation do by hundreds, for the judgement of mutants."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.comparison import differences
from tests.quarter_scenarios import quarter_scenario
from tests.scenario_parts import Scenario
from tests.scenarios import scenario, sorted_scenario
from tests.simulation.__main__ import failures


@pytest.mark.parametrize("seed", range(7))
@pytest.mark.parametrize("write", [scenario, sorted_scenario, quarter_scenario])
def test_oracle(write: Callable[[int], Scenario], seed: int) -> None:
    config, events, until = write(seed)
    assert differences(events, config, until) == []


@pytest.mark.parametrize("seed", range(40))
def test_simulation(seed: int) -> None:
    assert failures(seed) == []
