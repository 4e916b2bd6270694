"""The Faust application of a worker, and how it runs and ends."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import faust
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from streams.clock import running_s
from streams.engine.faust.transport import Chunk, Transport
from streams.engine.owner import OWNED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streams.engine.faust.config import EngineConfig
    from streams.engine.faust.driver import Driver

_log = logging.getLogger(__name__)
_RETRY_S = 1.0
_STOP_S = 20.0


class ChunkSchema(faust.Schema):
    """Lets chunks through as they are."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:
        """No key: a chunk has many."""

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002
        """The chunk."""
        return message.value


class EngineApp(faust.App):
    """A Faust app whose transport delivers chunks to its driver."""

    driver: Driver

    def _new_transport(self) -> Any:
        return Transport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """None: no state is kept on disk."""


def make_app(config: EngineConfig, driver: Driver) -> EngineApp:
    """A Faust app with an agent for every topic that the driver wants."""
    app = EngineApp(
        config.group,
        broker=[f"kafka://{address.strip()}" for address in config.bootstrap.split(",")],
        store="memory://",
        autodiscover=False,
        web_enabled=False,
        worker_redirect_stdouts=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=config.instance_id,
        broker_session_timeout=config.session_s,
        broker_heartbeat_interval=config.heartbeat_s,
        broker_rebalance_timeout=config.rebalance_s,
        broker_request_timeout=config.request_s,
        broker_commit_interval=config.commit_s,
        stream_buffer_maxsize=64,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
    )
    app.driver = driver
    driver.app = app
    app.boot_strategy.enable_kafka_producer = False  # the driver has its own
    for topic in driver.topics:
        # Without acks: the driver alone says what is done.
        _agent(app, driver, app.topic(topic, schema=ChunkSchema(), acks=False), topic)
    return app


def _agent(app: EngineApp, driver: Driver, topic: Any, name: str) -> None:
    async def body(stream: Any) -> None:
        async for event in stream.events():
            chunk: Chunk = event.value
            driver.accept(chunk)

    app.agent(topic, name=name.replace(".", "_"), concurrency=1)(body)


class TopicsDiffer(Exception):
    """Topics that must have the same number of partitions have not."""


async def wait_for_topics(config: EngineConfig, names: Iterable[str], together: Iterable[str]) -> None:
    """Wait until every topic is there with a leader for each partition, logging what is missing.

    Raises TopicsDiffer if the topics `together` have different numbers of partitions.
    """
    said = ""
    while True:
        missing = await _missing(config, list(names), list(together))
        if not missing:
            return
        if missing != said:
            _log.warning("waiting: %s", missing)
            said = missing
        await asyncio.sleep(_RETRY_S)


async def _missing(config: EngineConfig, names: list[str], together: list[str]) -> str:
    client = AIOKafkaClient(**config.client, client_id=f"{config.group}-start")
    try:
        await client.bootstrap()
        await client.set_topics(names)
        cluster = client.cluster
        if absent := [name for name in names if not cluster.partitions_for_topic(name)]:
            return f"no topic {', '.join(absent)}"
        leaderless = [name for name in names if len(cluster.available_partitions_for_topic(name) or ()) < 1]
        if leaderless:
            return f"no leader for {', '.join(leaderless)}"
        counts = {name: len(cluster.partitions_for_topic(name)) for name in together}
        if len(set(counts.values())) > 1:
            raise TopicsDiffer(f"these topics must have the same number of partitions: {counts}")
    except KafkaError as error:
        return f"no broker at {config.bootstrap} ({error})"
    finally:
        await client.close()
    return ""


async def run(
    driver: Driver,
    app: EngineApp,
    *,
    stop: asyncio.Event,
    on_ready: Callable[[], object] = lambda: None,
) -> None:
    """Run a worker until `stop`; returns after it has drained, committed and left the group.

    A fatal error ends the process (see `Driver`), a crash of Faust too.
    """
    stopping = asyncio.create_task(stop.wait())
    work = asyncio.create_task(_work(driver, app, on_ready))
    await asyncio.wait({stopping, work}, return_when=asyncio.FIRST_COMPLETED)
    if work.done() and not stop.is_set():
        error = None if work.cancelled() else work.exception()
        driver.fatal(f"the worker ended by itself: {error or app.crash_reason!r}")
    work.cancel()
    stopping.cancel()
    await asyncio.gather(work, stopping, return_exceptions=True)
    for part in (app, driver):
        ending = asyncio.create_task(part.stop())
        # Not wait_for: past its time it would wait for whatever does not heed its cancellation.
        if ending not in (await asyncio.wait({ending}, timeout=_STOP_S))[0]:
            driver.fatal(f"did not stop within {_STOP_S:.0f} s")
        await ending


async def _work(driver: Driver, app: EngineApp, on_ready: Callable[[], object]) -> None:
    config, began = driver.config, running_s()
    together = [driver.events, driver.changelog, driver.partials, *map(config.topic, OWNED)]
    await wait_for_topics(config, [*driver.topics, *together], together)
    await driver.start()
    await app.start()
    await driver.ready.wait()
    _log.info("ready after %.1f s", running_s() - began)
    on_ready()
    await app.wait_until_stopped()
