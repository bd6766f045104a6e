"""Near names, for every message that refuses one."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that `name` most likely meant, or an empty string."""
    from rapidfuzz import fuzz, process

    found = process.extractOne(name, list(known), scorer=fuzz.ratio, score_cutoff=60)
    return str(found[0]) if found else ""


def listing(known: Iterable[str], limit: int = 20) -> str:
    """The known names for a message, sorted; `none` where there is none."""
    names = sorted(known)
    more = f", … ({len(names)} in all)" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more if names else "none"
