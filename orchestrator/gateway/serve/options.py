"""How a service was asked to run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """The options of `mesh serve`, with what mesh.yaml says filled in."""

    root: Path
    host: str
    port: int
    workers: int
    open: bool = False
    """No key is asked for."""
    drain_s: float
    """How long accepted requests may go on after the service was told to stop."""
    log: Literal["json", "text", "off"] = "text"
    """How each request is logged, and all else that there is to say."""
    watch: bool = False
    """Reload by itself when a declared file changes."""
