"""One report of everything: what changed, the proof, what needs what, threats, what is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from orchestrator import function
from orchestrator.evidence.values import Citation, ClaimCheck
from orchestrator.roles.values import FinalAnswer
from orchestrator.types import VerdictName, from_json

from .code_base import CodeBase, DependencyMap, Module
from .diffs import apply_diff
from .rename import mentions
from .weaknesses import SEVERITIES, WEAKNESSES

Inputs = Mapping[str, Any]


@function("merge_report")
def merge_report(inputs: Inputs) -> FinalAnswer:
    """The answer. It is `accepted`, `revised` where tests sent the change back first, or
    `abstained` where the change is withheld."""
    change, judge, checked = inputs["change"], inputs["judge"], inputs["checked"]
    wanted = bool(inputs["steps"]["steps"])
    withheld = wanted and not judge["kept"]
    ranked = sorted((t for t in checked["threats"] if t["confirmed"]), key=_rank)
    parts = [
        _head(inputs, withheld),
        *([f"## What changed\n\n```diff\n{change['diff']}```"] if judge["kept"] else []),
        *([f"## Proof\n\n{_proof(inputs)}"] if wanted else []),
        f"## What needs what\n\n{table(from_json(DependencyMap, inputs['map']))}",
        *(
            [f"## What could be attacked\n\n{_threats(ranked)}"]
            if inputs["plan"]["threats"]
            else []
        ),
        f"## Not done\n\n{_list(_left(inputs, withheld))}",
    ]
    verdict: VerdictName = "revised" if change["tries"] > 1 else "accepted"
    return FinalAnswer(
        text="\n\n".join(parts),
        verdict="abstained" if withheld else verdict,
        reason=_reason(inputs, withheld),
        citations=tuple(_citation(t) for t in ranked),
        claims=tuple(_claims(inputs)),
        independence=checked["independence"] if ranked else _tested(inputs),
    )


def _head(inputs: Inputs, withheld: bool) -> str:
    done = [step["meaning"] for step in inputs["steps"]["steps"]]
    said = "Withheld" if withheld else "Accepted"
    return "\n".join(f"{said}: {meaning}." for meaning in done) or "Nothing was to be changed."


def _reason(inputs: Inputs, withheld: bool) -> str:
    failures = inputs["judge"]["failures"]
    if withheld:
        return f"the change is withheld: {failures[0] if failures else 'there is none'}"
    if inputs["change"]["tries"] > 1:
        return "the tests sent the first change back, and pass after the second"
    return ""


# ── parts ────────────────────────────────────────────────────────────────────────────────


def _proof(inputs: Inputs) -> str:
    lines = [
        f"tests {when}: {_counted(inputs[key])}"
        for when, key in (("before the change", "before"), ("after it", "after"))
    ]
    lines += [f"fails: {failure}" for failure in inputs["judge"]["failures"]]
    change = inputs["change"]
    if change["by"]:
        lines.append(f"written by {change['by']}, in {_times(change['tries'])}")
    return _list(lines)


def _times(tries: int) -> str:
    return "one try" if tries == 1 else f"{tries} tries"


def _tested(inputs: Inputs) -> str:
    return "deterministic" if inputs["after"]["ran"] else "none"


def _counted(trial: Inputs) -> str:
    if not trial["ran"] or trial["error"]:
        return trial["error"] or "not run"
    return f"{len(trial['passed'])} passed, {len(trial['failed'])} failed"


def table(found: DependencyMap) -> str:
    """The dependency map as a table, and its circles below."""
    rows = [("module", "lines", "needs"), *(_row(module) for module in found.modules)]
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    text = [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c}".rstrip() for a, b, c in rows]
    for cycle in found.cycles:
        text.append(f"circle: {' → '.join((*cycle, cycle[0]))}")
    return "```\n" + "\n".join(text) + "\n```"


def _row(module: Module) -> tuple[str, str, str]:
    needs = [f"{name}*" if name in module.later else name for name in module.imports]
    return module.name, str(module.lines), ", ".join(n.rpartition(".")[2] for n in needs)


@function("draw_map")
def draw_map(inputs: Inputs) -> str:
    """The dependency map as a table, and as a diagram in Mermaid's language."""
    found = from_json(DependencyMap, inputs["map"])
    return f"{table(found)}\n\n```mermaid\n{mermaid(found)}\n```"


def mermaid(found: DependencyMap) -> str:
    """An arrow leads from each module to those that it needs, dotted where a function imports."""
    circle = {pair for c in found.cycles for pair in zip(c, (*c[1:], c[0]), strict=True)}
    lines = ["flowchart LR"]
    for module in found.modules:
        for other in module.imports:
            arrow = "-.->" if other in module.later else "-->"
            label = "|circle|" if (module.name, other) in circle else ""
            lines.append(f"  {module.name} {arrow}{label} {other}")
    return "\n".join(lines)


def _rank(threat: Inputs) -> tuple[int, str, int]:
    severity = SEVERITIES.index(WEAKNESSES[threat["cwe"]].severity)
    return severity, threat["citation"]["file"], threat["line"]


def _threats(ranked: Sequence[Inputs]) -> str:
    return (
        "\n".join(
            f"{number}. {WEAKNESSES[t['cwe']].severity}: {t['citation']['file']}:{t['line']}  "
            f"{t['cwe']}, {WEAKNESSES[t['cwe']].stride}\n"
            f"   {t['why']}; {WEAKNESSES[t['cwe']].instead} [{number}]"
            for number, t in enumerate(ranked, 1)
        )
        or "Nothing was found; that is no proof that there is nothing."
    )


def _citation(threat: Inputs) -> Citation:
    return Citation.model_validate(threat["citation"]).model_copy(update={"supported": True})


def _claims(inputs: Inputs) -> Iterator[ClaimCheck]:
    after, judge = inputs["after"], inputs["judge"]
    if after["ran"]:
        yield ClaimCheck(
            claim="tests",
            text="what passed before the change passes after it",
            status="supported" if judge["kept"] else "contradicted",
            reason=_counted(after),
            by="pytest",
        )
    for threat in inputs["checked"]["threats"]:
        place = f"{threat['citation']['file']}:{threat['line']}"
        yield ClaimCheck(
            claim=threat["id"],
            text=f"{place}: {WEAKNESSES[threat['cwe']].title} ({threat['cwe']})",
            status="supported" if threat["confirmed"] else "unsupported",
            reason=threat["reason"],
            by=inputs["checked"]["by"],
        )


def _left(inputs: Inputs, withheld: bool) -> list[str]:
    left = [f"not understood: {part}" for part in inputs["steps"]["not_understood"]]
    if withheld:
        return [*left, "the change is withheld, and the files are as they were"]
    if inputs["plan"]["threats"]:
        left.append("the weaknesses are found and not mended")
    code = from_json(CodeBase, inputs["code-base"])
    if inputs["change"]["diff"]:
        code = code.changed(apply_diff(code.files, inputs["change"]["diff"]))
        left.append("the files are as they were; the diff is for you to apply")
    for step in inputs["steps"]["steps"]:
        operation = step["operation"]
        name = operation["target"].rpartition(".")[2]
        places = mentions(code, name) if operation["kind"] == "rename" else []
        if places:
            left.append(f"comments and texts that still say `{name}`: {', '.join(places)}")
    return left


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) or "- nothing"
