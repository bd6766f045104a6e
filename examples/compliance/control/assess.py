"""What an exception means: the rule it breaks, quoted, and the risk, by whoever routing chooses."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator import builtin, role
from orchestrator.call_types import CallRequest
from orchestrator.evidence.values import Value
from orchestrator.roles.output import json_object
from orchestrator.roles.prompt import fence, fenced_passages
from orchestrator.roles.work import InvalidOutputError, Work

from .exceptions import RISKS, Risk
from .sheets import RuleText, Sheet, Sheets

_NAMED = re.compile(r"\b(?:P-\d{4}|[AEKMNS]-\d{2,})\b")
_LONGEST = 400

_WHY: Mapping[str, str] = {
    "R1": "One person alone can pay whatever they enter.",
    "R2": "Nobody who may approve so much has looked at it.",
    "R3": "The second approval is not on record.",
    "R4": "The money went to somebody of our own, under the name of a supplier.",
    "R5": "The same money left twice.",
    "R6": "The second approval was avoided.",
    "R7": "Nobody can tell why it was paid so late.",
    "R8": "On such a day nobody else was there to see it.",
    "R9": "The money may have gone to somebody else than the supplier.",
    "R10": "More was paid than the rules allow.",
    "R11": "The receipts can hardly be checked after so long.",
    "R12": "Who received the money also released it.",
}


class Assessment(Value):
    """What was said of one exception."""

    hit: str
    rule: str
    quote: str
    """Of the rule, letter by letter."""
    finding: str
    risk: Risk
    why: str
    by: str
    """The deployment that said it."""


class Assessments(Value):
    """One for each exception."""

    found: tuple[Assessment, ...]


@builtin("rule-assessor")
def rule_assessor(request: CallRequest) -> str:
    """`{"rule", "quote", "finding", "risk", "why"}`: what the test found, in its own words."""
    sheet, rules = request.inputs["sheet"], request.inputs["rules"]
    hit = sheet["hit"]
    quote = next(rule["text"] for rule in rules if rule["id"] == hit["rule"])
    said = {"rule": hit["rule"], "quote": quote, "finding": hit["facts"], "risk": hit["risk"]}
    return json.dumps({**said, "why": _WHY.get(hit["rule"], "")}, ensure_ascii=False)


@role("assessor", reads=(Sheets,), variables=("rules", "sheet", "rule"))
async def assess(work: Work) -> Assessments:
    """Each exception on its own: a careless answer on one spoils no other."""
    sheets = work.one(Sheets)
    found = await asyncio.gather(*(_one(work, sheet, sheets.rules) for sheet in sheets.sheets))
    return Assessments(found=tuple(found))


async def _one(work: Work, sheet: Sheet, rules: Sequence[RuleText]) -> Assessment:
    reply = await work.call(
        variables={
            "rules": fenced_passages(rule.passage for rule in rules),
            "rule": sheet.hit.rule,
            "sheet": fence("sheet", sheet.text, id=sheet.hit.id),
        },
        inputs={
            "sheet": {"hit": sheet.hit.model_dump(mode="json"), "text": sheet.text},
            "rules": [{"id": rule.id, "text": rule.text} for rule in rules],
        },
        check=lambda text: read_assessment(text, sheet, rules),
    )
    return Assessment(hit=sheet.hit.id, by=reply.deployment, **reply.value)


def read_assessment(text: str, sheet: Sheet, rules: Sequence[RuleText]) -> dict[str, Any]:
    """What was said, with a risk that is never below the test's.

    Raises:
        InvalidOutputError: another rule than the test's, a quote that does not stand in it letter
            by letter, no such risk, or a finding that is none of this sheet.
    """
    said = json_object(text)
    fields = ("rule", "quote", "finding", "risk", "why")
    rule, quote, finding, risk, why = (str(said.get(name) or "") for name in fields)
    if rule != sheet.hit.rule:
        raise InvalidOutputError(f"it is {sheet.hit.rule} that is broken, not {rule!r:.20}")
    whole = next(r.text for r in rules if r.id == rule)
    if not quote or quote not in whole:
        raise InvalidOutputError(f"{quote!r:.60} does not stand in {rule}")
    if risk not in RISKS:
        raise InvalidOutputError(f"{risk!r:.20} is none of {', '.join(RISKS)}")
    if not finding or len(finding) > _LONGEST or len(why) > _LONGEST:
        raise InvalidOutputError(f"a finding of 1 to {_LONGEST} characters is wanted")
    strange = set(_NAMED.findall(f"{finding} {why}")) - set(_NAMED.findall(sheet.text))
    if strange:
        raise InvalidOutputError(f"{', '.join(sorted(strange))} does not stand on the sheet")
    if not set(sheet.hit.payments) <= set(_NAMED.findall(finding)):
        raise InvalidOutputError(f"the finding does not name {', '.join(sheet.hit.payments)}")
    least = max(RISKS.index(sheet.hit.risk), next(n for n, r in enumerate(RISKS) if r == risk))
    return {"rule": rule, "quote": quote, "finding": finding, "risk": RISKS[least], "why": why}
