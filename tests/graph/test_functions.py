"""The verdict over a checked draft, and the answers of the graphs that check nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from orchestrator.evidence.claims import split_claims
from orchestrator.evidence.values import (
    Calculation,
    Citation,
    ClaimCheck,
    Draft,
    Sentence,
    Vote,
)
from orchestrator.graph.functions import (
    a_person_decides,
    accept_revise_or_abstain,
    as_answer,
    draft_is_verbatim,
    merge_results,
)
from orchestrator.roles.values import (
    Checks,
    CitationReport,
    Plan,
    Result,
    Subtask,
    Verdict,
)
from tests.roles.fake_work import passage, span
from tests.roles.material import CARRY, DAYS, LEAVE, MEMO, REMOTE, TUESDAY, WEEK, draft, said


def _proven(sentence: Sentence, *, supported: bool = True) -> Sentence:
    update = {"status": "exact", "supported": supported}
    cited = tuple(c.model_copy(update=update) for c in sentence.citations)
    return sentence.model_copy(update={"citations": cited})


def _judge(
    written: Draft,
    statuses: Mapping[str, str] | None = None,
    against: Mapping[str, Citation] | None = None,
    unsupported: tuple[str, ...] = (),
    **inputs: Any,
) -> tuple[str, Verdict]:
    """The verdict where every claim is supported but for `statuses`, by sentence id."""
    checks = [
        ClaimCheck(
            claim=c.id,
            text=c.text,
            status=(statuses or {}).get(c.sentence, "supported"),
            reason="so it is",
            against=(against or {}).get(c.sentence),
        )
        for c in split_claims(written)
    ]
    checks += [
        ClaimCheck(claim=s.id, text=s.text, status=(statuses or {}).get(s.id, "supported"))
        for s in written.sentences
        if s.calculation
    ]
    cited = tuple(_proven(s, supported=s.id not in unsupported) for s in written.sentences)
    given = {
        "phrase": written,
        "check": Checks(checks=tuple(checks)),
        "cite": CitationReport(sentences=cited),
        "round": 0,
        "at_most": 2,
        "question": "How many days of paid leave do employees get?",
    }
    return accept_revise_or_abstain({**given, **inputs})


TWO = draft(said(DAYS, LEAVE), said(WEEK, REMOTE))


def test_all_supported_and_proven_is_accepted() -> None:
    label, verdict = _judge(TWO)
    assert (label, verdict.verdict, verdict.rejected) == ("done", "accepted", ())
    assert [c.supported for s in verdict.draft for c in s.citations] == [True, True]


def test_a_rejected_claim_sends_the_draft_back_while_rounds_are_left() -> None:
    label, verdict = _judge(TWO, {"s2": "unsupported"})
    assert label == "revise"
    assert [c.text for c in verdict.rejected] == [WEEK]
    assert "so it is" in verdict.reason


def test_after_a_rejection_a_clean_draft_is_revised() -> None:
    label, verdict = _judge(TWO, round=1)
    assert (label, verdict.verdict) == ("done", "revised")


def test_in_the_last_round_what_is_rejected_is_dropped() -> None:
    label, verdict = _judge(TWO, {"s2": "unsupported"}, round=2)
    assert (label, verdict.verdict) == ("done", "revised")
    assert [s.text for s in verdict.draft] == [DAYS]


def test_with_nothing_left_it_abstains() -> None:
    label, verdict = _judge(TWO, {"s1": "unsupported", "s2": "contradicted"}, round=2)
    assert (label, verdict.verdict, verdict.draft) == ("done", "abstained", ())
    assert "so it is" in verdict.reason


def test_a_drafts_own_abstention_is_final() -> None:
    label, verdict = _judge(Draft(abstain="nothing on pay"))
    assert (label, verdict.verdict, verdict.reason) == ("done", "abstained", "nothing on pay")


def test_a_citation_that_does_not_carry_its_sentence_is_a_rejection() -> None:
    label, verdict = _judge(TWO, unsupported=("s2",), at_most=0)
    assert (label, verdict.verdict) == ("done", "revised")
    assert [s.text for s in verdict.draft] == [DAYS]


def test_a_bad_citation_beside_a_good_one_is_dropped_alone() -> None:
    both = said(DAYS, LEAVE).model_copy(
        update={"citations": (span(LEAVE, DAYS), span(LEAVE, CARRY))}
    )
    written = draft(both)
    good, bad = (c.model_copy(update={"status": "exact"}) for c in both.citations)
    cited = written.sentences[0].model_copy(
        update={
            "citations": (
                good.model_copy(update={"supported": True}),
                bad.model_copy(update={"supported": False}),
            )
        }
    )
    label, verdict = _judge(written, cite=CitationReport(sentences=(cited,)), at_most=0)
    assert (label, verdict.verdict) == ("done", "revised")
    assert [c.quote for c in verdict.draft[0].citations] == [DAYS]


def test_an_uncited_sentence_is_rejected() -> None:
    written = draft(said(DAYS, LEAVE), Sentence(id="x", text="Leave is popular among employees."))
    _, verdict = _judge(written, at_most=0)
    assert [s.text for s in verdict.draft] == [DAYS]
    assert verdict.rejected[0].reason == "it cites nothing"


def test_missing_findings_are_no_support() -> None:
    label, verdict = _judge(TWO, check=Checks(), at_most=0)
    assert verdict.verdict == "abstained"
    assert {c.reason for c in verdict.rejected} == {"no verdict"}
    label, verdict = _judge(TWO, cite=CitationReport(), at_most=0)
    assert (label, verdict.verdict) == ("done", "abstained")


def test_a_wrong_calculation_is_rejected() -> None:
    cost = Sentence(
        id="s1",
        text="It is 5.",
        kind="calculation",
        calculation=Calculation(expression="2 + 2", result="5"),
    )
    assert _judge(Draft(sentences=(cost,)))[1].verdict == "accepted"
    _, verdict = _judge(Draft(sentences=(cost,)), {"s1": "contradicted"}, at_most=0)
    assert verdict.verdict == "abstained"


def test_headings_of_nothing_go_and_the_gap_is_named() -> None:
    written = draft(
        Sentence(id="h", text="Leave", kind="heading", subtask="a"),
        said(DAYS, LEAVE, subtask="a"),
        Sentence(id="h", text="Remote", kind="heading", subtask="b"),
        said(WEEK, REMOTE, subtask="b"),
    )
    _, verdict = _judge(written, {"s4": "unsupported"}, at_most=0)
    assert [s.text for s in verdict.draft] == ["Leave", DAYS]
    assert verdict.gaps == {"b": "nothing supported was found"}


def test_sources_that_disagree_on_the_question_are_both_quoted_at_once() -> None:
    written = draft(said(DAYS, LEAVE), said(CARRY, LEAVE))
    other = span(MEMO, MEMO.text)
    label, verdict = _judge(written, {"s1": "contradicted"}, {"s1": other})
    assert (label, verdict.verdict) == ("done", "abstained")
    assert f'leave.md says "{DAYS}", memo.md says "{MEMO.text}"' in verdict.reason


def test_a_dispute_beside_the_point_only_costs_its_sentence() -> None:
    written = draft(said(DAYS, LEAVE), said(TUESDAY, REMOTE))
    other = span(MEMO, MEMO.text)
    label, verdict = _judge(written, {"s2": "contradicted"}, {"s2": other}, at_most=0)
    assert (label, verdict.verdict) == ("done", "revised")
    assert [s.text for s in verdict.draft] == [DAYS]


def test_a_text_loses_a_disputed_sentence_and_goes_on() -> None:
    written = draft(said(DAYS, LEAVE), said(CARRY, LEAVE))
    label, verdict = _judge(
        written,
        {"s1": "contradicted"},
        {"s1": span(MEMO, MEMO.text)},
        question="Draft a policy on paid leave",
    )
    assert label == "revise"
    assert [s.text for s in verdict.draft] == [CARRY]


def test_a_draft_that_misquotes_its_own_source_is_no_dispute() -> None:
    written = draft(said("Employees get 30 days.", LEAVE, DAYS))
    label, verdict = _judge(written, {"s1": "contradicted"}, {"s1": span(LEAVE, DAYS)})
    assert (label, verdict.verdict) == ("revise", "revised")


def test_only_a_verbatim_draft_is_phrased() -> None:
    assert draft_is_verbatim({"draft": draft(said(DAYS, LEAVE), verbatim=True)})
    assert not draft_is_verbatim({"draft": TWO})
    assert not draft_is_verbatim({"draft": Draft(abstain="no", verbatim=True)})
    assert not draft_is_verbatim({})


def _result(**fields: Any) -> Result:
    return Result(**{"subtask": "a", "specialist": "x", "task": "extract", **fields})


def test_one_result_is_the_answer_and_says_that_nobody_checked_it() -> None:
    found = as_answer({"reply": _result(sentences=(said(DAYS, LEAVE),))})
    assert (found.text, found.verdict, found.reason) == (
        f"{DAYS} [1]",
        None,
        "not cross-checked",
    )
    assert [c.quote for c in found.citations] == [DAYS]


@pytest.mark.parametrize("inputs", [{}, {"reply": _result(failed="nothing on pay.")}])
def test_a_failed_result_is_an_abstention(inputs: Mapping[str, Any]) -> None:
    found = as_answer(inputs)
    assert found.verdict == "abstained"
    assert found.text.startswith("No answer: ")
    assert not found.text.endswith("..")


PLAN = Plan(
    subtasks=(
        Subtask(id="a", description="On leave", task="extract"),
        Subtask(id="b", description="The cost", task="math"),
        Subtask(id="c", description="The code", task="code", needs=("b",)),
    )
)


def test_results_are_merged_in_the_order_of_the_plan() -> None:
    cost = Calculation(expression="2 * 2", result="4", shown="4", working="2 × 2 = 4")
    results = [
        _result(subtask="c", task="code", failed="no model"),
        _result(subtask="b", task="math", calculation=cost),
        _result(sentences=(said(DAYS, LEAVE, subtask="a"),)),
    ]
    found = merge_results({"plan": PLAN, "work": results})
    assert found.text == (
        f"## On leave\n\n{DAYS} [1]\n\n## The cost\n\n2 × 2 = 4.\n\nNot done: The code: no model."
    )
    assert found.verdict is None
    assert found.reason.endswith("not cross-checked")


def test_nothing_done_is_an_abstention_that_names_each_reason() -> None:
    found = merge_results({"plan": PLAN, "work": [_result(failed="no source")]})
    assert found.verdict == "abstained"
    assert "On leave: no source" in found.text
    assert "The cost: no result" in found.text


# ── effort, revisions, parts ─────────────────────────────────────────────────────────────


def test_at_effort_none_nothing_is_held_against_a_draft() -> None:
    written = draft(said(DAYS, LEAVE), Sentence(id="x", text="Leave is popular."))
    label, verdict = _judge(written, check=Checks(effort="none"), cite=CitationReport())
    assert (label, verdict.verdict, verdict.effort) == ("done", "accepted", "none")
    assert len(verdict.draft) == 2


def test_at_effort_quotes_a_sentence_stands_on_a_quote_that_stands() -> None:
    """Nobody looked whether it carries the sentence."""
    absent = said(WEEK, REMOTE).citations[0].model_copy(update={"status": "absent"})
    written = draft(said(DAYS, LEAVE), said(WEEK, REMOTE))
    exact = written.sentences[0].citations[0].model_copy(update={"status": "exact"})
    cited = (
        written.sentences[0].model_copy(update={"citations": (exact,)}),
        written.sentences[1].model_copy(update={"citations": (absent,)}),
    )
    _, verdict = _judge(
        written, check=Checks(effort="quotes"), cite=CitationReport(sentences=cited), at_most=0
    )
    assert (verdict.verdict, [s.text for s in verdict.draft]) == ("revised", [DAYS])


@pytest.mark.parametrize("effort", ["scorer", "model", "two", "human"])
def test_what_nobody_could_verify_is_not_supported(effort: Any) -> None:
    checks = tuple(
        ClaimCheck(claim=c.id, text=c.text, status=status, reason="timed out")
        for c, status in zip(split_claims(TWO), ("supported", "unverified"), strict=True)
    )
    _, verdict = _judge(TWO, check=Checks(checks=checks, effort=effort), at_most=0)
    assert (verdict.verdict, [s.text for s in verdict.draft]) == ("revised", [DAYS])
    assert "timed out" in verdict.reason


def test_a_verdict_on_other_words_is_no_verdict() -> None:
    """A node between the check and the verdict rewrites: same ids, other sentences."""
    rewritten = draft(said("Employees get 99 days of paid leave.", LEAVE, DAYS))
    checked = draft(said(DAYS, LEAVE))
    checks = [
        ClaimCheck(claim=c.id, text=c.text, status="supported") for c in split_claims(checked)
    ]
    given: dict[str, Any] = {
        "check": Checks(checks=tuple(checks)),
        "cite": CitationReport(sentences=tuple(_proven(s) for s in checked.sentences)),
    }
    label, verdict = _judge(rewritten, **given, at_most=0)
    assert (label, verdict.verdict, verdict.draft) == ("done", "abstained", ())
    assert [c.reason for c in verdict.rejected] == ["no verdict"]


HOURS = passage(4, "The office opens at 8:00. The canteen closes at 15:00.", "hours.md")
OPENS, CLOSES = "The office opens at 8:00.", "The canteen closes at 15:00."


def _half_right() -> tuple[Draft, dict[str, Any]]:
    """One compound sentence of which a part is wrong, and its findings."""
    text = "The office opens at 8:00, but the canteen closes at 14:00."
    written = draft(said(text, HOURS, OPENS))
    claims = split_claims(written)
    assert [c.text for c in claims] == [text, OPENS, "The canteen closes at 14:00."]
    checks = tuple(
        ClaimCheck(
            claim=c.id,
            text=c.text,
            status="supported" if c.text == OPENS else "contradicted",
            reason="" if c.text == OPENS else "15:00, not 14:00",
            against=span(HOURS, OPENS if c.text == OPENS else CLOSES),
        )
        for c in claims
    )
    cited = tuple(_proven(s, supported=False) for s in written.sentences)
    return written, {"check": Checks(checks=checks), "cite": CitationReport(sentences=cited)}


def test_of_a_sentence_that_is_half_right_the_right_half_stays() -> None:
    written, given = _half_right()
    label, verdict = _judge(written, **given, at_most=0)
    assert (label, verdict.verdict) == ("done", "revised")
    (left,) = verdict.draft
    assert left.text == OPENS
    assert [(c.quote, c.status, c.supported, c.afterwards) for c in left.citations] == [
        (OPENS, "exact", True, True)
    ]
    assert verdict.checking is not None
    assert (verdict.checking.claims, verdict.checking.kept, verdict.checking.deleted) == (2, 1, 1)
    assert verdict.checking.why == "15:00, not 14:00"


def test_a_part_that_no_span_carries_goes_as_well() -> None:
    written, given = _half_right()
    blind = [c.model_copy(update={"against": None}) for c in given["check"].checks]
    given["check"] = Checks(checks=tuple(blind))
    assert _judge(written, **given, at_most=0)[1].verdict == "abstained"


def _round(written: Draft, before: Verdict, now: int, **given: Any) -> tuple[str, Verdict]:
    """The next round, after `before`; the wrong sentences are those about remote work."""
    wrong = {s.id: "unsupported" for s in written.sentences if "remote" in s.text}
    return _judge(written, wrong, verdict=before, round=now, **given)


def test_the_same_rejection_again_ends_the_revisions() -> None:
    bad = said("All remote work is on nine days a week.", REMOTE, WEEK)
    label, first = _judge(draft(said(DAYS, LEAVE), bad), {"s2": "unsupported"})
    assert label == "revise"
    label, second = _round(draft(said(DAYS, LEAVE), bad), first, 1, evidence=(LEAVE, REMOTE))
    assert (label, second.verdict) == ("done", "revised")
    assert [s.text for s in second.draft] == [DAYS]


def test_a_revision_without_new_evidence_that_gains_nothing_is_the_last() -> None:
    bad = [
        said(f"Employees work remotely {n} days.", REMOTE, WEEK) for n in ("nine", "eight", "no")
    ]
    _, first = _judge(draft(said(DAYS, LEAVE), bad[0]), {"s2": "unsupported"}, evidence=(LEAVE,))
    worse = draft(said(DAYS, LEAVE), bad[1])
    label, _ = _round(worse, first, 1, evidence=(LEAVE,))
    assert label == "done"
    label, second = _round(worse, first, 1, evidence=(LEAVE,), more=(REMOTE,))
    assert label == "revise"
    assert {c.text for c in second.rejected} == {bad[0].text, bad[1].text}
    label, _ = _round(draft(said(DAYS, LEAVE), bad[2]), second, 2, evidence=(LEAVE, REMOTE, MEMO))
    assert label == "done"


def test_what_was_verified_before_stands_in_for_what_is_now_wrong() -> None:
    """A revision that makes a good sentence worse does not take it away."""
    _, first = _judge(TWO, {"s2": "unsupported"})
    assert [s.text for s in first.draft] == [DAYS]
    worse = draft(said("Employees are entitled to remote paid leave.", LEAVE, DAYS))
    label, second = _round(worse, first, 1)
    assert (label, second.verdict) == ("done", "revised")
    assert [s.text for s in second.draft] == [DAYS]
    assert second.checking is not None
    assert (second.checking.kept, second.checking.replaced) == (1, 1)
    assert DAYS in [c.text for c in second.checks if c.status == "supported"]
    label, third = _judge(Draft(abstain="no money", cause="budget"), verdict=first, round=1)
    assert (label, third.verdict, [s.text for s in third.draft]) == ("done", "revised", [DAYS])
    assert "no money" in third.reason


def test_every_abstention_has_its_cause() -> None:
    def cause(*args: Any, **given: Any) -> str | None:
        return _judge(*args, at_most=0, **given)[1].cause

    both = {"s1": "unsupported", "s2": "unsupported"}
    assert cause(Draft(abstain="nothing on pay")) == "no_evidence"
    assert cause(Draft(abstain="no money left", cause="budget")) == "budget"
    assert cause(TWO, both) == "gate_failed"
    one = draft(said(DAYS, LEAVE))
    against = {"s1": span(MEMO, MEMO.text)}
    assert cause(one, {"s1": "contradicted"}, against) == "conflict"
    late = Vote(by="x", checker="model", status="unverified", kind="timeout", reason="too late")
    checks = tuple(
        ClaimCheck(claim=c.id, text=c.text, status="unverified", votes=(late,))
        for c in split_claims(TWO)
    )
    assert cause(TWO, check=Checks(checks=checks)) == "budget"
    assert _judge(TWO)[1].cause is None


def test_of_two_sources_that_disagree_the_newer_is_named() -> None:
    known = (
        LEAVE.model_copy(update={"about": "Handbook, edition of 1 February 2024"}),
        MEMO.model_copy(update={"about": "Memo of 3 June 2024"}),
    )
    written = draft(said(DAYS, LEAVE))
    against = {"s1": span(MEMO, MEMO.text)}
    _, verdict = _judge(written, {"s1": "contradicted"}, against, evidence=known)
    assert "memo.md is newer: 3 June 2024 against 1 February 2024" in verdict.reason
    assert [c.file for c in verdict.disputed] == ["leave.md", "memo.md"]


def test_what_checking_took_adds_up_over_the_rounds() -> None:
    def costed(written: Draft, **given: Any) -> Verdict:
        checks = tuple(
            ClaimCheck(
                claim=c.id,
                text=c.text,
                status="unsupported" if "remote" in c.text else "supported",
            )
            for c in split_claims(written)
        )
        proven = tuple(_proven(s) for s in written.sentences)
        return _judge(
            written,
            check=Checks(checks=checks, cost_micro_usd=400, ms=30.0),
            cite=CitationReport(sentences=proven, cost_micro_usd=100, ms=1.0),
            **given,
        )[1]

    first = costed(TWO)
    second = costed(draft(said(DAYS, LEAVE), said(TUESDAY, REMOTE)), verdict=first, round=1)
    found = second.checking
    assert found is not None
    assert (found.claims, found.kept, found.deleted, found.revisions) == (3, 2, 1, 1)
    assert (found.cost_micro_usd, found.ms) == (1000, 62.0)
    assert (found.micro_usd_per_kept, found.ms_per_kept) == (500.0, 31.0)


def test_a_person_is_asked_where_the_policy_says_so_and_there_is_an_answer() -> None:
    assert a_person_decides({"verdict": Verdict(verdict="accepted", effort="human")})
    assert not a_person_decides({"verdict": Verdict(verdict="abstained", effort="human")})
    assert not a_person_decides({"verdict": Verdict(verdict="accepted", effort="two")})
    assert not a_person_decides({})
