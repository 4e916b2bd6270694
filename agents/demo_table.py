"""The demo's live table in the terminal: what the page shows, in a few lines."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis
from rich.console import Console
from rich.live import Live
from rich.table import Table

from agents.sinks.layout import prefix

EVERY_S = 1.0
PLAIN_EVERY = 10
"""Without a terminal: a line every so many turns."""
_Fields = dict[bytes, bytes]


class LiveTable:
    """Reads Redis once a second and draws the channels of one tenant."""

    def __init__(self, redis_url: str, tenant: str, note: str) -> None:
        self._redis = Redis.from_url(redis_url)
        self._prefix = prefix(tenant)
        self._note = note
        self.console = Console()
        self.first = asyncio.Event()
        """Set once there is a KPI record to show."""

    async def run(self) -> None:
        """Draw until cancelled."""
        if not self.console.is_terminal:
            await self._lines()
            return
        with Live(console=self.console, auto_refresh=False) as live:
            while True:
                live.update(await self._table(), refresh=True)
                await asyncio.sleep(EVERY_S)

    async def _lines(self) -> None:
        turn = 0
        while True:
            tenant, now = await self._of("tenant")
            if tenant and (turn % PLAIN_EVERY == 0 or not self.first.is_set()):
                self.first.set()
                self.console.print(
                    f"15m: service level {_percent(tenant)}, active {_text(tenant, b'conversations_active')}, "
                    f"FRT p90 {_seconds(tenant, b'frt_p90_s')}; backlog {_text(now, b'backlog_open')}, "
                    f"waiting {_text(now, b'backlog_waiting')}"
                )
            turn += 1
            await asyncio.sleep(EVERY_S)

    async def _table(self) -> Table:
        table = Table(title=f"Sigap — last 15 minutes ({self._note})", title_justify="left")
        for name in ("", "service level", "FRT mean", "FRT p90", "active", "backlog", "waiting", "oldest wait"):
            table.add_column(name, justify="right" if name else "left")
        for scope in ("tenant", "channel:whatsapp", "channel:email", "channel:chat"):
            window, now = await self._of(scope)
            if not window:
                continue
            self.first.set()
            table.add_row(
                scope.removeprefix("channel:"),
                _percent(window),
                _seconds(window, b"frt_mean_s"),
                _seconds(window, b"frt_p90_s"),
                _text(window, b"conversations_active"),
                _text(now, b"backlog_open"),
                _text(now, b"backlog_waiting"),
                _seconds(now, b"oldest_waiting_s"),
            )
        return table

    async def _of(self, scope: str) -> tuple[_Fields, _Fields]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for window in ("15m", "now"):
                pipe.hgetall(f"{self._prefix}kpi:{scope}:{window}")
            window_fields, now_fields = await pipe.execute()
        return window_fields, now_fields

    async def close(self) -> None:
        """Let go of Redis."""
        await self._redis.aclose()


def _text(fields: _Fields, name: bytes) -> str:
    return fields.get(name, b"").decode() or "-"


def _seconds(fields: _Fields, name: bytes) -> str:
    text = fields.get(name, b"").decode()
    return f"{float(text):,.0f} s" if text else "-"


def _percent(fields: _Fields) -> str:
    text = fields.get(b"service_level_ratio", b"").decode()
    return f"{float(text):.0%}" if text else "-"
