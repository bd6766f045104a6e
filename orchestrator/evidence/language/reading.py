"""One sentence, read: its content words, quantities, names, what is negated, which modal verb."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from orchestrator.evidence.keeping import Kept
from orchestrator.evidence.language.lexicon import word_set
from orchestrator.evidence.language.words import Word, words
from orchestrator.evidence.numbers import MARKER, Quantity, quantities

Modality = Literal["", "must", "must not", "may", "need not", "should"]

_NOT_NAMES = word_set(
    """
i eur usd gbp chf gb mb kb tb am pm ok monday tuesday wednesday thursday friday saturday sunday
january february march april may june july august september october november december etc eg ie
mondays tuesdays wednesdays thursdays fridays saturdays sundays no nb vs
"""
)
_JOINS_NAMES = word_set("of de la le da di van von der den the and for")
_TITLES = word_set("mr mrs ms dr prof sir lady president minister the")

_NEGATOR = re.compile(
    r"\b(?:not|never|cannot|without|nobody|nothing|none|neither|nor|no one|no longer|no(?!-)|lacks?"
    r"|\w+n['’]t|fails? to|refuses? to)\b",
    re.IGNORECASE,
)
_NOT_A_NEGATOR = re.compile(
    r"not only|not just|no doubt|not necessarily|no matter|or not\b"
    r"|(?:no|not) (?:more|less|fewer|later|earlier|longer|sooner|greater|higher) than|no\. ?\d",
    re.IGNORECASE,
)
_SCOPE_ENDS = re.compile(
    r"[,;:.!?()]|\b(?:without|but|because|if|unless|when|until|before|after|although|while|whereas|who"
    r"|which|except|so|than)\b",
    re.IGNORECASE,
)
_SCOPE_WORDS = 8
_NOUN_SCOPE_WORDS = 3
_MODALS: tuple[tuple[Modality, re.Pattern[str]], ...] = (
    (
        "must not",
        re.compile(
            r"\b(?:must not|mustn['’]t|may not|cannot|can['’]t|can not|shall not|shan['’]t"
            r"|(?:is|are) not (?:allowed|permitted)|prohibited|forbidden|banned)\b"
        ),
    ),
    (
        "need not",
        re.compile(
            r"\b(?:need not|needn['’]t|(?:do|does)(?: not|n['’]t) (?:have|need) to"
            r"|not (?:required|obliged|necessary|mandatory)|optional|voluntary)\b"
        ),
    ),
    (
        "must",
        re.compile(
            r"\b(?:must|shall|(?:have|has) to|needs? to|(?:is|are) (?:required|obliged)|mandatory"
            r"|compulsory|obligatory)\b"
        ),
    ),
    ("should", re.compile(r"\b(?:should|ought to|(?:is|are) (?:recommended|advised))\b")),
    ("may", re.compile(r"\b(?:may|can|(?:is|are) (?:allowed|permitted|free) to)\b")),
)
_CLAUSE = re.compile(r"(?:[;:,]|\s)\s*(?:(?:and|but|while|whereas|or)\s+)|[;:,]\s+")

_CONTRAST = re.compile(r"while|whereas|but|;")


@dataclass(frozen=True, slots=True)
class Negation:
    """A negating word and the indices of the content words that it reaches."""

    word: str
    reaches: frozenset[int]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the checks look at in one sentence. Indices count in `content`."""

    text: str
    words: tuple[Word, ...]
    content: tuple[Word, ...]
    """Content words outside quantities."""
    quantities: tuple[Quantity, ...]
    names: tuple[tuple[Word, ...], ...]
    negations: tuple[Negation, ...]
    modality: Modality

    @property
    def stems(self) -> tuple[str, ...]:
        return tuple(word.stem for word in self.content)

    @property
    def named(self) -> frozenset[str]:
        """Stems of the words that stand in a name."""
        return frozenset(word.stem for name in self.names for word in name)


def read(text: str) -> Reading:
    """Read one sentence; the last ones are kept."""
    return _READINGS(text)


def _read(text: str) -> Reading:
    found = tuple(words(text))
    amounts = quantities(text)
    content = tuple(
        w
        for w in found
        if w.is_content and not any(q.span[0] <= w.start < q.span[1] for q in amounts)
    )
    return Reading(
        text=text,
        words=found,
        content=content,
        quantities=amounts,
        names=_names(text, found),
        negations=_negations(text, content),
        modality=_modality(text),
    )


_READINGS: Kept[str, Reading] = Kept(_read, size=len, room=1_000_000)  # about 50 MB


@lru_cache(maxsize=4096)
def clauses(text: str) -> tuple[str, ...]:
    """The parts of a sentence that speak of different things; else the sentence itself.

    Contrast always parts (`while`, `but`, a semicolon); a comma and `and` only where each side
    states a quantity of its own.
    """
    amounts = [q for q in quantities(text) if not q.is_named_day]
    parts, start = [], 0
    for cut in _CLAUSE.finditer(text):
        if any(q.span[0] < cut.end() and cut.start() < q.span[1] for q in amounts):
            continue
        left, right = text[start : cut.start()], text[cut.end() :]
        held = any(start <= q.span[0] < cut.start() for q in amounts)
        rest = any(q.span[0] >= cut.end() for q in amounts)
        if (held and rest) or (_CONTRAST.search(cut[0]) and _says(left) and _says(right)):
            parts.append(left)
            start = cut.end()
    parts.append(text[start:])
    return tuple(parts)


def _says(text: str) -> bool:
    return sum(w.is_content for w in words(text)) >= 2


def inner_capitals(reading: Reading) -> list[Word]:
    """Content words with a capital letter that no start of a sentence explains.

    Days and months are none, nor is `Source` in a reference to one.
    """
    text = reading.text
    markers = [m.span() for m in MARKER.finditer(text)]
    return [
        w
        for w in reading.words
        if _capital(w)
        and w.is_content
        and not any(a <= w.start < b for a, b in markers)
        and not re.match(r"I['’]", w.text)
        and re.search(r"\w", _since_break(text, w.start))
    ]


def _names(text: str, found: Sequence[Word]) -> tuple[tuple[Word, ...], ...]:
    """Acronyms, and capitalised words that the start of the sentence does not explain."""
    letters = [w for w in found if w.text[0].isalpha()]
    capitals = sum(w.text[0].isupper() for w in letters)
    title_case = len(letters) >= 4 and capitals > 0.7 * len(letters)
    names: list[tuple[Word, ...]] = []
    run: list[Word] = []
    for i, word in enumerate([*found, None]):
        if word is not None and _capital(word) and _joined(text, run, word):
            run.append(word)
            continue
        if word is not None and run and _bridges(text, run, word, found[i + 1 : i + 2]):
            continue
        if run:
            names += _closed(text, run, title_case)
        run = [word] if word is not None and _capital(word) else []
    return tuple(names)


def _capital(word: Word) -> bool:
    return word.text[0].isupper() and word.text.lower() not in _NOT_NAMES


def _joined(text: str, run: Sequence[Word], word: Word) -> bool:
    if not run:
        return True
    between = text[run[-1].end : word.start]
    return bool(re.fullmatch(r"[\s.&'’-]{1,3}(?:(?:of|de|la|van|von|der|di)\s+)*", between)) and (
        "\n" not in between and not re.search(r"[a-z]{3,}\.\s", text[run[-1].start : word.start])
    )


def _bridges(text: str, run: Sequence[Word], word: Word, following: Sequence[Word]) -> bool:
    """`of` and the like between two capitalised words."""
    return (
        word.text in _JOINS_NAMES - {"and", "for", "the"}
        and bool(following)
        and _capital(following[0])
        and _joined(text, run, following[0])
    )


def _closed(text: str, run: Sequence[Word], title_case: bool) -> list[tuple[Word, ...]]:
    run = list(run)
    at_start = bool(run) and not re.search(r"\w", _since_break(text, run[0].start))
    while run and (run[0].text.lower() in _TITLES or not run[0].is_content):
        run.pop(0)
        at_start = False
    if not run:
        return []
    acronyms = [w for w in run if _is_acronym(w.text)]
    if title_case or (at_start and len(run) == 1):
        return [(w,) for w in acronyms] if acronyms and not _shouting(text) else []
    return [tuple(run)]


def _since_break(text: str, start: int) -> str:
    return re.split(r"[.!?:\n|]|[-*•]\s", text[:start])[-1]


def _is_acronym(word: str) -> bool:
    return 2 <= len(word) <= 8 and sum(c.isupper() for c in word) >= 2


def spells_out(reading: Reading, acronym: str) -> bool:
    """Whether neighbouring words have the acronym's letters as their initials."""
    if not (2 <= len(acronym) <= 6 and acronym.isupper() and acronym.isalpha()):
        return False
    initials = "".join(w.text[0] for w in reading.words)
    return acronym in (initials if len(acronym) == 2 else initials.upper())


def _shouting(text: str) -> bool:
    letters = [c for c in text if c.isalpha()]
    return sum(c.isupper() for c in letters) > 0.6 * len(letters)


def _negations(text: str, content: Sequence[Word]) -> tuple[Negation, ...]:
    idioms = [m.span() for m in _NOT_A_NEGATOR.finditer(text)]
    found = []
    for match in _NEGATOR.finditer(text):
        if any(a <= match.start() < b for a, b in idioms):
            continue
        low = match[0].lower()
        limit = _NOUN_SCOPE_WORDS if low in ("no", "without", "lack", "lacks") else _SCOPE_WORDS
        end = _SCOPE_ENDS.search(text, match.end())
        stop = end.start() if end else len(text)
        reach = [i for i, w in enumerate(content) if match.end() <= w.start < stop][:limit]
        if low in ("none", "nobody", "nothing", "no one") or not reach:
            begin = max((m.end() for m in _SCOPE_ENDS.finditer(text, 0, match.start())), default=0)
            reach += [i for i, w in enumerate(content) if begin <= w.start < match.start()]
        found.append(Negation(low, frozenset(reach)))
    return tuple(found)


def _modality(text: str) -> Modality:
    """The class of the modal expressions; empty where there is none, or several that differ."""
    taken: list[tuple[int, int]] = []
    found = set[Modality]()
    for name, pattern in _MODALS:  # the longer expressions come first: `must not` before `must`
        for match in pattern.finditer(text):
            if all(match.end() <= a or b <= match.start() for a, b in taken):
                taken.append(match.span())
                found.add(name)
    return found.pop() if len(found) == 1 else ""
