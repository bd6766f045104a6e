"""Pronouns and descriptions that refer back, replaced where it is sure what they stand for.

A sentence that begins with one takes the subject of the sentence before it, if that agrees in
number, and if nothing else in that sentence could be meant. No statistics: the same text is always
read the same way, and where it is not sure the word stays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.evidence.claiming.subjects import FIRM, Subject, subject_of
from orchestrator.evidence.language.lexicon import word_set
from orchestrator.evidence.values import Resolution

_PRONOUN = re.compile(r"(It|They|He|She|Its|Their|His|Her)\b(?!['’])")
_POSSESSIVE = frozenset({"Its", "Their", "His", "Her"})
_PLURAL = frozenset({"They", "Their"})
_PERSON = frozenset({"He", "She", "His", "Her"})
_EMPTY_IT = re.compile(
    r"It (?:is|was|will be|may be|has been|seems|appears|follows|depends|rains?|takes)"
    r"(?: \w+){0,3} (?:that|to|whether|if|who|when)\b|It (?:seems|appears|rains?|depends)\b"
)
_DESCRIPTION = re.compile(r"(The ([a-z]+))(?= [a-z])")
_ANOTHER_THING = re.compile(
    r"\b(?:an?|the|this|that|its|their|his|her|each|every|another)\b|(?<=[a-z,] )[A-Z][a-z]"
)
_ANOTHER_ONE = re.compile(
    r"(?<=[a-z,] )(?<! in )(?<! at )(?<! from )(?<! near )(?<! to )[A-Z][a-z]+"
    r"|\b(?:the|these|those) [a-z]+s\b"
)
"""Who else a person may be, or which others many; the names of places are none."""
_IS_A = re.compile(r"(?:is|was) an? (?:[\w-]+ ){0,3}?([a-z]+)\b")
_FIRMS = word_set("company firm business corporation enterprise employer manufacturer")


@dataclass(frozen=True, slots=True)
class Antecedent:
    """What the next sentence may refer to, and the place that it was read from."""

    subject: Subject
    predicate: str
    """What the sentence says of it."""
    sentence: str
    start: int
    end: int


def antecedent(
    text: str, sentence: str, offset: int, before: Resolution | None
) -> Antecedent | None:
    """The subject of a sentence for the one after it.

    Args:
        sentence: the id of the draft sentence.
        offset: of `text` in that sentence.
        before: how the beginning of this text was resolved; the next takes it from there too.
    """
    subject = subject_of(text)
    if subject is None:
        return None
    predicate = text[subject.verb :]
    if before is not None:
        return Antecedent(subject, predicate, before.sentence, before.start, before.end)
    return Antecedent(subject, predicate, sentence, offset + subject.start, offset + subject.end)


def resolve(text: str, before: Antecedent | None) -> tuple[str, Resolution | None]:
    """The text with the word replaced with which it refers back, and how; or as it is."""
    if before is None:
        return text, None
    word = _referring(text, before)
    if not word:
        return text, None
    name = before.subject.text
    replacement = _possessive(name) if word in _POSSESSIVE else name
    found = Resolution(
        pronoun=word,
        replacement=name,
        sentence=before.sentence,
        start=before.start,
        end=before.end,
    )
    return replacement[:1].upper() + replacement[1:] + text[len(word) :], found


def stands_for(pronoun: str, subject: Subject, predicate: str) -> bool:
    """Whether a pronoun after that sentence can only be its subject."""
    word = pronoun.capitalize()
    if (word in _PLURAL) != subject.plural or (word in _PERSON and not subject.person):
        return False
    if subject.text.split()[0].lower() in ("no", "each", "every", "any", "some"):
        return False  # what holds of some of them is not said of all
    if word in _PERSON or word in _PLURAL:
        return not _ANOTHER_ONE.search(predicate)
    return bool(_IS_A.match(predicate)) or not _ANOTHER_THING.search(predicate)


def _referring(text: str, before: Antecedent) -> str:
    pronoun = _PRONOUN.match(text)
    if pronoun:
        sure = not _EMPTY_IT.match(text) and stands_for(
            pronoun[1], before.subject, before.predicate
        )
        return pronoun[1] if sure else ""
    described = _DESCRIPTION.match(text)
    return described[1] if described and _is_meant(described[2], before) else ""


def _is_meant(noun: str, before: Antecedent) -> bool:
    """Whether `the noun` is the name before: its last word, what it is said to be, or its form."""
    name = before.subject.text
    if not before.subject.name or name.lower() == f"the {noun}":
        return False
    kind = _IS_A.match(before.predicate)
    nouns = re.split(r" (?:of|in|for|at|from|by|with|that|which|who)\b|[,.;]", before.predicate)[0]
    return (
        name.split()[-1].lower() == noun
        or (kind is not None and nouns.split()[-1:] == [noun])
        or (noun in _FIRMS and bool(FIRM.search(name)))
    )


def _possessive(name: str) -> str:
    return f"{name}’" if name.endswith("s") else f"{name}’s"
