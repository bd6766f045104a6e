"""Words, letters and languages, told apart by small tables and by the prompt itself."""

from __future__ import annotations

import re
from functools import lru_cache

from orchestrator.tracing.diagnosing.reading import Seen

_FUNCTION_WORDS = {
    "en": "the of and to in is that for with as are this be on by what how which from at or why "
    "does can you it my your was were we who not have an if may must",
    "de": "der die das und ist nicht ein eine mit für auf den dem des im zu wie von sich wird oder "
    "bei werden sind kann muss",
    "fr": "le la les des et est une dans pour pas que qui sur avec du au ce cette aux sont il elle "
    "être peut doit",
    "es": "el los las y es una en por para con del que no se como al este esta son debe puede lo",
    "it": "il lo gli di è e una per con non che sono della nel come questo questa al dei più deve",
    "nl": "het een van en is niet met voor op de te dat zijn hoe wat aan bij deze wordt naar kan",
    "pt": "o os as do da e é uma para com não que em por no na dos das ao como são deve pode",
    "pl": "i w na nie się z do jest że to od po jak dla oraz przez są może",
}
_OWNERS: dict[str, list[str]] = {}
for _code, _words in _FUNCTION_WORDS.items():
    for _word in _words.split():
        _OWNERS.setdefault(_word, []).append(_code)
_SCRIPTS = (
    ("Japanese", re.compile(r"[\u3040-\u30ff]")),
    ("Chinese", re.compile(r"[\u4e00-\u9fff]")),
    ("Korean", re.compile(r"[\uac00-\ud7af]")),
    ("Cyrillic letters", re.compile(r"[\u0400-\u04ff]")),
    ("Greek", re.compile(r"[\u0370-\u03ff]")),
    ("Arabic", re.compile(r"[\u0600-\u06ff]")),
    ("Hebrew", re.compile(r"[\u0590-\u05ff]")),
    ("Devanagari", re.compile(r"[\u0900-\u097f]")),
    ("Thai", re.compile(r"[\u0e00-\u0e7f]")),
)
_NAMES = {"en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian",
          "nl": "Dutch", "pt": "Portuguese", "pl": "Polish"}  # fmt: skip
_TRANSLATES = re.compile(
    r"translat|übersetz|tradui|traduc|tradur|vertaal|\bin(?:to)? (?:german|french|spanish|italian|"
    r"english|dutch|portuguese|chinese|japanese|polish|russian|korean|arabic)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+")
_VOWELS = frozenset("aeiouyäöüàáâãåæèéêëìíîïòóôõøœùúûýąęıő")
_READ = 8_000
"""Characters of a text in which words are counted."""
_SHORT = frozenset(
    [
        "the",
        "and",
        "for",
        "are",
        "was",
        "not",
        "but",
        "you",
        "all",
        "any",
        "can",
        "has",
        "had",
        "its",
        "our",
        "out",
        "one",
        "two",
    ]
)

_SAYS = 20
"""Characters from which the language of a text can be told."""
_CLEAR = 0.5
_EMPTY = _SHORT | _OWNERS.keys()


def fold(text: str) -> str:
    """Lower case, without punctuation and white space that differs."""
    return " ".join(re.findall(r"\w+", text.lower()))


def shown(text: str, most: int = 80) -> str:
    """A text on one line, cut after so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rsplit(" ", 1)[0] + "…"


@lru_cache(maxsize=2048)
def content(text: str) -> frozenset[str]:
    """The words of a text that carry it, cut to their beginnings: `borrowed` is `borrow`."""
    words = set(_WORD.findall(text[:_READ].lower())) - _EMPTY
    return frozenset(stem(w) for w in words if len(w) > 2)


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """A word without what it ends in, roughly and for most European languages."""
    for ending in ("ingly", "edly", "ing", "ies", "ied", "es", "ed", "en", "er", "ly", "s", "e"):
        if len(word) - len(ending) >= 4 and word.endswith(ending):
            return word[: -len(ending)]
    return word


@lru_cache(maxsize=1024)
def language(text: str) -> tuple[str, float]:
    """The language by function words, and how clearly, in 0..1; empty where too little is said."""
    votes: dict[str, float] = {}
    for word in _WORD.findall(text[:2000].lower()):
        for code in (owners := _OWNERS.get(word, ())):
            votes[code] = votes.get(code, 0.0) + 1 / len(owners)
    if sum(votes.values()) < 4:
        return "", 0.0
    best = max(votes, key=lambda code: votes[code])
    return best, votes[best] / sum(votes.values())


def foreign(said: str, seen: Seen) -> str | None:
    """The language of an answer where it is not that of its prompt; `None` where it is."""
    if len(said) < _SAYS:
        return None
    rest = (" ".join(seen.given) or seen.prompt)[:2000]
    found = None if said.isascii() else _script(said, rest)
    if found is None:
        mine, sure = language(said)
        profile = seen.hop.profile
        if not mine or sure <= _CLEAR or (profile and profile.language == mine):
            return None
        of_prompt, clear = language(rest)
        asked = of_prompt if clear > _CLEAR else (profile.language if profile else "")
        if not asked or asked == mine or fold(said[:60]) in fold(rest):
            return None
        found = _NAMES.get(mine, mine)
    return None if _TRANSLATES.search(rest) else found


def _script(said: str, rest: str) -> str | None:
    """The script of an answer where its prompt has hardly a letter of it."""
    letters_said = sum(c.isalpha() for c in said) or 1
    for name, script in _SCRIPTS:
        if len(script.findall(said)) / letters_said > 0.3:
            theirs = sum(c.isalpha() for c in rest) or 1
            return name if rest and len(script.findall(rest)) / theirs < 0.05 else None
    return None


def strange_words(said: str, prompt: str) -> tuple[float, str]:
    """The share of longer words that no language writes so, and one of them.

    A word that stands in the prompt counts as one.
    """
    words = [w for w in _WORD.findall(said) if len(w) >= 4 and w.isascii()]
    if len(words) < 4:
        blob = re.search(r"[A-Za-z0-9+/=]{60,}", said)
        return (0.6, blob[0][:16] + "…") if blob and blob[0] not in prompt else (0.0, "")
    strange = [w for w in words if _unspeakable(w)]
    if strange and prompt:
        known = set(_WORD.findall(prompt.lower()))
        strange = [w for w in strange if w.lower() not in known]
    return len(strange) / len(words), strange[0] if strange else ""


def _unspeakable(word: str) -> bool:
    low = word.lower()
    vowels = sum(c in _VOWELS for c in low)
    if word.isupper() and len(word) <= 5:
        return False
    if re.search(r"[a-z][A-Z]", word) and not re.fullmatch(
        r"(?:[A-Z]?[a-z]+)(?:[A-Z][a-z]+)+", word
    ):
        return True
    return (
        vowels == 0
        or vowels / len(low) < 0.15
        or vowels / len(low) > 0.85
        or bool(re.search(r"[bcdfghjklmnpqrstvwxz]{5,}", low))
        or bool(re.search(r"q[^uaeio]|[jqvx][bcdfgjkqvxz]|[bcdfgkpqvwxz]{2}[jqvx]", low))
    )


def letters(said: str) -> float:
    """The share of letters, digits and blanks in a text, in 0..1."""
    return sum(c.isalnum() or c.isspace() for c in said) / (len(said) or 1)
