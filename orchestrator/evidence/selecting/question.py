"""What a question asks for: the kind of answer, and the words that the answer must be about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from orchestrator.evidence.language.lexicon import ORDINAL_VALUES, word_set
from orchestrator.evidence.language.reading import Reading, read
from orchestrator.evidence.language.words import Word, stem, words
from orchestrator.evidence.numbers import TIME_UNITS, Quantity
from orchestrator.evidence.selecting.anchors import Anchor, amounts_asked, anchors
from orchestrator.evidence.selecting.wanted import Wanted, WantedKind, wanted

AnswerType = Literal[
    "", "amount", "money", "duration", "age", "when", "clock", "who", "name", "where", "why",
    "whether",
]  # fmt: skip

_BY_KIND: dict[WantedKind, AnswerType] = {
    "money": "money", "count": "amount", "measure": "amount", "share": "amount",
    "number": "amount", "duration": "duration", "rate": "duration", "age": "age", "date": "when",
    "year": "when", "clock": "clock", "where": "where", "why": "why", "whether": "whether",
}  # fmt: skip
_NAME = re.compile(
    r"\bwhat (?:is|are|was|were) the (?:\w+ )?names? of\b"
    r"|^who(?: is| are| was| were|['’]s) (?:the|our|your|its|their) [\w\s-]+\W*$",
    re.IGNORECASE,
)
"""Asks for a name, and not only for who somebody is."""
_BEING = re.compile(
    r"\bhow long (?:must|should|can|may|is|are) (?:an?|the) [\w-]+ (?:be\b|have)", re.IGNORECASE
)
_IMPERATIVE = re.compile(
    r"^\W*(?:please\s+)?(?:draft|write|compose|prepare|create|make|produce|generate|summari[sz]e"
    r"|outline|describe|explain|list|collect|extract|find|give|tell|show|name|state|compare|design"
    r"|propose|develop|plan|review|report|recap|identify|quote|cite|merge|combine)\b",
    re.IGNORECASE,
)
_SCAFFOLD = word_set(
    """
many much often mid time times date day year month hour kind type sort thing things happen happens
happened mean means called name names people person someone anyone everyone please tell say says
said know want need somebody anybody everybody needed needs wanted wants question answer answers
information info detail
details explain describe list give show find draft write compose prepare create make produce
generate summarize summarise
summary outline collect extract state compare design propose develop plan review report identify
quote quotes cite citation citations source sources document documents text passage passages
according does policy policies rule rules number amount percentage share possible there exactly
currently work works use used using put go get section overview short brief concise paragraph one
page concerning regarding following relevant main important key part parts fact facts recap
request result results figure figures deadline amounts result subtask quantity quantities sentence
sentences allowed allow possible permitted must should cost costs price prices fee fees pay paid
expensive mr mrs ms dr prof messrs probably usually normally approximately simultaneously actually
generally typically really officially originally finally roughly nowadays
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
    anchors: tuple[Anchor, ...]
    """What it pins down; an answer is about all of it."""
    amounts: tuple[Quantity, ...]
    """What it says itself and so does not ask for."""
    ordinals: frozenset[str]
    """Stems of what it puts into an order: the first time, the third round."""
    counted: tuple[Word, ...]
    """What is to be counted: the words after `how many`."""
    subject: tuple[Word, ...]
    """The content words that the sources must speak of; none for "Summarise the citations"."""
    verb: Word | None
    """Of these, what somebody does: `borrow` in "Can I borrow a wheelchair?"."""
    beside: tuple[Word, ...]
    """Content words that say little about the subject, but something: `paid` in "When is it
    paid?"."""
    negated: bool
    """Whether it asks for what is not so."""
    rate: str
    """Per what it asks, as a stem: `day` in "per day"; empty where it does not say."""
    wanted: Wanted
    """What kind of value it asks for, in detail."""
    sort: frozenset[Word]
    """Of the subject, what says only what sort of thing the answer is (`which firm`, `cheaper`)."""


@lru_cache(maxsize=512)
def ask(text: str) -> Question:
    """Take a request apart."""
    text = " ".join(text.split())
    low = text.lower()
    imperative = bool(_IMPERATIVE.match(low))
    content = [w for w in words(text) if w.is_content]
    subject = [w for w in content if not _is_scaffold(w, text) or _is_mean(text, w)]
    if not subject and not imperative:
        subject = [w for w in content if w.text.lower() in _SOFT] or content
    verb = _main_verb(text, subject)
    return Question(
        text=text,
        kind=_kind(text) if not imperative else "",
        imperative=imperative,
        anchors=() if imperative else anchors(text),
        amounts=amounts_asked(text),
        ordinals=frozenset(w.stem for w in words(text) if w.text.lower() in ORDINAL_VALUES),
        counted=_counted(text),
        subject=tuple(subject),
        verb=verb,
        beside=tuple(
            w for w in words(text) if (w.is_content or w.stem == "own") and w not in subject
        ),
        negated=bool(read(text).negations),
        rate=stem(rate[1]) if (rate := _RATE.search(text)) else "",
        wanted=wanted(text),
        sort=frozenset(w for w in subject if _is_sort(text, w)),
    )


def _main_verb(text: str, subject: Sequence[Word]) -> Word | None:
    """What somebody or something does: `borrow`, `weigh`; by the form of the question alone."""
    found = _DOING.search(text) or _WHICH_DOES.search(text)
    if found:
        return next((w for w in subject if w.start == found.start(1)), None)
    clause = _DOES.search(text)
    if clause is None:
        return None
    end = clause.start(1) + len(_ADVERB.sub("", clause[1].rstrip()))
    return next((w for w in subject if w.end == end and w.text[0].islower()), None)


def alternatives(question: str) -> tuple[str, ...]:
    """The question for each of two things that it names side by side; none where it does not."""
    both = _BOTH.search(question)
    if both and both[1].islower() and both[2].islower():
        left, right = both.span(1), both.span(2)
        return (
            question[: left[1]] + question[right[1] :],
            question[: left[0]] + question[right[0] :],
        )
    if not _COMPARES.search(question):
        return ()
    named = sorted(
        (a for a in anchors(question) if a.kind != "moment"), key=lambda a: a.words[0].start
    )
    if len(named) != 2:
        return ()
    found = []
    for other in named:
        a, b = other.words[0].start, other.words[-1].end
        text = _LEFT_OVER.sub("", question[:a] + question[b:])
        found.append(" ".join(text.split()))
    return tuple(found[::-1])


def compares(question: str) -> bool:
    """Whether it asks which of two things is more, older, cheaper, …"""
    return bool(_COMPARES.search(question))


def _kind(text: str) -> AnswerType:
    """The kind of answer in few words; an amount also where two things are compared."""
    if _NAME.search(text):
        return "name"
    want = wanted(text)
    if want.kind == "number" and want.units & TIME_UNITS and not _BEING.search(text):
        return "duration"  # how long is the trip
    if want.kind == "who":
        return "" if want.noun else "who"
    return _BY_KIND.get(want.kind, "amount" if _COMPARES.search(text) else "")


def _counted(text: str) -> tuple[Word, ...]:
    found = re.search(r"\bhow many ((?:[\w-]+ ?){1,4})", text, re.IGNORECASE)
    if found is None:
        return ()
    inside = [w for w in words(text) if found.start(1) <= w.start < found.end(1)]
    run = []
    for word in inside:
        if not word.is_content:
            break
        run.append(word)
    return tuple(run)


def _is_mean(text: str, word: Word) -> bool:
    """Whether `mean` is the average of something, and not what a word means."""
    return word.text.lower() == "mean" and bool(re.match(r" [a-z]{3,}", text[word.end :]))


def _is_sort(text: str, word: Word) -> bool:
    low = word.text.lower()
    if re.fullmatch(r"[a-z]{3,}er|[a-z]{3,}est", word.text) and _COMPARES.search(text):
        return True
    if low in _JUDGED:
        return True
    before = _before(text, word.start)
    return (before in ("which", "what") or before in _SORTS) and low.removesuffix("s") in _SORTS


def _is_scaffold(word: Word, text: str) -> bool:
    low = word.text.lower()
    if low in _MEASURED:
        return _before(text, word.start) in ("how", "too", "very")
    return low in _SCAFFOLD or low.removesuffix("s") in _SCAFFOLD


def adjacent(question: Question, i: int) -> bool:
    """Whether nothing but a space or a hyphen parts a word of the subject from the next one."""
    left, right = question.subject[i], question.subject[i + 1]
    return question.text[left.end : right.start] in (" ", "-")


def is_verb(question: Question, word: Word) -> bool:
    """Whether a word of the question is what somebody does or did, as far as forms show."""
    low, before = word.text.lower(), _before(question.text, word.start)
    if word is question.verb or low in _PAST:
        return True
    if word.text[0].islower() and before in ("who", *_BEFORE_VERB):
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
_DOING = re.compile(r"\b(?:I|[Yy]ou|[Ww]e|[Tt]hey|one|it|[Hh]e|[Ss]he)\s+(\w+)")
_DOES = re.compile(
    r"\b(?:do|does|did|will|would|can|could|may|must|should) ((?!I\b|you\b|we\b|they\b|it\b|he\b"
    r"|she\b)[^,;?]*?)"
    r"(?:[,;?]|$| (?:for|in|at|on|to|from|by|with|after|before|during|since|until|per|if|when|about"
    r"|into"
    r"|over|under|than|as|against|through|without)\b)"
)
_LEFT_OVER = re.compile(
    r"\b(?:or|than|and)\b(?=[\s,?]*(?:the|that of|an?)?[\s,?]*$)|(?<=,) *or\b"
    r"|\b(?:or|than|and) (?=(?:or|than|and)\b)"
)
"""What joined a thing that was taken out."""
_MEASURED = word_set(
    "long late early old soon big large far high tall wide heavy fast deep expensive"
)
"""Scaffold after `how`; else part of what is meant: a large box."""
_RATE = re.compile(r"\b(?:per|each|every) (\w{3,})\b", re.IGNORECASE)
_ADVERB = re.compile(r" (?:\w+ly|at once|together|again)$")
_BOTH = re.compile(r"\b(\w{3,}) and (?:the )?(\w{3,})\b")
_WHICH_DOES = re.compile(
    r"^(?:which|who|what) (\w+(?:s|ed)) (?:more|less|the|an?|its|most)\b", re.IGNORECASE
)
_COMPARES = re.compile(
    r"\b(?:more|less|fewer|(?!other|number|whether|under|over|after|never|offer|order|water|paper"
    r"|winter"
    r"|summer|customer|member|letter|owner|power|tower|per|former|latter|manager|user|worker"
    r"|farther)"
    r"\w{3,}er)\b.*\b(?:or|than)\b",
    re.IGNORECASE,
)
_JUDGED = word_set("safe necessary ok okay")
"""What a question asks of a thing, and an answer seldom repeats."""
_SORTS = word_set(
    """
firm company person organisation organization institution colour color city town country place
language tool product device brand method kind type sort document model system service program
department team group material animal book item measure event feature colleague employee expert
researcher supplier contractor author format file size proportion
"""
)
