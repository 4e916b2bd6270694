"""Mutants: what is changed, what a trial says of it, and that the list of accepted ones is of this code."""

import os
from pathlib import Path

import pytest

from tests.mutants.accepted import Accepted, accepted, stale
from tests.mutants.campaign import ROOT
from tests.mutants.groups import GROUPS
from tests.mutants.mutations import Mutant, mutants
from tests.mutants.trial import Change, start, verdict

CODE = '''"""Not a word of this."""

Width = dict[str, int]
LIMIT: int = 3


class Door:
    __slots__ = ("width",)

    @property
    def open(self) -> bool:
        return self.width >= LIMIT and True
'''
TEST = """import door

def test_a_wide_door_is_open() -> None:
    it = door.Door()
    it.width = 4
    assert it.open
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "door.py").write_text(CODE)
    (tmp_path / "test_door.py").write_text(TEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\naddopts = --import-mode=importlib\n")
    return tmp_path


def test_numbers_operators_and_constants_change_and_types_and_texts_do_not(folder: Path) -> None:
    assert [(each.line, each.after) for each in mutants(folder, "door.py")] == [
        (4, "LIMIT: int = None"),
        (4, "4"),
        (12, "self.width >= LIMIT or True"),
        (12, "> LIMIT"),
        (12, "False"),
    ]


def test_a_diff_is_of_the_lines_that_differ(folder: Path) -> None:
    assert mutants(folder, "door.py")[1].diff() == "-LIMIT: int = 3\n+LIMIT: int = 4"


def tried(folder: Path, source: str, cpu_s: int = 20) -> str:
    log = folder / "log"
    pid = start(folder, [str(folder / "test_door.py")], Change("door", folder / "door.py", source), cpu_s, log)
    return verdict(os.waitpid(pid, 0)[1])


def test_what_a_test_notices_is_killed_and_the_rest_survives(folder: Path) -> None:
    said = [tried(folder, mutant.source()) for mutant in mutants(folder, "door.py")]
    assert said == ["killed", "survived", "survived", "survived", "killed"]
    assert tried(folder, CODE) == "survived"
    assert tried(folder, CODE + "\nraise SystemExit\n") == "killed"


def test_what_never_ends_is_timed_out(folder: Path) -> None:
    assert tried(folder, CODE + "\nwhile True: pass\n", cpu_s=2) == "timed out"


def test_tests_that_do_not_import_the_file_judge_nothing(folder: Path) -> None:
    (folder / "test_door.py").write_text("def test_nothing() -> None: ...")
    with pytest.raises(RuntimeError):
        tried(folder, CODE)


@pytest.fixture(scope="module")
def found() -> list[Mutant]:
    return [mutant for group in GROUPS for file in group.files for mutant in mutants(ROOT, file)]


def test_what_is_accepted_is_a_mutant_of_this_code(found: list[Mutant]) -> None:
    assert stale(accepted(), found) == []
    gone = Accepted("tables/sla.py", "return 7", "never there")
    assert stale([gone], found) == [gone]


def test_tests_that_judge_are_there() -> None:
    for group in GROUPS:
        for test in group.tests:
            file, _, name = test.partition("::")
            assert name.partition("[")[0] in (ROOT / file).read_text(), test
