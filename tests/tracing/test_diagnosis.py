"""One hop is wrong, and everything else is as it should be: who is named, and what is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator.money import Usage
from orchestrator.records import Attempt, Hop, Trace
from orchestrator.tracing.diagnosis import SUSPICIOUS, Diagnosis, Suspect, diagnose
from orchestrator.types import Candidate, Decision, Feature, Outcome, Stage, TaskProfile

PASSAGES = (
    '<passage id="p1" file="rules.md">\nThe loan period is 7 days. Batteries are returned charged.'
    "\nA reserved tool is kept for two days.\n</passage>"
)
PROMPT = f"You write an answer.\n\n<request>\nHow long is the loan period?\n</request>\n{PASSAGES}"
DRAFT = (
    '{"sentences": [{"text": "The loan period is 7 days.", "citations": [{"file": "rules.md", '
    '"start": 0, "end": 26, "quote": "The loan period is 7 days.", "passage": "p1"}]}]}'
)
CHECKED = (
    '{"checks": [{"claim": "c1", "text": "The loan period is 7 days.", "status": "supported"}]}'
)
TRACE = Trace(
    id="t1",
    graph="cross-validated",
    status="ok",
    verdict="accepted",
    started_at=1000.0,
    ms=3100.0,
    question="How long is the loan period?",
    answer="The loan period is 7 days. [1]",
)


def candidate(name: str, quality: float, **fields: Any) -> Candidate:
    scores = {"quality": quality, "cost_usd": 0.002, "latency_ms": 900.0}
    model = name.partition("/")[0]
    return Candidate(deployment=name, model=model, **{"stage": None, "scores": scores, **fields})


FIRST, SECOND = candidate("claude-opus/eu", 0.92), candidate("gpt-5/direct", 0.90)
DECISION = Decision(
    chosen="claude-opus/eu",
    fallbacks=("gpt-5/direct",),
    candidates=(FIRST, SECOND),
    policy_hash="p",
    fleet_hash="f",
)
ATTEMPT = Attempt(
    deployment="claude-opus/eu",
    model="claude-opus",
    family="anthropic",
    outcome=Outcome.OK,
    started_at=1000.0,
    ms=900.0,
    usage=Usage(input=120, output=30),
    cost_micro_usd=2100,
    reported_model="claude-opus-4-5-20251101",
    finish="stop",
)


def hop(node: str, role: str, task: str, output: str | None, **changes: Any) -> Hop:
    number = ("draft", "check", "answer").index(node)
    made = Hop(
        id=f"t1.{node}",
        trace_id="t1",
        node=node,
        role=role,
        agent=role,
        profile=TaskProfile(task=task, input_tokens=110),
        decision=DECISION,
        attempts=(ATTEMPT,),
        prompt=PROMPT,
        output=output,
        validated=True,
        ending="complete",
        started_at=1000.0 + number,
        ms=950.0,
    )
    return replace(made, **changes)


def judged(**changes: Any) -> Diagnosis:
    """The healthy trace with these changes of its draft."""
    return diagnose(TRACE, hops(**changes))


def hops(**changes: Any) -> list[Hop]:
    draft = replace(hop("draft", "generator", "draft", DRAFT), **changes)
    return [draft, hop("check", "checker", "check", CHECKED)]


def culprit(found: Diagnosis) -> Suspect:
    assert found.culprit is not None
    return found.culprit


def test_of_a_healthy_request_it_says_who_answered_what_it_cost_and_what_was_checked() -> None:
    found = judged()
    assert found.sentence == (
        "Answered by claude-opus/eu for $0.0042 in 3.1 s; accepted: 1 of 1 claim supported."
    )
    assert found.culprit is None
    assert all(suspect.score < SUSPICIOUS for suspect in found.suspects)


def test_the_one_that_was_chosen_is_not_the_first_by_rank() -> None:
    wrong = replace(DECISION, chosen="gpt-5/direct", fallbacks=("claude-opus/eu",))
    used = replace(
        ATTEMPT, deployment="gpt-5/direct", model="gpt-5", family="openai", reported_model="gpt-5"
    )
    found = culprit(judged(decision=wrong, attempts=(used,)))
    assert (found.node, found.kind) == ("draft", "bad_routing")
    assert "claude-opus/eu is the first by rank" in found.words


def test_one_was_passed_over_by_a_rule_that_it_keeps() -> None:
    out = candidate(
        "claude-opus/eu",
        0.92,
        stage=Stage.BUDGET,
        rule="request.budget_usd",
        found=0.1,
        required=1.0,
    )
    wrong = replace(DECISION, chosen="gpt-5/direct", fallbacks=(), candidates=(SECOND, out))
    used = replace(
        ATTEMPT, deployment="gpt-5/direct", model="gpt-5", family="openai", reported_model="gpt-5"
    )
    found = culprit(judged(decision=wrong, attempts=(used,)))
    assert (found.node, found.kind) == ("draft", "bad_routing")
    assert "by a rule that it keeps" in found.words


def test_it_was_routed_as_another_task_than_was_found() -> None:
    feature = Feature(value="draft", confidence=1.0, origin="declared")
    wrong = TaskProfile(task="classify", input_tokens=110, features={"task": feature})
    found = culprit(judged(profile=wrong))
    assert (found.node, found.kind) == ("draft", "bad_routing")


def test_a_quote_stands_in_no_passage() -> None:
    invented = DRAFT.replace('"quote": "The loan period is 7', '"quote": "The loan lasts for 7')
    found = culprit(judged(output=invented))
    assert (found.node, found.kind) == ("draft", "bad_citation")
    assert "which no passage holds" in found.words


def test_a_span_is_longer_than_its_quote() -> None:
    found = culprit(judged(output=DRAFT.replace('"end": 26', '"end": 400')))
    assert (found.node, found.kind) == ("draft", "bad_citation")


def test_a_text_goes_round_in_circles() -> None:
    found = culprit(judged(output="it is so and " * 30))
    assert (found.node, found.kind) == ("draft", "garbage_output")


def test_nothing_was_answered() -> None:
    assert culprit(judged(output="")).kind == "garbage_output"


def test_another_makers_model_answered_than_was_asked() -> None:
    found = culprit(judged(attempts=(replace(ATTEMPT, reported_model="qwen2.5-7b-instruct"),)))
    assert (found.node, found.kind) == ("draft", "silent_fallback")
    assert "qwen2.5-7b-instruct" in found.words


def test_a_fallback_that_is_as_good_and_on_record_is_not_called_a_fault() -> None:
    failed = replace(ATTEMPT, outcome=Outcome.OVERLOADED, error="529")
    used = replace(ATTEMPT, deployment="gpt-5/direct", model="gpt-5", family="openai",
                   reported_model="gpt-5", kind="fallback")  # fmt: skip
    found = judged(attempts=(failed, used))
    assert found.culprit is None
    assert found.suspects[0].kind == "silent_fallback"
    assert "1 hop by a fallback" in found.sentence


def test_a_number_is_not_what_the_passage_says() -> None:
    wrong = DRAFT.replace('"text": "The loan period is 7', '"text": "The loan period is 21')
    found = culprit(judged(output=wrong))
    assert (found.node, found.kind) == ("draft", "contradiction")
    assert "says 21" in found.words


def test_who_wrote_something_wrong_goes_before_who_passed_it_on() -> None:
    wrong = DRAFT.replace('"text": "The loan period is 7', '"text": "The loan period is 21')
    check = hop("check", "checker", "check", CHECKED.replace("7 days", "21 days"))
    found = diagnose(TRACE, [hop("draft", "generator", "draft", wrong), check])
    assert culprit(found).node == "draft"
    assert [suspect.node for suspect in found.suspects][:2] == ["draft", "check"]


def test_a_checker_that_calls_what_stands_there_false() -> None:
    draft, _ = hops()
    wrong = hop("check", "checker", "check", CHECKED.replace("supported", "contradicted"))
    assert culprit(diagnose(TRACE, [draft, wrong])).node == "check"


def test_the_first_of_two_failures_is_where_it_began() -> None:
    first, second = hops(status="failed", error="no deployment answered", output=None)
    second = replace(second, status="failed", error="there is no draft", output=None)
    trace = replace(TRACE, status="failed", verdict=None, error="there is no draft")
    found = diagnose(trace, [second, first])
    assert culprit(found).node == "draft"
    assert found.sentence == (
        "Failed because there is no draft; it began at `draft`: failed: no deployment answered."
    )


def test_why_an_answer_was_withheld() -> None:
    reason = '{"text": "", "verdict": "abstained", "reason": "no passage speaks of it"}'
    answer = hop("answer", "aggregator", "aggregate", reason, attempts=(), decision=None)
    trace = replace(TRACE, verdict="abstained", answer="No answer: no passage speaks of it.")
    found = diagnose(trace, [*hops(), answer])
    assert found.sentence == "Withheld because no passage speaks of it."
    assert found.culprit is None


def test_without_texts_the_rest_of_the_record_still_tells() -> None:
    bare = {"prompt": "sha256:" + "0" * 64, "output": None}
    used = replace(ATTEMPT, reported_model="llama-3.1-8b")
    found = culprit(judged(**bare, attempts=(used,)))
    assert (found.node, found.kind) == ("draft", "silent_fallback")
    assert judged(**bare).culprit is None


def test_of_no_hops_and_of_a_running_request() -> None:
    running = replace(TRACE, status="running", verdict=None)
    assert diagnose(running, []).sentence == "Still running: 0 hops so far, last nothing."
    assert diagnose(running, hops()).sentence == "Still running: 2 hops so far, last check."
