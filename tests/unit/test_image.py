"""deploy/Dockerfile without Docker: what it copies is there, reaches it, and is enough to run every command."""

import fnmatch
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement

from agents.cli import COMMANDS
from tests.deployment import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


class Instruction(NamedTuple):
    stage: int
    name: str
    rest: str


def instructions() -> list[Instruction]:
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found: list[Instruction] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, rest = line.partition(" ")
        stage = (found[-1].stage if found else -1) + (name == "FROM")
        found.append(Instruction(stage, name, " ".join(rest.split())))
    return found


INSTRUCTIONS = instructions()
LAST = INSTRUCTIONS[-1].stage
COPIED = [source for each in INSTRUCTIONS if each.name == "COPY" and "--" not in each.rest
          for source in each.rest.split()[:-1]]  # fmt: skip


def ran(stage: int) -> str:
    return "\n".join(each.rest for each in INSTRUCTIONS if each.stage == stage and each.name == "RUN")


def of(name: str) -> str:
    """What the last stage says of something it must say once."""
    (only,) = (each.rest for each in INSTRUCTIONS if each.stage == LAST and each.name == name)
    return only


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path from the build: the last line that fits it or a folder above decides."""
    parts = path.split("/")
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    verdict = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!").removeprefix("**/")
        against = parts if line.startswith("**/") else above
        if any(fnmatch.fnmatchcase(each, pattern) for each in against):
            verdict = not line.startswith("!")
    return verdict


def sources() -> list[str]:
    """Every file of the packages that git would keep."""
    return [
        str(path.relative_to(ROOT))
        for source in COPIED
        for path in ((ROOT / source).rglob("*") if (ROOT / source).is_dir() else [ROOT / source])
        if path.is_file() and "__pycache__" not in path.parts
    ]


def test_what_is_copied_is_there_and_reaches_the_build() -> None:
    assert COPIED
    assert [each for each in COPIED if not (ROOT / each).exists()] == []
    assert [each for each in sources() if ignored(each)] == []


@pytest.mark.parametrize(
    "path", [".env", ".git/config", ".venv/bin/python", "tests/conftest.py", "agents/__pycache__/cli"]
)
def test_what_is_none_of_its_business_stays_out(path: str) -> None:
    assert ignored(path)


def test_the_wheel_holds_the_packages_that_are_copied() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {each.split("/")[0] for each in COPIED} >= {*wheel["packages"], "pyproject.toml"}
    assert {PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]} <= set(COPIED)
    assert not {each for each in COPIED if any(each.startswith(out) for out in wheel["exclude"])}


def test_what_is_copied_is_enough_for_every_command(tmp_path: Path) -> None:
    for each in sources():
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / each, tmp_path / each)
    modules = [f"agents.commands.{name}" for name in COMMANDS]
    modules += ["agents.app", "agents.demo", "agents.wallboard.server", "deploy.local.kafka", "deploy.local.redis"]
    script = (
        "import importlib, sys\n"
        f"for name in {modules}: importlib.import_module(name)\n"
        "from agents.wallboard.server import create_app\n"
        "create_app('redis://localhost')\n"
        "ours = ('agents', 'deploy', 'streams', 'tables')\n"
        "print(*{m.__file__ for n, m in sys.modules.items() if n.split('.')[0] in ours and m.__file__}, sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if not line.startswith(str(tmp_path))] == []
    beside = {
        path.suffix
        for each in ("agents/sinks", "agents/wallboard", "deploy/local")
        for path in (tmp_path / each).rglob("*")
    }
    assert {".lua", ".html", ".js", ".css", ".yaml", ".txt"} <= beside


def test_packages_come_from_the_lock_alone() -> None:
    installs = re.findall(r"pip (?:--python \S+ )?install ([^&|;\n]+)", ran(0))
    assert [each for each in installs if "--require-hashes" in each] == [
        "--require-hashes --requirement deploy/requirements.lock"
    ]
    others = [each.split() for each in installs if "--require-hashes" not in each]
    assert [each for each in others if "--no-deps" not in each] == [["hatchling==1.33.0"]]


def test_the_build_backend_is_the_one_asked_for() -> None:
    (asked,) = map(Requirement, PROJECT["build-system"]["requires"])
    pinned = re.search(rf"\b{asked.name}==(\S+)", ran(0))
    assert pinned is not None
    assert asked.specifier.contains(pinned[1])


def test_its_python_is_the_one_that_tests_run_on() -> None:
    wanted = PROJECT["tool"]["mypy"]["python_version"]
    assert {each.rest.split()[0] for each in INSTRUCTIONS if each.name == "FROM"} == {f"python:{wanted}-slim"}


def test_the_last_stage_builds_nothing_and_is_nobody() -> None:
    assert not re.search(r"\b(pip|apt|apt-get|gcc|make|curl)\b", ran(LAST))
    user = of("USER")
    assert user.isdigit()
    assert int(user) > 0
    assert f"--uid {user} " in ran(LAST)


def test_it_runs_the_command_and_ends_it_in_order() -> None:
    (script,) = PROJECT["project"]["scripts"]
    assert of("ENTRYPOINT") == f'["{script}"]'
    assert of("STOPSIGNAL") == "SIGTERM"  # a worker drains on it
    assert of("ENV").startswith("PATH=/opt/sigap/bin:")
    assert [each.rest for each in INSTRUCTIONS if each.stage == LAST and each.name == "COPY"] == [
        "--from=build /opt/sigap /opt/sigap"
    ]
