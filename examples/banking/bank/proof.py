"""What the report says word for word, as drafts that others check, and what they leave of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from orchestrator import function
from orchestrator.evidence.sources.chunks import readable
from orchestrator.evidence.values import STANDING, Draft, Passage, Sentence, Value
from orchestrator.roles.values import Checks, CitationReport

from .casefile import Piece
from .covenants import Risks
from .deviations import Findings
from .papers import Checklist

Inputs = Mapping[str, Any]


class Quoted(Value):
    """Everything that the report quotes."""

    agreement: tuple[tuple[Piece, str], ...]
    """Clauses with what is quoted of them."""
    others: tuple[Piece, ...]
    """Whole rows and rules."""


@function("collect_quotes", reads=(Risks, Checklist, Findings))
def collect_quotes(inputs: Inputs) -> Quoted:
    """The clauses, rows and rules behind every finding, each once."""
    risks, papers, findings = inputs["risks"], inputs["papers"], inputs["review"]
    clauses = [(limit.clause, limit.quote) for risk in risks.risks for limit in risk.limits]
    clauses += [(clause, clause.text) for clause in risks.definitions]
    clauses += [(item.required, item.required.text) for item in papers.items]
    clauses += [(f.clause, f.quote) for f in findings.findings if f.clause]
    others = [*risks.rows, *(item.received for item in papers.items if item.received)]
    others += [f.rule for f in findings.findings]
    return Quoted(
        agreement=tuple({(c.key, quote): (c, quote) for c, quote in clauses}.values()),
        others=tuple({piece.key: piece for piece in others}.values()),
    )


@function("passages_of", reads=(Quoted,))
def passages_of(inputs: Inputs) -> tuple[Passage, ...]:
    """All pieces as passages, in which the quotes must stand."""
    quoted: Quoted = inputs["quotes"]
    return _passages([*(clause for clause, _ in quoted.agreement), *quoted.others])


@function("clauses_of", reads=(Quoted,))
def clauses_of(inputs: Inputs) -> tuple[Passage, ...]:
    """The clauses alone, which must support what the agreement is said to say."""
    quoted: Quoted = inputs["quotes"]
    return _passages([clause for clause, _ in quoted.agreement])


def _passages(pieces: Sequence[Piece]) -> tuple[Passage, ...]:
    return tuple(
        Passage(
            id=piece.key,
            file=piece.file,
            start=piece.start,
            end=piece.end,
            text=piece.text,
            doc_hash=piece.doc_hash,
            heading=piece.heading,
        )
        for piece in {piece.key: piece for piece in pieces}.values()
    )


@function("all_quotes", reads=(Quoted,))
def all_quotes(inputs: Inputs) -> Draft:
    """A sentence for each quote: found again letter by letter, whatever it is from."""
    quoted: Quoted = inputs["quotes"]
    said = [*quoted.agreement, *((piece, piece.text) for piece in quoted.others)]
    return Draft(sentences=tuple(_sentences(said)))


@function("all_claims", reads=(Quoted, Risks))
def all_claims(inputs: Inputs) -> Draft:
    """What the agreement is said to say, and every calculation, which is calculated once more.

    The policy's rules are no claims on the agreement; they say what it should be.
    """
    quoted: Quoted = inputs["quotes"]
    risks: Risks = inputs["risks"]
    calculated = [
        Sentence(
            id=f"c{n}",
            text=f"{name}: {calculation.working}",
            calculation=calculation,
            kind="calculation",
        )
        for n, (name, calculation) in enumerate(
            (
                (risk.name, calculation)
                for risk in risks.risks
                for calculation in (risk.value, *(limit.room for limit in risk.limits))
            ),
            start=1,
        )
    ]
    return Draft(sentences=(*_sentences(quoted.agreement), *calculated))


def _sentences(said: Sequence[tuple[Piece, str]]) -> Iterator[Sentence]:
    for number, (piece, quote) in enumerate(said, start=1):
        yield Sentence(
            id=f"s{number}",
            text=" ".join(readable(quote, piece.file).strip(" |").split()),
            citations=(piece.cite(quote),),
        )


def withheld(checks: Checks, report: CitationReport) -> dict[tuple[str, int], str]:
    """Where a quote begins that is not to be relied on → why."""
    wrong = {
        (citation.file, citation.start): citation.reason or f"the quote is {citation.status}"
        for sentence in report.sentences
        for citation in sentence.citations
        if citation.status not in STANDING or citation.supported is False
    }
    by_id = {s.id: s for s in report.sentences}
    for check in checks.checks:
        if check.status == "supported":
            continue
        sentence = by_id.get(check.claim.partition(".")[0])
        for citation in sentence.citations if sentence else ():
            wrong[citation.file, citation.start] = f"{check.status}: {check.reason}"
    return wrong
