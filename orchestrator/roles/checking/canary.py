"""A claim that is known to be false, put among the others: whoever passes it has not read.

It is a sentence of the passages in which one number, one name or one "not" was altered, so that
it looks like any other claim, and the gates themselves say that the passages contradict it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from random import Random

from orchestrator.evidence.language.reading import read
from orchestrator.evidence.sources.chunks import passage_sentences, readable
from orchestrator.evidence.values import Passage

_SHORTEST, _LONGEST = 25, 240
_TRIES = 6
"""Altered sentences of each kind that are put before the gates."""
_NUMBER = re.compile(r"(?<![\w.,:/-])\d+(?:[.,]\d+)*(?![\w:/-]|[.,]\d)")
_SPELLED = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve")
_WORD_NUMBER = re.compile(rf"\b(?:{'|'.join(_SPELLED)})\b", re.IGNORECASE)
_VERB = re.compile(r"\b(?:is|are|was|were|may|must|can|will|shall|should)\b(?! not\b|n['’]t)")
_DAYS = 28
"""A number up to 31 may be a day or an hour; what is put in its place may be one, too."""


def make_canary(
    passages: Sequence[Passage],
    others: Collection[str],
    contradicted: Callable[[str], bool],
    chance: Random,
) -> str:
    """A false claim about these passages; empty where none could be made.

    Args:
        others: texts that it may not repeat: the claims of the batch, and earlier canaries.
        contradicted: whether the gates say that the passages contradict a text.
    """
    texts = [text for passage in passages for text in _sentences(passage)]
    claimed = {_plain(text) for text in others}
    told = claimed | {_plain(text) for text in texts}
    sentences = list(dict.fromkeys(texts))
    chance.shuffle(sentences)
    # A claim of the draft in two versions would give the false one away: those come last.
    sentences.sort(key=lambda text: _plain(text) in claimed)
    names = sorted({text[n[0].start : n[-1].end] for text in texts for n in read(text).names})
    for change in (_numbers, lambda text, c: _names(text, names, c), _denials):
        altered = (new for text in sentences for new in change(text, chance))
        for claim in islice((new for new in altered if _plain(new) not in told), _TRIES):
            if contradicted(claim):
                return claim
    return ""


def _sentences(passage: Passage) -> Iterator[str]:
    """The sentences of a passage as a draft would write them."""
    for span in passage_sentences(passage):
        piece = passage.text[span.start - passage.start : span.end - passage.start]
        text = readable(piece, passage.file)
        if (
            span.kind not in ("heading", "row", "code")
            and _SHORTEST <= len(text) <= _LONGEST
            and text.endswith(".")
        ):
            yield text


def _numbers(text: str, chance: Random) -> Iterator[str]:
    """The sentence with one of its numbers altered, of the same form and size."""
    found = [*_NUMBER.finditer(text), *_WORD_NUMBER.finditer(text)]
    chance.shuffle(found)
    for match in found:
        other = _other_number(match[0], chance)
        if other:
            yield text[: match.start()] + other + text[match.end() :]


def _other_number(number: str, chance: Random) -> str:
    if number.lower() in _SPELLED:
        other = chance.choice([n for n in _SPELLED if n != number.lower()])
        return other.capitalize() if number[0].isupper() else other
    if number.isdigit() and int(number) <= 31:
        return str(chance.choice([n for n in range(2, _DAYS + 1) if n != int(number)]))
    places = [n for n, c in enumerate(number) if c.isdigit()]
    place = chance.choice(places[: len(places) - (len(places) > 3)])  # not a last digit in four
    others = [d for d in "123456789" if d != number[place]]
    return number[:place] + chance.choice(others) + number[place + 1 :]


def _names(text: str, names: Sequence[str], chance: Random) -> Iterator[str]:
    """The sentence with one of its names replaced by another name of the passages."""
    own = [text[n[0].start : n[-1].end] for n in read(text).names]
    for name in chance.sample(own, len(own)):
        others = [n for n in names if n not in text and len(n.split()) == len(name.split())]
        if others:
            yield text.replace(name, chance.choice(others), 1)


def _denials(text: str, _chance: Random) -> Iterator[str]:
    """The sentence denied."""
    match = _VERB.search(text)
    if match:
        yield f"{text[: match.end()]} not{text[match.end() :]}"


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
