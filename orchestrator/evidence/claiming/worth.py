"""Whether a sentence states something that a source could bear out, and if not, what it is."""

from __future__ import annotations

import re

from orchestrator.evidence.language.reading import read
from orchestrator.evidence.language.words import words
from orchestrator.evidence.sources.chunks import sentences
from orchestrator.evidence.values import Unchecked

_KINDS: tuple[tuple[Unchecked, int, re.Pattern[str]], ...] = (
    (
        "greeting",
        10,
        re.compile(
            r"(?:hello|hi|dear|good (?:morning|day|evening)|thanks?\b|thank you|you['’]re welcome"
            r"|(?:best|kind) regards|sincerely|(?:that|this) is a (?:good|great) question"
            r"|(?:good|great) question)\b",
            re.IGNORECASE,
        ),
    ),
    (
        "greeting",
        3,
        re.compile(r"(?:sure|certainly|of course|absolutely|yes|no|okay|ok)\b", re.IGNORECASE),
    ),
    (
        "meta",
        14,
        re.compile(
            r"(?:here (?:is|are)|here['’]s|i hope|let me know|feel free|as follows"
            r"|(?:in (?:summary|conclusion|short)|to summari[sz]e)[,:.]?$"
            r"|(?:according to|based on) the (?:sources|passages|documents)[,:.]?$"
            r"|(?:this|the) (?:answer|summary|overview) (?:is|was) (?:based|drawn|taken)"
            r"|i (?:have )?(?:looked|searched|read|checked|summari[sz]ed|listed)"
            r"|(?:below|above) (?:is|are|you)\b|the following (?:is|are) (?:a|an|the) "
            r"(?:summary|overview|list|answer))",
            re.IGNORECASE,
        ),
    ),
    (
        "hedge",
        16,
        re.compile(
            r"(?:(?:i['’]m|i am) not (?:sure|certain)|i (?:may|might|could) be (?:wrong|mistaken)"
            r"|i (?:do not|don['’]t) know|(?:it|this|that) depends\b|(?:it|this) (?:may|might|can)"
            r" (?:vary|differ|change)|(?:this|that|it) is not (?:legal|medical|financial|tax)"
            r" advice"
            r"|(?:please )?(?:consult|ask) (?:a|an|your) (?:lawyer|doctor|physician|professional"
            r"|expert|adviser|advisor|specialist)|results may vary)",
            re.IGNORECASE,
        ),
    ),
    (
        "opinion",
        24,
        re.compile(
            r"(?:i (?:think|believe|feel|guess|suppose|would say|recommend|prefer)"
            r"|in my (?:opinion|view)|personally|if you ask me|from my point of view)\b",
            re.IGNORECASE,
        ),
    ),
    (
        "request",
        24,
        re.compile(
            r"(?:you (?:asked|want(?:ed)? to know|would like to know|were asking|requested)"
            r"|your (?:question|request) (?:is|was|concerns))\b",
            re.IGNORECASE,
        ),
    ),
)
"""Kind, the most words that such a sentence has, and how it begins."""
_REFERS_TO_USER = re.compile(r"\b(?:you|your)\b", re.IGNORECASE)


def unchecked(text: str, request: str = "") -> Unchecked | None:
    """What a sentence is that states nothing to be checked; `None` where it does.

    What begins like a greeting, a hedge or an opinion and then names a number or somebody is
    checked all the same.

    Args:
        request: what the user wrote. A sentence that says back one of its statements is theirs.
    """
    if text.rstrip().endswith("?"):
        return "question"
    if text.rstrip().endswith(":"):
        return "heading"
    reading = read(text)
    counts = bool(reading.quantities) or any(w.is_number for w in reading.words)
    for kind, most, pattern in _KINDS:
        if len(reading.words) <= most and pattern.match(text):
            named = bool(reading.names) and kind != "greeting"
            if kind == "request" or not (counts or named):
                return kind
    if request and _REFERS_TO_USER.search(text) and _said_back(text, request):
        return "request"
    return None if counts or sum(w.is_content for w in reading.words) >= 2 else "fragment"


def _said_back(text: str, request: str) -> bool:
    """Whether all that the text says stands, in this order, in one statement of the request."""
    said = _core(text)
    if not said:
        return False
    for span in sentences(request):
        statement = request[span.start : span.end]
        if statement.rstrip().endswith("?"):
            continue
        if _negated(statement) == _negated(text) and _within(said, _core(statement)):
            return True
    return False


def _core(text: str) -> list[str]:
    return [w.stem for w in words(text) if w.is_content or w.is_number]


def _negated(text: str) -> bool:
    return bool(read(text).negations)


def _within(part: list[str], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(word in rest for word in part)
