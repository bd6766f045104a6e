"""Labelled claims on small documents that we wrote, and files of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

TOWNS = ("Arlen", "Borsk", "Calmar", "Dunmore", "Elvas", "Fairlie", "Gorey", "Hexham")
TRADES = ("bakery", "ferry", "library", "foundry", "orchard", "museum", "tannery", "mill")


def claims(n: int, source: str = "towns", *, start: int = 0) -> list[dict[str, Any]]:
    """`n` documents, each with a claim that it supports and one that it does not."""
    found: list[dict[str, Any]] = []
    for i in range(start, start + n):
        town, trade = TOWNS[i % 8], TRADES[(i // 8 + i) % 8]
        other, year = TRADES[(i // 8 + i + 3) % 8], 1800 + i
        passage = (
            f"The {trade} of {town} was opened in {year}. It has {i + 3} workers. "
            f"The mayor of {town} pays for its roof."
        )
        true = f"The {trade} of {town} opened in {year}."
        false = (
            f"The {trade} of {town} opened in {year + 7}."
            if i % 2
            else f"The {other} of {town} is visited by tourists in winter."
        )
        for label, claim in ((1, true), (0, false)):
            found.append(
                {
                    "id": f"{source}-{i}-{label}",
                    "source": source,
                    "question": None,
                    "claim": claim,
                    "passages": [passage],
                    "label": label,
                }
            )
    return found


def write(path: Path, rows: Iterable[Mapping[str, Any] | str]) -> Path:
    """One line a row; texts as they are. Gzipped where the name says so."""
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path
