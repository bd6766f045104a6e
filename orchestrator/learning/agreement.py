"""How answers agree, as learned: a value, and the file that it is kept in."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import UserError
from orchestrator.types import Agreement, as_json, from_json

FILE = "agreement.json"
"""In the folder of learned states."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreements:
    """What was learned, by task."""

    models: tuple[str, ...] = ()
    """Those worth asking in turn."""
    usual: tuple[float, float] = (2.0, 4.0)
    """`spread` and `variety` of a task that is not known."""
    tasks: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    incomparable: tuple[str, ...] = ()
    """Tasks whose right answers differ from each other."""

    def of(self, task: str) -> Agreement | None:
        """What is known of a task; `None` where answers to it cannot be compared."""
        if not self.models or task in self.incomparable:
            return None
        spread, variety = self.tasks.get(task, self.usual)
        return Agreement(models=self.models, spread=spread, variety=variety)

    def called(self, names: Mapping[str, str]) -> Agreements:
        """With other names of its models."""
        models = tuple(names.get(model, model) for model in self.models)
        return dataclasses.replace(self, models=models)


def keep(agreements: Agreements, folder: Path) -> Path:
    """Write it into the folder of learned states, in the place of what was there.

    Raises:
        UserError: it cannot be written.
    """
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(as_json(agreements), indent=1, sort_keys=True), "utf-8")
        part.replace(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from error
    return path


def kept(folder: Path) -> Agreements:
    """What `keep` wrote; of nothing anything is known where it wrote nothing.

    Raises:
        UserError: the file is damaged.
    """
    path = folder / FILE
    try:
        return from_json(Agreements, json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Agreements()
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: this is not what was learned of agreement ({error})") from error
