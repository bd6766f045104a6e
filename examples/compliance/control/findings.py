"""What stands of all that was found and said, and the report that is made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from orchestrator import function
from orchestrator.evidence.values import STANDING, Citation, ClaimCheck, Value
from orchestrator.roles.values import Checks, CitationReport, FinalAnswer

from .assess import Assessment, Assessments
from .exceptions import RISKS, Risk
from .page import table
from .proof import doubts
from .sheets import Sheet, Sheets

Inputs = Mapping[str, Any]


class Finding(Value):
    """One exception, what was said of it, and who looked at that."""

    said: Assessment
    payments: tuple[str, ...]
    facts: str
    cited: Citation
    checked_by: tuple[str, ...]
    """Everybody who found the words supported."""
    doubt: str = ""
    """Why the words do not count; the facts, which code found, stand in their place."""

    @property
    def words(self) -> str:
        """What the report says."""
        return self.facts if self.doubt else self.said.finding

    @property
    def line(self) -> str:
        """For a person, in one line."""
        return f"{self.said.hit} {self.said.risk:<6} {self.said.rule:<3} {self.words}"


class Findings(Value):
    """All of them, with what was left out and how it was proven."""

    found: tuple[Finding, ...]
    orders: tuple[str, ...]
    proof: tuple[str, ...]
    claims: tuple[ClaimCheck, ...]
    independence: str

    @property
    def text(self) -> str:
        """What a person signs."""
        risks = Counter(one.said.risk for one in self.found)
        counts = ", ".join(f"{risks[risk]} {risk}" for risk in reversed(RISKS) if risks[risk])
        lines = [f"{len(self.found)} exceptions: {counts}", *(one.line for one in self.found)]
        return "\n".join([*lines, *(f"not followed: {order}" for order in self.orders)])


class Audit(FinalAnswer):
    """The report; its text holds placeholders alone."""

    findings: Findings
    signed: bool
    note: str
    """Where it was filed, or why it was not signed."""


@function("settle", reads=(Sheets, Assessments, Checks, CitationReport))
def settle(inputs: Inputs) -> Findings:
    """Every exception that a test found. What was said of one counts where it was proven; nothing
    that anybody says takes one away."""
    sheets: Sheets = inputs["sheets"]
    said: Assessments = inputs["assess"]
    checks: Checks = inputs["check"]
    report: CitationReport = inputs["cite"]
    wrong = doubts(checks, report)
    by_hit = {one.hit: one for one in said.found}
    cited = {s.id.removesuffix("-rule"): s for s in report.sentences if s.id.endswith("-rule")}
    return Findings(
        found=tuple(
            Finding(
                said=by_hit[sheet.hit.id],
                payments=sheet.hit.payments,
                facts=sheet.hit.facts,
                cited=cited[sheet.hit.id].citations[0],
                checked_by=_checked_by(sheet, checks),
                doubt=wrong.get(sheet.hit.id, ""),
            )
            for sheet in sheets.sheets
        ),
        orders=tuple(order for sheet in sheets.sheets for order in sheet.orders),
        proof=tuple(_proof(checks, report)),
        claims=checks.checks,
        independence=checks.independence,
    )


def _checked_by(sheet: Sheet, checks: Checks) -> tuple[str, ...]:
    votes = [
        vote.by
        for check in checks.checks
        if check.claim.partition(".")[0] == sheet.hit.id
        for vote in check.votes
        if vote.status == "supported"
    ]
    return tuple(dict.fromkeys(votes))


def _proof(checks: Checks, report: CitationReport) -> Iterator[str]:
    cited = [c for s in report.sentences if s.id.endswith("-rule") for c in s.citations]
    standing = sum(c.status in STANDING for c in cited)
    supported = sum(c.status == "supported" for c in checks.checks)
    yield f"{standing} of {len(cited)} quotes of rules stand letter by letter"
    yield f"{supported} of {len(checks.checks)} claims are supported, by {checks.by}"
    yield (
        f"checking asked for: {checks.effort}, reached for all of them: {checks.reached}; "
        f"independence: {checks.independence}"
    )


@function("filing", reads=(Findings,))
def filing(inputs: Inputs) -> str:
    """The entry that is filed: which payments, which rules, how grave. No person stands in it."""
    found: Findings = inputs["findings"]
    lines = [
        f"{one.said.hit}; {one.said.rule}; {', '.join(one.payments)}; {one.said.risk}"
        for one in found.found
    ]
    return "\n".join(["exception; rule; payments; risk", *lines])


@function("write-report")
def write_report(inputs: Inputs) -> Audit:
    """The report with placeholders. `accepted` where all that was said is proven."""
    found: Findings = inputs["findings"]
    signed = inputs.get("file") is not None
    note = str(inputs["file"] if signed else f"not signed: {inputs.get('why')}")
    parts = (
        f"# {inputs['title']}",
        note,
        "## Exceptions\n\n" + _exceptions(found.found),
        *(_detail(one) for one in found.found),
        *(["## Orders to the reader, not followed\n\n" + _list(found.orders)] * bool(found.orders)),
        "## Proof\n\n" + _list(found.proof),
    )
    return Audit(
        text="\n\n".join(parts),
        verdict="revised" if any(one.doubt for one in found.found) else "accepted",
        reason=note,
        citations=tuple(one.cited for one in found.found),
        claims=found.claims,
        independence=found.independence,
        findings=found,
        signed=signed,
        note=note,
    )


def _exceptions(found: Sequence[Finding]) -> str:
    rows = [
        (one.said.hit, ", ".join(one.payments), one.said.rule, _shown(one.said.risk), one.said.by)
        for one in found
    ]
    return table(("exception", "payments", "rule", "risk", "assessed by"), rows)


def _shown(risk: Risk) -> str:
    return f"**{risk}**" if risk == "high" else risk


def _detail(one: Finding) -> str:
    place = f"{one.cited.file}:{one.cited.start}-{one.cited.end}"
    parts = [
        f"### {one.said.hit}: {', '.join(one.payments)}",
        one.words,
        f"> {one.said.rule}: “{one.cited.quote}” ({place})",
        f"Risk: {_shown(one.said.risk)}. {one.said.why if not one.doubt else ''}".strip(),
        f"Checked by {', '.join(one.checked_by) or 'nobody'}.",
    ]
    if one.doubt:
        parts.append(f"**What {one.said.by} said is left out**: {one.doubt}")
    return "\n\n".join(parts)


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
