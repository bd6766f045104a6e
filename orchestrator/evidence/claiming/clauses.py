"""Where a compound sentence parts: only where each part can be checked alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.evidence.claiming.references import stands_for
from orchestrator.evidence.claiming.subjects import (
    AUXILIARIES,
    FINITE,
    VERBS,
    Subject,
    subject_of,
)
from orchestrator.evidence.language.words import words

_CUT = re.compile(r";\s+|,?\s+(?:and|but|while|whereas)\s+", re.IGNORECASE)
_SUBJECT = re.compile(
    r"(?:the|an?|each|every|all|any|no|most|some|both|our|your|their|its|[A-Z][\w’'-]*"
    r"|[a-z]*(?:s|people|children|men|staff))\b"
)
_CONDITION = re.compile(
    r"(?:if|when|unless|although|though|because|since|while|where|after|before|once|whether|as)\b",
    re.IGNORECASE,
)
_REFERS_BACK = re.compile(
    r"(?:it|they|he|she|this|these|that|those|which|who|so|then|its|their|his|her)\b", re.I
)
_SHARED_END = re.compile(
    r"\b(?:if|when|unless|while|until|during|except|only|respectively|both|all|every|each|daily"
    r"|weekly|monthly|yearly|on (?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?)\b",
    re.IGNORECASE,
)
"""What at the end of two predicates may belong to both."""
_RELATIVE = re.compile(r"(?P<subject>[^,;:()]+), (?:which|who) (?P<aside>[^,;:()]+), (?P<rest>.+)")
_RELATIVE_WORD = re.compile(r"\b(?:that|which|who|whom|whose)\b")
_MODIFIERS_BEFORE_VERB = 6


@dataclass(frozen=True, slots=True)
class Part:
    """A statement of its own, and how it was made one."""

    text: str
    written: str
    """The words of the sentence that it comes from."""
    start: int
    """Where these begin in the sentence."""
    replaced: str = ""
    """The pronoun in it that the subject of the sentence took the place of."""


def parts_of(text: str) -> list[Part]:
    """The statements of one sentence in order; one alone where it is not sure to be compound."""
    whole = [Part(text, text, 0)]
    if _CONDITION.match(text):
        return whole
    return _aside(text) or _coordinated(text) or whole


def _aside(text: str) -> list[Part]:
    """`The tower, which was built in 1889, is 330 m high` says two things of the tower."""
    found = _RELATIVE.fullmatch(text)
    if not found:
        return []
    name, aside, rest = found["subject"], found["aside"], found["rest"]
    subject = subject_of(f"{name} {rest}")
    if subject is None or subject.text != name or subject_of(f"{name} {aside}") is None:
        return []
    if not (_says(aside) and _says(rest)) or _CUT.search(rest):
        return []
    return [
        Part(f"{name} {rest}", rest, found.start("rest")),
        Part(f"{name} {aside}.", aside, found.start("aside")),
    ]


def _coordinated(text: str) -> list[Part]:
    """The coordinated main clauses, and the predicates that share a subject."""
    parts: list[Part] = []
    start = 0
    for cut in _CUT.finditer(text):
        left, right = text[start : cut.start()], text[cut.end() :]
        if text[: cut.start()].count("(") > text[: cut.start()].count(")"):
            continue
        if _CONDITION.search(left) or _CONDITION.match(right):
            continue
        following = _second(left, right, cut[0]) if not parts else None
        if following is not None:
            first = Part(left.rstrip(" ,;") + ".", left, 0)
            return [first, Part(following[0], right, cut.end(), following[1])]
        if _is_clause(left) and _is_new_clause(right):
            parts.append(Part(left.rstrip(" ,;") + ".", left, start))
            start = cut.end()
    if not parts:
        return []
    rest = text[start:]
    return [*map(_capital, parts), _capital(Part(rest, rest, start))]


def _capital(part: Part) -> Part:
    return Part(part.text[:1].upper() + part.text[1:], part.written, part.start)


def _second(left: str, right: str, cut: str) -> tuple[str, str] | None:
    """The second of two predicates as a sentence of its own, and the pronoun that was replaced."""
    subject = subject_of(left)
    if subject is None or _CUT.search(right) or _SHARED_END.search(right):
        return None
    if _RELATIVE_WORD.search(left):
        return None  # the second may belong to the relative clause
    if not (_says(left[subject.verb :]) and _says(right)):
        return None
    pronoun = re.match(r"(?:it|they|he|she)\b(?= )", right, re.IGNORECASE)
    if pronoun:
        rest = right[pronoun.end() :].strip()
        if _begins_finite(rest, left, subject) and stands_for(
            pronoun[0], subject, left[subject.verb :]
        ):
            return f"{subject.text} {rest}", pronoun[0]
        return None
    if "while" in cut or "whereas" in cut or re.search(r"\b(?:it|them|its|their)\b", right):
        return None
    return (f"{subject.text} {right}", "") if _begins_finite(right, left, subject) else None


def _begins_finite(text: str, left: str, subject: Subject) -> bool:
    """Whether the text begins with a verb that needs no help from the first predicate."""
    found = words(text)
    if not found or text[found[0].end : found[0].end + 4] == " of ":
        return False
    verb = found[0].text.lower().replace("’", "'")
    first = words(left[subject.verb :])[0].text.lower()
    if verb in AUXILIARIES:
        return True
    helped = first in AUXILIARIES and verb.endswith(("ed", "t", "n", "ght", "ld"))
    return verb in FINITE and not helped


def _says(text: str) -> bool:
    """Whether the words of a predicate name enough to be looked for in a source."""
    found = words(text)
    return any(w.is_number for w in found) or sum(w.is_content for w in found) >= 2


def _is_new_clause(text: str) -> bool:
    """Whether the text begins with a subject of its own and the verb that goes with it."""
    if _REFERS_BACK.match(text) or not _SUBJECT.match(text):
        return False
    return subject_of(text[:1].upper() + text[1:]) is not None


def _is_clause(text: str) -> bool:
    """Whether the text begins with a subject that a finite verb follows soon."""
    text = text.split(";")[0]
    found = [w for w in words(text) if text[w.end : w.end + 4] != " of "]
    found = found[: _MODIFIERS_BEFORE_VERB + 1]
    if not _SUBJECT.match(text) or len(found) < 3:
        return False
    return any(
        w.text.lower() in AUXILIARIES or (w.stem in VERBS and i > 0)
        for i, w in enumerate(found[1:], start=1)
    )
