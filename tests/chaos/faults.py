"""The faults: each takes something away, gives it back, and draws its details from the round's seed."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from redis import Redis

from tests.chaos.cluster import Cluster


@dataclass(frozen=True)
class Pace:
    """How long things stay away, in seconds."""

    pause_s: float = 30.0
    """A frozen worker: longer than its session lasts, so that others take over from it."""
    away_s: float = 30.0
    """Two of three brokers, and Redis."""
    hold_s: float = 8.0
    """One broker: until the cluster has missed it."""


Fault = Callable[[Cluster, Random, Pace], Awaitable[None]]
FAULTS: dict[str, Fault] = {}


def _fault(body: Fault) -> Fault:
    FAULTS[body.__name__.strip("_").replace("_", "-")] = body
    return body


# --- workers ---------------------------------------------------------------------------------------


@_fault
async def _worker_kill(cluster: Cluster, draw: Random, _pace: Pace) -> None:
    """Kill -9; sometimes again while it recovers."""
    name = draw.choice(cluster.names)
    for _ in range(draw.choice((1, 1, 2))):
        cluster.kill(name)
        await asyncio.sleep(draw.uniform(0.0, 3.0))
        cluster.start(name)
        await asyncio.sleep(draw.uniform(1.0, 4.0))


@_fault
async def _worker_kill_two(cluster: Cluster, draw: Random, _pace: Pace) -> None:
    """Kill -9 of two at once; sometimes the group notices before they are back."""
    names = draw.sample(cluster.names, min(2, len(cluster.names)))
    for name in names:
        cluster.kill(name)
    await asyncio.sleep(draw.choice((0.0, 10.0)))
    for name in names:
        cluster.start(name)


@_fault
async def _worker_crash(cluster: Cluster, draw: Random, _pace: Pace) -> None:
    """A worker that kills itself between two steps of the engine, and comes back."""
    name = draw.choice(cluster.names)
    point = draw.choice(("delivered", "published", "done", "kpi"))
    await cluster.stop(name)
    cluster.start(name, TEST_CRASH=f"{point}:{draw.randint(6, 60)}")
    await cluster.ended_by_plan(name)
    cluster.start(name)


@_fault
async def _worker_term(cluster: Cluster, draw: Random, _pace: Pace) -> None:
    """SIGTERM and a new start."""
    name = draw.choice(cluster.names)
    await cluster.stop(name)
    await asyncio.sleep(draw.choice((0.0, 0.0, 10.0)))
    cluster.start(name)


@_fault
async def _worker_zombie(cluster: Cluster, draw: Random, pace: Pace) -> None:
    """SIGSTOP, then SIGCONT when others own what it had."""
    name = draw.choice(cluster.names)
    cluster.signal(name, signal.SIGSTOP)
    await asyncio.sleep(pace.pause_s)
    cluster.signal(name, signal.SIGCONT)
    await asyncio.sleep(2.0)


@_fault
async def _worker_roll(cluster: Cluster, _draw: Random, _pace: Pace) -> None:
    """One after the other is stopped and started, as in an upgrade."""
    for name in cluster.names:
        await cluster.stop(name)
        cluster.start(name)
        await cluster.until_ready()


@_fault
async def _worker_scale(cluster: Cluster, _draw: Random, _pace: Pace) -> None:
    """All but one go, come back, and go and come again: their partitions leave and return."""
    for _ in range(2):
        for name in cluster.names[1:]:
            await cluster.stop(name)
        await asyncio.sleep(10.0)  # past the session: the one has all partitions
        for name in cluster.names[1:]:
            cluster.start(name)
        await cluster.until_ready()


# --- brokers ---------------------------------------------------------------------------------------


@_fault
async def _broker_stop(cluster: Cluster, draw: Random, pace: Pace) -> None:
    """SIGTERM of the broker that leads some partition."""
    await _without(cluster, await cluster.leader(draw.randrange(cluster.partitions)), pace, hard=False)


@_fault
async def _broker_kill(cluster: Cluster, draw: Random, pace: Pace) -> None:
    """Kill -9 of the broker that leads some partition."""
    await _without(cluster, await cluster.leader(draw.randrange(cluster.partitions)), pace, hard=True)


@_fault
async def _broker_bounce(cluster: Cluster, draw: Random, _pace: Pace) -> None:
    """Each broker in turn is stopped and started at once."""
    for node in cluster.kafka.node_ids:
        await cluster.stop_broker(node, hard=draw.random() < 0.5)
        await cluster.start_broker(node)


@_fault
async def _broker_two(cluster: Cluster, draw: Random, pace: Pace) -> None:
    """Two of three away at once: nothing can be written, no controller is left."""
    nodes = draw.sample(cluster.kafka.node_ids, 2)
    await asyncio.gather(*(cluster.stop_broker(node, hard=True) for node in nodes))
    await asyncio.sleep(pace.away_s)
    await asyncio.gather(*(cluster.start_broker(node) for node in nodes))


@_fault
async def _broker_and_worker(cluster: Cluster, draw: Random, pace: Pace) -> None:
    """A worker is killed and started again while a broker is away."""
    node, name = await cluster.leader(draw.randrange(cluster.partitions)), draw.choice(cluster.names)
    await cluster.stop_broker(node, hard=True)
    cluster.kill(name)
    await asyncio.sleep(draw.uniform(0.0, 2.0))
    cluster.start(name)
    await cluster.until_ready()
    await asyncio.sleep(pace.hold_s / 2)
    await cluster.start_broker(node)


# --- Redis -----------------------------------------------------------------------------------------


@_fault
async def _redis_away(cluster: Cluster, _draw: Random, pace: Pace) -> None:
    """Frozen: what is sent to it goes nowhere, what it holds it holds."""
    cluster.redis.pause()
    await asyncio.sleep(pace.away_s)
    cluster.redis.resume()


@_fault
async def _redis_flush(cluster: Cluster, _draw: Random, _pace: Pace) -> None:
    """Emptied under the workers' eyes."""
    with Redis.from_url(cluster.redis.url) as client:
        await asyncio.to_thread(client.flushall)


@_fault
async def _redis_replace(cluster: Cluster, draw: Random, _pace: Pace) -> None:
    """Killed; another one, empty, takes its address."""
    await asyncio.to_thread(cluster.redis.stop, hard=True)
    await asyncio.sleep(draw.uniform(0.0, 5.0))
    await asyncio.to_thread(cluster.redis.start)


# --- parts -----------------------------------------------------------------------------------------


async def _without(cluster: Cluster, node: int, pace: Pace, *, hard: bool) -> None:
    await cluster.stop_broker(node, hard=hard)
    await asyncio.sleep(pace.hold_s)
    await cluster.start_broker(node)
