"""Who may read: loopback by its names, or whoever has the token."""

import hmac
import ipaddress
from hashlib import sha256

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from agents.wallboard.errors import problem

COOKIE = "sigap_token"
_OPEN = frozenset({"/livez", "/readyz"})
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    # Text never becomes markup: the browser refuses innerHTML and its like.
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def is_loopback(host: str) -> bool:
    """Whether a host name or address without a port is this machine's loopback.

    >>> is_loopback("localhost"), is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def host_of(authority: str) -> str:
    """The host of a `Host` header.

    >>> host_of("localhost:8080"), host_of("[::1]:8080"), host_of("[::1]")
    ('localhost', '::1', '::1')
    """
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0].lower()


def secured(response: web.StreamResponse) -> None:
    """Set the headers that every answer carries."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)


async def on_prepare(_request: web.Request, response: web.StreamResponse) -> None:
    """The signal for `secured`."""
    secured(response)


def guard(token: str | None) -> Middleware:
    """A middleware that refuses foreign hosts and origins, and asks for the token if there is one."""
    # The cookie holds a proof of the token, not the token.
    proof = "" if token is None else hmac.new(token.encode(), b"sigap wallboard", sha256).hexdigest()

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        # Without a token the names of loopback are what keeps a page that rebinds its DNS name out.
        if token is None and not is_loopback(host_of(request.host)):
            return problem(403, "this host is not served", "header Host", ["localhost", "127.0.0.1", "[::1]"])
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != request.host:
            return problem(403, "a page of another origin may not read this", "header Origin", [request.host])
        if request.method not in {"GET", "HEAD"}:
            return problem(405, f"{request.method} is not served", "method", ["GET", "HEAD"])
        if token is None or request.path in _OPEN:
            return await handler(request)
        given = request.query.get("token")
        if given is not None and _same(given, token) and request.path == "/":
            return _with_cookie(request, proof)
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        if (
            _same(given or "", token)
            or (scheme.lower() == "bearer" and _same(bearer.strip(), token))
            or _same(request.cookies.get(COOKIE, ""), proof)
        ):
            return await handler(request)
        where = "header Authorization, query token or cookie"
        refused = problem(401, "the token is missing or wrong", where, ["Bearer TOKEN", "?token=TOKEN"])
        refused.headers["WWW-Authenticate"] = 'Bearer realm="sigap"'
        return refused

    return middleware


def _with_cookie(request: web.Request, proof: str) -> web.Response:
    """The page again: the token leaves the address bar, the cookie goes on."""
    response = web.Response(status=303, headers={"Location": str(request.rel_url.without_query_params("token"))})
    secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
    response.set_cookie(COOKIE, proof, httponly=True, samesite="Strict", secure=secure, path="/")
    return response


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
