"""A model's words with values in the place of placeholders, as they come or as a whole.

Both are one code: a whole text is a stream of one piece, so that the size of the pieces changes
nothing. Held back is what may yet become a placeholder or a hidden value, and nothing else.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote

from orchestrator.guard.redacting.placeholders import Key, Spelt, begun_at, spelt_in
from orchestrator.guard.redacting.vault import LITERAL, Entry, Form

AROUND = 64
"""Characters before a placeholder by which one of several ways to write its value is chosen."""
_ALIKE = 4
"""Fewer equal characters before it say nothing."""
_JSON = re.compile(r"\s*(?:```(?:json)?\s*)?(?:\{\s*[\"}]|\[\s*[\"{])", re.I)
_ESCAPED = re.compile(r'["\\\x00-\x1f]')


class Stage(Protocol):
    """Something that a stream of text passes."""

    def take(self, text: str) -> str:
        """What can be told now."""
        ...

    def end(self) -> str:
        """What is left."""
        ...


@dataclass(slots=True)
class Met:
    """One entry as a request holds it."""

    entry: Entry
    before: list[tuple[str, Form]] = field(default_factory=list)
    """How it is written where it stands, in order, and what stands before it there."""


Table = Mapping[Key, Met]


def whole(stage: Stage, text: str) -> str:
    """All of a text through a stage."""
    return stage.take(text) + stage.end()


@dataclass(slots=True)
class Restoring:
    """Puts values back.

    Args:
        table: what stands for what in the request that the model was given.
        hidden: of these the placeholder stays, in its own spelling.
    """

    table: Table
    hidden: frozenset[Key] = frozenset()
    decoded: bool = False
    """What passes is the content of a JSON string, not the text of one."""
    restored: Counter[str] = field(default_factory=Counter)
    """How many were put back, by kind."""
    strange: list[str] = field(default_factory=list)
    """What reads like a placeholder of a word that was used, and is none that was given."""
    _kept: str = ""
    _head: str = ""
    _before: str = ""
    _used: dict[Key, int] = field(default_factory=dict)
    _names: frozenset[str] = field(init=False)
    _words: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._names = frozenset(f"{word}{number}" for word, number in self.table)
        self._words = frozenset(word for word, _ in self.table)

    def take(self, text: str) -> str:
        text = self._kept + text
        ready = begun_at(text, self._names)
        self._kept = text[ready:]
        return self._put_back(text[:ready])

    def end(self) -> str:
        rest, self._kept = self._kept, ""
        return self._put_back(rest)

    def _put_back(self, text: str) -> str:
        parts, end = [], 0
        for spelt in spelt_in(text):
            met = self.table.get(spelt.key)
            if met is None:
                if spelt.key[0] in self._words:
                    self.strange.append(text[spelt.start : spelt.end])
                continue
            parts.append(self._told(text[end : spelt.start]))
            parts.append(self._given(spelt, met))
            end = spelt.end
        return "".join((*parts, self._told(text[end:])))

    def _told(self, text: str) -> str:
        """Remember what the model has written, as far as it matters for what comes after."""
        self._head = (self._head + text)[:AROUND]
        self._before = (self._before + text)[-AROUND:]
        return text

    def _given(self, spelt: Spelt, met: Met) -> str:
        """What the caller gets for a placeholder."""
        if spelt.key in self.hidden:
            given = met.entry.placeholder
        else:
            given = self._value(self._form(spelt.key, met), percent=spelt.percent)
            if met.entry.kind != LITERAL:
                self.restored[met.entry.kind] += 1
        self._told(met.entry.placeholder)
        return given

    def _value(self, form: Form, *, percent: bool) -> str:
        if percent:
            return quote(form.text, safe="")
        if self.decoded:
            return _decoded(form)
        if not form.quoted and _ESCAPED.search(form.text) and is_json(self._head):
            return json.dumps(form.text, ensure_ascii=False)[1:-1]
        return form.text

    def _form(self, key: Key, met: Met) -> Form:
        """Of several ways to write it the one that stands where the same words go before; of those
        the next after the last that was taken."""
        if len(met.entry.forms) < 2 or not met.before:
            return met.entry.first
        alike = [_alike(self._before, before) for before, _ in met.before]
        best = max(alike)
        places = [i for i, n in enumerate(alike) if n == best]
        last = self._used.get(key, -1)
        place = next((i for i in places if i > last), places[0])
        self._used[key] = place
        return met.before[place][1]


def _decoded(form: Form) -> str:
    """The value itself, where it was written with a JSON text's escapes."""
    if not form.quoted or "\\" not in form.text:
        return form.text
    try:
        return str(json.loads(f'"{form.text}"'))
    except ValueError:
        return form.text


def is_json(text: str) -> bool:
    """Whether a text begins as a JSON object or array does, perhaps in a fence."""
    return _JSON.match(text) is not None


def _alike(one: str, other: str) -> int:
    """How many characters at their ends are equal; 0 where too few to say anything."""
    count = 0
    for a, b in zip(reversed(one[-AROUND:]), reversed(other), strict=False):
        if a != b:
            break
        count += 1
    return count if count >= _ALIKE else 0


class Hiding:
    """Puts placeholders in the place of values that the caller may not see, whoever wrote them.

    Args:
        entries: their values, as they were written.
        together: values that stay, and are told at once or not at all: where the answer breaks off
            and another model takes it up, no piece of one is left that would be sent to it.
    """

    def __init__(self, entries: Sequence[Entry], together: Sequence[Entry] = ()) -> None:
        self._hidden = {form.text: entry.placeholder for entry in entries for form in entry.forms}
        kept = {form.text: form.text for entry in together for form in entry.forms}
        self._placeholders = {**kept, **self._hidden}
        self._sorted = sorted(self._placeholders)
        self._first = frozenset(value[0] for value in self._sorted)
        self._longest = max(map(len, self._placeholders), default=0)
        longest_first = sorted(self._placeholders, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_as_word, longest_first)) or r"(?!)")
        self._kept = self._before = ""
        self.count = 0
        """How many were hidden."""

    def take(self, text: str) -> str:
        text = self._kept + text
        return self._hide(text, self._ready(text))

    def end(self) -> str:
        return self._hide(self._kept, len(self._kept))

    def _hide(self, text: str, ready: int) -> str:
        """Tell what stands before `ready`, and a value that stands across it to its end."""
        parts, end, behind = [], 0, len(self._before)
        for match in self._pattern.finditer(self._before + text, behind):
            start = match.start() - behind
            if start >= ready:
                break
            parts += [text[end:start], self._placeholders[match[0]]]
            end = match.end() - behind
            ready = max(ready, end)
            self.count += match[0] in self._hidden
        self._kept = text[ready:]
        self._before = (self._before + text[:ready])[-1:]
        return "".join((*parts, text[end:ready]))

    def _ready(self, text: str) -> int:
        """Where at its end the beginning of a value stands, or a whole one that may not be over."""
        for start in range(max(0, len(text) - self._longest), len(text)):
            if text[start] in self._first:
                rest = text[start:]
                # The values that begin so follow it in their order.
                after = bisect_left(self._sorted, rest)
                if after < len(self._sorted) and self._sorted[after].startswith(rest):
                    return start
        return len(text)


def _as_word(value: str) -> str:
    """A name is looked for as a word of its own, everything else wherever it stands."""
    if value.replace(" ", "").isalpha():
        return rf"(?<!\w){re.escape(value)}(?!\w)"
    return re.escape(value)


@dataclass(slots=True)
class Through:
    """Several stages one after the other."""

    stages: Sequence[Stage]

    def take(self, text: str) -> str:
        for stage in self.stages:
            text = stage.take(text)
        return text

    def end(self) -> str:
        rest = ""
        for stage in self.stages:
            rest = stage.take(rest) + stage.end()
        return rest
