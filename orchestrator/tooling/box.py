"""What a tool is handed besides its arguments."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.evidence.sources.library import Library
from orchestrator.project.schema import Project
from orchestrator.project.tools_schema import Tools
from orchestrator.types import OnInjection


@dataclass(slots=True)
class Box:
    """What a tool may use, outside of a graph's node too."""

    library: Library
    root: Path
    """Where relative paths start."""
    declared: Tools = field(default_factory=Tools)
    """The part `tools` of mesh.yaml."""
    readable: tuple[str, ...] = ()
    """The sources that a tool which a model calls may look into."""
    sent_back: object = None
    """Of a graph's node in a later round: what the function has said that sent the run back."""
    injection: OnInjection = "fence"
    """What is done about orders in sources; where it is not `off`, they are left out at least."""
    notes: list[str] = field(default_factory=list)
    """Remarks for the hop."""

    def note(self, text: str) -> None:
        """Put a remark on the hop."""
        self.notes.append(text)


def declared_sources(project: Project) -> tuple[str, ...]:
    """What mesh.yaml lets `search-sources` look into where a run brings no sources of its own."""
    root = Path(project.root)
    return tuple(str(root / path) for path in project.settings.tools.search_sources)
