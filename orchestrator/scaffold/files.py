"""Writing the files of a project: nothing that stands there is lost."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import UserError

REPLACED = ".mesh/replaced"


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, by place in the project."""

    made: tuple[str, ...]
    kept: tuple[str, ...] = ()
    """What stood there already, letter by letter the same."""
    replaced: Mapping[str, str] = field(default_factory=dict)
    """What was replaced → where the former file is now."""


def write_files(root: Path, files: Mapping[str, bytes], *, force: bool = False) -> Written:
    """Write `files` (by place) into the folder `root`, which may hold others.

    Args:
        force: replace files that are in the way; the former ones are moved to `.mesh/replaced/`.

    Raises:
        UserError: files are in the way (nothing is written then), or the disk refuses.
    """
    _refuse_blocked(root, files)
    there = [place for place in files if os.path.lexists(root / place)]
    kept = [place for place in there if _same(root / place, files[place])]
    differ = [place for place in there if place not in kept]
    if differ and not force:
        listed = "".join(f"\n  {root / place}" for place in differ)
        raise UserError(
            f"nothing was written, for these files are there already:{listed}\n"
            f"choose another folder, or say --force: it moves them to {root / REPLACED}"
        )
    made = [place for place in files if place not in kept]
    try:
        replaced = _moved_away(root, differ)
        for place in made:
            path = root / place
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:  # never writes over what appeared meanwhile
                file.write(files[place])
    except OSError as error:
        where = error.filename or root
        raise UserError(f"{where} cannot be written: {error.strerror or error}") from error
    return Written(tuple(made), tuple(kept), replaced)


def _refuse_blocked(root: Path, places: Iterable[str]) -> None:
    """Refuse where a file stands in the place of a folder, or a folder in that of a file."""
    folders = {parent for place in places for parent in (root / place).parents}
    for folder in sorted(folders):
        if os.path.lexists(folder) and not folder.is_dir():
            raise UserError(f"{folder} is a file; a folder is needed there")
    for place in places:
        if (root / place).is_dir():
            raise UserError(f"{root / place} is a folder; a file is needed there")


def _same(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _moved_away(root: Path, places: Iterable[str]) -> dict[str, str]:
    """Move files into the first unused folder of `.mesh/replaced/`."""
    moved: dict[str, str] = {}
    number = 1
    while (root / REPLACED / str(number)).exists():
        number += 1
    for place in places:
        moved[place] = f"{REPLACED}/{number}/{place}"
        (root / moved[place]).parent.mkdir(parents=True, exist_ok=True)
        (root / place).rename(root / moved[place])
    return moved
