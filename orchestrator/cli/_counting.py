"""A line on standard error while something is counted through; silent where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.cli._show import Screen, terminal
from orchestrator.evaluation.crosscheck.progress import OnProgress, silent


@contextmanager
def counting() -> Iterator[OnProgress]:
    """Gives what takes `(what, done, of)` and shows it: `features: 40 of 1,198`."""
    if not terminal(sys.stderr):
        yield silent
        return
    screen = Screen(sys.stderr)

    def tell(what: str, done: int, of: int) -> None:
        status.update(screen.text(f"{what}: {done:,} of {of:,}", "quiet"))

    with screen.console.status(screen.text("reading", "quiet")) as status:
        yield tell
