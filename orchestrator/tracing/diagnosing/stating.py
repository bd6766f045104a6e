"""What a sentence states, so that it can be compared: numbers, units, moments, names, denials."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from orchestrator.tracing.diagnosing.wording import content, stem


def _words(text: str) -> list[str]:
    return text.split()


_COUNTED = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty"
)
_NUMBER_WORDS = {word: number for number, word in enumerate(_words(_COUNTED))} | {
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "ninety": 90,
    "hundred": 100,
}
_NUMBER = re.compile(r"(?<![\w.,])\d{1,3}(?:[,\u202f' ]\d{3})+(?:\.\d+)?(?![\w])|\d+(?:[.:]\d+)*")
_DAYS = frozenset(
    _words(
        "monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch "
        "donnerstag freitag samstag sonntag"
    )
)
_MONTHS = frozenset(
    _words(
        "january february march april june july august september october november december januar "
        "februar märz mai juni juli oktober dezember"
    )
)
_DENIES = frozenset(
    _words(
        "not no never none nothing nobody neither nor without cannot nicht kein keine keinen nie "
        "niemals ohne pas jamais aucun sans nunca sin mai senza"
    )
)
_IDIOM = re.compile(
    r"\bno (?:more|less|fewer|later|earlier|sooner|longer) than\b|\bno doubt\b|\bnot only\b"
    r"|\bwithout (?:delay|doubt|exception)\b|\bor not\b|\bif not\b"
)
"""A negating word that denies nothing."""
_CONTRACTED = re.compile(r"n['’]t\b")
_OPPOSITES = """
allowed forbidden prohibited banned, permitted forbidden prohibited, must may need,
required optional,
mandatory optional voluntary, compulsory optional voluntary, obligatory optional voluntary,
forced optional voluntary, before after, more less fewer, most least fewest, minimum maximum,
higher lower, increase decrease reduce, increased decreased reduced, increases decreases reduces,
rose fell, rises falls, above below, over under, always never, often rarely seldom,
approved rejected denied refused, approve reject deny refuse, accepted rejected refused,
granted denied refused, open closed, opens closes, included excluded, with without, free charged,
paid unpaid, valid invalid, legal illegal, lawful unlawful, possible impossible, true false,
all none, everyone nobody, everybody nobody, everything nothing, both neither, first last,
earlier later, early late, cheap expensive, cheaper dearer, safe unsafe dangerous, pass fail,
passed failed, up down, can cannot, kept deleted destroyed erased, keep delete destroy erase,
stored deleted erased, starts ends, begins ends, began ended, start end, internal external,
public private confidential, inside outside, same different, on off, enabled disabled,
switched unplugged, encrypted unencrypted, confirmed denied, agreed refused, won lost, buy sell,
bought sold, lend borrow, arrive leave, arrival departure, present absent, full empty, new old,
large small, long short, strong weak, hot cold, positive negative, success failure, alone together
"""
_REPLACES: dict[str, set[str]] = defaultdict(set)
for _group in _OPPOSITES.split(","):
    _one, *_others = _group.split()
    for _other in _others:
        _REPLACES[_one].add(_other)
        _REPLACES[_other].add(_one)
_CAPITAL = re.compile(r"(?<=[a-z,;:0-9]\s)[A-Z][^\W\d_]{2,}(?![-\w])")
_COUNT = rf"(\d[\d.,]*\d|\d|{'|'.join(_NUMBER_WORDS)})"
_MEASURED = re.compile(
    rf"\b{_COUNT}[ -]?(?:working |full |whole )?(seconds?|minutes?|hours?|days?|weeks?"
    r"|months?|years?"
    r"|eur|euros?|usd|dollars?|gbp|pounds?|chf|cents?|percent|per cent|%|kilometres?|km"
    r"|metres?|miles?"
    r"|kg|kilograms?|grams?|litres?|gb|mb|tb|kb|people|persons?|employees|members)(?!\w)"
)
_UNIT_OF = {"euro": "eur", "euros": "eur", "dollar": "usd", "dollars": "usd", "per cent": "%",
            "percent": "%", "people": "person", "kilometre": "km", "kilometres": "km"}  # fmt: skip
_LEAST_WORDS = frozenset(
    ("at least", "more than", "over", "no less than", "no fewer than", "not less than",
     "a minimum of", "no earlier than", "after", "from")
)  # fmt: skip
_MOST_WORDS = (
    "at most", "up to", "no more than", "not more than", "less than", "fewer than", "under",
    "a maximum of", "no later than", "within", "in no more than",
)  # fmt: skip
_BOUNDED = re.compile(
    rf"\b({'|'.join(sorted((*_LEAST_WORDS, *_MOST_WORDS), key=len, reverse=True))}) {_COUNT}"
)
_WORDS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Facts:
    """A sentence as it is compared."""

    text: str
    words: frozenset[str]
    numbers: frozenset[str]
    moments: frozenset[str]
    names: frozenset[str]
    plain: frozenset[str]
    denied: bool
    units: frozenset[tuple[str, str]]
    """Numbers with the unit behind them."""
    bounds: frozenset[tuple[str, str]]
    """Numbers with `least` or `most`, where the words before them say so."""

    @property
    def opposable(self) -> frozenset[str]:
        """Its words that have an opposite."""
        return self.plain & _REPLACES.keys()

    @property
    def opposites(self) -> frozenset[str]:
        """The opposites of its words."""
        return frozenset(word for mine in self.opposable for word in _REPLACES[mine])


@lru_cache(maxsize=8192)
def stated(text: str) -> Facts:
    """What the sentence states."""
    low = text.lower()
    plain = frozenset(re.findall(r"[^\W\d_]+", low))
    numbers = {_number(n) for n in _NUMBER.findall(text)}
    numbers |= {str(_NUMBER_WORDS[w]) for w in plain if w in _NUMBER_WORDS and w != "one"}
    moments = frozenset({w.removesuffix("s") for w in plain} & (_DAYS | _MONTHS))
    named = (c.lower() for c in _CAPITAL.findall(text))
    capitals = frozenset(c for c in named if c.removesuffix("s") not in moments)
    denied = len([w for w in re.findall(r"[^\W\d_]+", _IDIOM.sub(" ", low)) if w in _DENIES])
    denied += len(_CONTRACTED.findall(low))
    timed = {f"{w}s" for w in moments} | moments
    words = content(text) - {stem(w) for w in timed | _NUMBER_WORDS.keys()}
    return Facts(
        text,
        words,
        frozenset(numbers),
        moments,
        capitals,
        plain,
        denied % 2 == 1,
        frozenset(_units(low)),
        frozenset(_bounds(low)),
    )


def _units(low: str) -> Iterator[tuple[str, str]]:
    for number, unit in _MEASURED.findall(low):
        yield _counted(number), _UNIT_OF.get(unit, unit.removesuffix("s"))


def _bounds(low: str) -> Iterator[tuple[str, str]]:
    for words, number in _BOUNDED.findall(low):
        yield _counted(number), "at least" if words in _LEAST_WORDS else "at most"


def _counted(number: str) -> str:
    return str(_NUMBER_WORDS[number]) if number in _NUMBER_WORDS else _number(number)


def _number(text: str) -> str:
    plain = re.sub(r"(?<=\d)[,\u202f' ](?=\d{3})", "", text)
    return plain.rstrip("0").rstrip(".") if "." in plain and ":" not in plain else plain


def measured_otherwise(
    mine: frozenset[tuple[str, str]], theirs: frozenset[tuple[str, str]]
) -> tuple[str, str] | None:
    """The same number of something else, or a least value for a most value."""
    for number, what in sorted(mine - theirs):
        others = sorted(other for same, other in theirs - mine if same == number)
        if others and (number, what) not in theirs:
            return f"{number} {what}", f"{number} {others[0]}"
    return None


def opposed(said: Facts, other: Facts) -> tuple[str, str] | None:
    """A word of the one in whose place the other has its opposite."""
    if not said.opposable & other.opposites:
        return None
    mine, theirs = _WORDS.findall(said.text.lower()), _WORDS.findall(other.text.lower())
    matcher = SequenceMatcher(None, mine, theirs, autojunk=False)
    for what, i, j, k, m in matcher.get_opcodes():
        if what != "replace":
            continue
        for word in mine[i:j]:
            against = sorted(_REPLACES.get(word, set()) & set(theirs[k:m]))
            if against:
                return word, against[0]
    return None
