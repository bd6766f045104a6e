"""Learned states in a folder: every one that was kept, and which of them is used."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import UnknownNameError, UserError

if TYPE_CHECKING:
    from orchestrator.learning.predictor import LearnedPredictor

FOLDER = "learned"
"""In the storage folder of a project."""
_USED = "used"
_END = ".npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One state in the folder."""

    version: str
    """`LearnedPredictor.version`, which stands on every decision that it was asked for."""
    at: float
    """When it was put there, seconds since the epoch."""
    size: int
    """Bytes."""
    used: bool


class LearnedStates:
    """States by their versions; nothing is ever changed, so that each can be taken up again.

    Args:
        folder: made when the first state is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, predictor: LearnedPredictor, reader: str) -> str:
        """Keep it and use it from now on; its version.

        Args:
            reader: `Reader.name` of what it was learned with.

        Raises:
            UserError: the folder cannot be written.
        """
        from orchestrator.learning.state import to_bytes

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(self._path(predictor.version), to_bytes(predictor, reader))
        except OSError as error:
            raise UserError(f"{self.folder} cannot be written: {error.strerror}") from error
        self.use(predictor.version)
        return predictor.version

    def use(self, version: str) -> None:
        """Use this one from now on: how a step is taken back.

        Raises:
            UnknownNameError: it is not kept here.
        """
        kept = [state.version for state in self.all()]
        if version not in kept:
            raise UnknownNameError("learned state", version, kept, str(self.folder))
        _write(self.folder / _USED, f"{version}\n".encode())

    def forget(self) -> None:
        """Use none from now on: what the fleet declares counts alone. All are kept."""
        (self.folder / _USED).unlink(missing_ok=True)

    @property
    def used(self) -> str | None:
        """The version that is used, if any."""
        try:
            return (self.folder / _USED).read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None

    def all(self) -> list[Kept]:
        """The newest first."""
        used = self.used
        found = [
            Kept(version=path.stem, at=said.st_mtime, size=said.st_size, used=path.stem == used)
            for path in self.folder.glob(f"*{_END}")
            for said in (path.stat(),)
        ]
        return sorted(found, key=lambda state: (-state.at, state.version))

    def find(self, beginning: str) -> str:
        """The one version that begins so.

        Raises:
            UnknownNameError: there is none, or several.
        """
        kept = [state.version for state in self.all()]
        found = [version for version in kept if version.startswith(beginning)]
        if len(found) != 1:
            raise UnknownNameError("learned state", beginning, kept, str(self.folder))
        return found[0]

    def content(self, version: str) -> bytes:
        """The file of one, to be kept elsewhere; `state.from_bytes` reads it.

        Raises:
            UserError: it is not here, or cannot be read.
        """
        path = self._path(version)
        try:
            return path.read_bytes()
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}") from error

    def load(self, version: str, reader: str) -> LearnedPredictor:
        """The predictor of a version.

        Raises:
            UserError: it is not here, is damaged, or was learned with another reader.
        """
        from orchestrator.learning.state import from_bytes

        try:
            return from_bytes(self.content(version), reader)
        except UserError as error:
            hint = "`mesh learn use VERSION` takes up another, `mesh learn use none` does without"
            raise UserError(f"{self._path(version)}: {error}; {hint}") from error

    def _path(self, version: str) -> Path:
        return self.folder / f"{version}{_END}"


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(content)
    part.replace(path)
