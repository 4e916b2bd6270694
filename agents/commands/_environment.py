"""What commands share: the environment, and problems as a message instead of a traceback."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

from agents.settings import Environment
from tables.settings import SettingsError


@contextmanager
def problems_as_usage() -> Iterator[None]:
    """Wrong settings end the command with status 2 and every problem on a line of its own."""
    try:
        yield
    except SettingsError as error:
        raise click.UsageError("\n".join(error.problems)) from None


@contextmanager
def failures_as_message() -> Iterator[None]:
    """What servers, topics or ports do not allow ends the command with status 1 and a line instead of a traceback."""
    from agents.process import WorkerFailed
    from agents.sinks.redis import SinkFailed
    from agents.topics import TopicsError
    from deploy.local.errors import EmbeddedError

    try:
        yield
    except (TopicsError, WorkerFailed, SinkFailed, EmbeddedError, OSError) as error:
        raise click.ClickException(str(error) or type(error).__name__) from None


def read_environment(*, kafka: bool = False) -> Environment:
    """The environment of this process; with `kafka` it must name brokers. Raises click's usage error."""
    with problems_as_usage():
        environment = Environment.read(os.environ)
        if kafka:
            environment.kafka_kwargs()
        return environment
