"""What became of everything that the configuration says and that is not simply carried over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.scaffold.from_litellm.reading import Spot

Kind = Literal["left", "changed", "needless"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One value of the configuration and what became of it.

    `left`: not carried over. `changed`: carried over in another form, or by a guess that somebody
    should look at. `needless`: it is always so here, or nothing here needs it.
    """

    kind: Kind
    file: str
    line: int
    key: str
    why: str
    do: str = ""

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(slots=True)
class Report:
    """Collects notes; no value is ever quoted in one unless whoever writes it says so."""

    notes: list[Note] = field(default_factory=list)

    def left(self, spot: Spot, why: str, do: str) -> None:
        """It was not carried over."""
        self._add("left", spot, why, do)

    def changed(self, spot: Spot, why: str, do: str = "") -> None:
        """It was carried over, not quite as it stood."""
        self._add("changed", spot, why, do)

    def needless(self, spot: Spot, why: str) -> None:
        """It has no counterpart, and needs none."""
        self._add("needless", spot, why, "")

    def of(self, kind: Kind) -> list[Note]:
        """The notes of a kind, by file and line."""
        return sorted((n for n in self.notes if n.kind == kind), key=lambda n: (n.file, n.line))

    def unused(self, spots: Iterable[Spot]) -> None:
        """Values that nothing took: each with the reason that is known for its key."""
        from orchestrator.scaffold.from_litellm.reasons import reason

        for spot in spots:
            kind, why, do = reason(spot)
            self._add(kind, spot, why, do)

    def _add(self, kind: Kind, spot: Spot, why: str, do: str) -> None:
        note = Note(kind=kind, file=spot.file, line=spot.line, key=spot.key, why=why, do=do)
        if note not in self.notes:  # entries may share a credential
            self.notes.append(note)
