"""How a long measurement tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

OnProgress = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and how much there is."""


def silent(*_: object) -> None:
    """Tells nobody."""
