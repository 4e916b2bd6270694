"""Errors as JSON: what is wrong, where, and what is allowed."""

from collections.abc import Iterable

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler
from redis.exceptions import RedisError


def problem(status: int, what: str, where: str, allowed: Iterable[str] = ()) -> web.Response:
    """An answer that says what is wrong."""
    body = {"error": {"what": what, "where": where, "allowed": list(allowed)}}
    return web.Response(
        status=status, body=orjson.dumps(body), content_type="application/json", headers={"Cache-Control": "no-store"}
    )


class ProblemError(Exception):
    """Ends a request with an answer that says what is wrong."""

    def __init__(self, status: int, what: str, where: str, allowed: Iterable[str] = ()) -> None:
        super().__init__(what)
        self.response = problem(status, what, where, allowed)


@web.middleware
async def as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error of a handler as JSON."""
    try:
        return await handler(request)
    except ProblemError as error:
        return error.response
    except web.HTTPNotFound:
        return problem(404, f"no page {request.path}", "path", ["/", "/api/v1/...", "/livez", "/readyz", "/metrics"])
    except (RedisError, OSError, TimeoutError):
        return problem(503, "Redis does not answer", "SIGAP_REDIS", ["try again later"])
