"""A draft as claims: sentences first, and their parts where they are sure to be compound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.evidence.claiming.clauses import Part, parts_of
from orchestrator.evidence.claiming.references import Antecedent, antecedent, resolve
from orchestrator.evidence.claiming.subjects import subject_of
from orchestrator.evidence.claiming.worth import unchecked
from orchestrator.evidence.sources.chunks import readable, sentences
from orchestrator.evidence.values import (
    Claim,
    ClaimCheck,
    Draft,
    Resolution,
    Sentence,
    Unchecked,
)


def split_claims(draft: Draft | Sequence[Sentence], question: str = "") -> tuple[Claim, ...]:
    """The claims of the sentences in order, with the citations of their sentence.

    A sentence makes one claim, `s1.1`. A compound one makes `s1.0` for all of it and then one for
    each part, which names the whole in `part_of`. A word that refers back is replaced where it is
    sure what it means; the text as written and the place of the meaning are kept.

    Headings, greetings, questions and the like make claims that are not worth checking. A sentence
    with a calculation makes none: it is calculated again instead.

    Args:
        question: what the user wrote; what an answer only says back of it is not checked.
    """
    listed = draft.sentences if isinstance(draft, Draft) else draft
    found: list[Claim] = []
    before: Antecedent | None = None
    subtask = ""
    for sentence in listed:
        if sentence.subtask != subtask or sentence.kind == "heading":
            before, subtask = None, sentence.subtask
        if sentence.calculation is None:
            statements = list(_statements(sentence, question, before))
            found += _claims(sentence, statements)
            before = statements[-1].next if statements else None
        else:
            before = None
    return tuple(found)


def units(checks: Sequence[ClaimCheck]) -> list[ClaimCheck]:
    """The findings without those on whole sentences (`s1.0`) whose parts are among them."""
    split = {c.claim.partition(".")[0] for c in checks if c.claim.rpartition(".")[2] not in "0"}
    return [c for c in checks if not (c.claim.endswith(".0") and c.claim[:-2] in split)]


@dataclass(frozen=True, slots=True)
class _Statement:
    """One written sentence within a sentence of the draft."""

    text: str
    written: str
    offset: int
    """Where it begins in the draft's sentence, or near it: markup is left out."""
    resolved: Resolution | None
    why: Unchecked | None
    next: Antecedent | None
    """What a sentence after it may refer to."""


def _statements(
    sentence: Sentence, question: str, before: Antecedent | None
) -> Iterator[_Statement]:
    """The written sentences of one sentence of the draft, with what they refer back to."""
    if sentence.kind != "evidence":
        why: Unchecked = "heading" if sentence.kind == "heading" else "meta"
        yield _Statement(sentence.text, sentence.text, 0, None, why, None)
        return
    verbatim = _is_verbatim(sentence)
    for span in sentences(sentence.text):
        written = " ".join(readable(sentence.text[span.start : span.end]).split())
        text, resolved = (written, None) if verbatim else resolve(written, before)
        kind = "heading" if span.kind == "heading" else unchecked(text, question)
        before = antecedent(text, sentence.id, span.start, resolved) if kind is None else None
        yield _Statement(text, written, span.start, resolved, kind, before)


def _is_verbatim(sentence: Sentence) -> bool:
    """Whether it stands in a source as it is; what it refers to is then said there."""
    said = " ".join(sentence.text.split())
    return any(said in " ".join(c.quote.split()) for c in sentence.citations)


def _claims(sentence: Sentence, statements: Sequence[_Statement]) -> Iterator[Claim]:
    """The claims of one sentence of the draft, numbered."""
    if not statements:
        statements = [_Statement(sentence.text, sentence.text, 0, None, "fragment", None)]
    number = 0
    for statement in statements:
        parts = _parts(statement)
        compound = len(parts) > 1
        whole = f"{sentence.id}.0" if compound and len(statements) == 1 else ""
        if whole:
            yield _claim(sentence, whole, statement, statement.text, statement.written)
        for part in parts:
            number += 1
            own = _own_resolutions(sentence, statement, part) if compound else None
            yield _claim(
                sentence,
                f"{sentence.id}.{number}",
                statement,
                part.text,
                part.written if compound else statement.written,
                own,
            ).model_copy(update={"part_of": whole})


def _parts(statement: _Statement) -> list[Part]:
    """Its parts where each of them is worth checking, else all of it as one."""
    parts = parts_of(statement.text) if statement.why is None else []
    if len(parts) > 1 and all(unchecked(p.text) is None for p in parts):
        return parts
    return [Part(statement.text, statement.written, 0)]


def _own_resolutions(
    sentence: Sentence, statement: _Statement, part: Part
) -> tuple[Resolution, ...]:
    """How the part got its subject: from the sentence before, or from its own."""
    subject = subject_of(part.text)
    first = statement.resolved
    inherited = first if first and subject and first.replacement in part.text else None
    if not part.replaced or subject is None:
        return (inherited,) if inherited else ()
    here = Resolution(
        pronoun=part.replaced,
        replacement=subject.text,
        sentence=first.sentence if first else sentence.id,
        start=first.start if first else statement.offset,
        end=first.end if first else statement.offset + len(subject.text),
    )
    return (here,)


def _claim(
    sentence: Sentence,
    id: str,
    statement: _Statement,
    text: str,
    written: str,
    resolved: tuple[Resolution, ...] | None = None,
) -> Claim:
    if resolved is None:
        resolved = (statement.resolved,) if statement.resolved else ()
    return Claim(
        id=id,
        sentence=sentence.id,
        text=text,
        written=written if written != text else "",
        resolved=resolved,
        citations=sentence.citations,
        checkworthy=statement.why is None,
        unchecked=statement.why,
    )
