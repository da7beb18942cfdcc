"""What is let in: this server's own Host header, GET, and, away from loopback, the token; nothing else."""

from __future__ import annotations

import hmac
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Scripts and styles from this server only; no forms, no frames, nothing from elsewhere; data never runs.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
MISDIRECTED = 421


class Gate:
    """Wraps the application.

    Parameters
    ----------
    names : names of the host that are this server's own; the address that a request came in on is, too
    port : the port of all of them
    token : first part of every path, or "" for none
    """

    def __init__(self, app: ASGIApp, *, names: frozenset[str], port: int, token: str) -> None:
        self.app, self.names, self.port, self.token = app, names, port, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            refusal = self._refusal(scope)
            inner = self.app if refusal is None else PlainTextResponse(refusal[1], refusal[0])
            await inner(self._inside(scope), receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """(status, text) for what is not let in."""
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or hosts[0].decode("latin-1").lower() not in self._own(scope):
            return MISDIRECTED, "This server answers only under its own address.\n"
        if scope["method"] not in {"GET", "HEAD"}:
            return 405, "Read only: GET and HEAD are answered.\n"
        if self.token and not hmac.compare_digest(_first(scope), self.token.encode()):
            return 404, "Not found. The address that was printed ends in a token.\n"
        return None

    def _own(self, scope: Scope) -> set[str]:
        here = {*self.names, str(scope["server"][0]).lower()}
        return {f"{f'[{name}]' if ':' in name else name}:{self.port}" for name in here}

    def _inside(self, scope: Scope) -> dict[str, Any]:
        """The scope without the token."""
        inner = dict(scope)
        if self.token:
            inner["path"] = "/" + scope["path"].removeprefix("/").partition("/")[2]
            inner["raw_path"] = inner["path"].encode()
        return inner


def _first(scope: Scope) -> bytes:
    return str(scope["path"]).removeprefix("/").partition("/")[0].encode("utf-8", "replace")


def _with_headers(send: Send) -> Send:
    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name for name, _ in HEADERS}
            kept = [pair for pair in message.get("headers", ()) if pair[0].lower() not in own]
            message = {**message, "headers": [*kept, *HEADERS]}
        await send(message)

    return sender
