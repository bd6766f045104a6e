"""The subject of a clause: the words before its verb, where it is plain which those are."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.evidence.language.lexicon import STOP_WORDS, word_set
from orchestrator.evidence.language.words import Word, stem, words

AUXILIARIES = word_set(
    """
is are was were has have had does do did will would can could may might must shall should cannot
isn't aren't wasn't weren't hasn't haven't doesn't don't didn't won't can't mustn't
"""
)
FINITE = word_set(
    """
receives gets requires includes contains provides opens closes begins allows permits prohibits
forbids takes gives keeps makes sells buys owns approves rejects decides asks says employs hires
wrote won lost became remains expires sends deletes creates writes explains produces prevents
reduces improves belongs depends consists serves lives leads manages grants applies decreases grows
shrinks holds founded built began opened closed sold bought received employed hired introduced
replaced joined left moved died published launched acquired announced expanded merged established
"""
)
"""Forms that are hardly ever nouns: a clause has its verb there."""
VERBS = frozenset(
    stem(verb)
    for verb in word_set(
        """
receives gets pays opens closes costs applies requires includes contains works needs provides
offers starts begins ends lasts covers grants allows permits prohibits forbids supports uses takes
gives keeps holds makes sells buys owns runs leads manages reports approves rejects decides asks
says states employs hires builds founded wrote won lost became remains stays rises falls increases
decreases grows shrinks expires returns sends stores deletes creates writes reads shows explains
produces causes treats prevents reduces improves belongs depends consists lies stands serves
"""
    )
)
PLURALS = word_set("people children men women staff police they these those both we")
_DETERMINED = re.compile(
    r"(?:the|an?|each|every|all|any|no|most|some|both|our|your|their|its|this|these|those)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"[A-Z][\w’'&.-]*(?: (?:(?:of|de|von|van|the|and) )*[A-Z][\w’'&.-]*)*$")
FIRM = re.compile(
    r"\b(?:Inc|Ltd|Corp|Co|LLC|PLC|plc|GmbH|AG|SE|Group|Company|Corporation|Holdings?|Bank)\b"
)
"""The legal form, or what else tells a firm, in its name."""
_INNER_CLAUSE = re.compile(
    r"\b(?:who|whom|whose|which|that|if|when|while|where|because)\b|[,;:()–—]"
)
_ADVERBS = word_set(
    "also always now still only often never usually then thus even already not both"
)
_PRONOUNS = word_set("it they he she we this these those that")
_LEADING = word_set(
    """
according based due given despite besides however therefore moreover furthermore additionally
finally overall instead otherwise meanwhile thus hence please yes
"""
)
_OF_ONE = word_set("is was has does isn't wasn't hasn't doesn't")
_OF_MANY = word_set("are were have do aren't weren't haven't don't")
_MOST_WORDS = 7


@dataclass(frozen=True, slots=True)
class Subject:
    """`text[start:end]` of the clause is its subject; its verb begins at `verb`."""

    text: str
    start: int
    end: int
    verb: int

    @property
    def plural(self) -> bool:
        if re.search(r"\band\b", self.text):
            return True
        head = re.split(r" (?:of|for|in|at|from|with|to)\b", self.text)[0].split()[-1].lower()
        return head in PLURALS or (
            head.endswith("s") and not head.endswith(("ss", "us", "is", "'s"))
        )

    @property
    def name(self) -> bool:
        """Whether it is a name, with or without an article."""
        bare = re.sub(r"^(?:the|an?) ", "", self.text, flags=re.IGNORECASE)
        return bool(_NAME.fullmatch(bare)) and not (
            bare == self.text and " " not in bare and self.plural
        )

    @property
    def person(self) -> bool:
        """Whether it is surely one: two names and more, no article, no form of a firm."""
        return (
            self.name
            and " " in self.text
            and not (_DETERMINED.match(self.text) or FIRM.search(self.text))
        )


def subject_of(clause: str) -> Subject | None:
    """The subject with which the clause begins; `None` where that is not sure."""
    found = words(clause)
    for number, word in enumerate(found[: _MOST_WORDS + 1]):
        form = word.text.lower().replace("’", "'")
        before = found[number - 1] if number else None
        if not (form in AUXILIARIES or form in FINITE or word.stem in VERBS):
            continue
        if before is None:
            if form in AUXILIARIES or form in FINITE:
                return None
            continue
        end = _without_adverbs(found[:number])
        subject = Subject(clause[:end], 0, end, word.start)
        after = clause[word.end : word.end + 4]
        if before.text.lower() == "to" or not _fits(form, after, plural=subject.plural):
            if form in AUXILIARIES:
                return None
            continue
        apart = clause[before.end : word.start].strip()
        if not end or apart or _INNER_CLAUSE.search(subject.text) or not _starts_well(clause):
            return None
        return subject
    return None


def _starts_well(clause: str) -> bool:
    """Whether a clause begins with an article or the like, a noun or a name."""
    if _DETERMINED.match(clause):
        return True
    first = words(clause)[0].text
    return clause[:1].isupper() and first.lower() not in (STOP_WORDS - _PRONOUNS) | _LEADING


def _without_adverbs(found: list[Word]) -> int:
    """Where the subject ends: `The tower also` is `The tower`."""
    while found and (found[-1].text.lower() in _ADVERBS or found[-1].text.endswith("ly")):
        found = found[:-1]
    return found[-1].end if found else 0


def _fits(form: str, after: str, *, plural: bool) -> bool:
    """Whether a word can be the verb of that subject, and nothing but a verb."""
    if form in AUXILIARIES:
        return form not in (_OF_ONE if plural else _OF_MANY)
    if form in FINITE and (form.endswith("s") or after != " by "):
        return not (plural and form.endswith("s"))
    if after == " of ":
        return False
    return not form.endswith(("s", "ed", "ing")) if plural else form.endswith("s")
