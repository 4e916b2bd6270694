"""`sigap config`: the settings file."""

import json
from pathlib import Path

import click

from agents.groups import NamingGroup
from tables.settings import Settings, SettingsError, json_schema


@click.group(cls=NamingGroup)
def command() -> None:
    """Check a configuration file; its JSON Schema."""


@command.command(name="check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def _check(file: Path) -> None:
    """Check FILE whole: every wrong value with its path, what is wrong and what is allowed; exit 1 if there is one."""
    try:
        settings = Settings.load(file)
    except SettingsError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        count = len(error.problems)
        click.echo(f"{file}: {count} problem{'s' if count > 1 else ''}", err=True)
        raise SystemExit(1) from None
    tenants = ", ".join(sorted(settings.tenants)) or "none"
    click.echo(f"{file}: correct; tenants with settings of their own: {tenants}")


@command.command(name="schema")
def _schema() -> None:
    """Print the JSON Schema of the file, for editors."""
    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
