"""Servers for tests: what a machine lacks skips with a reason, and is an error where CI=true."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NoReturn

import pytest

from deploy.local.errors import EmbeddedUnavailable
from deploy.local.kafka import EmbeddedKafka
from deploy.local.redis import EmbeddedRedis


@dataclass(frozen=True)
class KafkaServer:
    """A Kafka that tests share: make topics and groups of your own names, leave nodes alone."""

    bootstrap: str


def unavailable(reason: str) -> NoReturn:
    """Skip the test, or fail it where everything must run."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaServer]:
    """One real Kafka node for the whole session, or the server of SIGAP_KAFKA."""
    if address := os.environ.get("SIGAP_KAFKA"):
        yield KafkaServer(address)
        return
    with ExitStack() as stack:
        try:
            server = stack.enter_context(EmbeddedKafka())
        except EmbeddedUnavailable as error:
            unavailable(error.reason)
        yield KafkaServer(server.bootstrap)


@pytest.fixture
def redis_server() -> Iterator[EmbeddedRedis]:
    """A real Redis of the test's own, empty; it may be stopped and started."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(EmbeddedRedis())
        except EmbeddedUnavailable as error:
            unavailable(error.reason)
        yield server
