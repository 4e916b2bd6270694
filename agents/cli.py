"""The command `sigap`: one table of names; a subcommand is imported when it is called, not before."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from agents.groups import NamingGroup

COMMANDS = {
    "demo": "Everything on this machine, with believable traffic: Kafka, Redis, a worker, the page.",
    "worker": "One worker of the group: events in, KPI records and alerts out.",
    "serve": "The wallboard and its API.",
    "top": "The wallboard in a terminal.",
    "topics": "Create the topics of the contract, or check them.",
    "replay": "Run events through the same computation, without a broker.",
    "explain": "One conversation: what was booked, when and why.",
    "load": "Produce events at a rate and measure how long KPI records take.",
    "dlq": "Rejected records: their reasons; put them back after a fix.",
    "schema": "What every topic holds: AsyncAPI 3, and JSON Schema.",
    "config": "Check a configuration file; its JSON Schema.",
    "broker": "A real Apache Kafka on this machine, for development.",
    "redis": "A real Redis on this machine, for development.",
}
"""Each subcommand and its line of help; `NAME` is `command` in `agents/commands/NAME.py` (`_` for `-`)."""


class LazyGroup(NamingGroup):
    """A group that knows its subcommands by name and imports one only to run it or show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, in the table's order."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand, imported now; None for a name not in the table."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"agents.commands.{cmd_name.replace('-', '_')}")
        command = module.command
        if not isinstance(command, click.Command):
            raise TypeError(f"{module.__name__}.command is no click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table; no subcommand is imported for it."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """As click has it, for options before the subcommand."""
        with _naming_options():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """As click has it, for options of the subcommand."""
        with _naming_options():
            return super().invoke(ctx)


@contextmanager
def _naming_options() -> Iterator[None]:
    """A wrong option is answered with the right ones, not only with one that looks like it."""
    try:
        yield
    except click.NoSuchOption as error:
        if error.ctx is not None:
            parameters = error.ctx.command.get_params(error.ctx)
            names = [name for each in parameters if isinstance(each, click.Option) for name in each.opts]
            error.message = f"no option {error.option_name!r}; allowed: {', '.join(names)}"
            error.possibilities = None
        raise


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sigap")
def main() -> None:
    """Real-time customer-service KPIs and SLA alerts from a stream of conversation events."""
