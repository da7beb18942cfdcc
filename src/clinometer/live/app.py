"""The pages, what they ask for, and nothing else: no address holds a path of a file."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from clinometer.live.streams import MOST_PAGES, of_list, of_run
from clinometer.live.watching import Watching

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
STREAM = "text/event-stream; charset=utf-8"


def application(watching: Watching) -> Starlette:
    """The application, without its gate."""
    own = _own_files()

    async def page(request: Request) -> Response:
        return _file(own, {"/": "index.html", "/run": "run.html"}[request.url.path])

    async def static(request: Request) -> Response:
        return _file(own, request.path_params["name"])

    async def list_events(_: Request) -> Response:
        return _stream(watching, of_list(watching))

    async def run_events(request: Request) -> Response:
        return _stream(watching, of_run(watching, request.path_params["key"]))

    async def sheet(request: Request) -> Response:
        found = watching.keeper.sheet(request.path_params["key"])
        return _not_here() if found is None else await _json(found.head)

    async def frame(request: Request) -> Response:
        found = watching.keeper.sheet(request.path_params["key"])
        try:
            at = request.path_params["at"]
            return _not_here() if found is None else await _json(found.frame(at))
        except IndexError:
            return _not_here()

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with watching.running():
            yield

    routes = [
        Route("/", page),
        Route("/run", page),
        Route("/static/{name}", static),
        Route("/api/events", list_events),
        Route("/api/events/{key}", run_events),
        Route("/api/runs/{key}", sheet),
        Route("/api/runs/{key}/frames/{at:int}", frame),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def _own_files() -> dict[str, bytes]:
    """What is in `static`, by name: read once, so that no request reaches the disk."""
    folder = files("clinometer.live") / "static"
    every = [*folder.iterdir(), *(folder / "vendor").iterdir()]
    return {one.name: one.read_bytes() for one in every if one.is_file()}


def _file(own: dict[str, bytes], name: str) -> Response:
    kind = TYPES.get("." + name.rpartition(".")[2])
    if kind is None or name not in own:
        return _not_here()
    return Response(own[name], media_type=kind)


def _stream(watching: Watching, events: AsyncIterator[str]) -> Response:
    if watching.pages >= MOST_PAGES:
        return PlainTextResponse(f"{MOST_PAGES} pages are open already; close some.\n", 503)
    return StreamingResponse(events, media_type=STREAM)


async def _json(data: dict[str, Any]) -> Response:
    text = await asyncio.to_thread(json.dumps, data, allow_nan=False, separators=(",", ":"))
    return Response(text, media_type="application/json")


def _not_here() -> Response:
    return PlainTextResponse("Not found.\n", 404)
