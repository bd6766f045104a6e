"""Names that are written in more than one way: states and countries, and their short forms."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from orchestrator.evidence.language.words import stem

_STATES = """
AL Alabama/AK Alaska/AZ Arizona/AR Arkansas/CA California/CO Colorado/CT Connecticut/DE Delaware
FL Florida/GA Georgia/HI Hawaii/ID Idaho/IL Illinois/IN Indiana/IA Iowa/KS Kansas/KY Kentucky
LA Louisiana/ME Maine/MD Maryland/MA Massachusetts/MI Michigan/MN Minnesota/MS Mississippi
MO Missouri/MT Montana/NE Nebraska/NV Nevada/NH New Hampshire/NJ New Jersey/NM New Mexico
NY New York/NC North Carolina/ND North Dakota/OH Ohio/OK Oklahoma/OR Oregon/PA Pennsylvania
RI Rhode Island/SC South Carolina/SD South Dakota/TN Tennessee/TX Texas/UT Utah/VT Vermont
VA Virginia/WA Washington/WV West Virginia/WI Wisconsin/WY Wyoming
"""
_OTHERS = (
    ("US", "U.S.", "USA", "U.S.A.", "United States", "United States of America", "America"),
    ("UK", "U.K.", "United Kingdom", "Britain", "Great Britain"),
    ("EU", "E.U.", "European Union"),
    ("UN", "U.N.", "United Nations"),
    ("UAE", "United Arab Emirates"),
    ("NYC", "New York City"),
    ("DC", "D.C.", "District of Columbia"),
    ("TV", "T.V.", "television"),
)


def _stems(name: str) -> tuple[str, ...]:
    return tuple(stem(w) for w in name.replace(".", " ").split())


@lru_cache(maxsize=1)
def _groups() -> dict[tuple[str, ...], frozenset[tuple[str, ...]]]:
    lines = [tuple(s.split(" ", 1)) for line in _STATES.split("\n") for s in line.split("/") if s]
    groups: dict[tuple[str, ...], frozenset[tuple[str, ...]]] = {}
    for forms in (*lines, *_OTHERS):
        stems = frozenset(_stems(form) for form in forms)
        for each in stems:
            groups[each] = groups.get(each, frozenset()) | stems
    return groups


def aliases(stems: Sequence[str]) -> frozenset[tuple[str, ...]]:
    """The other ways to write a name, as stems; empty where none is known."""
    return _groups().get(tuple(stems), frozenset()) - {tuple(stems)}


def canonical(stems: tuple[str, ...]) -> tuple[str, ...]:
    """The longest way to write a name, so that two ways of writing it are equal."""
    return max(
        _groups().get(stems, frozenset({stems})), key=lambda s: (len(s), sum(map(len, s)), s)
    )
