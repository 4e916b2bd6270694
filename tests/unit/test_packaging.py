"""What is pinned agrees with itself, and no file says where packages come from."""

import re
import shutil
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]

# In two halves, so that this file passes its own test.
HOSTS = [
    "pypi" + ".org",
    "python" + "hosted.org",
    "repo1.maven" + ".org",
    "repo.maven" + ".apache.org",
    "registry.npmjs" + ".org",
    "index" + "-url",
    "extra-index" + "-url",
]
TOP_LEVEL = {
    ".ci",
    ".dockerignore",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "agents",
    "deploy",
    "docker-compose.yml",
    "pyproject.toml",
    "streams",
    "tables",
    "tests",
}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def locked() -> dict[str, Requirement]:
    lines = (ROOT / "deploy" / "requirements.lock").read_text().splitlines()
    found = (Requirement(line.removesuffix("\\").strip()) for line in lines if re.match(r"[A-Za-z]", line))
    return {canonicalize_name(each.name): each for each in found}


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]


def pinned(requirement: Requirement) -> str:
    (only,) = requirement.specifier
    assert only.operator == "=="
    return only.version


def test_the_lock_holds_what_the_project_asks_for(project: dict[str, Any], locked: dict[str, Requirement]) -> None:
    for line in project["project"]["dependencies"]:
        asked = Requirement(line)
        assert asked.specifier.contains(pinned(locked[canonicalize_name(asked.name)])), line


def test_what_is_installed_is_what_the_lock_holds(locked: dict[str, Requirement]) -> None:
    for name, requirement in locked.items():
        if requirement.marker is None or requirement.marker.evaluate():
            try:
                assert version(name) == pinned(requirement), name
            except PackageNotFoundError:
                pytest.fail(f"{name} is in the lock, but not installed")


def test_every_locked_version_has_hashes() -> None:
    blocks = re.split(r"\n(?=[A-Za-z])", (ROOT / "deploy" / "requirements.lock").read_text())[1:]
    assert blocks
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_the_two_whose_private_parts_are_overridden_are_pinned_exactly(project: dict[str, Any]) -> None:
    exact = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0"}
    asked = {each.name: each for each in map(Requirement, project["project"]["dependencies"])}
    assert {name: pinned(asked[name]) for name in exact} == exact
    assert {name: version(name) for name in exact} == exact


def test_no_tracked_file_names_a_registry(tracked: list[Path]) -> None:
    hosts = re.compile("|".join(map(re.escape, HOSTS)).encode())
    allowed = {b"--no-emit-index" + b"-url"}
    named = [
        f"{path}: {line.decode(errors='replace').strip()}"
        for path in tracked
        for line in (ROOT / path).read_bytes().splitlines()
        if hosts.search(line) and not any(word in line for word in allowed)
    ]
    assert named == []


def test_the_top_level_holds_nothing_else(tracked: list[Path]) -> None:
    assert {path.parts[0] for path in tracked} <= TOP_LEVEL
