"""The configuration as values that know where they stand; what it includes is read as well."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import Problem, ProjectError
from orchestrator.project._documents import Document, KeyPath, read_yaml, shown_path
from orchestrator.project._yaml import Node, kind_of

_VARIABLE = re.compile(r"os\.environ/\s*(\S+)")


@dataclass(frozen=True, slots=True)
class Spot:
    """A value of the configuration, and its place."""

    document: Document
    path: KeyPath
    node: Node

    @property
    def value(self) -> Any:
        """The value; `None` where the key has none."""
        return self.node.data

    @property
    def file(self) -> str:
        return self.document.file

    @property
    def line(self) -> int:
        """From 1; that of the key where there is one."""
        return self.document.place(self.path, of_key=True)[0]

    @property
    def key(self) -> str:
        """`model_list[0].litellm_params.rpm`."""
        return shown_path(self.path)

    @property
    def name(self) -> str:
        """The last step of the path that is a key."""
        return next((step for step in reversed(self.path) if isinstance(step, str)), "")

    @property
    def text(self) -> str | None:
        """The value where it is a text that is not empty."""
        return self.value if isinstance(self.value, str) and self.value.strip() else None

    @property
    def number(self) -> float | None:
        """The value where it is a number, also one in quotes."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float | str):
            return None
        try:
            return float(self.value)
        except ValueError:
            return None

    @property
    def variable(self) -> str | None:
        """`NAME` of `os.environ/NAME`."""
        match = _VARIABLE.fullmatch(self.text or "")
        return match[1] if match else None

    def parts(self) -> Iterator[tuple[str | int, Spot]]:
        """The parts of a mapping or a list."""
        for step, node in self.node.items.items():
            yield step, Spot(self.document, (*self.path, step), node)

    def items(self) -> list[Spot]:
        """The parts of a list."""
        return [part for _, part in self.parts()] if isinstance(self.value, list) else []

    def problem(self, message: str, allowed: str = "", found: str = "") -> Problem:
        """A mistake in the configuration itself."""
        found = found or kind_of(self.value)
        return self.document.problem(self.path, message, found=found, allowed=allowed)


class Keys:
    """The keys of a mapping. Whoever carries one over takes it; `rest` is what nobody took."""

    def __init__(self, spot: Spot | None) -> None:
        mapping = spot is not None and isinstance(spot.value, dict)
        parts = list(spot.parts()) if spot is not None and mapping else []
        self._open = {str(key): part for key, part in parts if part.value is not None}

    def take(self, key: str) -> Spot | None:
        """The value of the key, where it is there and says something."""
        return self._open.pop(key, None)

    def has(self, key: str) -> bool:
        """Whether the key is there and says something."""
        return key in self._open

    def add(self, other: Keys) -> None:
        """Take over what `other` holds and this one lacks."""
        for key, spot in other._open.items():
            self._open.setdefault(key, spot)

    def rest(self) -> list[Spot]:
        """What nobody took, in the order of the file."""
        left, self._open = list(self._open.values()), {}
        return left


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration. `entries` are those of every file's `model_list`."""

    documents: tuple[Document, ...]
    entries: tuple[Spot, ...]
    sections: tuple[Spot, ...]
    """Every other key at the top of a file."""


def read_config(path: Path) -> Config:
    """The configuration in a file, with what its `include` names.

    Raises:
        ProjectError: a file cannot be read, is not YAML, or is no LiteLLM configuration.
    """
    problems: list[Problem] = []
    documents: list[Document] = []
    _read(path, str(path), documents, problems, set())
    lists, sections = [], []
    for document in documents:
        for step, spot in Spot(document, (), document.root).parts():
            if step == "model_list":
                lists.append(spot)
            elif step != "include" and spot.value is not None:
                sections.append(spot)
    entries = [entry for spot in lists for entry in _entries(spot, problems)]
    if not entries and not problems:
        problems.append(_no_models(documents[0], lists))
    if problems:
        raise ProjectError(problems)
    return Config(tuple(documents), tuple(entries), tuple(sections))


def _read(
    path: Path, file: str, documents: list[Document], problems: list[Problem], seen: set[Path]
) -> None:
    seen.add(path.resolve())
    document = read_yaml(path, file)
    if isinstance(document, Problem):
        problems.append(document)
        return
    documents.append(document)
    problems += document.problems
    include = document.root.items.get("include")
    if include is None or include.data is None:
        return
    spot = Spot(document, ("include",), include)
    if not isinstance(spot.value, list):
        problems.append(spot.problem("the value has the wrong type", "a list of files"))
    for item in spot.items():
        if item.text is None:
            problems.append(item.problem("the value has the wrong type", "a file's path"))
            continue
        other = path.parent / item.text
        if other.resolve() in seen:
            continue
        if not other.is_file():
            message = "the included file does not exist"
            problems.append(item.problem(message, found=str(other)))
            continue
        _read(other, str(other), documents, problems, seen)


def _entries(spot: Spot, problems: list[Problem]) -> Iterator[Spot]:
    """The entries of a `model_list` that can be read at all."""
    if spot.value is not None and not isinstance(spot.value, list):
        problems.append(spot.problem("the value has the wrong type", "a list of models"))
    for entry in spot.items():
        if not isinstance(entry.value, dict):
            allowed = "a mapping with the keys model_name and litellm_params"
            problems.append(entry.problem("the value has the wrong type", allowed))
            continue
        wrong = list(_wrong_keys(entry))
        problems += wrong
        if not wrong:
            yield entry


def _wrong_keys(entry: Spot) -> Iterator[Problem]:
    parts = dict(entry.parts())
    for key in ("model_name", "litellm_params"):
        if key not in parts:
            yield entry.document.problem((*entry.path, key), f"the key '{key}' is missing")
    name, params = parts.get("model_name"), parts.get("litellm_params")
    if name and name.text is None:
        yield name.problem("the value has the wrong type", "a text")
    if params is None:
        return
    if not isinstance(params.value, dict):
        yield params.problem("the value has the wrong type", "a mapping with the key model")
        return
    model = dict(params.parts()).get("model")
    if model is None:
        yield params.document.problem((*params.path, "model"), "the key 'model' is missing")
    elif model.text is None:
        yield model.problem("the value has the wrong type", "a text")
    info = parts.get("model_info")
    if info and info.value is not None and not isinstance(info.value, dict):
        yield info.problem("the value has the wrong type", "a mapping")


def _no_models(document: Document, lists: list[Spot]) -> Problem:
    allowed = "model_list: a list of mappings with model_name and litellm_params"
    if lists:
        return lists[0].problem("the list of models is empty", allowed)
    found = ", ".join(str(key) for key in list(document.root.items)[:8])
    message = "this is no LiteLLM configuration: model_list is missing"
    return document.problem((), message, found=f"the keys {found}", allowed=allowed)
