"""What a question asks for: the kind of answer, and the words that the answer must be about."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from orchestrator.evidence.language.lexicon import word_set
from orchestrator.evidence.language.reading import Reading
from orchestrator.evidence.language.words import Word, words
from orchestrator.evidence.numbers import MOMENTS

AnswerType = Literal["", "amount", "money", "duration", "when", "clock", "who"]

_KINDS: tuple[tuple[AnswerType, str], ...] = (
    (
        "money",
        r"\b(?:how much\b.*\b(?:costs?|pay|paid|charged?|worth|earn|price|fee|money|spend)"
        r"|what (?:is|are|was) the (?:\w+ ){0,3}(?:price|cost|fee|fare|salary|budget)"
        r"|how expensive|what does .+ cost)\b",
    ),
    (
        "duration",
        r"\b(?:how long|how soon|how old|how often|how many (?:seconds|minutes|hours|days|weeks"
        r"|months|years))\b",
    ),
    (
        "amount",
        r"\b(?:how many|how much|how (?:big|large|far|high|tall|wide|heavy|fast|deep|hot|cold)"
        r"|what (?:percentage|share|number|amount|dose|distance|size|limit))\b",
    ),
    (
        "clock",
        r"\b(?:what time|how (?:late|early)|until when|at what hour|opening (?:hours|times))\b",
    ),
    ("when", r"\b(?:when|what (?:date|day|year|month)|which (?:day|year|month))\b"),
    ("who", r"\b(?:who|whom|whose)\b"),
)
_IMPERATIVE = re.compile(
    r"^\W*(?:please\s+)?(?:draft|write|compose|prepare|create|make|produce|generate|summari[sz]e"
    r"|outline|describe|explain|list|collect|extract|find|give|tell|show|name|state|compare|design"
    r"|propose|develop|plan|review|report|recap|identify|quote|cite|merge|combine)\b",
    re.IGNORECASE,
)
_SCAFFOLD = word_set(
    """
many much long often late early old soon big large far high tall wide heavy fast deep expensive
time times date day year month hour kind type sort thing things happen happens happened mean means
called name names people person someone anyone everyone please tell say says said know want need
needed needs wanted wants question answer answers information info detail details explain describe
list give show find draft write compose prepare create make produce generate summarize summarise
summary outline collect extract state compare design propose develop plan review report identify
quote quotes cite citation citations source sources document documents text passage passages
according does policy policies rule rules number amount percentage share possible there exactly
currently work works use used using put go get section overview short brief concise paragraph one
page concerning regarding following relevant main important key part parts fact facts recap
request result results figure figures deadline amounts result subtask quantity quantities sentence
sentences allowed allow possible permitted must should cost costs price prices fee fees pay paid
expensive
"""
)
"""Words that a question is built of; they say little about its subject."""
_SOFT = word_set(
    """
policy policies rule rules work works company employee employees allowed allow permitted cost
costs price prices fee fees pay paid summary plan people person hour need needed needs use used
using get time times
"""
)
"""Of these, the ones that a subject can consist of where nothing else is left."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request as the selection sees it."""

    text: str
    kind: AnswerType
    imperative: bool
    subject: tuple[Word, ...]
    """The content words that the sources must speak of; none for "Summarise the citations"."""
    verb: Word | None
    """Of these, what somebody does: `borrow` in "Can I borrow a wheelchair?"."""
    beside: tuple[Word, ...]
    """Content words that say little about the subject, but something: `paid` in "When is it
    paid?"."""


def ask(text: str) -> Question:
    """Take a request apart."""
    text = " ".join(text.split())
    low = text.lower()
    imperative = bool(_IMPERATIVE.match(low))
    kind: AnswerType = next(
        (name for name, pattern in _KINDS if not imperative and re.search(pattern, low)), ""
    )
    content = [w for w in words(text) if w.is_content]
    subject = [w for w in content if not _is_scaffold(w)]
    if not subject and not imperative:
        subject = [w for w in content if w.text.lower() in _SOFT] or content
    doing = _DOING.search(text)
    verb = next((w for w in subject if doing and w.start == doing.start(1)), None)
    beside = tuple(w for w in content if w not in subject)
    return Question(text, kind, imperative, tuple(subject), verb, beside)


def _is_scaffold(word: Word) -> bool:
    low = word.text.lower()
    return low in _SCAFFOLD or low.removesuffix("s") in _SCAFFOLD


def measured(word: str, reading: Reading) -> bool:
    """Whether the word names what a quantity of the sentence measures: a temperature, a weight."""
    units = _MEASURES.get(word.lower(), ())
    return any(q.unit in units for q in reading.quantities)


def answers(kind: AnswerType, reading: Reading) -> bool:
    """Whether the sentence holds what a question of that kind asks for."""
    check = _ANSWERS.get(kind)
    return check is None or check(reading)


_DOING = re.compile(r"\b(?:I|you|we|they|one|it|he|she)\s+(\w+)", re.IGNORECASE)
_MEASURES = {
    "temperature": ("celsius", "fahrenheit"), "weight": ("gram",), "weigh": ("gram",),
    "distance": ("metre", "mile"), "width": ("metre", "foot", "inch"), "tall": ("metre", "foot"),
    "memory": ("byte",), "space": ("byte",), "volume": ("litre",), "duration": ("minute", "hour",
    "day", "week", "month", "year"), "age": ("year", "month"), "percentage": ("percent",),
    "power": ("watt",), "frequency": ("hertz",),
}  # fmt: skip
_TIME = ("second", "minute", "hour", "day", "week", "month", "year")
_OFTEN = re.compile(
    r"\b(?:daily|weekly|monthly|yearly|annually|annual|every|each|once|twice)\b", re.I
)
_WHEN = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|january|february|march|april|june|july"
    r"|august|september|october|november|december|spring|summer|autumn|winter|before|after|when"
    r"|until|during|daily|weekly|monthly|end of|beginning of|weekends?|immediately)\b",
    re.IGNORECASE,
)
_FREE = re.compile(r"\b(?:free|no charge|without charge|included|no extra)\b", re.IGNORECASE)
_ROLE = re.compile(
    r"\b(?:\w+ers?|\w+ors?|\w+ants?|\w+ees?|\w+ists?|department|team|office|staff|board|committee"
    r"|parents?|children|adults?|visitors?|women|men|people|patients?|doctor|it|hr)\b",
    re.IGNORECASE,
)
_NO_MONEY = (*MOMENTS, "ordinal", "label", "percent", "", *_TIME)
_ANSWERS: dict[AnswerType, Callable[[Reading], bool]] = {
    "amount": lambda r: any(q.unit not in (*MOMENTS, "ordinal") for q in r.quantities),
    "money": lambda r: (
        any(q.unit not in _NO_MONEY or q.unit == "percent" for q in r.quantities)
        or bool(_FREE.search(r.text))
        or any(not q.of and not q.unit for q in r.quantities)
    ),
    "duration": lambda r: (
        any(q.unit in (*_TIME, "date", "clock") or q.per for q in r.quantities)
        or bool(_OFTEN.search(r.text))
    ),
    "clock": lambda r: any(q.unit == "clock" for q in r.quantities),
    "when": lambda r: (
        any(q.unit in (*_TIME, "date", "clock") for q in r.quantities) or bool(_WHEN.search(r.text))
    ),
    "who": lambda r: bool(r.names) or bool(_ROLE.search(r.text)),
}
