"""Bind a port, say where the page is, serve until Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

import uvicorn

from clinometer.errors import ServeError
from clinometer.live.app import application
from clinometer.live.folder import Folder
from clinometer.live.gate import Gate
from clinometer.live.keeper import Keeper
from clinometer.live.watching import Watching

DEFAULT_PORT = 8716
NEXT_PORTS = 20  # tried behind a port that is in use
TOKEN_BYTES = 16  # 128 bits
END_S = 2  # for connections that are still open


@dataclass(frozen=True)
class Place:
    """Where a server listens: the socket is bound already."""

    socket: socket.socket
    host: str
    port: int
    token: str

    @property
    def url(self) -> str:
        """The address of the list."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{name}:{self.port}/" + (f"{self.token}/" if self.token else "")


def bound(host: str, port: int | None, say: Callable[[str], None]) -> Place:
    """Listen at a port; at the next free one, which is said, where none was asked for.

    Raises
    ------
    ServeError : if the host is no address of this machine, or the port that was asked for is in use.
    """
    wanted = DEFAULT_PORT if port is None else port
    found = _bind(host, wanted)
    if found is None:
        other = _next_free(host, wanted)
        if port is not None:
            raise ServeError(_in_use(host, wanted, other))
        found = _bind(host, other)
        if found is None:
            raise ServeError(_in_use(host, other, 0))
        say(f"Port {wanted} is in use; port {other} is taken instead.")
    token = "" if is_loopback(host) else secrets.token_urlsafe(TOKEN_BYTES)
    return Place(found, host, found.getsockname()[1], token)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bind(host: str, port: int) -> socket.socket | None:
    """A socket that listens; None where the port is in use."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ServeError(_no_host(host, error)) from error
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen()
    except OSError as error:
        found.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise ServeError(_no_host(f"{host} port {port}", error)) from error
    return found


def _next_free(host: str, port: int) -> int:
    """A port behind this one that is free; 0, any that is, where there is none near."""
    for other in range(port + 1, min(port + NEXT_PORTS, 2**16)):
        if (found := _bind(host, other)) is not None:
            found.close()
            return other
    return 0


def _in_use(host: str, port: int, other: int) -> str:
    return (
        f"port {port} on {host} is in use, perhaps by another `clinometer serve`.\n"
        f"  Expected a free one; --port {other} is{' any that is free' if not other else ' free'}."
    )


def _no_host(host: str, error: OSError) -> str:
    return (
        f"{host}: cannot be listened at ({error.strerror or error}).\n"
        "  Expected an address of this machine; leave --host out for 127.0.0.1."
    )


class _Server(uvicorn.Server):
    """Lets the open pages go first, so that Ctrl-C does not wait for them."""

    watching: Watching
    ready: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        asyncio.get_running_loop().call_soon_threadsafe(self.watching.close)
        super().handle_exit(sig, frame)


def serve(folder: str, place: Place, ready: Callable[[], None]) -> None:
    """Serve a folder until the process is interrupted; `ready` is called when the first page can be had.

    From then on Ctrl-C ends it cleanly: while the event loop is still being made it would not.
    """
    asyncio.run(_serve(folder, place, ready))


async def _serve(folder: str, place: Place, ready: Callable[[], None]) -> None:
    watching = Watching(Keeper(Folder(folder)))
    names = (
        {place.host, "localhost"} if not place.token else {place.host, socket.gethostname().lower()}
    )
    gate = Gate(application(watching), names=frozenset(names), port=place.port, token=place.token)
    server = _Server(
        uvicorn.Config(
            gate, log_level="error", access_log=False, server_header=False,
            timeout_graceful_shutdown=END_S, lifespan="on", proxy_headers=False, ws="none",
        )
    )  # fmt: skip
    server.watching, server.ready = watching, ready
    await server.serve(sockets=[place.socket])
