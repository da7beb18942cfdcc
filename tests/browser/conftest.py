"""A real browser: Debian's Chromium, driven by Playwright; nothing is downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
SIZE = {"width": 1280, "height": 800}
Open = Callable[..., Any]


def executable() -> str | None:
    """The browser to use: `CLINOMETER_CHROMIUM`, else the first one on the path."""
    return os.environ.get("CLINOMETER_CHROMIUM") or next(
        filter(None, map(shutil.which, NAMES)), None
    )


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser; closed with the module, as its event loop must not run while other tests start theirs."""
    sync = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = executable()
    if path is None:
        pytest.skip("no Chromium on the path: .ci/browser installs Debian's where it can")
    # As root Chromium needs --no-sandbox; /dev/shm is small in containers.
    options = ["--no-sandbox", "--disable-dev-shm-usage"]
    with (
        sync.sync_playwright() as driver,
        closing(driver.chromium.launch(executable_path=path, args=options)) as browser,
    ):
        yield browser


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Open]:
    """Open a file, or another address; at the end nothing may have been said to the console, or fetched."""
    contexts, said, fetched = [], [], []

    def opened(where: Path | str, **options: Any) -> Any:
        context = chromium.new_context(**{"viewport": SIZE, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on(
            "dialog", lambda dialog: (said.append(f"dialog: {dialog.message}"), dialog.dismiss())
        )
        page.on("request", lambda request: fetched.append(request.url))
        page.goto(where.as_uri() if isinstance(where, Path) else where)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []
    outside = [
        url for url in fetched if not url.startswith(("file:", "data:", "http://127.0.0.1:"))
    ]
    assert outside == []
