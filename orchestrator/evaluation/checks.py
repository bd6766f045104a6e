"""The checks that suites may name without registering any. An abstention states nothing."""

from __future__ import annotations

from orchestrator.evidence.numbers import missing, quantities
from orchestrator.graph.answer import Answer
from orchestrator.project.registry import check
from orchestrator.project.suite_schema import Case
from orchestrator.roles.checking.calculation import CALCULATOR


@check("every_number_is_cited_or_calculated")
def every_number_is_cited_or_calculated(answer: Answer, case: Case) -> str | None:
    """Each number of the answer stands in a quote, in a calculation, or in the question."""
    if answer.verdict == "abstained":
        return None
    calculated = [c.text for c in answer.claims if c.by == CALCULATOR and c.status == "supported"]
    asked = [value for value in case.input.values() if isinstance(value, str)]
    quoted = [citation.quote for citation in answer.citations]
    known = [q for text in (*quoted, *calculated, *asked) for q in quantities(text)]
    invented = missing(quantities(answer.text), known)
    return f"nothing states {', '.join(q.text for q in invented)}" if invented else None


@check("every_claim_is_supported")
def every_claim_is_supported(answer: Answer, _case: Case) -> str | None:
    """Of an answer that is given, each claim was checked and found supported."""
    if answer.verdict == "abstained":
        return None
    if not answer.claims:
        return "no claim was checked"
    bad = [claim for claim in answer.claims if claim.status != "supported"]
    return f"{bad[0].status}: {bad[0].text}" if bad else None


@check("cites_its_sources")
def cites_its_sources(answer: Answer, _case: Case) -> str | None:
    """An answer that is given has at least one citation."""
    given = answer.verdict != "abstained"
    return "no citation" if given and not answer.citations else None


@check("checked_by_another_family")
def checked_by_another_family(answer: Answer, _case: Case) -> str | None:
    """A model of another family than the author's, or deterministic verifiers, checked it."""
    if answer.verdict == "abstained" or answer.independence != "none":
        return None
    return "nobody independent checked it"
