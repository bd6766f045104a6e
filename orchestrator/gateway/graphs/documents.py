"""What a graph reads as files on behalf of a caller: declared sources by name, or texts sent along.

No path ever comes from a caller. Texts that are sent lie in a private folder while the run goes on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from orchestrator.gateway.errors import bad_request
from orchestrator.gateway.needs import Document, unknown
from orchestrator.project.schema import Project

SUFFIXES = (".txt", ".md", ".html")
_NAME = re.compile(r"[\w][\w .()-]*")


def declared_sources(project: Project, said: Any, where: str) -> list[str]:
    """The paths that stand behind one or several names of `gateway.sources`.

    Raises:
        ApiError: 400: a path, or a name that is not declared.
    """
    known = project.settings.gateway.sources
    names = [said] if isinstance(said, str) else said
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise bad_request(f"{where}: allowed: a name, or an array of names", where)
    found: list[str] = []
    for name in names:
        if not known:
            raise bad_request(
                f"{where}: this gateway offers no sources; send the texts themselves in "
                "'mesh.documents', or have them declared under 'gateway.sources'",
                where,
            )
        if name not in known:
            raise unknown("source", name, list(known), where)
        found += [str(Path(project.root) / path) for path in known[name]]
    return found


@contextmanager
def kept(documents: Sequence[Document]) -> Iterator[Mapping[str, str]]:
    """Write the texts into a folder that only this process may read, for as long as the block runs.

    Yields:
        For the path of each file its name, as the caller gave it.

    Raises:
        ApiError: 400: a name that is none of a file, or stands twice.
    """
    names = [_name(document, place) for place, document in enumerate(documents)]
    if not names:
        yield {}
        return
    with TemporaryDirectory(prefix="mesh-documents-") as folder:
        files: dict[str, str] = {}
        for name, document in zip(names, documents, strict=True):
            path = Path(folder) / name
            if str(path) in files:
                raise _wrong(len(files), f"'{name}' stands twice; give each document its own name")
            path.write_text(document.text, "utf-8", errors="replace")
            files[str(path)] = name
        yield files


def _name(document: Document, place: int) -> str:
    """A file's name and nothing else; without a suffix it is a text."""
    name = document.name.strip()
    if not _NAME.fullmatch(name) or len(name) > 100:
        raise _wrong(place, f"found {name!r:.80}; allowed: a file's name, such as 'terms.md'")
    suffix = PurePosixPath(name).suffix
    if suffix and suffix.lower() not in SUFFIXES:
        raise _wrong(place, f"found the suffix '{suffix:.20}'; allowed: {', '.join(SUFFIXES)}")
    if not document.text.strip():
        raise bad_request(f"mesh.documents[{place}].text: found no text", "mesh.documents")
    return name if suffix else f"{name}.txt"


def _wrong(place: int, said: str) -> Exception:
    return bad_request(f"mesh.documents[{place}].name: {said}", "mesh.documents")
