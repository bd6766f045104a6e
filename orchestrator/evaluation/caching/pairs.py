"""Requests that ask for the same, or almost: a folder with `pairs.jsonl` and `topics.jsonl`.

One JSON object a line: `left`, `right`, `same` (whether an answer to one answers the other), `kind`
(what was changed; `same` for paraphrases), `seed` (what both come from) and `split` (`fit` or
`held`). A line of the other has a `name`, all wordings of one request (`same`), and requests that
are `near` to it and ask for something else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from orchestrator.errors import UserError

PAIRS, TOPICS = "pairs.jsonl", "topics.jsonl"
FIT, HELD = "fit", "held"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two requests, and whether they ask for the same."""

    left: str
    right: str
    same: bool
    kind: str
    seed: str
    split: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One thing that people ask: its wordings, and what is almost the same."""

    name: str
    same: tuple[str, ...]
    near: tuple[str, ...]


def read_pairs(folder: Path) -> list[Pair]:
    """The pairs of a folder.

    Raises:
        UserError: there is no such file, or a line of it is no pair.
    """
    return _read(folder / PAIRS, Pair)


def read_topics(folder: Path) -> list[Topic]:
    """The topics of a folder. Raises as `read_pairs` does."""
    return _read(folder / TOPICS, Topic)


def _read(file: Path, kind: type[T]) -> list[T]:
    if not file.is_file():
        raise UserError(f"{file.parent} holds no {file.name}")
    adapter, found = TypeAdapter(kind), []
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        try:
            found.append(adapter.validate_python(json.loads(line)))
        except (json.JSONDecodeError, ValidationError) as error:
            first = str(error).splitlines()[0]
            raise UserError(f"{file}:{number}: no {kind.__name__.lower()}: {first}") from None
    return found


def of_split(pairs: Sequence[Pair], split: str) -> list[Pair]:
    """Those of one side."""
    return [pair for pair in pairs if pair.split == split]
