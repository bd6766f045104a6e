"""Which of two documents is newer, as far as they say so themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from orchestrator.evidence.language.reading import read
from orchestrator.evidence.values import Passage

_YEAR = 10_000  # dates count as yyyymmdd


def newer(one: str, other: str, passages: Sequence[Passage]) -> str:
    """`memo.md is newer: 11 June 2024 against 12 March 2024`; empty where nobody can tell.

    A document's date is the first that stands in its name, or where it says what it is about.

    Args:
        one: a file.
        other: another one.
        passages: what is known of both.
    """
    dates = [(date_of(file, passages), file) for file in dict.fromkeys((one, other))]
    known = [(date, file) for date, file in dates if date is not None]
    if len(known) < 2 or known[0][0][0] == known[1][0][0]:
        return ""
    (older, _), (latest, file) = sorted(known)
    return f"{PurePath(file).name} is newer: {latest[1]} against {older[1]}"


def date_of(file: str, passages: Sequence[Passage]) -> tuple[int, str] | None:
    """The date of a document as yyyymmdd, zeros for what is not said, and as it stands there."""
    name = re.sub(r"(?<=\D)-|-(?=\D)|[_.]", " ", PurePath(file).stem)
    own = [p for p in passages if p.file == file]
    for text in (f"of {name}", *dict.fromkeys(t for p in own for t in (p.about, p.heading))):
        for quantity in read(text).quantities:
            if quantity.unit == "date" and quantity.value >= _YEAR:
                return int(quantity.value), quantity.text.strip()
    return None
