"""Who may talk to the engine: only who knows the token, and never a web page."""

from __future__ import annotations

import hmac

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from satclip_engine.api.problems import problem_response
from satclip_engine.errors import AuthError

_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})


class Guard:
    """ASGI layer that refuses foreign hosts, browsers and wrong tokens before any route is looked at.

    Args:
        app: What it guards.
        token: The secret of ``engine.json``.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        # A page of evil.example whose name was rebound to 127.0.0.1 still sends its own name.
        if _host_name(headers.get("host", "")) not in _LOOPBACK_NAMES:
            error = AuthError("The request was meant for another host.", code="engine.auth.host")
            status = 403
        elif "origin" in headers:
            error = AuthError("Web pages may not talk to the engine.", code="engine.auth.origin")
            status = 403
        elif not hmac.compare_digest(headers.get("authorization", "").encode(), self._expected):
            error = AuthError(
                "The request does not carry this engine's token.",
                remedy="Connect again: the engine was started anew since.",
                code="engine.auth.token",
            )
            status = 401
        else:
            await self._app(scope, receive, send)
            return
        # Not "Basic": QGIS would ask its user for a password.
        response = problem_response(error.to_problem(), status, {"WWW-Authenticate": "Bearer"} if status == 401 else {})
        await response(scope, receive, send)


def _host_name(host: str) -> str:
    """Return a Host header without its port: a tunnel's port differs from ours."""
    name, _, port = host.rpartition(":")
    return (name if name and port.isdigit() else host).lower()
