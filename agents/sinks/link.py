"""One connection to Redis that calls the scripts of this package, several a round trip."""

from importlib.resources import files
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

SCRIPTS = ("kpi", "series", "alerts", "waiting", "sweep", "beat")


def source(script: str) -> str:
    """The text of a script, with what all of them begin with."""
    folder = files("agents.sinks")
    return "".join((folder / f"{name}.lua").read_text("utf-8") for name in ("prelude", script))


def words(*values: str | int) -> bytes:
    """Values as arguments of a command on the wire."""
    return b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in [str(value).encode() for value in values]])


class Link:
    """Raises redis.exceptions.RedisError, OSError or TimeoutError; it is of no use after that until opened again."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._client = Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        self._connection: AbstractConnection | None = None
        self._sha: dict[str, str] = {}

    async def open(self) -> None:
        """Connect and load the scripts."""
        if self._connection is None:
            self._connection = await self._client.connection_pool.get_connection()  # type: ignore[no-untyped-call]
        for script in SCRIPTS:
            await self._connection.send_command("SCRIPT", "LOAD", source(script))
            self._sha[script] = (await self._connection.read_response()).decode()

    async def close(self) -> None:
        """Disconnect; without an error."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)
            await self._client.connection_pool.release(connection)
        await self._client.aclose()

    def call(self, script: str, key: str, *head: str | int, body: bytes = b"", count: int = 0) -> bytes:
        """A call of a script on the wire; `body` holds `count` further arguments."""
        return b"*%d\r\n%b%b" % (
            4 + len(head) + count,
            words("EVALSHA", self._sha[script], 1, key, *head),
            body,
        )

    async def round_trip(self, packets: list[bytes]) -> list[Any]:
        """Send commands and read as many answers; a ResponseError is an answer, raised by whom it concerns."""
        if self._connection is None:
            raise ConnectionError("the link is closed")
        await self._connection.send_packed_command([b"".join(packets)], check_health=False)
        answers: list[Any] = []
        for _ in packets:
            try:
                answers.append(await self._connection.read_response())
            except ResponseError as error:
                answers.append(error)
        return answers
