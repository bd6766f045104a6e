"""Claims made false in a known way: what was changed is on record, so that a person can check it.

Each kind makes at most one mutation of a claim, from a seed, the claim's id and the kind alone: the
order of the rows and the choice of kinds change nothing. A mutation never equals its original,
and what could well be true after all is left out: the same value in another form, two names in a
list, a verb that means the same both ways.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from orchestrator.evaluation.crosscheck.files import ClaimRow
from orchestrator.evaluation.crosscheck.opposites import (
    AUXILIARIES,
    OPPOSITES,
    TRANSITIVE,
    UNITS,
)
from orchestrator.evaluation.crosscheck.pool import Pool
from orchestrator.evaluation.crosscheck.spans import (
    MOMENT_KINDS,
    NUMBER_WORDS,
    Found,
    names,
    numbers,
    recased,
    shape,
    value,
)
from orchestrator.evidence.language.lexicon import word_set

MutationKind = Literal[
    "number_foreign", "number_swapped", "number_swapped_any", "date_swapped", "unit_changed",
    "name_foreign", "name_swapped", "names_exchanged", "subject_object", "negation_inserted",
    "negation_removed", "antonym", "clause_appended", "place_appended", "citation_nearest",
    "citation_random",
]  # fmt: skip
KINDS: tuple[MutationKind, ...] = get_args(MutationKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One change: in the mutated claim `now` stands at `start`, where `was` stood before."""

    start: int
    was: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """A claim made false, or put beside passages that do not support it."""

    id: str
    kind: MutationKind
    row: ClaimRow
    """The original."""
    claim: str
    passages: tuple[str, ...]
    edits: tuple[Edit, ...]
    """In order of place; empty where the passages changed and not the claim."""

    def undone(self) -> str:
        """The claim with its edits taken back, which is the original."""
        text = self.claim
        for edit in reversed(self.edits):
            text = text[: edit.start] + edit.was + text[edit.start + len(edit.now) :]
        return text

    def as_row(self) -> ClaimRow:
        """As a labelled claim, which is not supported."""
        return replace(self.row, id=self.id, claim=self.claim, passages=self.passages, label=0)

    def to_json(self) -> dict[str, object]:
        """As a JSON object for a person; the passages of the original are named by its id."""
        return {
            "id": self.id,
            "kind": self.kind,
            "source": self.row.source,
            "original": self.row.claim,
            "mutated": self.claim,
            "edits": [{"start": e.start, "was": e.was, "now": e.now} for e in self.edits],
        }


_Change = tuple[int, str, str]
"""Where in the original, what stands there, what is put there."""


@dataclass(frozen=True, slots=True)
class _Subject:
    """One claim to be mutated, with what may be put into it."""

    row: ClaimRow
    source: str
    pool: Pool
    rng: random.Random

    def pick(self, options: Sequence[tuple[Found, Found]]) -> list[_Change] | None:
        """One of the pairs of what stands there and what replaces it."""
        if not options:
            return None
        old, new = self.rng.choice(options)
        return [(old.start, old.text, new.text)]


def mutate(
    rows: Sequence[ClaimRow], *, seed: int = 0, kinds: Sequence[MutationKind] = KINDS
) -> Iterator[Mutation]:
    """The mutations of the supported claims among `rows`, in their order, kind after kind."""
    pool = Pool(rows)
    for number, row in enumerate(rows):
        if row.label != 1 or row.claim.rstrip().endswith(":"):  # an announcement states nothing
            continue
        source = "\n".join(row.passages)
        for kind in kinds:
            rng = random.Random(f"{seed}:{row.id}:{kind}")
            subject = _Subject(row, source, pool, rng)
            made: Mutation | None
            if kind in ("citation_nearest", "citation_random"):
                made = _moved(subject, kind, number)
            else:
                made = _edited(row, kind, _CHANGES[kind](subject))
            if made is not None:
                yield made


def _edited(row: ClaimRow, kind: MutationKind, changes: list[_Change] | None) -> Mutation | None:
    if not changes:
        return None
    text, edits, shift = row.claim, [], 0
    for start, was, now in sorted(changes):
        at = start + shift
        text = text[:at] + now + text[at + len(was) :]
        edits.append(Edit(start=at, was=was, now=now))
        shift += len(now) - len(was)
    if " ".join(text.lower().split()) == " ".join(row.claim.lower().split()):
        return None
    return Mutation(
        id=f"{row.id}#{kind}",
        kind=kind,
        row=row,
        claim=text,
        passages=row.passages,
        edits=tuple(edits),
    )


def _moved(subject: _Subject, kind: MutationKind, number: int) -> Mutation | None:
    if kind == "citation_nearest":
        other = subject.pool.nearest(number)
    else:
        other = subject.pool.any_other(number, subject.rng)
    if other is None:
        return None
    row = subject.row
    return Mutation(
        id=f"{row.id}#{kind}", kind=kind, row=row, claim=row.claim, passages=other, edits=()
    )


def _number_foreign(subject: _Subject) -> list[_Change] | None:
    present = {value(f) for text in (subject.source, subject.row.claim) for f in numbers(text)}
    present |= set(re.findall(r"\d+", subject.source))
    options = []
    for found in numbers(subject.row.claim):
        for _ in range(20):
            other = _another_number(found, subject.rng)
            if other is not None and value(other) not in present:
                options.append((found, other))
                break
    return subject.pick(options)


def _another_number(found: Found, rng: random.Random) -> Found | None:
    """A number or date of the same look, near enough to be believed."""
    if found.kind in ("weekday", "month"):
        return None
    if found.kind == "word":
        text = recased(rng.choice(sorted(NUMBER_WORDS)), found.text)
    elif found.kind == "ordinal":
        text = f"{rng.randint(4, 20)}th"
    elif found.kind == "year":
        text = str(int(found.text) + rng.choice([-1, 1]) * rng.randint(1, 25))
    elif found.kind in ("date", "clock"):
        runs = list(re.finditer(r"\d+", found.text))
        run = rng.choice(runs)
        most = 28 if len(run[0]) < 3 else 2099
        if found.kind == "clock":
            most = 12 if run is runs[0] else 59
        near = str(min(most, max(1, int(run[0]) + rng.choice([-7, -3, -2, 2, 3, 5]))))
        text = found.text[: run.start()] + near.zfill(len(run[0])) + found.text[run.end() :]
    else:
        at = rng.choice([i for i, c in enumerate(found.text) if c.isdigit()])
        digits = [d for d in "123456789" if d != found.text[at]]
        text = found.text[:at] + rng.choice(digits) + found.text[at + 1 :]
    return Found(found.start, text, found.kind)


def _number_swapped(subject: _Subject) -> list[_Change] | None:
    """Another number of the source of the same kind: a percentage for a percentage."""
    return subject.pick([(c, s) for c, s in _swaps(subject) if _alike(c, s)])


def _number_swapped_any(subject: _Subject) -> list[_Change] | None:
    """Any other number of the source, years included."""
    bare = ("percent", "money", "year", "decimal", "integer")
    return subject.pick([(c, s) for c, s in _swaps(subject) if c.kind in bare and s.kind in bare])


def _date_swapped(subject: _Subject) -> list[_Change] | None:
    """Another date, year, time or day of the source, of the same form."""
    return subject.pick(
        [(c, s) for c, s in _swaps(subject) if c.kind in MOMENT_KINDS and shape(c) == shape(s)]
    )


def _alike(claim: Found, source: Found) -> bool:
    return claim.kind == source.kind and claim.kind not in MOMENT_KINDS


def _swaps(subject: _Subject) -> list[tuple[Found, Found]]:
    """What may change places: no value that the claim has already, each value once."""
    mine = numbers(subject.row.claim)
    held = {value(f) for f in mine}
    others: dict[tuple[str, str], Found] = {}
    for found in numbers(subject.source):
        if value(found) not in held:
            others.setdefault((found.kind, value(found)), found)
    return [
        (old, Found(0, recased(new.text, old.text) if new.kind == "word" else new.text, new.kind))
        for old in mine
        for new in others.values()
    ]


def _unit_changed(subject: _Subject) -> list[_Change] | None:
    claim = subject.row.claim
    found: list[_Change] = []
    for old, new in UNITS:
        if old in "$€£":
            form = rf"{re.escape(old)}(?=\d)"
        else:
            form = rf"(?<=\d[ -]){re.escape(old)}\b|(?<=\d){re.escape(old)}\b"
        found += [(m.start(), m[0], new) for m in re.finditer(form, claim)]
    return [subject.rng.choice(found)] if found else None


def _name_foreign(subject: _Subject) -> list[_Change] | None:
    """A name of another document, no word of which stands in this one or in the claim."""
    text = f"{subject.source} {subject.row.claim}".lower()
    options = []
    for found in names(subject.row.claim):
        for _ in range(20):
            other = subject.pool.name(shape(found), subject.rng)
            if other and not any(w in text for w in re.findall(r"\w{3,}", other.lower())):
                options.append((found, Found(0, other, "name")))
                break
    return subject.pick(options)


def _name_swapped(subject: _Subject) -> list[_Change] | None:
    """Another name of the source, which shares no word with any name of the claim."""
    mine = names(subject.row.claim)
    held = set(re.findall(r"\w+", subject.row.claim.lower()))
    options = [
        (old, new)
        for new in {f.text: f for f in names(subject.source)}.values()
        if not held & set(re.findall(r"\w+", new.text.lower()))
        for old in mine
        if shape(old) == shape(new)
    ]
    return subject.pick(options)


_SYMMETRIC = re.compile(
    r"^[\s,/&-]*(?:(?:and|or|as well as|vs\.?|versus|with|to|than|the)\b[\s,/&-]*)*$"
    r"|\b(?:married|met|meets|between|both|versus|vs|compared|equal|similar|same|like|alongside|"
    r"together|resembles?)\b",
    re.IGNORECASE,
)


def _names_exchanged(subject: _Subject) -> list[_Change] | None:
    """Two names of the claim in each other's place; not two of one list."""
    claim = subject.row.claim
    found = names(claim)
    options = []
    for i, first in enumerate(found):
        for second in found[i + 1 :]:
            words = [set(re.findall(r"\w+", f.text.lower())) for f in (first, second)]
            between = claim[first.end : second.start]
            listed = any(f.text in between for f in found) or re.search(
                r"^\s*,(?!.*\b[a-z]{3,}\b)|\(\s*$|^\s*\(", between
            )
            if words[0] & words[1] or listed or _SYMMETRIC.search(between):
                continue
            if re.search(r"\b(?:both|between|similar)\b", claim, re.IGNORECASE):
                continue
            options.append((first, second))
    if not options:
        return None
    first, second = subject.rng.choice(options)
    return [(first.start, first.text, second.text), (second.start, second.text, first.text)]


_NO_NOUN = (
    "is|are|was|were|be|been|has|have|had|do|does|did|not|and|or|but|while|when|if|as|that|which|who|"
    "in|on|by|at|for|to|from|with|of|there|it|he|she|they|we|you|this|these|then|also"
)
_PHRASE = (
    rf"(?:(?:the|a|an|its|their|his|her) )?(?:(?!(?:{_NO_NOUN})\b)[\w-]+ ){{0,3}}?"
    rf"(?!(?:{_NO_NOUN})\b)[\w-]+"
)
_CLAUSE = re.compile(
    rf"^(?P<left>{_PHRASE}) (?P<verb>{'|'.join(sorted(TRANSITIVE))}) (?P<right>{_PHRASE})"
    r"(?=[.,;]| (?:in|on|by|at|for|to|from|with|and|that|which|who|of|during|after|before|as)\b)",
    re.IGNORECASE,
)
_PASSIVE = re.compile(
    rf"^(?P<left>{_PHRASE}) (?P<verb>(?:is|are|was|were|been) \w+(?:ed|en|un|ght|ilt|de) by) "
    rf"(?P<right>{_PHRASE})(?=[.,;]|$| (?:in|on|at|for|to|from|and|that|which|who|of|during)\b)",
    re.IGNORECASE,
)
_PRONOUNS = word_set(
    """
i them him her us his their its what one some many
"""
)


def _subject_object(subject: _Subject) -> list[_Change] | None:
    """The subject and the object of the claim's first verb in each other's place."""
    claim = subject.row.claim
    match = _PASSIVE.match(claim) or _CLAUSE.match(claim)
    if match is None:
        return None
    left, right = match["left"], match["right"]
    heads = [set(re.findall(r"\w+", p.lower())) for p in (left, right)]
    if heads[0] & heads[1] - {"the", "a"} or heads[0] & _PRONOUNS or heads[1] & _PRONOUNS:
        return None
    if left.split()[-1].lower().endswith("s") != right.split()[-1].lower().endswith("s"):
        return None  # the verb would no longer agree
    common = re.search(rf"\b{re.escape(left.split()[0].lower())}\b", subject.source)
    lower = left[0].lower() + left[1:] if common else left
    return [
        (match.start("left"), left, right[0].upper() + right[1:]),
        (match.start("right"), right, lower),
    ]


def _negation_inserted(subject: _Subject) -> list[_Change] | None:
    """`not` after the first auxiliary."""
    found = re.search(rf"\b(?:{'|'.join(AUXILIARIES)})\b", subject.row.claim)
    if found is None or re.search(r"\b(?:not|no|never|n['’]t)\b|n['’]t\b", subject.row.claim):
        return None
    return [(found.end(), "", " not")]


def _negation_removed(subject: _Subject) -> list[_Change] | None:
    claim = subject.row.claim
    found = re.search(r"\bcannot\b|(?<=[a-z])n['’]t\b| (?:not|never)\b(?! only)", claim)
    if found is None or re.search(r"\b(?:can|wo|sha)$", claim[: found.start()]):
        return None
    return [(found.start(), found[0], "can" if found[0] == "cannot" else "")]


def _antonym(subject: _Subject) -> list[_Change] | None:
    """A word for its opposite; not where the opposite stands in the claim as well."""
    claim = subject.row.claim
    low = set(re.findall(r"\w+", claim.lower()))
    found: list[_Change] = []
    for pair in OPPOSITES:
        for old, new in (pair, pair[::-1]):
            if new in low:
                continue
            for match in re.finditer(rf"\b{old}\b", claim, re.IGNORECASE):
                if not match[0].isupper():
                    found.append((match.start(), match[0], recased(new, match[0])))
    return [subject.rng.choice(sorted(found))] if found else None


def _clause_appended(subject: _Subject) -> list[_Change] | None:
    """A statement that is true of another document."""
    claim = subject.row.claim
    other = subject.pool.statement(subject.row, subject.rng)
    end = len(claim.rstrip(" .!?\n"))
    if not other or end == 0:
        return None
    return [(end, claim[end:], f", and {other}.")]


def _place_appended(subject: _Subject) -> list[_Change] | None:
    """`in` and a name of another document."""
    claim = subject.row.claim
    other = subject.pool.place(subject.rng)
    end = len(claim.rstrip(" .!?\n"))
    name = other.partition(" ")[2]
    if not name or end == 0 or name.lower() in f"{subject.source} {claim}".lower():
        return None
    return [(end, claim[end:], f" {other}.")]


_CHANGES: dict[str, Callable[[_Subject], list[_Change] | None]] = {
    "number_foreign": _number_foreign,
    "number_swapped": _number_swapped,
    "number_swapped_any": _number_swapped_any,
    "date_swapped": _date_swapped,
    "unit_changed": _unit_changed,
    "name_foreign": _name_foreign,
    "name_swapped": _name_swapped,
    "names_exchanged": _names_exchanged,
    "subject_object": _subject_object,
    "negation_inserted": _negation_inserted,
    "negation_removed": _negation_removed,
    "antonym": _antonym,
    "clause_appended": _clause_appended,
    "place_appended": _place_appended,
}
