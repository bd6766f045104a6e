"""`mesh trace export`, as a user calls it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.browser.site import Site


def export(pages: Site, output: Path, *options: str) -> Path:
    """Write the first trace to `output`."""
    command = [sys.executable, "-m", "orchestrator.cli", "trace", "export", pages.first]
    subprocess.run(
        [*command, "-o", str(output), "--project", str(pages.folder), *options],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return output
