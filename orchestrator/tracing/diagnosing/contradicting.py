"""Does a hop say otherwise than what it was given? Numbers, dates, names, negations, verdicts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache

from orchestrator.tracing.diagnosing.reading import Seen, sentences
from orchestrator.tracing.diagnosing.signs import Kind, Sign
from orchestrator.tracing.diagnosing.stating import (
    Facts,
    measured_otherwise,
    opposed,
    stated,
)
from orchestrator.tracing.diagnosing.wording import fold, shown

_KIND: Kind = "contradiction"
_COVER = 0.6
"""Share of a sentence's words that another one must have to speak of the same."""
_BACK = 0.5
_DENIAL_COVER = 0.75
_WHOLE = 6
"""Words that make a sentence; what is shorter may be a piece of one."""
_SAME = 0.8
"""Shares of common words, both ways, from which two sentences say the same."""
_MOST = 40
"""Sentences of one output that are compared."""
_WRONG = frozenset({"contradicted", "unsupported"})


class Statements:
    """Sentences that can be looked up by what they speak of.

    Args:
        texts: whole sentences.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._facts = [stated(text) for text in texts]
        self._by_word: dict[str, list[int]] = defaultdict(list)
        for at, one in enumerate(self._facts):
            for word in one.words:
                self._by_word[word].append(at)
        self.folded = {fold(text) for text in texts}
        self.whole = " ".join(self.folded)
        self.numbers = frozenset(n for f in self._facts for n in f.numbers)
        self.names = frozenset(w for f in self._facts for w in f.plain)

    def near(self, said: Facts) -> list[tuple[float, float, Facts]]:
        """Sentences about the same, the nearest first, with both shares of common words."""
        hits: dict[int, int] = defaultdict(int)
        for word in said.words:
            for at in self._by_word.get(word, ()):
                hits[at] += 1
        found = []
        for at, count in hits.items():
            cover = count / len(said.words)
            back = count / len(self._facts[at].words)
            if cover >= _COVER and back >= _BACK:
                found.append((cover, back, self._facts[at]))
        return sorted(found, key=lambda f: -(f[0] + f[1]))[:6]


def contradiction_signs(seen: Seen, given: Statements) -> Iterator[Sign]:
    """Signs that a hop says otherwise than its inputs do.

    Args:
        given: what it was given.
    """
    if seen.hop.status != "ok" or seen.output is None:
        return
    said = [s for s in seen.prose[:_MOST] if not _repeats(s, given)]
    told = 0
    for sentence in said:
        difference = differs(sentence, given)
        if difference:
            told += 1
            if told <= 2:
                yield Sign(_KIND, 0.7 if told == 1 else 0.4, difference)
    yield from _unheard(seen, said, given)
    yield from _judgements(seen)


def _repeats(sentence: str, given: Statements) -> bool:
    """It was told so word for word; `No answer: …` and the like before it deny nothing."""
    tails = [sentence[found.end() :] for found in re.finditer(r": ", sentence)]
    if any(fold(text) in given.folded for text in (sentence, *tails)):
        return True
    return len(sentence.split()) < _WHOLE and fold(sentence) in given.whole


_MAKES_NUMBERS = frozenset({"math", "code", "sql", "classify", "check", "cite", "route"})


def _unheard(seen: Seen, said: Sequence[str], given: Statements) -> Iterator[Sign]:
    """Numbers and names that nothing which it was given holds."""
    task = seen.hop.profile.task if seen.hop.profile else ""
    if task in _MAKES_NUMBERS or not given.folded:
        return
    plans = task == "plan"
    for sentence in said:
        facts = stated(sentence)
        if strange := sorted(facts.numbers - given.numbers):
            words = f'says {strange[0]} in "{shown(sentence)}", a number that it was not given'
            weight = 0.55 if plans else 0.45 if seen.passages else 0.25
            yield Sign(_KIND, weight, words)
            return
        if strange := sorted(facts.names - given.names):
            words = f'names {strange[0]} in "{shown(sentence)}", of which it was told nothing'
            yield Sign(_KIND, 0.45 if plans else 0.35 if seen.passages else 0.15, words)
            return


def differs(sentence: str, given: Statements) -> str:
    """What the sentence says otherwise than one about the same, in words; empty where nothing."""
    said = stated(sentence)
    if len(said.words) < 2:
        return ""
    found = given.near(said)
    if not found or any(_agree(said, other) for _, _, other in found):
        return ""
    for cover, back, other in found:
        if parts := _difference(said, other, cover, back, given):
            mine, theirs = parts
            return f'says {mine} in "{shown(sentence)}", where what it was given says {theirs}'
    return ""


def _agree(said: Facts, other: Facts) -> bool:
    return (
        said.numbers <= other.numbers
        and not measured_otherwise(said.units, other.units)
        and not measured_otherwise(said.bounds, other.bounds)
        and said.moments <= other.moments
        and said.denied == other.denied
        and not opposed(said, other)
        and not (said.names - other.plain)
    )


def _difference(
    said: Facts, other: Facts, cover: float, back: float, given: Statements
) -> tuple[str, str] | None:
    """What the one says and what the other says, in words; `None` where they may both be right."""
    for mine, theirs in ((said.numbers, other.numbers), (said.moments, other.moments)):
        if mine - theirs and theirs - mine:
            return min(mine - theirs), min(theirs - mine)
    for pairs, others in ((said.units, other.units), (said.bounds, other.bounds)):
        if found := measured_otherwise(pairs, others):
            return found
    opposite = opposed(said, other)
    if cover >= _DENIAL_COVER and back >= _DENIAL_COVER:
        if said.denied != other.denied and not opposite:
            return ("that it is not so", "that it is") if said.denied else (
                "that it is so", "that it is not")  # fmt: skip
        if opposite and said.denied == other.denied:
            return f'"{opposite[0]}"', f'"{opposite[1]}"'
    strange, theirs = said.names - other.plain, other.names - said.plain
    if strange and theirs and not strange & given.names:
        return min(strange).title(), min(theirs).title()
    return None


def _judgements(seen: Seen) -> Iterator[Sign]:
    """What it says of others' claims, against what it could read itself."""
    sources = [p.text for p in seen.passages]
    if not sources:
        return
    whole = " ".join(fold(text) for text in sources)
    passages = Statements(_lines(tuple(sources)))
    for judged in seen.judged:
        text = _claim(seen, judged.text) or judged.text
        if len(text.split()) < 4:
            continue
        if judged.status in _WRONG and fold(text) in whole:
            words = f'calls "{shown(text)}" {judged.status}, and its passages say just that'
            yield Sign(_KIND, 0.75, words)
        elif judged.status in _WRONG and _stands(text, passages):
            words = f'calls "{shown(text)}" {judged.status}, and its passages say so in other words'
            yield Sign(_KIND, 0.6, words)
        elif judged.status == "supported" and (why := differs(text, passages)):
            yield Sign(_KIND, 0.6, f"calls a claim supported that {why}", caused=True)


def _stands(text: str, passages: Statements) -> bool:
    """Nearly the same stands there, and nothing in it differs."""
    said = stated(text)
    return len(said.words) > 3 and any(
        cover >= _SAME and back >= _SAME and _agree(said, other)
        for cover, back, other in passages.near(said)
    )


def _claim(seen: Seen, name: str) -> str:
    found = re.search(rf'<claim id="{re.escape(name)}">\n?(.*?)\n?</claim>', seen.prompt, re.DOTALL)
    return found[1] if found else ""


@lru_cache(maxsize=64)
def _lines(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(s for text in texts for s in sentences(text))
