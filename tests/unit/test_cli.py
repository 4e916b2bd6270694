"""The command line: fast to ask, and it says what is allowed."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from agents.cli import COMMANDS, main

MODULES = {path.stem for path in (Path(__file__).parents[2] / "agents" / "commands").glob("[a-z]*.py")}


def test_help_lists_every_command_and_imports_none() -> None:
    script = (
        "import sys; from agents.cli import main\ntry: main(['--help'])\nfinally: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in done.stdout.partition("Commands:\n")[2].splitlines() if line[:3].strip()] == [
        *COMMANDS
    ]
    loaded = set(done.stderr.split())
    assert not loaded & {"faust", "aiokafka", "redis", "aiohttp", "pydantic", "rich", "agents.commands"}


def test_every_command_module_is_in_the_table() -> None:
    assert {name.replace("-", "_") for name in COMMANDS} >= MODULES


@pytest.mark.parametrize("name", sorted(MODULES))
def test_each_command_has_help(name: str) -> None:
    result = CliRunner().invoke(main, [name.replace("_", "-"), "--help"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("call", "allowed"),
    [
        (["nonsense"], "demo"),
        (["--nonsense"], "--version"),
        (["broker", "--node", "3"], "--nodes"),
        (["broker", "--nodes", "30"], "1<=x<=9"),
        (["redis", "--port", "http"], "integer"),
        (["redis", "surplus"], "unexpected extra argument"),
        (["demo", "--for", "0"], "x>=1"),
        (["demo", "--speed", "2"], "only with --events"),
        (["demo", "--events", "nowhere"], "does not exist"),
        (["worker"], "HOST:PORT"),
        (["worker", "--health-port", "0"], "1<=x<=65535"),
        (["worker", "--log-level", "LOUD"], "WARNING"),
        (["serve"], "redis://"),
        (["serve", "--port", "0"], "1<=x<=65535"),
        (["topics"], "create"),
        (["topics", "make"], "check, create"),
        (["dlq", "show"], "list, replay"),
        (["config", "show"], "check, schema"),
        (["demo", "--events", __file__, "nowhere"], "'nowhere' does not exist"),
        (["topics", "create"], "HOST:PORT"),
        (["topics", "check", "--partitions", "0"], "1<=x<=10000"),
        (["replay"], "EVENTS..."),
        (["replay", __file__], "--out"),
        (["load"], "HOST:PORT"),
        (["load", "--rate", "0"], "1<=x<=100000"),
        (["dlq"], "list"),
        (["dlq", "list"], "HOST:PORT"),
        (["dlq", "list", "--limit", "0"], "x>=1"),
        (["config"], "check"),
        (["config", "check"], "FILE"),
        (["config", "check", "nowhere"], "does not exist"),
    ],
)
def test_a_wrong_call_exits_2_and_says_what_is_allowed(
    call: list[str], allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SIGAP_KAFKA", "SIGAP_REDIS"):
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 2
    assert allowed in result.output


def test_a_file_of_events_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "no.ndjson.gz"
    broken.write_bytes(b"no")
    result = CliRunner().invoke(main, ["replay", str(broken), "--out", str(tmp_path / "out")])
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert str(broken) in result.output
