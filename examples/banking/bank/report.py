"""The review as one Markdown text: clauses, ratios, papers, policy, conflicts, and the proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from orchestrator import function
from orchestrator.evidence.values import STANDING, Citation
from orchestrator.roles.values import FinalAnswer

from .casefile import CaseFile, Piece
from .classes import Classes, Classified
from .covenants import Limit, Risk, Risks, rounded
from .deviations import Deviation, Findings
from .papers import Checklist, Item
from .proof import withheld

Inputs = Mapping[str, Any]


class Review(FinalAnswer):
    """The report with everything that it was made of."""

    classes: Classes
    risks: Risks
    papers: Checklist
    findings: Findings
    orders: tuple[Piece, ...]
    """Pieces that give orders to their reader: shown, and otherwise left out."""
    doubts: dict[str, str]
    """`file:start` of a quote that did not pass its checks → why."""
    open: tuple[str, ...]
    """What somebody has to decide, as lines of Markdown."""


@function("write_review")
def write_review(inputs: Inputs) -> Review:
    """The report. What did not pass its checks is marked where it stands and counts for nothing.

    `accepted` where every quote stands and every claim is supported, else `revised`.
    """
    case: CaseFile = inputs["file"]
    wrong = withheld(inputs["check"], inputs["cite"])
    doubts = {f"{file}:{start}": why for (file, start), why in wrong.items()}
    orders = tuple(clause for clause in case.clauses if clause.orders)
    classes, risks = inputs["classes"], inputs["risks"]
    papers, findings = inputs["papers"], inputs["review"]
    left = tuple(_open(risks, papers, findings, orders, doubts))
    parts = (
        f"# Review of {Path(case.agreement).name}\n\nsigned on {case.signed}",
        f"## To decide\n\n{_list(left)}",
        f"## Ratios against covenants\n\n{_ratios(risks)}",
        f"## Documents\n\n{_documents(papers)}",
        f"## Lending policy\n\n{_policy(findings, doubts)}",
        *([f"## Orders to the reader\n\n{_orders(orders)}"] if orders else []),
        f"## Clauses\n\n{_clauses(classes)}",
        f"## Proof\n\n{_list(_proof(inputs))}",
    )
    cited = tuple(c for s in inputs["cite"].sentences for c in s.citations)
    return Review(
        text="\n\n".join(parts),
        verdict="revised" if doubts else "accepted",
        reason=f"{len(left)} points to decide",
        citations=cited,
        claims=inputs["check"].checks,
        independence=inputs["check"].independence,
        classes=classes,
        risks=risks,
        papers=papers,
        findings=findings,
        orders=orders,
        doubts=doubts,
        open=left,
    )


# ── what somebody has to decide ──────────────────────────────────────────────────────────


def _open(
    risks: Risks,
    papers: Checklist,
    findings: Findings,
    orders: Sequence[Piece],
    doubts: Mapping[str, str],
) -> Iterator[str]:
    for risk in risks.risks:
        if risk.conflict:
            sides = " but ".join(
                f"{limit.clause.name} says “{limit.quote}” ({place(limit)})"
                for limit in risk.limits
            )
            yield f"**conflict**, {risk.name}: {sides}; it is {risk.value.shown}"
        elif risk.status != "met":
            limit = _limit(risk, risk.limits[0])
            yield f"**breached**: {risk.name}, {_value(risk)} against {limit}"
    for name in risks.missing:
        yield f"**no limit**: the agreement states none for {name}"
    for item in papers.items:
        if item.state != "there":
            yield f"**{item.state}**: {item.required.text} ({item.reason})"
    for found in findings.findings:
        if found.status == "deviates":
            yield f"**deviates** from {found.rule.id}: {found.reason}"
        elif found.status == "silent":
            yield f"**silent** on {found.rule.id}: {found.rule.text}"
    for order in orders:
        yield f"**order to the reader**, not followed: {order.name} of {Path(order.file).name}"
    for key, why in doubts.items():
        yield f"**not proven**: {key}: {why}"


# ── tables ───────────────────────────────────────────────────────────────────────────────


def _ratios(risks: Risks) -> str:
    rows = [
        (
            risk.name,
            _value(risk),
            _limit(risk, limit),
            "conflict" if risk.conflict else "met" if limit.met else "**breached**",
            _room(risk, limit),
            f"{limit.clause.name}, {place(limit)}",
        )
        for risk in risks.risks
        for limit in risk.limits
    ]
    workings = [f"{risk.name}: {risk.value.working}" for risk in risks.risks]
    sources = [f"{row.id}: {row.cells[1]} ({_place(row)})" for row in risks.rows]
    terms = [f"{c.name}: {c.text} ({_place(c)})" for c in risks.definitions]
    return "\n\n".join(
        (
            table(("test", "value", "limit", "", "room", "stated in"), rows),
            "How it was calculated:\n\n" + _list(workings),
            "From the accounts:\n\n" + _list(sources),
            "As the agreement defines it:\n\n" + _list(terms),
        )
    )


def _value(risk: Risk) -> str:
    return _with_unit(risk.value.shown, risk.unit)


def _limit(risk: Risk, limit: Limit) -> str:
    places = 0 if risk.unit == "EUR" else 2
    return f"{risk.bound} {_with_unit(rounded(Fraction(limit.limit), places), risk.unit)}"


def _with_unit(number: str, unit: str) -> str:
    return f"EUR {number}" if unit == "EUR" else f"{number} {unit}"


def _room(risk: Risk, limit: Limit) -> str:
    if limit.met:
        return f"{risk.moving} EUR {limit.room.shown}"
    return f"missed by EUR {limit.room.shown.removeprefix('-')}"


def _documents(papers: Checklist) -> str:
    return table(
        ("required", "state", "received", "why", "places"),
        [
            (
                item.required.text,
                item.state if item.state == "there" else f"**{item.state}**",
                item.received.cells[1] if item.received else "",
                item.reason,
                ", ".join(_place(piece) for piece in _both(item)),
            )
            for item in papers.items
        ],
    )


def _both(item: Item) -> list[Piece]:
    return [item.required, *([item.received] if item.received else [])]


def _policy(findings: Findings, doubts: Mapping[str, str]) -> str:
    return "\n\n".join(_finding(found, doubts) for found in findings.findings)


def _finding(found: Deviation, doubts: Mapping[str, str]) -> str:
    head = f"**{found.rule.id}: {found.status}.** {found.rule.text} ({_place(found.rule)})"
    if found.clause is None:
        return f"{head}\n\n> {found.reason}"
    cited = found.clause.cite(found.quote)
    doubt = doubts.get(f"{cited.file}:{cited.start}")
    mark = f"\n\n**Not proven**: {doubt}" if doubt else ""
    quote = f"> {found.clause.name}: “{_flat(found.quote)}” ({span(cited)})"
    return f"{head} {found.reason}.\n\n{quote}{mark}"


def _orders(orders: Sequence[Piece]) -> str:
    return "\n\n".join(f"> {o.name}: “{_flat(o.text)}” ({_place(o)})" for o in orders)


def _clauses(classes: Classes) -> str:
    return table(
        ("clause", "class", "confidence", "decided by", "place"),
        [_class_row(one) for one in classes.clauses],
    )


def _class_row(one: Classified) -> tuple[str, ...]:
    if one.clause.orders:
        return (one.clause.name, "order to the reader", "", "", _place(one.clause))
    sure = f"{one.confidence:.2f}" + (", a person looks" if one.unsure else "")
    return (one.clause.name, one.label, sure, f"“{_flat(one.words)}”", _place(one.clause))


def _proof(inputs: Inputs) -> Iterator[str]:
    check, cite = inputs["check"], inputs["cite"]
    cited = [c for s in cite.sentences for c in s.citations]
    standing = sum(c.status in STANDING for c in cited)
    supported = sum(c.status == "supported" for c in check.checks)
    yield f"{standing} of {len(cited)} quotes stand letter by letter in their files, by {cite.by}"
    yield (
        f"{supported} of {len(check.checks)} claims and calculations are supported, by {check.by}; "
        f"independence: {check.independence}; checking asked for: {check.effort}, "
        f"reached: {check.reached}"
    )


# ── words ────────────────────────────────────────────────────────────────────────────────


def place(limit: Limit) -> str:
    """Where a limit is stated: `file:start-end`."""
    return span(limit.clause.cite(limit.quote))


def span(citation: Citation) -> str:
    """`file:start-end`, in code points."""
    return f"{citation.file}:{citation.start}-{citation.end}"


def _place(piece: Piece) -> str:
    return f"{piece.file}:{piece.start}-{piece.end}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return _flat(text).replace("|", "\\|")


def _flat(text: str) -> str:
    return " ".join(text.split())


def _list(lines: Iterator[str] | Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) or "- nothing"
