"""The aggregator: accepted sentences in some order with their markers, or why there are none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.call_types import CallRequest
from orchestrator.evidence.values import Calculation, ClaimCheck, Sentence, Vote
from orchestrator.roles.aggregator import aggregate, read_order
from orchestrator.roles.rendering import ended, render_sentences
from orchestrator.roles.values import Checking, Checks, Plan, Result, Subtask, Verdict
from orchestrator.roles.work import InvalidOutputError
from tests.roles.fake_work import FakeWork, Runs, Says, agents, run, span
from tests.roles.material import CARRY, DAYS, LEAVE, MEMO, REMOTE, WEEK, said

COST = Sentence(
    id="s4",
    text="120 × 40 EUR = 4,800 EUR.",
    kind="calculation",
    calculation=Calculation(expression="120 * 40 EUR", result="4800"),
    subtask="b",
)
SENTENCES = (
    Sentence(id="s1", text="On leave", kind="heading", subtask="a"),
    said(DAYS, LEAVE, number=2, subtask="a"),
    said(CARRY, LEAVE, number=3, subtask="a"),
    COST,
)


def _work(verdict: Verdict, *chain: Says | Runs, **inputs: Any) -> FakeWork:
    given = {"verdict": verdict, "check": Checks(independence="deterministic"), **inputs}
    return FakeWork(agents()["aggregator"], given, [chain] if chain else [])


def _order(*ids: str) -> Says:
    return Says(json.dumps({"order": ids}))


async def test_the_merger_keeps_the_order_and_numbers_the_citations() -> None:
    found = await aggregate(_work(Verdict(verdict="accepted", draft=SENTENCES), Runs("merger")))
    assert found.text == f"## On leave\n\n{DAYS} [1] {CARRY} [2]\n\n{COST.text}"
    assert [c.quote for c in found.citations] == [DAYS, CARRY]
    assert (found.verdict, found.independence) == ("accepted", "deterministic")


async def test_a_model_chooses_the_order_and_nothing_else() -> None:
    found = await aggregate(
        _work(Verdict(verdict="accepted", draft=SENTENCES), _order("s4", "s3", "s2"))
    )
    assert found.text == f"{COST.text}\n\n## On leave\n\n{CARRY} [1] {DAYS} [2]"


async def test_prose_from_the_model_never_reaches_the_answer() -> None:
    work = _work(
        Verdict(verdict="accepted", draft=SENTENCES),
        Says('{"order": ["s2"], "text": "Leave is 99 days."}'),
        Says("Leave is 99 days."),
        Runs("merger"),
    )
    assert "99" not in (await aggregate(work)).text


@pytest.mark.parametrize(
    ("ids", "reason"),
    [
        (["s2", "s9", "s4"], "no sentence 's9'"),
        (["s2", "s2", "s4"], "stands twice"),
        (["s2", "s3"], "subtask 'b'"),
        (["s4"], "subtask 'a'"),
        ([], "nothing is left"),
        ([1], "no list"),
        ("s2", "no list"),
    ],
)
def test_an_order_that_loses_or_invents_is_refused(ids: Any, reason: str) -> None:
    with pytest.raises(InvalidOutputError, match=reason):
        read_order(json.dumps({"order": ids}), SENTENCES[1:])


def test_a_calculation_may_not_be_left_out() -> None:
    own = (SENTENCES[1], COST.model_copy(update={"subtask": "a"}))
    with pytest.raises(InvalidOutputError, match="calculation 's4'"):
        read_order('{"order": ["s2"]}', own)


async def test_one_marker_for_one_span() -> None:
    twice = (said(DAYS, LEAVE, number=1), said("Leave is 25 days.", LEAVE, DAYS, number=2))
    found = await aggregate(_work(Verdict(verdict="accepted", draft=twice), Runs("merger")))
    assert found.text == f"{DAYS} [1] Leave is 25 days. [1]"
    assert len(found.citations) == 1


async def test_an_abstention_says_what_was_not_found_and_asks_no_model() -> None:
    work = _work(Verdict(verdict="abstained", reason="the sources say nothing about pay"))
    found = await aggregate(work)
    assert found.text == "No answer: the sources say nothing about pay."
    assert (found.verdict, found.citations, work.requests) == ("abstained", (), [])


async def test_an_abstention_cites_the_sources_that_it_quotes() -> None:
    against = span(MEMO, MEMO.text)
    other = span(REMOTE, WEEK)
    rejected = tuple(
        ClaimCheck(claim=f"s{n}", text=str(n), status="contradicted", against=c)
        for n, c in enumerate((against, other, against))
    )
    reason = f'the sources disagree: memo.md says "{MEMO.text}"'
    verdict = Verdict(
        verdict="abstained", reason=reason, rejected=rejected, disputed=(other, against)
    )
    found = await aggregate(_work(verdict))
    assert [(c.file, c.quote, c.supported) for c in found.citations] == [
        (REMOTE.file, WEEK, True),
        ("memo.md", MEMO.text, True),
    ]
    assert found.text == f"No answer: {reason}"


async def test_what_is_left_open_is_named_and_the_answer_counts_as_revised() -> None:
    plan = Plan(
        subtasks=(
            Subtask(id="a", description="On leave", task="draft"),
            Subtask(id="b", description="The cost", task="math"),
            Subtask(id="c", description="Who pays?", task="extract"),
            Subtask(id="d", description="Since when?", task="extract"),
        )
    )
    failed = Result(subtask="c", specialist="x", task="extract", failed="nothing on pay")
    verdict = Verdict(verdict="accepted", draft=SENTENCES, gaps={"d": "the sources disagree"})
    found = await aggregate(_work(verdict, Runs("merger"), plan=plan, work=[failed]))
    assert found.text.endswith(
        "Not answered: Who pays: nothing on pay.\n\nNot answered: Since when: the sources disagree."
    )
    assert found.verdict == "revised"


async def test_claims_are_listed_once_and_rejections_stay_visible() -> None:
    ok = ClaimCheck(claim="s2.1", text=DAYS, status="supported")
    bad = ClaimCheck(claim="s9.1", text="99 days", status="contradicted")
    verdict = Verdict(verdict="revised", draft=SENTENCES, checks=(ok, bad), rejected=(bad,))
    found = await aggregate(_work(verdict, Runs("merger")))
    assert found.claims == (ok, bad)


async def test_an_order_that_nobody_gives_is_that_of_the_draft() -> None:
    """What was checked is not lost for want of an order."""
    work = _work(Verdict(verdict="accepted", draft=SENTENCES), Says("Sure! Leave is 99 days."))
    found = await aggregate(work)
    assert found.text == f"## On leave\n\n{DAYS} [1] {CARRY} [2]\n\n{COST.text}"
    assert "in the order of the draft" in work.notes[0]


def test_the_merger_groups_by_subtask() -> None:
    sentences = [{"id": i, "subtask": s} for i, s in [("s1", "a"), ("s2", "b"), ("s3", "a")]]
    text = run("merger", CallRequest(messages=(), inputs={"sentences": sentences}))
    assert json.loads(text) == {"order": ["s1", "s3", "s2"]}
    with pytest.raises(ValueError, match="no sentences"):
        run("merger", CallRequest(messages=(), inputs={}))


def test_code_stands_on_lines_of_its_own() -> None:
    lines = [Sentence(id=str(n), text=t) for n, t in enumerate(["Use it:", "```\nx\n```", "Done."])]
    assert render_sentences(lines, {}).text == "Use it:\n\n```\nx\n```\n\nDone."


@pytest.mark.parametrize(("text", "out"), [("a", "a."), ("a.", "a."), ('a "b."', 'a "b."')])
def test_a_reason_gets_one_end(text: str, out: str) -> None:
    assert ended(text) == out


def _human(**fields: Any) -> Verdict:
    return Verdict(verdict="accepted", draft=SENTENCES, effort="human", **fields)


@pytest.mark.parametrize("said", ["approve", " Yes "])
async def test_a_person_lets_the_answer_out(said: str) -> None:
    found = await aggregate(_work(_human(), Runs("merger"), approval=said))
    assert (found.verdict, found.reason) == ("accepted", "a person approved it")


async def test_a_person_keeps_it_back_and_says_why() -> None:
    found = await aggregate(_work(_human(), approval="The memo is out of date."))
    assert (found.verdict, found.cause) == ("abstained", "gate_failed")
    assert "The memo is out of date." in found.reason
    assert DAYS not in found.text


async def test_where_the_policy_wants_a_person_and_nobody_asks_nothing_goes_out() -> None:
    work = _work(_human(), question="How many days of leave do employees get?")
    found = await aggregate(work)
    assert (found.verdict, found.cause) == ("abstained", "gate_failed")
    assert "asks nobody" in found.reason


async def test_what_was_not_checked_says_so() -> None:
    verdict = Verdict(verdict="accepted", draft=SENTENCES, effort="none")
    found = await aggregate(_work(verdict, Runs("merger")))
    assert (found.verdict, found.reason) == (None, "not checked, as the policy has it")


async def test_what_checking_took_is_on_record() -> None:
    checking = Checking(
        effort="model",
        claims=7,
        kept=5,
        deleted=1,
        replaced=1,
        why="the source says 1889",
        revisions=1,
        ms=31.2,
        cost_micro_usd=400,
    )
    work = _work(Verdict(verdict="revised", draft=SENTENCES, checking=checking), Runs("merger"))
    work.effort_origin = "route:normal-risk"
    found = await aggregate(work)
    assert found.checking is not None
    assert found.checking.origin == "route:normal-risk"
    assert work.notes == [
        "7 claims checked in 31 ms for $0.0004: 5 kept, 1 deleted because the source says 1889, "
        "1 replaced, 1 revision (checking: model; route normal-risk)"
    ]


def test_a_person_sees_the_draft_and_each_claim_with_its_votes() -> None:
    votes = (Vote(by="acme/api", checker="model", status="supported"),)
    check = ClaimCheck(claim="s2.1", text=DAYS, status="supported", probability=0.9, votes=votes)
    shown = Verdict(verdict="accepted", draft=SENTENCES, checks=(check,)).text
    assert shown.startswith(f"## On leave\n{DAYS}\n")
    assert f"- {DAYS} [supported, 90% sure]\n    acme/api (model): supported" in shown
