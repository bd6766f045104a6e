"""A real browser over real pages. Whatever a page complains about fails the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    sync_playwright,
)

from tests.browser.chromium import ARGUMENTS, executable
from tests.browser.exporting import export
from tests.browser.site import Site, site


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a window. Its driver holds the thread's event loop, so it ends with the
    module: tests of other modules run in the same process."""
    path = executable()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """`mesh ui` over a project whose graph has run; only where there is a browser."""
    executable()
    with site(tmp_path_factory.mktemp("site") / "desk") as served:
        yield served


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh one for each test, which opens light pages on a desk."""
    size = ViewportSize(width=1280, height=900)
    made = browser.new_context(viewport=size, color_scheme="light", reduced_motion="reduce")
    made.set_default_timeout(10_000)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab; its complaints, and requests that leave this machine, fail the test at its end."""
    opened = context.new_page()
    wrong = watch(opened)
    yield opened
    assert not wrong, wrong


def watch(page: Page) -> list[str]:
    """What goes wrong in the page from now on: errors of scripts, of loading, foreign requests."""
    wrong: list[str] = []

    def asked(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("file", "data") and parts.hostname != "127.0.0.1":
            wrong.append(f"asked {request.url}")

    def told(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            wrong.append(message.text)

    page.on("console", told)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", asked)
    page.on("requestfailed", lambda request: wrong.append(f"failed {request.url}"))
    return wrong


@pytest.fixture(scope="session")
def exported(pages: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first trace as one file."""
    return export(pages, tmp_path_factory.mktemp("exported") / "trace.html")
