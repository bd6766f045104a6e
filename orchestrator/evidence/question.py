"""What a question asks for: the kind of answer, and the words that the answer must be about."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from orchestrator.evidence.language.lexicon import word_set
from orchestrator.evidence.language.reading import Reading
from orchestrator.evidence.language.words import Word, stem, words
from orchestrator.evidence.numbers import MOMENTS, MONEY

AnswerType = Literal["", "amount", "money", "duration", "when", "clock", "who", "name"]

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
    (
        "name",
        r"\bwhat (?:is|are|was|were) the (?:\w+ )?names? of\b"
        r"|^who(?: is| are| was| were|['’]s) (?:the|our|your|its|their) [\w\s-]+\W*$",
    ),
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
somebody anybody everybody needed needs wanted wants question answer answers information info detail
details explain describe list give show find draft write compose prepare create make produce
generate summarize summarise
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


def states_price(reading: Reading) -> bool:
    """Whether the sentence holds an amount of money, which says what something costs."""
    return any(q.unit in MONEY for q in reading.quantities)


def is_verb(question: Question, word: Word) -> bool:
    """Whether a word of the question is what somebody does or did, as far as forms show."""
    low, before = word.text.lower(), _before(question.text, word.start)
    if word is question.verb or low in _PAST or before in ("who", *_BEFORE_VERB):
        return True
    return low.endswith("ed") and len(low) > 4 and before not in _BEFORE_NOUN


def is_homograph(question: Question, word: Word, reading: Reading) -> bool:
    """Whether the sentence has the word only as another part of speech: a monitor, to monitor."""
    asked = _part_of_speech(question.text, word)
    if not asked:
        return False
    same = [w for w in reading.words if w.stem == word.stem]
    return bool(same) and all(
        w.text.lower() == word.text.lower() and _part_of_speech(reading.text, w) not in ("", asked)
        for w in same
    )


def _part_of_speech(text: str, word: Word) -> Literal["", "noun", "verb"]:
    """What the word before shows; mostly nothing."""
    before = _before(text, word.start)
    if before in _BEFORE_VERB:
        return "verb"
    return "noun" if before in _BEFORE_NOUN else ""


def _before(text: str, start: int) -> str:
    """The word before a place, in lower case; empty where other signs than a space part them."""
    found = re.search(r"([\w'’]+) $", text[:start])
    return found[1].lower().replace("’", "'") if found else ""


def answers(question: Question, reading: Reading) -> bool:
    """Whether the sentence holds what the question asks for, beyond what the question says."""
    if question.kind in ("who", "name"):
        return _tells_who(question, reading)
    check = _ANSWERS.get(question.kind)
    return check is None or check(reading)


def _tells_who(question: Question, reading: Reading) -> bool:
    """A name, or where none is insisted on a role, that the question does not hold itself."""
    asked = {word.stem for word in (*question.subject, *question.beside)}
    named = [name for name in reading.names if {word.stem for word in name} - asked]
    if question.kind == "name":
        return any(_identifies(name, asked, reading) for name in named)
    roles = (stem(role[0].lower()) for role in _ROLE.finditer(reading.text))
    return bool(named) or any(role not in asked for role in roles)


def _identifies(name: Sequence[Word], asked: Collection[str], reading: Reading) -> bool:
    """`Director: Amina Haddad`, `The director of the museum is Amina Haddad`.

    What lies between the name and what it is the name of is no content word, or a form of "be".
    """
    held = [w for w in reading.words if w.is_content and w.stem in asked]
    gaps = [(w.end, name[0].start) for w in held if w.end <= name[0].start][-1:]
    gaps += [(name[-1].end, w.start) for w in held if w.start >= name[-1].end][:1]
    return any(
        _IS.search(reading.text, start, end)
        or not any(w.is_content for w in reading.words if start <= w.start < end)
        for start, end in gaps
    )


PRICE_STEMS = frozenset(map(stem, ("cost", "price", "fee", "pay", "charge")))
_BEFORE_VERB = word_set(
    """
to not never will would can could may might must shall should cannot don't doesn't didn't won't
can't mustn't
"""
)
_BEFORE_NOUN = word_set("a an the this that each every my your our its their his her no any second")
_PAST = word_set(
    """
paid held gave given took taken wrote written sent kept bought built began begun chose chosen spent
met lost found sold told said ran grew grown fell fallen rose risen won led brought shown taught
worn drawn forgotten known seen eaten hidden stolen spoken driven broken made got went gone
"""
)
_DOING = re.compile(r"\b(?:I|you|we|they|one|it|he|she)\s+(\w+)", re.IGNORECASE)
_MEASURES = {
    "temperature": ("celsius", "fahrenheit"), "weight": ("gram",), "weigh": ("gram",),
    "distance": ("metre", "mile"), "width": ("metre", "foot", "inch"), "tall": ("metre", "foot"),
    "memory": ("byte",), "space": ("byte",), "volume": ("litre",), "duration": ("minute", "hour",
    "day", "week", "month", "year"), "age": ("year", "month"), "percentage": ("percent",),
    "power": ("watt",), "frequency": ("hertz",), "money": tuple(sorted(MONEY)),
}  # fmt: skip
_TIME = ("second", "minute", "hour", "day", "week", "month", "year")
_OFTEN = re.compile(
    r"\b(?:daily|weekly|monthly|yearly|annually|annual|every|each|(?<!at )once|twice)\b", re.I
)
_IS = re.compile(r"\b(?:is|are|was|were)\b", re.IGNORECASE)
_AT_ONCE = re.compile(
    r"\b(?:at once|immediately|instantly|right away|straight away|without delay)\b", re.IGNORECASE
)
_WHEN = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|january|february|march|april|june|july"
    r"|august|september|october|november|december|spring|summer|autumn|winter|before|after|when"
    r"|until|during|end of|beginning of|weekends?|weekdays?|immediately|at once|as soon as|within"
    r"|(?:daily|weekly|monthly|yearly|annually)(?! (?!in|on|by|at|with|and|to|for|from)[a-z])"
    r"|(?:every|last|first|same|next|following) (?:\w+ ){0,2}(?:day|week|month|quarter|year)s?)\b",
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
        or bool(_OFTEN.search(r.text) or _AT_ONCE.search(r.text))
    ),
    "clock": lambda r: any(q.unit == "clock" for q in r.quantities),
    "when": lambda r: any(q.unit in MOMENTS for q in r.quantities) or bool(_WHEN.search(r.text)),
}
