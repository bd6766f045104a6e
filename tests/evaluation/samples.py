"""Answers, cases and runs that the tests of this folder share."""

from __future__ import annotations

from typing import Any

from orchestrator.evaluation.values import CaseResult, Circumstances, EvalRun, Failure, Sample
from orchestrator.evidence.values import Citation, ClaimCheck
from orchestrator.graph.answer import Answer
from orchestrator.project.suite_schema import Case, Suite

FACT = "The allowance is 40 EUR a month."


def answer(text: str = FACT, **changes: Any) -> Answer:
    """An accepted answer without citations and claims, unless told otherwise."""
    return Answer(text=text, **{"verdict": "accepted", "trace_id": "t1", **changes})


def citation(file: str, quote: str, start: int = 0) -> Citation:
    return Citation(file=file, start=start, end=start + len(quote), quote=quote)


def claim(text: str, by: str = "claim-gates/here", status: Any = "supported") -> ClaimCheck:
    return ClaimCheck(claim="c1", text=text, by=by, status=status)


def case(**expect: Any) -> Case:
    """A case that expects that."""
    data = {"name": "allowance", "input": {"question": "How much is it?"}, "expect": expect}
    return Case.model_validate(data)


def suite(*cases: dict[str, Any], **more: Any) -> Suite:
    """A suite of these cases, as a file declares it."""
    return Suite.model_validate({"graph": "main", "cases": list(cases), "name": "facts", **more})


def result(name: str, statuses: str, **changes: Any) -> CaseResult:
    """A case's result; `statuses` has one letter a sample: `p`assed, `f`ailed, `e`rror."""
    words: dict[str, Any] = {"p": "passed", "f": "failed", "e": "error"}
    samples = tuple(
        Sample(
            case=name,
            repetition=number,
            status=words[letter],
            failures=(Failure(check="verdict", expected="accepted", found="abstained"),)
            if letter == "f"
            else (),
            error="the server is down" if letter == "e" else "",
            verdict="accepted" if letter == "p" else None,
            text=FACT if letter == "p" else "",
            trace_id=f"{name}-{number}",
            ms=100.0 * number,
        )
        for number, letter in enumerate(statuses, start=1)
    )
    return CaseResult(**{"name": name, "digest": "d", "samples": samples, **changes})


def run(*cases: CaseResult, **changes: Any) -> EvalRun:
    """A run that brought back these cases."""
    return EvalRun(
        **{
            "suite": "facts",
            "graph": "main",
            "started_at": 1_790_000_000.0,
            "ms": 1500.0,
            "repetitions": 1,
            "pass_at_least": 1.0,
            "complete": True,
            "circumstances": Circumstances(commit="abc", machine="m"),
            "cases": cases,
            **changes,
        }
    )
