"""Where a board comes from: the event stream, made here from Redis, or read from a running `sigap serve`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import aiohttp
import orjson
from redis.exceptions import RedisError

from agents.wallboard.feed import Client
from agents.wallboard.state import State
from agents.wallboard.store import Store
from agents.wallboard.stream import Push
from tables.settings import Settings

_KINDS = ("tenant", "channel", "agent")
_TIMEOUT_S = 2.0
_OK, _NOT_FOUND, _SERVER = 200, 404, 500
_FRAME = 64 * 1024 * 1024  # the longest line: a snapshot of thousands of agents


class Away(Exception):
    """Nothing can be had for now; the message says why."""


class Refused(Exception):
    """Nothing will ever be had this way; the message says what is allowed."""


class Event(NamedTuple):
    """One event of the stream: `snapshot`, `delta` or `status`."""

    name: str
    body: dict[str, Any]


Source = Callable[[str, str | None], AbstractAsyncContextManager[AsyncGenerator[Event, None]]]
"""Follows a window of a tenant (None: the first that has figures); iterating raises `Away` and `Refused`."""


def from_redis(url: str, config: Path | None) -> Source:
    """A source that reads Redis, as `sigap serve` does. Raises `SettingsError` for a wrong file."""
    settings = Settings.load(config)

    async def events(window: str, tenant: str | None) -> AsyncGenerator[Event, None]:
        store = Store(url, timeout_s=_TIMEOUT_S)
        try:
            state = State(store, settings, tenant)
            feed = state.feed(await _tenant(state))

            def wants(scope: str, of: str) -> bool:
                kind, _, rest = scope.partition(":")
                return of in {"now", window} and kind in _KINDS and "/" not in rest

            push = Push(state, feed, Client(wants, all_alerts=False))
            try:
                await feed.join(push.client, None)
                async with aclosing(push.frames()) as frames:
                    async for frame in frames:
                        for event in parse(frame):
                            yield event
            finally:
                await feed.leave(push.client)
        except (RedisError, OSError, TimeoutError):
            raise Away("Redis does not answer.") from None
        finally:
            await store.close()

    return lambda window, tenant: aclosing(events(window, tenant))


async def _tenant(state: State) -> str:
    """The tenant asked for, or the first that has figures."""
    known = await state.known()
    if state.tenant is None:
        if not known:
            raise Away("There are no figures of any tenant yet.")
        return known[0]
    # In an empty Redis every tenant is still to come.
    if known and state.tenant not in known:
        raise Refused(f"tenant {state.tenant!r} is not known; known: {', '.join(known)}")
    return state.tenant


def from_server(url: str, token: str | None) -> Source:
    """A source that reads the event stream of a `sigap serve` at `url`."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    base = f"{url.rstrip('/')}/api/v1/stream"

    async def events(window: str, tenant: str | None) -> AsyncGenerator[Event, None]:
        query = {"window": f"now,{window}", "kinds": ",".join(_KINDS), "alerts": "notable"}
        query |= {} if tenant is None else {"tenant": tenant}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_TIMEOUT_S, sock_read=_TIMEOUT_S * 5)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=headers, read_bufsize=_FRAME) as session,
                session.get(f"{base}?{urlencode(query)}") as answer,
            ):
                if answer.status != _OK:
                    raise await _refusal(answer, tenant)
                frame = b""
                async for line in answer.content:
                    frame += line
                    if line == b"\n":
                        for event in parse(frame):
                            yield event
                        frame = b""
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            raise Away("The server does not answer.") from None
        raise Away("The server has ended the connection.")

    return lambda window, tenant: aclosing(events(window, tenant))


async def _refusal(answer: aiohttp.ClientResponse, tenant: str | None) -> Exception:
    try:
        error = (await answer.json())["error"]
        text = f"{error['what']} ({error['where']}); allowed: {', '.join(error['allowed']) or 'nothing yet'}"
    except (ValueError, KeyError, TypeError, aiohttp.ClientError):
        text = f"{answer.url.origin()} answers {answer.status}: is it a `sigap serve`?"
    later = answer.status >= _SERVER or (answer.status == _NOT_FOUND and tenant is None)
    return Away(text) if later else Refused(text)


def parse(frame: bytes) -> list[Event]:
    r"""The events in a text of whole server-sent events.

    >>> parse(b'event: status\ndata: {"redis":true}\n\n')
    [Event(name='status', body={'redis': True})]
    """
    found = []
    for part in frame.split(b"\n\n"):
        fields = dict(line.split(b": ", 1) for line in part.split(b"\n") if b": " in line)
        if b"event" in fields and b"data" in fields:
            found.append(Event(fields[b"event"].decode(), orjson.loads(fields[b"data"])))
    return found
