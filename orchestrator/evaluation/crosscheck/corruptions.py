"""Quotes made of real texts: some spoilt in a known way, some only written otherwise.

Written apart from the quote gate and without its folding, so that a corruption is not made only
where the gate is known to look.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from orchestrator.evidence.values import QuoteStatus

_SENTENCE = re.compile(r"(?<![^\s(])[^.!?\s][^.!?\n]{38,398}[.!?](?=\s|$)")
_WORD = re.compile(r"(?<![\w'’.-])[a-z]{3,}(?![\w'’-])")
_NUMBER = re.compile(r"(?<![\w.,])\d[\d.,]*\d(?![\w%])")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{2,}(?![\w'’-])")
_HELPING = re.compile(
    r"\b(?:is|are|was|were|has|have|had|will|would|can|could|may|must|should|do|does|did)\b(?! not)"
)
_ELLIPSES = (" ... ", " … ", " [...] ", "… ")
_SPACES = "\u00a0\u2009\u202f\u3000\t\n"
_LIGATURES = {"ffi": "ﬃ", "ffl": "ﬄ", "ff": "ﬀ", "fi": "ﬁ", "fl": "ﬂ"}
_STRAIGHT = str.maketrans("‘’“”", "''\"\"")
_LONG_WORD = re.compile(r"[^\W\d_]{3}(?=[^\W\d_]{3})")
_LINE = 68
_FORMS: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Corruption:
    """A quote as somebody claims it, and what a gate should say of it."""

    kind: str
    good: bool
    expected: frozenset[QuoteStatus]
    """The statuses that name it rightly."""
    document: str
    """The text that it is said to be from."""
    start: int
    end: int
    quote: str
    original: str
    """The words of the document that a good one stands for."""
    other: str = ""
    """Another document, in which it may stand instead."""


@dataclass(frozen=True, slots=True)
class _Case:
    """A sentence of a document, with what may be put into it."""

    documents: Sequence[Sequence[re.Match[str]]]
    number: int
    sentence: int
    rng: random.Random

    @property
    def match(self) -> re.Match[str]:
        return self.documents[self.number][self.sentence]

    @property
    def text(self) -> str:
        return self.match[0]

    def elsewhere(self, pattern: re.Pattern[str] | None = None) -> str:
        """A sentence of another document, or what the pattern finds in one; empty if nothing."""
        for _ in range(20):
            number = self.rng.randrange(len(self.documents))
            if number == self.number:
                continue
            text = self.rng.choice(self.documents[number])[0]
            found = pattern.findall(text) if pattern else [text]
            if found:
                return str(self.rng.choice(found))
        return ""

    def put(self, pattern: re.Pattern[str], into: Callable[[str], str]) -> str | None:
        """The sentence with one of the places of the pattern replaced."""
        found = list(pattern.finditer(self.text))
        if not found:
            return None
        at = self.rng.choice(found)
        new = into(at[0])
        return self.text[: at.start()] + new + self.text[at.end() :] if new else None


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A quote with the place that is claimed for it; what is absent is as in the document."""

    quote: str
    shift: tuple[int, int] = (0, 0)
    """By how much the claimed beginning and end are wrong."""
    document: str | None = None
    other: str = ""


_Made = str | _Claimed | None


def corruptions(texts: Sequence[str], *, most: int, seed: int) -> Iterator[Corruption]:
    """Corruptions of the sentences of these texts, at most `most` of each kind.

    Bad ones that by chance stand in the document after all are left out.
    """
    documents = [found for text in dict.fromkeys(texts) if (found := _sentences(text))]
    places = [(n, s) for n, found in enumerate(documents) for s in range(len(found))]
    random.Random(seed).shuffle(places)
    made = dict.fromkeys(_MAKERS, 0)
    for number, sentence in places:
        for kind in [k for k, count in made.items() if count < most]:
            rng = random.Random(f"{seed}:{number}:{sentence}:{kind}")
            corruption = _corrupted(_Case(documents, number, sentence, rng), kind)
            if corruption is not None:
                made[kind] += 1
                yield corruption
        if min(made.values()) >= most:
            return


def _sentences(text: str) -> list[re.Match[str]]:
    return list(_SENTENCE.finditer(text))


def _corrupted(case: _Case, kind: str) -> Corruption | None:
    make, expected = _MAKERS[kind]
    made = make(case)
    if made is None:
        return None
    claimed = _Claimed(made) if isinstance(made, str) else made
    document = case.match.string if claimed.document is None else claimed.document
    good = kind in GOOD
    if not good and _plain(claimed.quote) in _plain(document):
        return None
    return Corruption(
        kind=kind,
        good=good,
        expected=expected,
        document=document,
        start=case.match.start() + claimed.shift[0],
        end=case.match.end() + claimed.shift[1],
        quote=claimed.quote,
        original=case.text,
        other=claimed.other,
    )


@lru_cache(maxsize=256)
def _plain(text: str) -> str:
    """The text as NFKC writes it, with one kind of dash, quotation mark and space."""
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(r"[‐‑‒–—―−]", "-", text)
    text = re.sub(r"[‘’′`]", "'", re.sub(r"[“”″„«»]", '"', text))
    return " ".join(re.sub(r"[\u00ad\u200b]", "", text).split())


# The bad ones.


def _word(case: _Case) -> _Made:
    return case.put(_WORD, lambda old: _other_than(old, case.elsewhere(_WORD)))


def _other_than(old: str, new: str) -> str:
    return new if old[:4] != new[:4] else ""


def _name(case: _Case) -> _Made:
    return case.put(_NAME, lambda old: _other_than(old, case.elsewhere(_NAME)))


def _digit(case: _Case) -> _Made:
    return case.put(re.compile(r"\d"), lambda old: case.rng.choice("0123456789".replace(old, "")))


def _number_cut(case: _Case) -> _Made:
    return case.put(_NUMBER, lambda old: old[1:] if case.rng.random() < 0.5 else old[:-1])


def _negated(case: _Case) -> _Made:
    if " not " in case.text and case.rng.random() < 0.5:
        return case.text.replace(" not ", " ", 1)
    return case.put(_HELPING, lambda old: f"{old} not")


def _swapped(case: _Case) -> _Made:
    words = list(_WORD.finditer(case.text))
    if len(words) < 2:
        return None
    left, right = sorted(case.rng.sample(words, 2), key=lambda w: w.start())
    if left[0] == right[0]:
        return None
    text = case.text
    between, after = text[left.end() : right.start()], text[right.end() :]
    return text[: left.start()] + right[0] + between + left[0] + after


def _stitched(case: _Case, joint: str = " ") -> _Made:
    sentences = case.documents[case.number]
    if case.sentence + 2 >= len(sentences):
        return None
    second = sentences[case.sentence + 2][0]
    return case.text.rstrip(".") + joint + second if joint != " " else f"{case.text} {second}"


def _with_ellipsis(case: _Case) -> _Made:
    return _stitched(case, case.rng.choice(_ELLIPSES))


def _middle_left_out(case: _Case) -> _Made:
    words = case.text.split(" ")
    if len(words) < 16:
        return None
    first = case.rng.randint(5, len(words) // 2 - 2)
    last = case.rng.randint(5, len(words) // 2 - 2)
    return " ".join([*words[:first], *words[-last:]])


def _other_document(case: _Case) -> _Made:
    others = [n for n in range(len(case.documents)) if n != case.number]
    if not others:
        return None
    found = case.rng.choice(case.documents[case.rng.choice(others)])
    return _Claimed(found[0], other=found.string)


# The good ones.


def _as_it_is(case: _Case) -> _Made:
    return case.text


def _near_by(case: _Case) -> _Made:
    by = case.rng.choice([-9, -3, -1, 1, 2, 17])
    return _Claimed(case.text, (by, by))


def _anywhere(case: _Case) -> _Made:
    start, end = case.rng.randint(-50, 10_000), case.rng.randint(-50, 10_000)
    return _Claimed(case.text, (start - case.match.start(), end - case.match.end()))


def _without_place(case: _Case) -> _Made:
    """As a model gives it: at the beginning, wherever it stands."""
    return _Claimed(case.text, (-case.match.start(), len(case.text) - case.match.end()))


def _quotation_marks(case: _Case) -> _Made:
    if case.rng.random() < 0.5:
        return _changed(case, case.text.translate(_STRAIGHT))
    curly = re.sub(r"(?<!\w)'", "‘", case.text).replace("'", "’")
    return _changed(case, re.sub(r'(?<!\w)"', "“", curly).replace('"', "”"))


def _dashes(case: _Case) -> _Made:
    dash = case.rng.choice("-‐‑–—−")
    return _changed(case, re.sub(r"[-‐‑‒–—−]", dash, case.text))


def _spaces(case: _Case) -> _Made:
    space = case.rng.choice([*_SPACES, "  ", " \n", "\r\n"])
    mixed = re.sub(r"\s", lambda m: space if case.rng.random() < 0.4 else m[0], case.text)
    return _changed(case, mixed)


def _ligatures(case: _Case) -> _Made:
    return _changed(case, re.sub("ffi|ffl|ff|fi|fl", lambda m: _LIGATURES[m[0]], case.text))


def _normal_form(case: _Case) -> _Made:
    form = case.rng.choice(_FORMS)
    return _changed(case, unicodedata.normalize(form, case.text))


def _full_width(case: _Case) -> _Made:
    return re.sub(r"[!-~]", lambda m: chr(ord(m[0]) + 0xFEE0), case.text)


def _unseen(case: _Case) -> _Made:
    """With soft hyphens and spaces of no width in its words."""
    mark = case.rng.choice("\u00ad\u200b")
    return _changed(case, _LONG_WORD.sub(lambda m: m[0] + mark, case.text))


def _lines(case: _Case) -> _Made:
    """With the line breaks of a narrow column."""
    return _changed(case, _wrapped(case.text, case.rng, hyphens=False))


def _hyphenated(case: _Case) -> _Made:
    """As copied out of a PDF: with line breaks, and words cut at them."""
    return _changed(case, _wrapped(case.text, case.rng, hyphens=True))


def _from_pdf(case: _Case) -> _Made:
    """The document is a PDF with line breaks and cut words, the quote has none."""
    whole = case.match.string
    begin, end = case.match.span()
    document = whole[:begin] + _wrapped(case.text, case.rng, hyphens=True) + whole[end:]
    return _Claimed(case.text, document=document) if document != whole else None


def _quoted(case: _Case) -> _Made:
    """In quotation marks of its own."""
    return case.rng.choice(["“{}”", '"{}"', "«{}»", "‘{}’"]).format(case.text)


def _changed(case: _Case, text: str) -> str | None:
    return text if text != case.text else None


def _wrapped(text: str, rng: random.Random, *, hyphens: bool) -> str:
    out, column = [], rng.randrange(_LINE)
    for word in text.split(" "):
        column += len(word) + 1
        if column <= _LINE:
            out.append(f"{word} ")
            continue
        cut = _LONG_WORD.match(word) if hyphens and word.isalpha() else None
        if cut:
            out.append(f"{word[: cut.end()]}-\n{word[cut.end() :]} ")
            column = len(word) - cut.end() + 1
        else:
            out.append(f"\n{word} " if rng.random() < 0.5 else f"{word}\n")
            column = len(word)
    return "".join(out).rstrip(" \n")


_ALTERED: frozenset[QuoteStatus] = frozenset({"altered"})
_STITCHED: frozenset[QuoteStatus] = frozenset({"stitched"})
_THERE: frozenset[QuoteStatus] = frozenset({"exact", "normalised"})
_BAD: Mapping[str, tuple[Callable[[_Case], _Made], frozenset[QuoteStatus]]] = {
    "one word changed": (_word, _ALTERED),
    "one digit changed": (_digit, _ALTERED),
    "number cut short": (_number_cut, _ALTERED),
    "name changed": (_name, _ALTERED),
    "negation": (_negated, _ALTERED),
    "two words swapped": (_swapped, _ALTERED),
    "stitched": (_stitched, _STITCHED),
    "stitched with an ellipsis": (_with_ellipsis, _STITCHED),
    "middle left out": (_middle_left_out, _STITCHED),
    "other document": (_other_document, frozenset({"wrong_document"})),
}
_GOOD: Mapping[str, tuple[Callable[[_Case], _Made], frozenset[QuoteStatus]]] = {
    "as it is": (_as_it_is, frozenset({"exact"})),
    "place a little off": (_near_by, frozenset({"moved"})),
    "place wrong": (_anywhere, frozenset({"moved"})),
    "place not known": (_without_place, frozenset({"moved", "exact"})),
    "quotation marks": (_quotation_marks, _THERE),
    "dashes": (_dashes, _THERE),
    "spaces": (_spaces, _THERE),
    "ligatures": (_ligatures, _THERE),
    "normal forms": (_normal_form, _THERE),
    "full width": (_full_width, _THERE),
    "soft hyphens": (_unseen, _THERE),
    "line breaks": (_lines, _THERE),
    "words cut at line ends": (_hyphenated, _THERE),
    "document with cut words": (_from_pdf, _THERE),
    "in quotation marks": (_quoted, _THERE | {"moved"}),
}
_MAKERS = {**_BAD, **_GOOD}
BAD: tuple[str, ...] = tuple(_BAD)
GOOD: tuple[str, ...] = tuple(_GOOD)
