"""Findings of texts made into placeholders. Pure, but for the vault that remembers the names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from orchestrator.guard.redacting.restoring import is_json
from orchestrator.guard.redacting.vault import Entry, Form, Vault
from orchestrator.guard.values import Finding

Find = Callable[[str], Sequence[Finding]]

_WORD = re.compile(r"\w+")
SHORTEST = 4
"""A shorter value is replaced only where it was found: elsewhere it may be a part of anything."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a text a value stands."""

    start: int
    end: int
    kind: str


class Redactor:
    """Says what of a text is to be replaced.

    Args:
        find: what stands in a text; see `guard.detecting`.
        kinds: only these; empty: everything that is found.
    """

    def __init__(self, find: Find, kinds: Iterable[str] = ()) -> None:
        self._find, self._kinds = find, frozenset(kinds)

    def found(self, text: str) -> list[Place]:
        """What was found, what overlaps put together: nothing of either may be left standing."""
        return joined(
            Place(f.start, f.end, f.kind)
            for f in self._find(text)
            if f.end > f.start and (not self._kinds or f.kind in self._kinds)
        )

    def redact(self, text: str, vault: Vault) -> str:
        """The text with a placeholder for each value that is found, or that the vault knows."""
        parts, end = [], 0
        for place in joined((*self.found(text), *Known(vault.entries).places(text))):
            entry = vault.entry(place.kind, form_of(text, place))
            parts += [text[end : place.start], entry.placeholder]
            end = place.end
        return "".join((*parts, text[end:]))


class Known:
    """Values that were found once are replaced everywhere, also where nothing around them tells
    that they are any."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._kinds = {
            form.text: entry.kind
            for entry in entries
            for form in entry.forms
            if len(form.text) >= SHORTEST
        }
        self._by_word: dict[str, list[tuple[str, int]]] = {}
        """By its first word each value, and where in it that word stands."""
        for value in self._kinds:
            if word := _WORD.search(value):
                self._by_word.setdefault(word[0], []).append((value, word.start()))

    def places(self, text: str) -> Iterator[Place]:
        """Where they stand as words of their own. Takes no longer for more values."""
        for word in _WORD.finditer(text) if self._by_word else ():
            for value, offset in self._by_word.get(word[0], ()):
                start = word.start() - offset
                end = start + len(value)
                if start >= 0 and text.startswith(value, start) and not _goes_on(text, end):
                    yield Place(start, end, self._kinds[value])


def _goes_on(text: str, end: int) -> bool:
    """Whether a word goes on there."""
    return bool(end and _WORD.match(text[end - 1 : end]) and _WORD.match(text[end : end + 1]))


def joined(places: Iterable[Place]) -> list[Place]:
    """In order, none over another; what overlaps is one place, of the kind of its longest."""
    found: list[Place] = []
    for place in sorted(places, key=lambda p: (p.start, -p.end)):
        last = found[-1] if found else None
        if last is None or place.start >= last.end:
            found.append(place)
        elif place.end > last.end:
            longer = place.end - place.start > last.end - last.start
            kind = place.kind if longer else last.kind
            found[-1] = Place(last.start, place.end, kind)
    return found


def form_of(text: str, place: Place) -> Form:
    """The value as it is written there."""
    return Form(text[place.start : place.end], quoted=is_json(text))
