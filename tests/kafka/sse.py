"""A reader of server-sent events."""

import asyncio
from typing import Any

import aiohttp
import orjson


class Events:
    """A reader of server-sent events."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.id = ""

    async def next(self, *kinds: str) -> dict[str, Any]:
        """The next event of one of these kinds, with its id kept."""
        async with asyncio.timeout(10):
            while True:
                event, data, mark = "", b"", None
                while line := (await self.response.content.readline()).rstrip(b"\n"):
                    name, _, value = line.partition(b": ")
                    if name == b"event":
                        event = value.decode()
                    elif name == b"data":
                        data = value
                    elif name == b"id":
                        mark = value.decode()
                self.id = mark or self.id
                if event in kinds:
                    body: dict[str, Any] = orjson.loads(data)
                    return body | {"event": event}
