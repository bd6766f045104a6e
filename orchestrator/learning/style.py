"""How a request is written: numbers that are read off its text, and say how hard it may be.

Lengths, kinds of characters, kinds of words, the form of its lines. None of them knows a task; on
public benchmarks they tell more about who answers right than what a request is about does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import log, log1p, sqrt

_HEAD, _TAIL = 3000, 1000
"""Characters that are looked at; lengths are those of the whole text."""
_WORD = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SENTENCE_END = re.compile(r"[.?!](?=\s|$)")
_CHOICE = re.compile(r"^[ \t]*\(?[A-J][.)][ \t]+(.*)$", re.M)
_NUMERIC = re.compile(r"[-\d\s.,$%/()]+")
_LETTERED = re.compile(r"\b[IVX]{1,4}[.)]|\bstatement [12I]", re.I)

_KINDS: dict[str, str] = {
    "plain": "the of and to in is that for with as are this be on by what how which from at or why "
    "do does can you i it my your was were we who not have an a his her he she they their has had "
    "if will would one all there more than",
    "negation": "not except never no false incorrect cannot least neither nor without unlike",
    "which": "which",
    "following": "following",
    "reason": "why because therefore hence thus since cause causes due",
    "amount": "many much long far old often",
    "reckon": "calculate compute find determine evaluate solve value estimate approximately",
    "premise": "prove show let suppose assume given if consider",
    "person": "who whom whose when where",
    "term": "define definition refers refer called known term means",
    "rank": "best most mainly primary primarily main likely greatest highest",
    "scope": "all none both any every only each",
    "money": "dollar dollars percent rate cost costs price interest paid pay spend tax",
    "time": "second seconds minute minutes hour hours day days week weeks month months year years "
    "century",
    "compare": "more less than twice half greater fewer larger smaller times same different",
    "law": "court law right rights plaintiff defendant state act legal contract statute",
    "code": "def return class function import print for while array string list code program",
    "first": "i we my our me us",
    "second": "you your",
    "third": "he she his her him they them their",
    "write": "write explain describe discuss summarize list name give compose translate rewrite",
    "truth": "true false correct",
}
_KIND_OF: dict[str, tuple[int, ...]] = {}
for _place, _words in enumerate(_KINDS.values()):
    for _word in _words.split():
        _KIND_OF[_word] = (*_KIND_OF.get(_word, ()), _place)

_CHARACTERS = (
    "0123456789",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "+-*/=^<>|",
    "()[]{}",
    "\\_$",
    ",",
    '"',
    ";:",
    "?",
    ".",
    "%",
    "'",
)
"""Kinds of characters; all beyond ASCII are one kind more."""
_KIND_OF_CHARACTER = {ord(c): kind for kind, own in enumerate(_CHARACTERS) for c in own}


def style(text: str) -> list[float]:
    """What its characters, words and lines are like: plain numbers, as many for every text."""
    whole = len(text)
    if whole > _HEAD + _TAIL:
        text = f"{text[:_HEAD]}\n{text[-_TAIL:]}"
    size = max(len(text), 1)
    characters = _characters(text)
    words = _WORD.findall(text.lower())
    count = max(len(words), 1)
    kinds = [0] * len(_KINDS)
    for word in words:
        for kind in _KIND_OF.get(word, ()):
            kinds[kind] += 1
    return [
        log(whole + 1),
        log(count),
        *_numbers(_NUMBER.findall(text)),
        *_word_lengths(words),
        len(set(words)) / count,
        *_sentences(text, count),
        *(n / size for n in characters),
        *(n / sqrt(count) for n in kinds),
        kinds[0] / count,
        *_lines(text),
        *_choices(text, whole),
    ]


def _characters(text: str) -> list[int]:
    """How many of each kind there are."""
    counts = [0] * (len(_CHARACTERS) + 1)
    octets = text.encode("utf-8", "replace")
    counts[-1] = sum(octet > 127 for octet in octets) if not text.isascii() else 0
    for character, kind in _KIND_OF_CHARACTER.items():
        counts[kind] += octets.count(character)
    return counts


def _numbers(found: Sequence[str]) -> tuple[float, ...]:
    longest = max(map(len, found), default=0)
    decimal = any("." in number for number in found)
    return log1p(len(found)), log1p(len(set(found))), log1p(longest), float(decimal)


def _word_lengths(words: Sequence[str]) -> tuple[float, ...]:
    lengths = sorted(map(len, words)) or [0]
    n = len(lengths)
    mean, spread = _mean_and_spread(lengths)
    ones = sum(x == 1 for x in lengths)
    long = sum(x >= 9 for x in lengths)
    return mean, spread, lengths[(9 * n) // 10 if n > 1 else 0], ones / n, long / n


def _sentences(text: str, words: int) -> tuple[float, ...]:
    n = max(1, len(_SENTENCE_END.findall(text)))
    return log1p(n), log1p(words / n), float(text.rstrip().endswith("?"))


def _lines(text: str) -> tuple[float, ...]:
    """How many lines there are and how long: the first, the last, and all."""
    lengths = [len(line) for line in text.split("\n") if line.strip()] or [0]
    ordered = sorted(lengths)
    mean, spread = _mean_and_spread(lengths)
    return (
        log1p(len(lengths)),
        log1p(lengths[0]),
        log1p(lengths[-1]),
        log1p(mean),
        log1p(spread),
        log1p(ordered[0]),
        log1p(ordered[len(ordered) // 2]),
        float("    " in text),
    )


def _choices(text: str, whole: int) -> tuple[float, ...]:
    """What is offered to choose from, line by line, and what comes before it."""
    offered = list(_CHOICE.finditer(text))
    lengths = [len(choice[1]) for choice in offered] or [0]
    mean, spread = _mean_and_spread(lengths)
    stem = text[: offered[0].start()] if offered else text
    return (
        float(len(offered)),
        log1p(mean),
        log1p(spread),
        log1p(max(lengths)),
        float(bool(offered) and all(_NUMERIC.fullmatch(choice[1]) for choice in offered)),
        log1p(len(stem)),
        log1p(stem.count(",")),
        log1p(stem.count(". ")),
        float("?" in stem),
        float("__" in stem),
        float(bool(_LETTERED.search(stem))),
        float("NOT" in stem or "EXCEPT" in stem),
        log1p(len(_NUMBER.findall(stem))),
        sum(map(str.isupper, stem)) / max(len(stem), 1),
        float(whole > len(text)),
    )


def _mean_and_spread(values: Sequence[int]) -> tuple[float, float]:
    """Of one number at least; the standard deviation of all of them."""
    mean = sum(values) / len(values)
    square = sum(value * value for value in values) / len(values)
    return mean, sqrt(max(square - mean * mean, 0.0))
