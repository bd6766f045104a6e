"""Which placeholder stands for which value, for as long as a conversation or a run lasts.

It lives in memory alone. A run that is resumed fills it again from what its steps are asked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestrator.guard.detecting.kinds import SECRETS
from orchestrator.guard.redacting.placeholders import Key, key_of, label_of, written
from orchestrator.types import GIVE_BACK, GiveBack

LITERAL = "verbatim"
"""The kind of what only reads like a placeholder, and gets one so that it comes back as it was."""
_SPACE = re.compile(r"\s+")
_MARKS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Form:
    """One way in which a value was written."""

    text: str
    quoted: bool = False
    """It stood in a JSON text, with that text's escapes."""
    number: bool = False
    """It was a JSON number."""


@dataclass(slots=True)
class Entry:
    """One value, however it was written, and its placeholder."""

    kind: str
    label: str
    number: int
    forms: dict[Form, None] = field(default_factory=dict)
    """In the order in which they were met."""
    own: bool = False
    """The caller has sent it himself."""

    @property
    def placeholder(self) -> str:
        return written(self.label, self.number)

    @property
    def key(self) -> Key:
        return key_of(self.label, self.number)

    @property
    def first(self) -> Form:
        return next(iter(self.forms))


class Vault:
    """The values of one conversation or run. Belongs to one event loop.

    Args:
        within: what is answered stays within a run, whose steps may see everything; what its
            caller may not see is hidden at its end.
    """

    def __init__(self, *, within: bool = False) -> None:
        self.within = within
        self.give_back: GiveBack = "all"
        """The strictest of all rules that values were taken out by."""
        self._entries: dict[tuple[str, str], Entry] = {}
        self._last: dict[str, int] = {}
        self._taken: set[Key] = set()

    def entry(self, kind: str, form: Form) -> Entry:
        """The entry of a value; a new one gets the next number of its word."""
        label = label_of(kind)
        name, _ = key_of(label, 0)
        known = self._entries.get((name, folded(kind, form.text)))
        if known is None:
            number = self._next(name)
            known = self._entries[name, folded(kind, form.text)] = Entry(kind, label, number)
        known.forms.setdefault(form)
        return known

    def _next(self, name: str) -> int:
        number = self._last.get(name, 0) + 1
        while (name, number) in self._taken:
            number += 1
        self._last[name] = number
        return number

    def take(self, key: Key) -> None:
        """Give this placeholder to nobody: it stands in a text."""
        self._taken.add(key)

    @property
    def entries(self) -> Iterable[Entry]:
        """In the order in which they were met."""
        return self._entries.values()

    def follow(self, give_back: GiveBack) -> None:
        """Values are taken out by a rule that says so."""
        self.give_back = max(self.give_back, give_back, key=GIVE_BACK.index)


def folded(kind: str, value: str) -> str:
    """What is equal for one value written with other spaces, another case or other marks.

    Secrets are equal letter by letter alone, and addresses of mail by their marks.
    """
    if kind in SECRETS:
        return value
    plain = unicodedata.normalize("NFKC", value).casefold()
    if kind == "email":
        return _SPACE.sub("", plain)
    if kind == "phone" and plain.lstrip().startswith("+"):
        return f"+{_MARKS.sub('', plain)}"
    return _MARKS.sub("", plain) or plain
