"""The declared files once they are read, and the hashes of what they say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from orchestrator.project._documents import Document, KeyPath
from orchestrator.project._files import Source
from orchestrator.project.fleet_schema import Fleet
from orchestrator.project.policy_schema import Policy
from orchestrator.project.refreshed_schema import Refreshed
from orchestrator.project.schema import Agent, Graph, Settings
from orchestrator.project.suite_schema import Suite
from orchestrator.types import digest

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Generic[M]):
    """One declared file. `document` and `declared` are `None` where it is too broken for them."""

    source: Source
    document: Document | None = None
    declared: M | None = None
    whole: bool = False
    """False where `declared` lacks what was wrong in the file."""
    references: Mapping[KeyPath, str] = field(default_factory=dict)
    """The texts in which a variable was filled in, as they stand in the file."""


@dataclass(slots=True)
class Entries:
    """Everything declared, by kind and name."""

    settings: Entry[Settings] | None = None
    fleet: Entry[Fleet] | None = None
    refreshed: Entry[Refreshed] | None = None
    policy: Entry[Policy] | None = None
    agents: dict[str, Entry[Agent]] = field(default_factory=dict)
    graphs: dict[str, Entry[Graph]] = field(default_factory=dict)
    suites: dict[str, Entry[Suite]] = field(default_factory=dict)

    def all(self) -> Iterator[Entry[Any]]:
        """Every entry."""
        single = (self.settings, self.fleet, self.refreshed, self.policy)
        yield from (entry for entry in single if entry is not None)
        for kind in (self.agents, self.graphs, self.suites):
            yield from kind.values()


def content(entry: Entry[Any]) -> dict[str, Any]:
    """What a file declares, as plain JSON with every default filled in and no variable's value.

    The same for two files that differ in comments, in the order of keys, in spelling out a
    default, or in the environment they were read in.
    """
    assert entry.declared is not None
    plain: dict[str, Any] = entry.declared.model_dump(mode="json", by_alias=True)
    for path, text in entry.references.items():
        inner: Any = plain
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = text
    return plain


def project_hash(entries: Entries, python: Mapping[str, str], support: str) -> str:
    """The digest of all content: the declared files, and the texts of those that they name."""
    return digest(
        {
            "files": {entry.source.key: content(entry) for entry in entries.all()},
            "python": python,
            "support": support,
        }
    )
