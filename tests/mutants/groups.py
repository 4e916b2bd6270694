"""Which files are judged by which tests: those that say most in little time, and of these the quickest first."""

from __future__ import annotations

from typing import NamedTuple


class Group(NamedTuple):
    """Files of `tables/` that the same tests judge."""

    name: str
    files: tuple[str, ...]
    tests: tuple[str, ...]
    """As pytest takes them, in this order."""


_GOLDEN = "tests/unit/test_golden.py"
_CHANGELOG = "tests/unit/test_changelog_bytes.py"
_FOLD = "tests/property/test_fold.py"
_PANES = "tests/property/test_panes.py"
_ORACLE = "tests/mutants/deciders.py::test_oracle"
_SIMULATION = "tests/mutants/deciders.py::test_simulation"


def _tables(*names: str) -> tuple[str, ...]:
    return tuple(f"tables/{name}.py" for name in names)


GROUPS = (
    Group(
        "fold",
        _tables("conversation", "facts", "foot", "history", "state"),
        (
            "tests/property/test_facts.py",
            f"{_FOLD}::test_any_life_is_read_as_the_oracle_reads_it",
            _GOLDEN,
            f"{_FOLD}::test_bytes_of_the_changelog_go_on_as_if_never_encoded",
            f"{_FOLD}::test_a_run_remembers_so_many_pauses",
            f"{_FOLD}::test_what_was_sent_of_ended_runs_is_let_go",
            _ORACLE,
            f"{_FOLD}::test_a_conversation_without_a_pause_is_read_as_the_oracle_reads_it",
            f"{_FOLD}::test_state_is_bounded[500-45000]",
            _CHANGELOG,
            "tests/unit/test_reload.py",
        ),
    ),
    Group(
        "sla",
        _tables("alerts", "outbox", "policies", "rules", "runs", "sla"),
        (
            f"{_FOLD}::test_any_life_is_read_as_the_oracle_reads_it",
            _GOLDEN,
            f"{_FOLD}::test_a_run_remembers_so_many_pauses",
            f"{_FOLD}::test_what_was_sent_of_ended_runs_is_let_go",
            "tests/unit/test_sla_cases.py",
            "tests/unit/test_reload.py",
            _ORACLE,
            _CHANGELOG,
        ),
    ),
    Group(
        "calendar",
        _tables("calendar", "days", "open_days"),
        (
            "tests/unit/test_calendar_cases.py",
            "tests/unit/test_calendar.py",
            "tests/property/test_calendar.py",
            _GOLDEN,
        ),
    ),
    Group(
        "windows",
        _tables(
            "booking",
            "corrections",
            "day_windows",
            "distinct",
            "gauges",
            "intervals",
            "movement",
            "panes",
            "scope_panes",
            "sketch",
            "stamped",
            "tally",
            "window",
            "windows",
        ),
        (
            f"{_PANES}::test_rebooking_takes_back_what_was_booked",
            f"{_PANES}::test_distinct_conversations_of_any_stretch",
            "tests/unit/test_tally.py",
            "tests/unit/test_booking.py",
            "tests/unit/test_distinct.py",
            "tests/unit/test_panes_sealing.py",
            "tests/unit/test_intervals.py",
            "tests/unit/test_movement.py",
            "tests/property/test_windows.py",
            "tests/property/test_day_windows.py",
            "tests/property/test_sketch.py",
            "tests/unit/test_quarter_hours.py",
            "tests/unit/test_snapshots.py",
            "tests/unit/test_rollup.py",
            _GOLDEN,
            _SIMULATION,
            _ORACLE,
            *(f"{_PANES}::test_a_restart_changes_nothing[{seed}]" for seed in (1, 4, 11)),
            *(f"{_PANES}::test_incremental_is_rebuilt_at_any_point[{seed}]" for seed in (3, 19, 23)),
            *(f"{_PANES}::test_partitions_add_up[3-{seed}]" for seed in (0, 24, 39)),
        ),
    ),
    Group(
        "thresholds",
        _tables(*(f"thresholds/{name}" for name in ("checks", "journal", "records", "rule", "watch", "watches"))),
        (
            "tests/unit/test_thresholds.py",
            "tests/unit/test_thresholds_restart.py",
            "tests/unit/test_thresholds_settings.py",
            "tests/property/test_thresholds.py",
            _ORACLE,
        ),
    ),
)
