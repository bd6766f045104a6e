"""The agreement against the bank's policy: a model finds the clause, code compares the numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from orchestrator import builtin, role
from orchestrator.call_types import CallRequest
from orchestrator.evidence.numbers import Quantity, comparable, quantities
from orchestrator.evidence.values import Value
from orchestrator.roles.output import json_object
from orchestrator.roles.prompt import fence
from orchestrator.roles.work import InvalidOutputError, Work

from .casefile import CaseFile, Piece

Reading = Literal["complies", "deviates", "silent"]
_BATCH = 120


@dataclass(frozen=True, slots=True)
class _Reads:
    """How the deterministic reader finds what the agreement says on a rule."""

    about: str
    needs: str = ""
    denied_by: str = ""


_READS: Mapping[str, _Reads] = {
    "P1": _Reads(r"\bratio of Net Debt to EBITDA\b"),
    "P2": _Reads(r"\bratio of EBITDA to Net Finance Charges\b"),
    "P3": _Reads(r"\binterest on an overdue amount\b|\bdefault interest\b"),
    "P4": _Reads(r"\baudited (?:consolidated )?accounts within\b"),
    "P5": _Reads(r"\bcreate or permit to subsist any Security\b", r"\bno member of the Group\b"),
    "P6": _Reads(r"\bupon a change of control\b", r"\bdeclare all loans due\b"),
    "P7": _Reads(r"\bgoverned by \w+ law\b", r"\b(?:English|German) law\b"),
    "P8": _Reads(r"\bLender may assign or transfer\b", denied_by=r"\bconsent of the Borrower\b"),
    "P9": _Reads(r"\bloans of the Lender\b.* of the market value\b"),
    "P10": _Reads(r"\binsured\b.* for at least\b"),
    "P11": _Reads(r"\bcured by (?:new )?equity\b"),
    "P12": _Reads(r"\bsanctions?\b"),
}


class Deviation(Value):
    """What the agreement says on one rule of the policy."""

    rule: Piece
    clause: Piece | None
    quote: str
    status: Reading
    reason: str
    by: str


class Findings(Value):
    """One for each rule of the policy."""

    findings: tuple[Deviation, ...]


@builtin("policy-reader")
def policy_reader(request: CallRequest) -> str:
    """`{"findings": [{"rule", "clause", "quote", "reads"}]}`; a rule that it does not know is
    left to others, with `reads` as `silent` and no clause."""
    clauses = request.inputs["clauses"]
    found = []
    for rule in request.inputs["rules"]:
        reads = _READS.get(rule["id"])
        clause = reads and next(
            (c for c in clauses if re.search(reads.about, c["text"], re.I | re.S)), None
        )
        if not reads or not clause:
            found.append({"rule": rule["id"], "clause": "", "quote": "", "reads": "silent"})
            continue
        text = clause["text"]
        missing = reads.needs and not re.search(reads.needs, text, re.I)
        denied = reads.denied_by and re.search(reads.denied_by, text, re.I)
        said = "deviates" if missing or denied else "complies"
        found.append({"rule": rule["id"], "clause": clause["id"], "quote": text, "reads": said})
    return json.dumps({"findings": found}, ensure_ascii=False)


@role("policy-reviewer", reads=(CaseFile,), variables=("rules", "clauses"))
async def review(work: Work) -> Findings:
    """Each rule with the clause that speaks of it, quoted; the first batch that has one counts.

    A number that the rule bounds is compared by code, whatever the model read.
    """
    case = work.one(CaseFile)
    clauses = case.evidence
    left, found = list(case.rules), dict[str, Deviation]()
    for start in range(0, len(clauses), _BATCH):
        for one in await _batch(work, left, clauses[start : start + _BATCH]):
            found[one.rule.id] = one
        left = [rule for rule in case.rules if found[rule.id].status == "silent"]
        if not left:
            break
    return Findings(findings=tuple(found[rule.id] for rule in case.rules))


async def _batch(work: Work, rules: Sequence[Piece], clauses: Sequence[Piece]) -> list[Deviation]:
    reply = await work.call(
        variables={
            "rules": "\n".join(fence("rule", rule.text, id=rule.id) for rule in rules),
            "clauses": "\n".join(fence("clause", c.text, id=c.key) for c in clauses),
        },
        inputs={
            "rules": [{"id": rule.id, "text": rule.text} for rule in rules],
            "clauses": [{"id": c.key, "text": c.text} for c in clauses],
        },
        check=lambda text: read_findings(text, rules, clauses),
    )
    by_key = {clause.key: clause for clause in clauses}
    return [
        _judged(rule, by_key.get(said["clause"]), said, reply.deployment)
        for rule, said in zip(rules, reply.value, strict=True)
    ]


def read_findings(
    text: str, rules: Sequence[Piece], clauses: Sequence[Piece]
) -> list[dict[str, str]]:
    """One finding a rule, in their order.

    Raises:
        InvalidOutputError: a rule is missing, an id is unknown, a quote does not stand in its
            clause letter by letter, or something is silent and quoted at once.
    """
    listed = json_object(text).get("findings")
    said = {
        str(item.get("rule")): item
        for item in (listed if isinstance(listed, list) else ())
        if isinstance(item, dict)
    }
    by_key, found = {c.key: c for c in clauses}, []
    for rule in rules:
        item = said.get(rule.id)
        if item is None:
            raise InvalidOutputError(f"no finding on {rule.id}")
        key, quote, reads = (str(item.get(k) or "") for k in ("clause", "quote", "reads"))
        if reads not in get_args(Reading):
            raise InvalidOutputError(f"{rule.id}: '{reads}' is none of complies, deviates, silent")
        if (reads == "silent") != (not key):
            raise InvalidOutputError(f"{rule.id}: a clause belongs to what is not silent")
        if key and (key not in by_key or not quote or quote not in by_key[key].text):
            raise InvalidOutputError(f"{rule.id}: {quote!r:.60} does not stand in '{key}'")
        found.append({"clause": key, "quote": quote, "reads": reads})
    return found


def _judged(rule: Piece, clause: Piece | None, said: Mapping[str, str], by: str) -> Deviation:
    reads: Any = said["reads"]
    if clause is None:
        reason = "no clause speaks of it"
    else:
        compared = compare(rule.text, said["quote"])
        reads, reason = compared or (reads, f"read by {by}; a person confirms it")
    return Deviation(
        rule=rule, clause=clause, quote=said["quote"], status=reads, reason=reason, by=by
    )


def compare(rule: str, quote: str) -> tuple[Reading, str] | None:
    """The number that the rule bounds against that of the quote; `None` where either has none."""
    bounds = [q for q in quantities(rule) if q.bound in ("min", "max")]
    if not bounds:
        return None
    wanted = bounds[0]
    same = [q for q in quantities(quote) if comparable(q, wanted)]
    found = next((q for q in same if q.bound), same[0] if same else None)
    if found is None:
        return None
    most = wanted.bound == "max"
    fits = found.value <= wanted.value if most else found.value >= wanted.value
    words = f"{_shown(found)} against {'at most' if most else 'at least'} {_shown(wanted)}"
    return ("complies" if fits else "deviates"), words


def _shown(quantity: Quantity) -> str:
    return quantity.text.strip()
