"""What docker-compose.yml, the Dockerfile and their documentation say, as data that tests compare with the code."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import click
import yaml

from agents.cli import main

ROOT = Path(__file__).parents[1]
IMAGE = "sigap"
"""The name of the image that deploy/Dockerfile makes."""
WRITTEN = [
    "docker-compose.yml",
    "deploy/docs/operating.md",
    "deploy/compose/sigap.yaml",
    "deploy/prometheus/alerts.yml",
    "deploy/grafana/dashboards/sigap.json",
]
"""Files that name commands, variables and topics."""

_VARIABLE = re.compile(r"\$\{(\w+)(?::[?-]([^}]*))?\}")


@cache
def compose() -> dict[str, Any]:
    """The compose file; variables are as written."""
    loaded = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert isinstance(loaded, dict)
    return loaded


def ours() -> dict[str, dict[str, Any]]:
    """The services that run the image of the project."""
    return {name: each for name, each in compose()["services"].items() if each["image"] == IMAGE}


def resolved(text: object) -> str:
    """A value of the compose file as a container gets it, where each variable is set to its own name."""
    return _VARIABLE.sub(lambda found: found[1], str(text))


def parsed(arguments: list[str]) -> dict[str, Any]:
    """The parameters of a call of `sigap`, as click reads them; a wrong call raises click's usage error."""
    command: click.Command = main
    rest = list(arguments)
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), rest[0]) if rest else None
        if found is None:
            raise click.UsageError(f"no command {rest[:1]} in {command.name}")
        command = found
        rest.pop(0)
    return command.make_context("sigap", rest).params


def bind_mounts(service: dict[str, Any]) -> dict[str, Path]:
    """The files and folders of this project in a container: where they are there, and here."""
    pairs = [each.split(":") for each in service.get("volumes", [])]
    return {target: ROOT / source for source, target, *_ in pairs if source.startswith(".")}


def here(service: dict[str, Any], path: str) -> Path:
    """The file of this project that a container sees at `path`."""
    for target, source in bind_mounts(service).items():
        if path == target or path.startswith(f"{target}/"):
            return source / path[len(target) :].lstrip("/")
    raise AssertionError(f"{path} is mounted from nowhere")
