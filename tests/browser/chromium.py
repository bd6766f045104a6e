"""Where Chromium is, and how the tests start it."""

from __future__ import annotations

import os
import shutil

import pytest

REQUIRED = "MESH_REQUIRE_BROWSER"
"""Set to 1, a browser that is missing fails the tests instead of leaving them out."""
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find() -> str | None:
    """The browser's path, where there is one."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


def executable() -> str:
    """The browser's path; skips the test where there is none."""
    found = find()
    if found is None:
        said = "no Chromium on PATH; scripts/browser installs Debian's"
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"{said} ({REQUIRED}=1)")
        pytest.skip(said)
    return found
