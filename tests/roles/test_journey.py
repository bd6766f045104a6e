"""Every role in turn on the deterministic models alone, over the example's documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.evidence.values import Passage
from orchestrator.graph.functions import accept_revise_or_abstain, draft_is_verbatim
from orchestrator.project.load import load_builtins
from orchestrator.project.registry import BUILTINS
from orchestrator.roles.values import FinalAnswer, Plan, Result, Verdict
from tests.roles.fake_work import FakeWork, Runs, agents, passage, passages_of
from tests.roles.test_plan import MISSION

EXAMPLE = Path(__file__).parents[2] / "examples" / "remote-work"
MODELS = {
    "plan": "rule-decomposer",
    "draft": "extractive-writer",
    "summarize": "extractive-summarizer",
    "extract": "extractive-extractor",
    "math": "calculator",
    "phrase": "verbatim-phraser",
    "check": "claim-gates",
    "cite": "quote-verifier",
    "aggregate": "merger",
}


async def _step(name: str, question: str, **inputs: object) -> object:
    agent = agents()[name]
    chain = [Runs(MODELS[agent.task])] if agent.task in MODELS else []
    work = FakeWork(agent, inputs, [chain], question=question)
    return await BUILTINS.get("role", agent.role)(work)


async def _run(question: str, passages: list[Passage]) -> tuple[Plan, FinalAnswer]:
    """What `graphs/cross-validated.yaml` says, by hand."""
    load_builtins(("orchestrator.roles.all",))
    plan = await _step("decomposer", question)
    assert isinstance(plan, Plan)
    routing = await _step("router", question, plan=plan)
    results: dict[str, Result] = {}
    for part in routing.subtasks:  # type: ignore[attr-defined]
        needs = tuple(results[n] for n in part.needs)
        result = await _step(
            part.specialist, question, evidence=passages, subtask=part, needs=needs
        )
        assert isinstance(result, Result)
        results[part.id] = result
    given: dict[str, object] = {"plan": plan, "work": list(results.values()), "evidence": passages}
    back: dict[str, object] = {}
    for now in range(3):
        draft = await _step("generator", question, **given, **back)
        if draft_is_verbatim({"draft": draft}):
            draft = await _step("phraser", question, draft=draft, **back)
        seen = {"phrase": draft, "evidence": passages}
        found = {
            "check": await _step("checker", question, **seen),
            "cite": await _step("citation-validator", question, **seen),
        }
        label, verdict = accept_revise_or_abstain(
            {"phrase": draft, **found, "round": now, "at_most": 2, "question": question}
        )
        back = {"verdict": verdict}
        if label == "done":
            break
    answer = await _step("aggregator", question, **given, **found, verdict=verdict)
    assert isinstance(answer, FinalAnswer)
    assert isinstance(verdict, Verdict)
    return plan, answer


@pytest.fixture(scope="module")
def sources() -> list[Passage]:
    return passages_of(EXAMPLE / "sources")


def _stands(answer: FinalAnswer, passages: list[Passage]) -> bool:
    texts = {p.file: p.text for p in passages}
    return all(texts[c.file][c.start : c.end] == c.quote for c in answer.citations)


async def test_the_mission(sources: list[Passage]) -> None:
    plan, answer = await _run(MISSION, sources)
    assert [(s.task, s.needs) for s in plan.subtasks] == [
        ("draft", ()),
        ("math", ()),
        ("summarize", ("draft",)),
    ]
    assert answer.verdict == "accepted"
    assert "120 employees × 40 EUR × 12 months = 57,600 EUR." in answer.text
    assert answer.text.count("## ") == 3
    assert len(answer.citations) >= 3
    assert all(c.supported for c in answer.citations)
    assert _stands(answer, sources)
    assert {c.status for c in answer.claims} == {"supported"}


async def test_a_question_with_an_answer(sources: list[Passage]) -> None:
    _, answer = await _run("How many days a week may employees work remotely?", sources)
    assert answer.verdict in ("accepted", "revised")
    assert "three days a week" in answer.text
    assert _stands(answer, sources)


@pytest.mark.parametrize(
    "question", ["What is the capital of Mongolia?", "Who won the chess championship in 1972?"]
)
async def test_a_question_without_an_answer_is_no_invention(
    question: str, sources: list[Passage]
) -> None:
    _, answer = await _run(question, sources)
    assert (answer.verdict, answer.citations) == ("abstained", ())
    assert answer.text.startswith("No answer: ")


async def test_sources_that_disagree_are_both_quoted(sources: list[Passage]) -> None:
    memo = (EXAMPLE / "conflict" / "memo-2021.txt").read_text("utf-8")
    both = [*sources, passage(9, memo, "memo-2021.txt")]
    _, answer = await _run("What is the monthly allowance for remote work?", both)
    assert answer.verdict == "abstained"
    assert "40 EUR" in answer.text
    assert "30 EUR" in answer.text
    assert {c.file for c in answer.citations} == {"remote-work-handbook.md", "memo-2021.txt"}
    assert _stands(answer, both)
    assert "contradicted" in {c.status for c in answer.claims}


async def test_a_part_without_an_answer_is_named_beside_the_others(
    sources: list[Passage],
) -> None:
    _, answer = await _run(
        "What are the core hours and who won the chess championship in 1972?", sources
    )
    assert answer.verdict == "revised"
    assert "10:00 to 15:00" in answer.text
    assert "Not answered: Who won the chess championship in 1972" in answer.text
