"""A request in its parts: numbered items, sentences, and coordinated imperatives."""

from __future__ import annotations

import re
from dataclasses import dataclass

VERBS: dict[str, str] = {
    "draft": "draft", "write": "draft", "compose": "draft", "propose": "draft", "design": "draft",
    "calculate": "math", "compute": "math", "multiply": "math", "divide": "math",
    "subtract": "math", "convert": "math",
    "summarise": "summarize", "summarize": "summarize", "recap": "summarize",
    "condense": "summarize", "shorten": "summarize",
    "extract": "extract", "list": "extract", "find": "extract", "identify": "extract",
    "quote": "extract", "name": "extract", "collect": "extract", "explain": "extract",
    "describe": "extract", "compare": "extract", "answer": "extract", "tell": "extract",
    "state": "extract", "show": "extract",
    "classify": "classify", "categorise": "classify", "categorize": "classify",
    "label": "classify", "tag": "classify",
    "code": "code", "implement": "code", "program": "code", "refactor": "code", "debug": "code",
    "translate": "chat", "rephrase": "chat", "rewrite": "chat", "suggest": "chat",
    "add": "", "work": "", "give": "", "provide": "", "make": "", "produce": "", "create": "",
    "prepare": "", "build": "", "generate": "", "sum": "",
}  # fmt: skip
"""The task that a verb asks for; empty where its object decides."""

_OBJECTS = (
    (r"\b(?:function|script|program|code|class|query|regex|unit tests?)\b", "code"),
    (r"\b(?:summary|overview|recap)\b", "summarize"),
    (r"\b(?:list|quotes?|facts?|dates|names)\b", "extract"),
    (r"\b(?:translation)\b", "chat"),
)
_POLITE = re.compile(
    r"^(?:(?:and|or|then|also|next|finally|lastly|first|second|third|after that|afterwards|please|"
    r"kindly|could you|can you|would you|will you|i (?:want|need|would like) you to|"
    r"i (?:want|need) to|let's|now)\b[,:]?\s*)+",
    re.IGNORECASE,
)
_VERB = "|".join(sorted(VERBS, key=len, reverse=True))
_ASKING = r"what|when|where|who|whose|which|why|how|is|are|does|do|can|must|may"
_LEAD = r"(?:(?:then|also|next|finally|lastly|after that|afterwards|please)\b,?\s+)*"
_SPLIT = re.compile(
    rf"\s*;\s*(?:and\s+)?"
    rf"|\s*,?\s+(?:and\s+)?(?=(?:then|after that|afterwards)\b,?\s+\S)"
    rf"|\s*(?:,\s*(?:and\s+)?|\s+and\s+)(?={_LEAD}(?:{_VERB})\b\s+[^\s,.;])"
    rf"|\s*(?:,\s*and|,|\s+and)\s+(?=(?:what|when|where|who|why|how)\b)",
    re.IGNORECASE,
)
_ITEM = re.compile(r"(?:^|(?<=\s))(?:\(?\d{1,2}[.)]|[-*•])\s+(?=\S)", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.?!])[\"”’)]*\s+(?=[A-Z\"“(])")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc|approx|no|dr|mr|mrs|vs)\.$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Clause:
    """One part of a request."""

    text: str
    """As it stands there, without leading `and`, `then` or `please`."""
    follows: bool
    """True where it says that it comes after the part before it (`then`)."""
    asks: bool
    """True for an imperative or a question; false for a mere statement, which is context."""


def split(request: str) -> list[Clause]:
    """The parts of a request, in order. Never empty for a request that holds a word."""
    return [
        clause
        for item in _items(request)
        for sentence in _sentences(item)
        for clause in _parts(sentence)
    ]


def task_of(text: str) -> str:
    """The task that a part asks for by its first word; `""` for a question or a statement."""
    words = re.match(r"([a-z]+)", text, re.IGNORECASE)
    verb = words[1].lower() if words else ""
    if verb not in VERBS:
        return ""
    task = VERBS[verb]
    by_object = next((t for p, t in _OBJECTS if re.search(p, text, re.IGNORECASE)), "")
    if verb == "sum" or (verb == "work" and " out " in text):
        return "summarize" if re.match(r"sum up\b(?!.*\d)", text, re.IGNORECASE) else "math"
    if verb == "add":
        return "math" if re.search(r"\d", text) else "draft"
    if task == "draft" and by_object in ("code", "summarize"):
        return by_object
    return task or by_object or ("extract" if verb in ("give", "provide") else "draft")


def _items(request: str) -> list[str]:
    """The items of a list with two or more of them, after what introduces it."""
    marks = list(_ITEM.finditer(request))
    if len(marks) < 2:
        return [request]
    lead = request[: marks[0].start()].strip()
    ends = [m.start() for m in marks[1:]] + [len(request)]
    items = [request[m.end() : end].strip() for m, end in zip(marks, ends, strict=True)]
    intro = [] if re.fullmatch(r"(?:[\w ',-]+:)?", lead) else [lead]
    return [*intro, *items]


def _sentences(text: str) -> list[str]:
    pieces: list[str] = []
    for piece in _SENTENCE.split(" ".join(text.split())):
        if pieces and _ABBREVIATION.search(pieces[-1]):
            pieces[-1] += " " + piece
        elif piece:
            pieces.append(piece)
    return pieces


def _parts(sentence: str) -> list[Clause]:
    clauses = []
    for piece in _SPLIT.split(sentence):
        lead = _POLITE.match(piece)
        text = piece[lead.end() if lead else 0 :].strip(" ,")
        if not re.search(r"\w", text):
            continue
        said = lead[0].lower() if lead else ""
        follows = bool(re.search(r"\b(?:then|after that|afterwards|next)\b", said))
        asks = bool(task_of(text) or is_question(text))
        clauses.append(Clause(text, follows, asks))
    return clauses


def is_question(text: str) -> bool:
    """Whether the text is a question, with its mark or by its first word."""
    marked = text.rstrip().endswith("?")
    return marked or bool(re.match(rf"(?:{_ASKING})\b", text, re.IGNORECASE))
