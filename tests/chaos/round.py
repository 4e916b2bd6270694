"""One round: traffic, faults in a seeded order, the end of the run, and the verdict."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from streams.clock import wall_ms
from tests.chaos.cluster import Cluster, open_cluster
from tests.chaos.comparison import compare
from tests.chaos.faults import FAULTS, Pace
from tests.chaos.traffic import Traffic
from tests.chaos.verdict import Verdict

RECOVERY_S = 120.0
"""After that a fault has broken something for good."""
_POLL_S = 0.2


@dataclass(frozen=True)
class Plan:
    """What a round is asked to do. Without `minutes` each kind of fault comes once."""

    seed: int
    minutes: float | None = None
    rate: int = 300
    workers: int = 3
    faults: Sequence[str] = tuple(FAULTS)
    pace: Pace = field(default_factory=Pace)


@dataclass
class Injected:
    """A fault, and what it has cost."""

    kind: str
    began_s: float
    """Since the round's first event."""
    lasted_s: float
    """Until everything was given back."""
    recovered_s: float | None
    """From there until all workers were ready and had done with all that was sent before; None: never."""
    delay_s: float
    """The greatest age of an event not yet done with."""


@dataclass
class Outcome:
    """A round that has come to its end."""

    seed: int
    rate: int
    seconds: float
    faults: list[Injected]
    ready_s: list[float]
    """From each start of a worker until it was ready."""
    ended: dict[str, int]
    """Workers that ended by themselves, by their last line."""
    problems: list[str]
    verdict: Verdict

    @property
    def good(self) -> bool:
        """Whether nothing differs and everything came back."""
        return not self.problems and not self.verdict.differences

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        counts = {what: self.verdict.count(what) for what in ("lost", "doubled", "wrong")}
        return asdict(self) | {"good": self.good} | counts


async def run(plan: Plan, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Run a round; logs and data stay in `folder`."""
    began = time.monotonic()
    async with open_cluster(folder, plan.workers) as cluster:
        say(f"{cluster.kafka.bootstrap}; topics {cluster.house.prefix}.*; logs in {folder}")
        traffic = Traffic(cluster.house, plan.seed, plan.rate, cluster.partitions)
        await traffic.start()
        try:
            faults, problems = await _under_traffic(plan, cluster, traffic, say)
            instant = await cluster.house.finish()
            say("everything is final; comparing")
            verdict = await compare(cluster.house, traffic, instant)
        finally:
            await traffic.stop()
        return Outcome(
            plan.seed,
            plan.rate,
            time.monotonic() - began,
            faults,
            cluster.ready_s,
            dict(cluster.ended),
            [*problems, *cluster.refused],
            verdict,
        )


async def _under_traffic(
    plan: Plan, cluster: Cluster, traffic: Traffic, say: Callable[[str], None]
) -> tuple[list[Injected], list[str]]:
    """The faults, while events come; then the wait until all of them are done with."""
    for name in cluster.names:
        cluster.start(name)
    async with _beside(cluster.supervise(), traffic.watch()):
        problems = []
        if await _recovered(cluster, traffic, wall_ms()) is None:
            problems.append("the workers did not come up")
        traffic.worst_s()
        stop = asyncio.Event()
        sending = asyncio.create_task(traffic.run(stop))
        faults = await _faults(plan, cluster, traffic, say)
        problems += [f"no recovery within {RECOVERY_S:.0f} s of {each.kind}" for each in faults if not each.recovered_s]
        stop.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(sending, RECOVERY_S)
        if await _recovered(cluster, traffic, wall_ms()) is None:
            problems.append("events were not done with in the end")
        return faults, problems


async def _faults(plan: Plan, cluster: Cluster, traffic: Traffic, say: Callable[[str], None]) -> list[Injected]:
    draw, began, injected = Random(plan.seed), time.monotonic(), list[Injected]()
    for kind in schedule(plan.faults, draw):
        spent = time.monotonic() - began
        if len(injected) >= len(plan.faults) if plan.minutes is None else spent > 60 * plan.minutes:
            break
        await asyncio.sleep(draw.uniform(1.0, 4.0))
        start = time.monotonic()
        await FAULTS[kind](cluster, draw, plan.pace)
        lasted = time.monotonic() - start
        recovered = await _recovered(cluster, traffic, wall_ms())
        one = Injected(kind, start - began, lasted, recovered, traffic.worst_s())
        injected.append(one)
        say(
            f"{one.began_s:6.0f} s  {kind:18} for {lasted:4.1f} s, recovered in {recovered or -1:4.1f} s, "
            f"worst delay {one.delay_s:4.1f} s; {traffic.sent} events"
        )
        if recovered is None:
            break
    return injected


def schedule(kinds: Sequence[str], draw: Random) -> Iterator[str]:
    """Every kind in random order, again and again."""
    while True:
        yield from draw.sample(list(kinds), len(kinds))


async def _recovered(cluster: Cluster, traffic: Traffic, instant: int) -> float | None:
    """Seconds until every worker is ready and all that was sent before `instant` is done with; None: too many."""
    began = time.monotonic()
    while time.monotonic() - began < RECOVERY_S:
        if cluster.ready and traffic.done_since(instant):
            return time.monotonic() - began
        await asyncio.sleep(_POLL_S)
    return None


@contextlib.asynccontextmanager
async def _beside(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run beside; what fails there fails the round."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


# --- what is shown ---------------------------------------------------------------------------------


def table(outcome: Outcome) -> str:
    """The outcome as lines of text."""
    kinds = Counter(each.kind for each in outcome.faults)
    lines = [f"{'fault':18}{'times':>6}{'worst delay':>13}{'worst recovery':>16}"]
    for kind, times in sorted(kinds.items()):
        own = [each for each in outcome.faults if each.kind == kind]
        delay, recovery = max(each.delay_s for each in own), max(each.recovered_s or RECOVERY_S for each in own)
        lines.append(f"{kind:18}{times:>6}{delay:>11.1f} s{recovery:>14.1f} s")
    verdict = outcome.verdict
    rows = {
        "seed": outcome.seed,
        "events": f"{verdict.events}, {outcome.rate}/s",
        "KPI records compared (Kafka and Redis)": verdict.records,
        "interval records compared": verdict.intervals,
        "alerts compared": verdict.alerts,
        "lost": verdict.count("lost"),
        "doubled": verdict.count("doubled"),
        "wrong": verdict.count("wrong"),
        "worst recovery": f"{max((each.recovered_s or RECOVERY_S for each in outcome.faults), default=0.0):.1f} s",
        "worst start of a worker until ready": f"{max(outcome.ready_s, default=0.0):.1f} s",
        "alerts delivered again, byte-identical": verdict.repeated,
        "breaches taken back": len(verdict.retracted),
        "alerts said anew with another content": len(verdict.restated),
        "alerts told after a later one, because an event came late": verdict.belated,
        "gauges of intervals decided late": verdict.snapshots,
        "KPI records behind a newer one": verdict.stale,
        "workers that ended by themselves": sum(outcome.ended.values()),
        "seconds": f"{outcome.seconds:.0f}",
    }
    lines += ["", *(f"{name:58}{value}" for name, value in rows.items())]
    lines += [f"  {times} x {why}" for why, times in outcome.ended.items()]
    return "\n".join(lines)
