"""One reader of Redis per tenant, shared by all clients; each client gathers what changed for it."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from redis.exceptions import RedisError

from agents.sinks.layout import split_name
from agents.tasks import end
from agents.wallboard.alerts import About, Notable, readable
from agents.wallboard.store import Position, Store, order
from agents.wallboard.views import HOUSE, View
from streams.clock import running_s
from tables.scopes import has_trend

_PAUSE_S = 0.1
"""Between two reads: changes of that time are one."""
_FAILED_S = 1.0
"""After a turn that failed for another reason than Redis."""
_ALERTS = 500
"""Alerts a client may be behind before it gets a fresh snapshot."""

_MISSED = 50_000
"""Changes that resuming reads before a snapshot is cheaper."""

_STATUS_S = 1.0
"""The worker's heart beats as often."""

log = structlog.get_logger(__name__)


Wants = Callable[[str, str], bool]
"""Whether a client wants a scope and window (`trend` for its minutes)."""


class Client:
    """What one client has yet to be told."""

    def __init__(self, wants: Wants, *, all_alerts: bool, view: View = HOUSE) -> None:
        self.wants = wants
        self.view = view
        self.about = About(view)
        self.all_alerts = all_alerts
        self.woken = asyncio.Event()
        self.position = Position("0-0", "0-0")
        self.fresh = True
        """Whether it needs a snapshot."""
        self.names: set[str] = set()
        self.trends: set[str] = set()
        self.waiting = False
        self.alerts: deque[Any] = deque()

    def tell(self, position: Position, changed: Iterable[str], alerts: list[Any], warned: list[Any]) -> None:
        """Add what a read has brought."""
        self.position = position
        for key in changed:
            kind, _, name = key.partition(":")
            if kind == "kpi":
                if self.wants(*split_name(name)):
                    self.names.add(name)
            elif kind == "trend":
                if has_trend(name) and self.wants(name, "trend"):
                    self.trends.add(name)
            elif kind == "waiting" and name == self.view.scope:
                self.waiting = True
        self.alerts.extend(self.about.of(alerts if self.all_alerts else warned))
        if len(self.alerts) > _ALERTS:
            self.refresh()
        elif self.names or self.trends or self.waiting or self.alerts:
            self.woken.set()

    def refresh(self) -> None:
        """Forget what is gathered: a snapshot will say it all."""
        self.forget()
        self.fresh = True
        self.woken.set()

    def forget(self) -> None:
        """Begin anew after a push."""
        self.names, self.trends, self.waiting = set(), set(), False
        self.alerts.clear()
        self.woken.clear()


class Feed:
    """Follows the streams of one tenant while there are clients."""

    def __init__(self, store: Store, tenant: str) -> None:
        self._store = store
        self.tenant = tenant
        self.clients: set[Client] = set()
        """Who is told what a read has brought."""
        self._here: set[Client] = set()
        """These, and who is about to become one of them."""
        self.up = True
        """Whether the reader's last turn went well: else what it would tell stands still."""
        self.entries = 0
        """Changed keys and alerts read."""
        self._seqs: dict[str, int] = {}
        self._cache: dict[str, tuple[int, bytes]] = {}
        self._notable = Notable()
        self._status: asyncio.Task[dict[str, int]] | None = None
        self._status_at = 0.0
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._position = Position("0-0", "0-0")

    async def join(self, client: Client, last: Position | None) -> None:
        """Add a client: everything after `last` will be told to it once, or it needs a snapshot.

        Whoever joins must leave, also where joining was broken off.
        """
        # Before anything is awaited: another one's leaving must not stop the reader that this one counts on.
        self._here.add(client)
        if self._task is None or self._task.done():
            self._ready.clear()
            self._task = asyncio.create_task(self._follow(), name=f"wallboard-{self.tenant}")
        await self._ready.wait()
        if last is not None and self.up:
            client.fresh = not await self._catch_up(client, last)
        if client.fresh:
            client.forget()
            client.position = self._position
        # No await since the last look at the position: the next step of the reader is the client's next.
        self.clients.add(client)
        client.woken.set()

    async def _catch_up(self, client: Client, last: Position) -> bool:
        """Tell a client what came between its last event and now; False if the streams no longer hold it."""
        missed = 0
        try:
            if not await self._store.holds(self.tenant, last):
                return False
            while last != self._position:
                upto = self._position
                changed, news = await self._store.between(self.tenant, last, upto)
                alerts = readable(self.tenant, news)
                client.tell(upto, changed, alerts, self._notable.again(alerts))
                missed += len(changed) + len(alerts)
                last = upto
                if missed > _MISSED or len(client.alerts) > _ALERTS:
                    return False
        except (RedisError, OSError, TimeoutError):
            return False
        client.position = last
        return True

    async def leave(self, client: Client) -> None:
        """Remove a client; the last one stops the reader."""
        self.clients.discard(client)
        self._here.discard(client)
        if not self._here:
            await self.close()

    async def close(self) -> None:
        """Stop reading; whether Redis is there is not known then, so nothing is said against it."""
        task, self._task = self._task, None
        status, self._status = self._status, None
        self._ready.clear()
        self._cache.clear()
        self._seqs.clear()
        await end(*(each for each in (task, status) if each is not None))
        if self._task is None:  # else somebody has come meanwhile, whose reader knows better
            self.up = True

    async def records(self, names: Iterable[str]) -> list[bytes]:
        """Records (JSON) by name, each read once for all clients."""
        wanted = list(names)
        missing = [name for name in wanted if not self._current(name)]
        if missing:
            for name, (seq, body) in (await self._store.records(self.tenant, missing)).items():
                held = self._cache.get(name)
                if held is None or held[0] <= seq:
                    self._cache[name] = (seq, body)
        return [self._cache[name][1] for name in wanted if name in self._cache]

    async def status(self) -> dict[str, int]:
        """The worker's heartbeat, run clock and durability, read once a second for all clients."""
        if self._status is None or (self._status.done() and running_s() >= self._status_at + _STATUS_S):
            self._status_at = running_s()
            self._status = asyncio.create_task(self._store.status(self.tenant))
        return await asyncio.shield(self._status)

    async def recent_alerts(self, upto: Position, client: Client) -> list[Any]:
        """The newest alerts for a client up to a position, oldest first."""
        newest = await self._store.alerts(self.tenant, 1000)
        known = (body for entry, body in reversed(newest) if order(entry) <= order(upto.alerts))
        found = readable(self.tenant, known)
        return client.about.of(found if client.all_alerts else Notable().of(found))[-100:]

    def _current(self, name: str) -> bool:
        held = self._cache.get(name)
        # What nobody has announced since the start is only as old as the start.
        return held is not None and held[0] >= self._seqs.get(name, 0)

    async def _follow(self) -> None:
        while True:
            pause_s = _PAUSE_S
            try:
                await self._begin()
                while True:
                    await self._step()
            except (RedisError, OSError, TimeoutError) as error:
                if self.up:
                    log.warning("redis_away", tenant=self.tenant, error=str(error))
            except Exception:
                # Whatever it is, nobody else would read on.
                log.exception("reader_failed", tenant=self.tenant)
                pause_s = _FAILED_S
            self.up = False
            self._ready.set()
            for client in self.clients:
                client.woken.set()
            await asyncio.sleep(pause_s)

    async def _begin(self) -> None:
        """Read on from now: a snapshot tells each client what was before."""
        self._position = await self._store.position(self.tenant)
        await self._recall()
        self._cache.clear()
        self._seqs.clear()
        self.up = True
        self._ready.set()
        for client in self.clients:
            client.refresh()

    async def _recall(self) -> None:
        """Runs that somebody was warned of before this reader began."""
        newest = await self._store.alerts(self.tenant, 1000)
        self._notable.of(readable(self.tenant, (body for _, body in reversed(newest))))

    async def _step(self) -> None:
        position, changed, news = await self._store.read(self.tenant, self._position, 1000)
        if position == self._position:
            return
        for key, number in changed.items():
            if key.startswith("kpi:"):
                self._seqs[key[4:]] = number
        alerts = readable(self.tenant, news)
        warned = self._notable.of(alerts)
        self._position = position
        self.entries += len(changed) + len(alerts)
        for client in self.clients:
            client.tell(position, changed, alerts, list(warned))
        await asyncio.sleep(_PAUSE_S)
