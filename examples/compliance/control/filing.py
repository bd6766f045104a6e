"""The one step that changes something outside of the run: an entry in the register of findings."""

from __future__ import annotations

from orchestrator import tool
from orchestrator.evidence.tools import Toolbox
from orchestrator.types import digest

from .place import HERE

FILED = HERE / ".mesh" / "filed"
"""Stands for the system in which an audit committee keeps its findings."""


@tool("file-report", level="write")
async def file_report(_toolbox: Toolbox, *, entry: str) -> str:
    """Enter the findings of an audit into the register that the audit committee reads."""
    number = digest(entry)[:8]
    FILED.mkdir(parents=True, exist_ok=True)
    (FILED / f"{number}.txt").write_text(entry + "\n", encoding="utf-8")
    return f"signed, and filed as {number}"
