"""Where this example lies."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent.parent


def relative(name: str) -> str:
    """As short as it can be named from where the program is run."""
    path = HERE / name
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
