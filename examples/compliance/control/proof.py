"""What the report says, as drafts that others check, and what they leave of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator import function
from orchestrator.evidence.values import STANDING, Citation, Draft, Passage, Sentence
from orchestrator.roles.values import Checks, CitationReport

from .assess import Assessment, Assessments
from .sheets import Sheet, Sheets

Inputs = Mapping[str, Any]


@function("quotes-of", reads=(Sheets, Assessments))
def quotes_of(inputs: Inputs) -> Draft:
    """Each quote of a rule, and the sheet that each finding rests on."""
    sheets: Sheets = inputs["sheets"]
    said: Assessments = inputs["assess"]
    rules = {rule.id: rule for rule in sheets.rules}
    by_hit = {sheet.hit.id: sheet for sheet in sheets.sheets}
    sentences = []
    for one in said.found:
        rule = rules[one.rule]
        start = rule.start + rule.text.index(one.quote)
        cited = Citation(
            file=rule.file,
            start=start,
            end=start + len(one.quote),
            quote=one.quote,
            doc_hash=rule.doc_hash,
            passage=rule.id,
        )
        sentences.append(Sentence(id=f"{one.hit}-rule", text=one.quote, citations=(cited,)))
        sentences.append(_finding(one, by_hit[one.hit]))
    return Draft(sentences=tuple(sentences))


@function("claims-of", reads=(Sheets, Assessments))
def claims_of(inputs: Inputs) -> Draft:
    """The findings, which the sheets must bear out. A rule is no claim about the payments."""
    sheets: Sheets = inputs["sheets"]
    by_hit = {sheet.hit.id: sheet for sheet in sheets.sheets}
    said: Assessments = inputs["assess"]
    return Draft(sentences=tuple(_finding(one, by_hit[one.hit]) for one in said.found))


@function("rules-and-sheets", reads=(Sheets,))
def rules_and_sheets(inputs: Inputs) -> tuple[Passage, ...]:
    """All that may be quoted."""
    sheets: Sheets = inputs["sheets"]
    rules = (rule.passage for rule in sheets.rules)
    return (*rules, *(sheet.passage for sheet in sheets.sheets))


@function("sheets-alone", reads=(Sheets,))
def sheets_alone(inputs: Inputs) -> tuple[Passage, ...]:
    """What findings are checked against."""
    sheets: Sheets = inputs["sheets"]
    return tuple(sheet.passage for sheet in sheets.sheets)


def _finding(one: Assessment, sheet: Sheet) -> Sentence:
    whole = sheet.passage
    cited = Citation(
        file=whole.file,
        start=0,
        end=len(sheet.text),
        quote=sheet.text,
        doc_hash=whole.doc_hash,
        passage=whole.id,
    )
    return Sentence(id=one.hit, text=one.finding, citations=(cited,))


def doubts(checks: Checks, report: CitationReport) -> dict[str, str]:
    """Exception → why what was said of it is not to be relied on."""
    wrong: dict[str, str] = {}
    for sentence in report.sentences:
        hit = sentence.id.removesuffix("-rule")
        for citation in sentence.citations:
            if citation.status not in STANDING:
                wrong[hit] = citation.reason or f"the quote is {citation.status}"
    for check in checks.checks:
        if check.status != "supported":
            wrong.setdefault(check.claim.partition(".")[0], f"{check.status}: {check.reason}")
    return wrong
