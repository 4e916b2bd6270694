"""What the wallboard reads from Redis."""

import asyncio
import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson
import structlog
from redis.asyncio import BlockingConnectionPool, Redis

from agents.sinks.layout import TENANTS, prefix, record_json, split_name
from tables.days import QUARTER_MS
from tables.kpis.service_level import level

TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DECIDED = ("sl_met", "sl_missed", "sl_abandoned")
_TRAILING = 15
"""Minutes that a point of the service level's line sums up: one alone has too few waits."""
_WAITS = ("first_response", "next_response")

STREAMS: Final = 1_000
"""Open at once; each may be of another tenant, which one connection follows."""
_CONNECTIONS = 64
"""For all else: who finds none free waits for one."""
_TURN_S = 20.0
"""Waiting for longer counts as Redis being away, which costs a snapshot for each: better late for some seconds."""

log = structlog.get_logger(__name__)

Entry = tuple[bytes, Mapping[bytes, bytes]]
"""One of a stream: its id and fields."""

_HASHES = """
local found = {}
for i, name in ipairs(ARGV) do found[i] = table.concat(redis.call('HGETALL', KEYS[1] .. 'kpi:' .. name), '\\0') end
return found
"""
"""Hashes as one text each: a client parses that ten times as fast as their fields one by one."""


class Position(NamedTuple):
    """Ids in the streams `updates` and `alerts` up to which all is known."""

    updates: str
    alerts: str

    def __str__(self) -> str:
        return f"{self.updates}_{self.alerts}"

    @classmethod
    def parse(cls, text: str) -> "Position | None":
        """The position that `str` gave, None for anything else."""
        found = re.fullmatch(r"(\d{1,20}-\d{1,20})_(\d{1,20}-\d{1,20})", text)
        return None if found is None else cls(found[1], found[2])


def order(stream_id: str) -> tuple[int, int]:
    """A stream id as something that compares."""
    time, _, number = stream_id.partition("-")
    return int(time), int(number)


class Due(NamedTuple):
    """A deadline to come, in ms, and the policy that it comes from."""

    conversation_id: str
    metric: str
    policy: str
    deadline_at: int


class Store:
    """Raises redis.exceptions.RedisError while Redis is away."""

    def __init__(self, url: str, timeout_s: float = 5.0) -> None:
        options: dict[str, Any] = {"protocol": 2, "socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
        self._redis: Any = Redis.from_pool(
            BlockingConnectionPool.from_url(url, max_connections=_CONNECTIONS, timeout=_TURN_S, **options)
        )
        # Its calls last until something changes: they must not keep the others waiting.
        self._following: Any = Redis.from_url(url, max_connections=STREAMS, **options)
        self._hashes = self._redis.register_script(_HASHES)

    async def close(self) -> None:
        """Disconnect."""
        await self._redis.aclose()
        await self._following.aclose()

    async def ping(self) -> None:
        """Nothing, if Redis answers."""
        await self._redis.ping()

    async def tenants(self) -> list[str]:
        """All tenants that something was written for."""
        return sorted(name.decode() for name in await self._redis.smembers(TENANTS))

    async def names(self, tenant: str) -> list[str]:
        """`scope:window` of every record."""
        return sorted(name.decode() for name in await self._redis.smembers(prefix(tenant) + "keys"))

    async def records(self, tenant: str, names: Sequence[str]) -> dict[str, tuple[int, bytes]]:
        """Seq and JSON of records by name; those that are not there are left out."""
        found = {}
        for start in range(0, len(names), 200):
            part = names[start : start + 200]
            answers = await self._hashes(keys=[prefix(tenant)], args=part)
            for name, text in zip(part, answers, strict=True):
                if text:
                    parts = text.split(b"\0")
                    fields = dict(zip(parts[::2], parts[1::2], strict=True))
                    scope, window = split_name(name)
                    found[name] = (int(fields.get(b"seq", 0)), record_json(tenant, scope, window, fields))
            await asyncio.sleep(0)
        return found

    async def status(self, tenant: str) -> dict[str, int]:
        """The worker's heartbeat, run clock and durability, as far as they are there."""
        fields = await self._redis.hgetall(prefix(tenant) + "meta")
        return {name.decode(): int(value) for name, value in fields.items()}

    async def alerts(self, tenant: str, limit: int) -> list[tuple[str, bytes]]:
        """Stream id and JSON of the newest alerts, newest first."""
        entries = await self._redis.xrevrange(prefix(tenant) + "alerts", count=limit)
        return [(entry.decode(), fields.get(b"alert", b"")) for entry, fields in entries]

    async def waiting(self, tenant: str, scope: str, limit: int, channels: Sequence[str]) -> list[dict[str, Any]]:
        """Those who wait longest, with their channel, and the deadline of the wait if there is one."""
        start = prefix(tenant)
        found = await self._redis.zrange(f"{start}waiting:{scope}", 0, limit - 1, withscores=True)
        if not found:
            return []
        ids = [member for member, _ in found]
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.zmscore(start + "sla:due", [each + b"|" + metric.encode() for each in ids for metric in _WAITS])
            for channel in channels:
                pipeline.zmscore(f"{start}waiting:channel:{channel}", ids)
            due, *held = await pipeline.execute()
        return [
            {
                "conversation_id": member.decode(),
                "channel": next((name for name, row in zip(channels, held, strict=True) if row[i] is not None), None),
                "waiting_since": int(since),
                "deadline_at": min((int(each) for each in due[2 * i : 2 * i + 2] if each is not None), default=None),
            }
            for i, (member, since) in enumerate(found)
        ]

    async def due(self, tenant: str, limit: int) -> list[Due]:
        """The next deadlines, the nearest first."""
        start = prefix(tenant)
        found = await self._redis.zrange(f"{start}sla:due", 0, limit - 1, withscores=True)
        partitions = await self._redis.hkeys(start + "epochs")
        ids = [member.rpartition(b"|")[0] for member, _ in found]
        async with self._redis.pipeline(transaction=False) as pipeline:
            for partition in partitions if ids else ():
                pipeline.hmget(f"{start}owned:{partition.decode()}", ids)
            owned = await pipeline.execute()
        out = []
        for place, (member, deadline) in enumerate(found):
            conversation_id, _, metric = member.decode().rpartition("|")
            held = next((row[place] for row in owned if row[place] is not None), b"0 []")
            state = orjson.loads(held.partition(b" ")[2])
            policies = state[3] if len(state) > 3 else {}  # noqa: PLR2004 - an earlier version wrote three
            out.append(Due(conversation_id, metric, policies.get(metric, ""), int(deadline)))
        return out

    async def trend(self, tenant: str, scope: str, minutes: int) -> list[bytes]:
        """The records (JSON) of the last minutes, by the clock of the newest in the tenant."""
        return await self._last(f"{prefix(tenant)}trend:", scope, (minutes - 1) * 60_000)

    async def intervals(self, tenant: str, scope: str, hours: int) -> list[bytes]:
        """The records (JSON) of the quarter-hours closed last, by the clock of the newest in the tenant."""
        return await self._last(f"{prefix(tenant)}intervals:", scope, hours * 3_600_000 - QUARTER_MS)

    async def _last(self, key: str, scope: str, span_ms: int) -> list[bytes]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.zrevrange(key + scope, 0, 0, withscores=True)
            pipeline.zrevrange(key + "tenant", 0, 0, withscores=True)
            newest = [int(found[0][1]) for found in await pipeline.execute() if found]
        if not newest:
            return []
        found: list[bytes] = await self._redis.zrangebyscore(key + scope, max(newest) - span_ms, "+inf")
        return found

    async def points(self, tenant: str, scope: str, formula: str) -> list[dict[str, Any]]:
        """The last hour's minutes: messages, and the service level of the quarter of an hour up to each."""
        records = [orjson.loads(each) for each in await self.trend(tenant, scope, 60 + _TRAILING - 1)]
        points = []
        trailing: deque[tuple[int, list[int]]] = deque()
        for each in records:
            start_at, metrics = each["window_start_at"], each["metrics"]
            trailing.append((start_at, [metrics.get(name) or 0 for name in _DECIDED]))
            while trailing[0][0] <= start_at - _TRAILING * 60_000:
                trailing.popleft()
            met, missed, abandoned = (sum(column) for column in zip(*(row for _, row in trailing), strict=True))
            ratio = level(formula, met, missed, abandoned)
            points.append({"start_at": start_at, "messages_in": metrics.get("messages_in"), "trailing_level": ratio})
        return points

    async def position(self, tenant: str) -> Position:
        """The present ends of both streams."""
        ends = []
        for name in ("updates", "alerts"):
            newest = await self._redis.xrevrange(prefix(tenant) + name, count=1)
            ends.append(newest[0][0].decode() if newest else "0-0")
        return Position(*ends)

    async def holds(self, tenant: str, position: Position) -> bool:
        """Whether everything after the position is still there."""
        for name, stream_id in (("updates", position.updates), ("alerts", position.alerts)):
            oldest = await self._redis.xrange(prefix(tenant) + name, count=1)
            if not oldest:
                if stream_id != "0-0":
                    return False  # Redis was emptied
                continue
            newest = await self._redis.xrevrange(prefix(tenant) + name, count=1)
            if not order(oldest[0][0].decode()) <= order(stream_id) <= order(newest[0][0].decode()):
                return False
        return True

    async def between(self, tenant: str, after: Position, upto: Position) -> tuple[dict[str, int], list[bytes]]:
        """What came after a position up to another: changed keys with their numbers, alerts (JSON)."""
        updates = await self._redis.xrange(f"{prefix(tenant)}updates", f"({after.updates}", upto.updates)
        alerts = await self._redis.xrange(f"{prefix(tenant)}alerts", f"({after.alerts}", upto.alerts)
        return _changed(updates), _news(alerts)

    async def read(
        self, tenant: str, position: Position, block_ms: int
    ) -> tuple[Position, dict[str, int], list[bytes]]:
        """What comes after a position: the new one, changed keys with their numbers, alerts (JSON)."""
        updates, alerts = f"{prefix(tenant)}updates", f"{prefix(tenant)}alerts"
        answer = await self._following.xread(
            {updates: position.updates, alerts: position.alerts}, count=1000, block=block_ms
        )
        found = {stream.decode(): entries for stream, entries in answer or ()}
        ends = [
            found[key][-1][0].decode() if key in found else last
            for key, last in ((updates, position.updates), (alerts, position.alerts))
        ]
        return Position(*ends), _changed(found.get(updates, ())), _news(found.get(alerts, ()))


def _changed(entries: Iterable[Entry]) -> dict[str, int]:
    changed = {}
    for entry, fields in entries:
        try:
            changed.update({name.decode(): int(number) for name, number in fields.items()})
        except ValueError:
            log.warning("update_unreadable", entry=entry.decode())
    return changed


def _news(entries: Iterable[Entry]) -> list[bytes]:
    # One that has no alert is as unreadable as a wrong one: whoever reads it says so.
    return [fields.get(b"alert", b"") for _, fields in entries]


def channels_of(names: Iterable[str]) -> list[str]:
    """Channels among record names."""
    return sorted({scope[8:] for scope, _ in map(split_name, names) if scope.startswith("channel:")})
