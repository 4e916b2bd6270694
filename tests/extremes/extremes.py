"""The extremes: each sends what it is about, looks at what came out, and says what it cost."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Iterator
from itertools import count, cycle
from typing import Any

from agents.load_events import Conversations
from agents.runs import read_all
from agents.sinks.layout import prefix
from streams.clock import wall_ms
from tests.extremes.stage import PARTITIONS, Item, Stage, stage
from tests.kafka.house import TENANT, event, metric
from tests.kafka.lab import until

Figures = dict[str, Any]
Extreme = Callable[[float], Coroutine[Any, Any, Figures]]
EXTREMES: dict[str, Extreme] = {}
"""By name; each takes a factor, 1 for its full size."""

_PATIENCE_S = 600.0
_LATE_MS = 1_000


def _extreme(body: Extreme) -> Extreme:
    EXTREMES[body.__name__.strip("_")] = body
    return body


@_extreme
async def _deadlines(size: float) -> Figures:
    """100,000 first-response deadlines fall due within one minute, and nobody answers."""
    wanted, rate = int(100_000 * size), 4_000
    loading_s = wanted / rate
    target_s = int(60 + 2 * loading_s + 30)
    policy = {"name": "all", "targets": {"first_response": target_s}, "warn": []}
    async with stage({"sla_policies": [policy]}) as on:
        began = wall_ms()
        places = count()

        def waits() -> Item:
            place = next(places)
            # Their deadlines lie in the minute that ends `target_s` after the beginning.
            return _item(event("customer", f"c{place}", began - 60_000 + 60_000 * place // wanted))

        number = await on.send(waits, rate, loading_s)
        await on.caught_up(target_s)
        left_s = (began - 60_000 + 1000 * target_s - wall_ms()) / 1000
        cpu, rss = on.cpu_s(), on.rss_mb()
        if left_s < 0:
            raise AssertionError(f"loaded {-left_s:.0f} s too late: a smaller --size")
        await asyncio.sleep(left_s + 60)
        cpu = on.cpu_s() - cpu
        breached: list[tuple[dict[str, Any], int]] = []

        async def all_there() -> bool:
            breached[:] = [(alert, seen) for alert, seen in await on.house.alerts() if alert["state"] == "breached"]
            return len(breached) >= number

        await until(all_there, f"{number} breaches", 60)
        delays = sorted(seen - alert["at"] for alert, seen in breached)
        different = len({alert["conversation_id"] for alert, _ in breached})
        p99 = delays[int(0.99 * len(delays))]
        return {
            "breaches": len(breached),
            "delay_p50_ms": delays[len(delays) // 2],
            "delay_p99_ms": p99,
            "delay_max_ms": delays[-1],
            "worker_cores": round(cpu / (left_s + 60), 2),
            "worker_rss_mb": rss,
            "ok": len(breached) == different == number and p99 <= _LATE_MS,
        }


@_extreme
async def _hot(size: float) -> Figures:
    """One conversation gets 5,000 events a second for 30 seconds."""
    async with stage() as on:
        kinds = cycle(("customer", "reply"))
        rss, cpu = on.rss_mb(), on.cpu_s()
        number = await on.send(lambda: _item(event(next(kinds), "hot")), 5_000, 30 * size)
        took = await on.caught_up(_PATIENCE_S)
        cpu = on.cpu_s() - cpu
        grown = on.rss_mb() - rss
        state = [
            len(each.value)
            for each in await read_all(on.house.environment, on.house.topic("_conversations"))
            if each.value is not None and each.key == f"{TENANT}/hot".encode()
        ]
        different = await on.differences()
        return {
            "events": number,
            "caught_up_after_s": round(took, 1),
            "us_per_event": round(cpu / number * 1e6, 1),
            "state_bytes": max(state),
            "memory_grown_mb": grown,
            "different": different[:5],
            "ok": not different,
        }


@_extreme
async def _surge(size: float) -> Figures:
    """Ten times the usual 400 events a second for a minute."""
    async with stage() as on:
        made = Conversations("surge", TENANT, 200, 2_000, PARTITIONS, seed=1)

        def next_one() -> Item:
            found = made.produce(wall_ms())
            return found.key, found.value

        usual, lags, partial = 400, [0.0], False
        sent = await on.send(next_one, usual, 10)
        await on.caught_up(30)
        sending = asyncio.create_task(on.send(next_one, 10 * usual, 60 * size))
        while not sending.done():
            lags.append(await on.behind())
            partial = partial or await _partial(on)
            await asyncio.sleep(1)
        sent += sending.result()
        after = time.monotonic()
        sending = asyncio.create_task(on.send(next_one, usual, 10))
        while await on.behind() > usual:
            lags.append(await on.behind())
            partial = partial or await _partial(on)
            await asyncio.sleep(0.5)
        took = time.monotonic() - after
        sent += await sending
        await on.caught_up(_PATIENCE_S)
        different = await on.differences()
        return {
            "events": sent,
            "most_behind": int(max(lags)),
            "said_so": partial,
            "caught_up_after_s": round(took, 1),
            "different": different[:5],
            "ok": not different and (partial or max(lags) < 10 * usual),
        }


@_extreme
async def _garbage(size: float) -> Figures:
    """A minute of 2,000 records a second of which one in a thousand is an event."""
    async with stage(SIGAP_DLQ_RUN="0", SIGAP_DLQ_SHARE="0") as on:
        bad, good = _bad(), count()
        places = count(1)

        def next_one() -> Item:
            place = next(places)
            if place % 1_000 == 0:
                return _item(event("customer", f"good{next(good)}"))
            return b"k%d" % place, next(bad)

        cpu = on.cpu_s()
        sent = await on.send(next_one, 2_000, 60 * size)
        took = await on.caught_up(_PATIENCE_S)
        cpu = on.cpu_s() - cpu
        folded = await metric(on.health, "sigap_records_total", outcome="folded") or 0.0
        dead = len(await read_all(on.house.environment, on.house.topic("dlq")))
        different = await on.differences()
        return {
            "records": sent,
            "dead_letters": dead,
            "events": int(folded),
            "caught_up_after_s": round(took, 1),
            "us_per_record": round(cpu / sent * 1e6, 1),
            "different": different[:5],
            "ok": not different and dead + folded == sent and folded > 0,
        }


def _item(made: dict[str, Any]) -> Item:
    return f"{TENANT}/{made['conversation_id']}".encode(), json.dumps(made).encode()


def _bad() -> Iterator[bytes]:
    whole = event("customer", "bad")
    return cycle(
        [
            b"{",
            b"\xff\xfe",
            b"[" * 100_000,
            json.dumps(whole | {"v": 2}).encode(),
            json.dumps(whole | {"type": "mystery"}).encode(),
            json.dumps(whole | {"at": "now"}).encode(),
            json.dumps(whole | {"at": 253_402_300_799_000}).encode(),
            json.dumps({name: value for name, value in whole.items() if name != "event_id"}).encode(),
        ]
    )


async def _partial(on: Stage) -> bool:
    async with on.house.redis() as redis:
        return bool(await redis.hget(f"{prefix(TENANT)}kpi:tenant:today", "partial") == "true")
