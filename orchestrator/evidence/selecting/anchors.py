"""What a question pins down: this device, that year, this person. A sentence on another is none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from orchestrator.evidence.language.lexicon import word_set
from orchestrator.evidence.language.reading import Reading, read, spells_out
from orchestrator.evidence.language.similarity import has_synonym
from orchestrator.evidence.language.words import Word, words
from orchestrator.evidence.numbers import MONEY, Quantity, agrees, quantities

AnchorKind = Literal["label", "name", "moment"]

_LABELLED = (
    r"(?:[A-Z][\w’'-]*|version|release|incident|report|case|house|flat|room|hall|section|clause"
    r"|article|chapter|ramp|line|gate|dock|level|stage|phase|step|class|grade|type|model|series"
    r"|platform|track|site|building|floor|unit|item|measure|table|form|group|team|ward|zone|lot"
    r"|number|no\.?)"
)
_LABEL = re.compile(rf"\b({_LABELLED})[ -](\d[\w.]*\b|[A-HJ-Z](?![\w’'.]))")
_CODE = re.compile(r"\b(?=[A-Z0-9-]*[A-Z])(?=[A-Z0-9-]*\d)[A-Z0-9]+(?:-[A-Z0-9]+)*\b")
_NOT_LABELS = word_set("In On At By Since From Until Before After During Between And The Of For")
_TITLES = word_set("mr mrs ms dr prof sir st")
_UNIT_AFTER = re.compile(r"[\s-]?(?:%|°|[a-z]+s\b)")


@dataclass(frozen=True, slots=True)
class Anchor:
    """One thing that a question pins down. `words` are the words of the question that name it."""

    kind: AnchorKind
    text: str
    words: tuple[Word, ...]
    moment: Quantity | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a sentence stands: what comes before it, what it stands under, what it is all about."""

    before: tuple[Reading, ...]
    """The sentences before it in its passage, nearest first."""
    heading: Reading
    """The headings above it, and of a table's row the first row."""
    about: Reading
    rest: frozenset[str]
    """Stems of all names in its file, as far as it is known."""


@lru_cache(maxsize=512)
def anchors(question: str) -> tuple[Anchor, ...]:
    """The labels (`Kestrel 200`, `E4`), moments (`in 1941`) and names of a question."""
    found = words(question)
    reading = read(question)
    labels: list[Anchor] = []
    for match in (*_LABEL.finditer(question), *_CODE.finditer(question)):
        text = match[0]
        inside = tuple(w for w in found if match.start() <= w.start < match.end())
        if any(set(inside) & set(a.words) for a in labels) or inside[0].text in _NOT_LABELS:
            continue
        if _counts(question, match) or _is_moment(match, reading):
            continue
        labels.append(Anchor("label", text, inside))
    taken = {w for a in labels for w in a.words}
    moments = [
        Anchor("moment", q.text.strip(), tuple(w for w in found if _within(w, q)), q)
        for q in reading.quantities
        if (q.unit == "date" and not q.is_named_day) or q.unit == "weekday"
    ]
    names = [
        Anchor("name", question[name[0].start : name[-1].end], tuple(name))
        for name in reading.names
        if not taken & set(name)
        and not any(_within(name[0], a.moment) for a in moments if a.moment)
        and not (len(name) == 1 and name[0].text.isupper() and has_synonym(name[0].stem))
    ]
    brands = [Anchor("name", w.text, (w,)) for w in found if re.match(r"[a-z]+[A-Z]", w.text)]
    return (*labels, *moments, *names, *brands)


def _counts(question: str, match: re.Match[str]) -> bool:
    """Whether the number of a label counts what follows: `Norrholm 40 employees`."""
    return (
        match.re is _LABEL and match[2].isdigit() and bool(_UNIT_AFTER.match(question, match.end()))
    )


def _is_moment(match: re.Match[str], reading: Reading) -> bool:
    """Whether it is a date, a time or an amount of money, and names nothing."""
    return any(
        (q.unit in ("date", "clock") or q.unit in MONEY)
        and q.span[0] < match.end()
        and match.start() < q.span[1]
        for q in reading.quantities
    )


def _within(word: Word, quantity: Quantity) -> bool:
    return quantity.span[0] <= word.start < quantity.span[1]


def meets(anchor: Anchor, sentence: Reading, around: Surroundings) -> bool:
    """Whether the sentence is about what the anchor pins down.

    It says so itself, or else says of nothing else of that kind that it is about that, and stands
    under a heading, after a sentence, or in a document that does.
    """
    if anchor.kind == "moment":
        return _meets_moment(anchor, sentence, around)
    if anchor.kind == "label":
        return _meets_label(anchor, sentence, around)
    return _meets_name(anchor, sentence, around)


def _meets_label(anchor: Anchor, sentence: Reading, around: Surroundings) -> bool:
    said = _has_label(anchor.text, sentence.text)
    if said or _rivals(anchor.text, sentence.text):
        return said
    for other in (*around.before, around.heading, around.about):
        if _has_label(anchor.text, other.text):
            return True
        if other is not around.about and _rivals(anchor.text, other.text):
            return False
    return False


def _has_label(label: str, text: str) -> bool:
    parts = re.split(r"[ -]", label)
    pattern = r"[\s-]{1,3}".join(map(re.escape, parts))
    if re.search(rf"(?<!\w){pattern}(?!\w|[.,]\d)", text, re.IGNORECASE):
        return True
    if len(parts) != 2:
        return False
    # A bare label is enough in a cell or a heading (`2.6 (14 May 2024)`).
    bare = rf"(?:^|[|›])\W*{re.escape(parts[1])}\s*(?=[|›(]|$)"
    apart = rf"(?<!\w){re.escape(parts[0])}(?: [a-z]+){{1,2}} {re.escape(parts[1])}(?!\w|[.,]\d)"
    listed = rf"(?<!\w){re.escape(parts[0])}s?\b[^.;!?]{{0,40}}?\b(?:and|or|,|to)\s+"
    joined = rf"{listed}{re.escape(parts[1])}(?!\w|[.,]\d)"
    return bool(
        re.search(bare, text)
        or re.search(joined, text, re.IGNORECASE)
        or re.search(apart, text, re.IGNORECASE)
    )


def _rivals(label: str, text: str) -> bool:
    """Whether the text names another thing of the same kind: Kestrel 300 beside Kestrel 200."""
    parts = re.split(r"[ -]", label)
    if len(parts) == 2:
        return bool(re.search(rf"\b{re.escape(parts[0])}[ -](?:\d[\w.]*|[A-Z]\b)", text))
    shape = re.sub(r"\d+", r"\\d+", re.escape(label))
    return bool(re.search(rf"(?<!\w){shape}(?!\w)", text))


def _meets_moment(anchor: Anchor, sentence: Reading, around: Surroundings) -> bool:
    wanted = anchor.moment
    assert wanted is not None
    if wanted.unit == "weekday":
        near = (sentence, around.heading)
        return any(agrees(wanted, q) for r in near for q in r.quantities if q.unit == "weekday")
    own = _moments(sentence)
    if any(agrees(wanted, q) for q in own):
        return True
    if own:
        return False
    for other in (*around.before[:1], around.heading, around.about):
        if stated := _moments(other):
            return all(agrees(wanted, q) for q in stated)
    return False


def _moments(reading: Reading) -> list[Quantity]:
    return [q for q in reading.quantities if q.unit == "date" and not q.is_named_day]


def _meets_name(anchor: Anchor, sentence: Reading, around: Surroundings) -> bool:
    wanted = {w.stem for w in anchor.words if w.is_content}
    if not wanted or _has_name(anchor, wanted, sentence):
        return True
    others = [n for n in sentence.names if not wanted & {w.stem for w in n}]
    near = (*(() if others else around.before), around.heading, around.about)
    if any(_has_name(anchor, wanted, other) for other in near):
        return True
    return not sentence.names and bool(wanted & around.rest)


def _has_name(anchor: Anchor, wanted: set[str], reading: Reading) -> bool:
    """The whole name, its last word, or an abbreviation of it."""
    present = {w.stem for w in reading.words}
    if wanted <= present or _is_called(anchor, reading):
        return True
    return len(anchor.words) == 1 and spells_out(reading, anchor.text)


def _is_called(anchor: Anchor, reading: Reading) -> bool:
    """Whether the last word of the name stands there, and not as that of another: Harrow Prize."""
    own = {w.stem for w in anchor.words}
    for k, word in enumerate(reading.words):
        if word.stem != anchor.words[-1].stem:
            continue
        before = reading.words[k - 1] if k else None
        joined = before is not None and reading.text[before.end : word.start] == " "
        other = joined and before is not None and before.text[0].isupper() and before.start > 0
        if not other or (before is not None and before.stem in own | _TITLES):
            return True
    return False


def amounts_asked(question: str) -> tuple[Quantity, ...]:
    """The amounts that a question names itself, which answer nothing."""
    return tuple(q for q in quantities(question) if q.unit not in ("date", "label"))


def surroundings(
    before: Sequence[Reading], heading: str, about: str, rest: frozenset[str]
) -> Surroundings:
    """The surroundings of a sentence, its headings and its document's opening read."""
    return Surroundings(tuple(before), read(heading), read(about), rest)
