"""A new project: the files of the template, and the schemas for its editor."""

from __future__ import annotations

from pathlib import Path

from orchestrator.project.json_schema import schema_files
from orchestrator.scaffold.files import Written, write_files

TEMPLATE = Path(__file__).parent / "template"
GRAPH = "front-desk"
"""The template's graph and suite."""
QUESTION = "How long is the loan period?"
"""One that its sources answer."""
_RENAMED = {"gitignore": ".gitignore"}
"""A template called `.gitignore` would hide files of the package itself."""


def template_files() -> dict[str, bytes]:
    """The content of every file of a new project by its place, sorted."""
    found = {
        path.relative_to(TEMPLATE).as_posix(): path.read_bytes()
        for path in TEMPLATE.rglob("*")
        if path.is_file() and not {"__pycache__", ".mesh"} & set(path.relative_to(TEMPLATE).parts)
    }
    files = {_RENAMED.get(place, place): content for place, content in found.items()}
    files |= {place: text.encode() for place, text in schema_files().items()}
    return dict(sorted(files.items()))


def new_project(root: Path, *, force: bool = False) -> Written:
    """Make a project in the folder `root`, which may hold other files.

    Raises:
        UserError: files are in the way and `force` is not said; nothing is written then.
    """
    return write_files(root, template_files(), force=force)
