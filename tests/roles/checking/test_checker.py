"""The checker role: gates first, blind checkers after them, and no verdict is no support."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.evidence.values import Calculation, Draft, Sentence
from orchestrator.types import ClaimStatus, Effort, Outcome
from tests.roles.checking.answering import checked, claims_of, model, reader, saying, true_only
from tests.roles.fake_work import Answers, Runs, Says, passage
from tests.roles.material import DAYS, LEAVE, MEMO, PASSAGES, REMOTE, WEEK, draft, said

READS = reader(" ".join(p.text for p in PASSAGES))
ONE, BOTH = draft(said(DAYS, LEAVE)), draft(said(DAYS, LEAVE), said(WEEK, REMOTE))
SUM = Sentence(
    id="c1",
    text="That is 4,800 EUR.",
    calculation=Calculation(expression="120 * 40 EUR", result="4800", shown="4,800 EUR"),
    kind="calculation",
)


async def test_the_gates_alone_support_what_the_passages_say() -> None:
    found, work = await checked(BOTH, [Runs("claim-gates")])
    assert [(c.claim, c.status) for c in found.checks] == [
        ("s1.1", "supported"),
        ("s2.1", "supported"),
    ]
    assert (found.independence, found.by) == ("deterministic", "claim-gates/here")
    assert (found.effort, found.reached) == ("model", "scorer")
    assert work.notes == ["checked as 'scorer' and not as 'model': no such checker is left"]


async def test_a_model_and_the_gates_agree() -> None:
    found, work = await checked(ONE, [model(READS, cost=120)])
    assert [c.status for c in found.checks] == ["supported"]
    assert (found.independence, found.by) == ("other-family", "acme-large/api")
    assert (found.reached, found.cost_micro_usd) == ("model", 120)
    assert found.ms > 0
    assert [(v.by, v.checker, v.status) for v in found.checks[0].votes][-1] == (
        "acme-large/api",
        "model",
        "supported",
    )
    assert work.notes == []


async def test_a_model_cannot_turn_a_contradiction_into_support() -> None:
    lie = "Employees are entitled to 30 days of paid leave per year."
    found, _ = await checked(draft(said(lie, LEAVE, DAYS)), [model(true_only(lie))])
    assert found.checks[0].status == "contradicted"
    assert found.checks[0].against is not None
    assert found.checks[0].votes[-1].status == "supported"


async def test_a_model_cannot_support_a_name_that_stands_nowhere() -> None:
    lie = "Zanzibar Holdings grants leave."
    found, _ = await checked(draft(said(lie, LEAVE, DAYS)), [model(true_only(lie))])
    assert found.checks[0].status == "unsupported"


async def test_where_model_and_gates_differ_nobody_knows() -> None:
    found, _ = await checked(ONE, [model(lambda _: "unsupported")])
    assert (found.checks[0].status, found.checks[0].kind) == ("unverified", "conflict")


async def test_sources_that_contradict_each_other_are_caught() -> None:
    found, _ = await checked(ONE, [Runs("claim-gates")], passages=(LEAVE, REMOTE, MEMO))
    assert found.checks[0].status == "contradicted"
    assert found.checks[0].against is not None
    assert found.checks[0].against.file == "memo.md"


async def test_the_checker_sees_claims_and_passages_and_nothing_else() -> None:
    _, work = await checked(BOTH, [model(READS)], [model(READS)])
    for request in work.requests:
        assert set(request.inputs) == {"claims", "passages"}
        assert set(request.inputs["claims"][0]) == {"id", "text", "sentence"}
        told = json.dumps([request.inputs["claims"], request.messages])
        assert not any(word in told for word in ("s1.1", "s2.1", "author", work.question))
        last = str(request.messages[-1]["content"])
        assert last.index("<passage") < last.index("<claim")


async def test_each_source_is_a_call_of_its_own() -> None:
    found, work = await checked(BOTH, [model(READS)], [model(READS)])
    sources = [{p["file"] for p in r.inputs["passages"]} for r in work.requests]
    assert sources == [{"leave.md"}, {"remote.md"}]
    assert [c.status for c in found.checks] == ["supported", "supported"]


async def test_a_replay_asks_the_same() -> None:
    chains = [[model(READS)], [model(READS)]]
    (_, one), (_, again) = await checked(BOTH, *chains), await checked(BOTH, *chains)
    assert one.requests == again.requests


async def test_every_batch_holds_a_false_claim_that_looks_like_the_others() -> None:
    _, work = await checked(BOTH, [model(READS)], [model(READS)])
    false = []
    for request in work.requests:
        listed = claims_of(request)
        assert [id for id, _ in listed] == ["c1", "c2"]
        false += [text for _, text in listed if READS(text) == "contradicted"]
    assert len(set(false)) == 2


async def test_who_passes_the_false_claim_does_not_count() -> None:
    yes = model(lambda _: "supported")
    found, work = await checked(BOTH, [yes], [model(READS)])
    assert [(c.status, c.kind) for c in found.checks] == [
        ("unverified", "canary"),
        ("supported", None),
    ]
    assert "passed what is known to be false" in work.notes[0]
    assert "passed what is known to be false" in found.checks[0].reason


@pytest.mark.parametrize(
    ("checker", "kind"),
    [
        (Says("All good!"), "malformed"),
        (Says('{"checks": []}'), "malformed"),
        (model(lambda text: None if text == DAYS else "contradicted"), "no_verdict"),
        (model(READS, finish_reason="length"), "truncated"),
        (Answers(str, fails=Outcome.TIMEOUT_SILENT), "timeout"),
        (Answers(str, fails=Outcome.STALLED), "timeout"),
        (Answers(str, fails=Outcome.CONTEXT_EXCEEDED), "truncated"),
        (Answers(str, fails=Outcome.AUTH), "no_verdict"),
    ],
)
async def test_no_verdict_is_never_support(checker: Any, kind: str) -> None:
    found, _ = await checked(ONE, [checker])
    assert (found.checks[0].status, found.checks[0].kind) == ("unverified", kind)
    assert found.independence in ("none", "other-family")


async def test_code_that_answers_for_a_model_gives_no_verdict() -> None:
    found, _ = await checked(ONE, [Says("All good!"), Runs("claim-gates")])
    assert (found.checks[0].status, found.checks[0].kind) == ("unverified", "malformed")


async def test_a_model_without_findings_has_not_checked() -> None:
    def bare(request: Any) -> str:
        said = [{"claim": id, "status": READS(text)} for id, text in claims_of(request)]
        return json.dumps({"checks": said})

    found, _ = await checked(ONE, [Answers(bare)])
    assert (found.checks[0].status, found.checks[0].kind) == ("unverified", "malformed")


# ── independence ─────────────────────────────────────────────────────────────────────────


async def test_a_model_of_the_authors_family_is_refused_and_another_asked() -> None:
    own = model(READS, "swan", "author")
    found, work = await checked(ONE, [own], [model(READS)])
    assert (found.independence, found.by) == ("other-family", "acme-large/api")
    assert [v.by for v in found.checks[0].votes if v.checker == "model"] == ["acme-large/api"]
    assert "swan/api is refused" in work.notes[0]


async def test_where_only_the_authors_family_is_left_the_gates_decide() -> None:
    own = model(lambda _: "contradicted", "swan", "author")
    found, _ = await checked(ONE, [own], [Runs("claim-gates")])
    assert found.independence == "none"
    assert [(c.status, c.by) for c in found.checks] == [("supported", "claim-gates")]


async def test_an_unknown_author_leaves_no_independence() -> None:
    found, _ = await checked(ONE, [model(READS)], excluded=None)
    assert found.independence == "none"


async def test_a_family_is_known_by_its_models_names() -> None:
    found, _ = await checked(
        ONE, [model(READS, "swan", "claude")], [model(READS)], excluded="anthropic"
    )
    assert found.by == "acme-large/api"


# ── effort ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("effort", ["none", "quotes"])
async def test_without_effort_nothing_is_checked_and_that_is_said(effort: Effort) -> None:
    found, work = await checked(Draft(sentences=(*ONE.sentences, SUM)), effort=effort)
    assert work.requests == []
    assert [(c.claim, c.status) for c in found.checks] == [
        ("s1.1", "unverified"),
        ("c1", "unverified"),
    ]
    assert (found.independence, found.reached) == ("none", effort)
    assert work.notes


async def test_the_scorers_effort_asks_no_model() -> None:
    found, work = await checked(ONE, effort="scorer")
    assert work.requests == []
    assert [c.status for c in found.checks] == ["supported"]
    assert (found.independence, found.reached, found.by) == (
        "deterministic",
        "scorer",
        "claim-gates",
    )


@pytest.mark.parametrize("effort", ["two", "human"])
async def test_two_checkers_agree(effort: Effort) -> None:
    found, _ = await checked(ONE, [model(READS)], [model(READS, "swan", "birds")], effort=effort)
    assert [c.status for c in found.checks] == ["supported"]
    assert (found.by, found.reached) == ("acme-large/api, swan/api", "two")


async def test_two_checkers_that_differ_leave_a_claim_open() -> None:
    no: ClaimStatus = "unsupported"
    found, _ = await checked(
        ONE, [model(READS)], [model(lambda _: no, "swan", "birds")], effort="two"
    )
    assert (found.checks[0].status, found.checks[0].kind) == ("unverified", "conflict")


async def test_a_second_checker_of_the_same_family_is_refused() -> None:
    found, work = await checked(
        ONE, [model(READS)], [model(READS, "acme-small")], [Runs("claim-gates")], effort="two"
    )
    assert (found.by, found.reached) == ("acme-large/api", "model")
    assert "acme-small/api is refused" in " ".join(work.notes)


async def test_the_two_do_not_get_the_same_false_claim() -> None:
    _, work = await checked(ONE, [model(READS)], [model(READS, "swan", "birds")], effort="two")
    false = [t for r in work.requests for _, t in claims_of(r) if READS(t) == "contradicted"]
    assert len(false) == len(set(false)) == 2


# ── on record ────────────────────────────────────────────────────────────────────────────


async def test_the_votes_are_on_the_trace_without_anybodys_text() -> None:
    _, work = await checked(ONE, [model(READS)])
    kept = json.loads(work.found["votes"])
    assert kept["cost_micro_usd"] == 0
    assert [v["status"] for v in kept["checks"][0]["votes"] if v["checker"] == "model"] == [
        "supported"
    ]
    assert DAYS not in work.found["votes"]


async def test_a_draft_of_calculations_asks_nobody() -> None:
    found, work = await checked(Draft(sentences=(SUM,)))
    assert work.requests == []
    assert [(c.status, c.by) for c in found.checks] == [("supported", "calculator")]
    assert found.by == "calculator"


async def test_an_abstention_has_nothing_to_check() -> None:
    found, work = await checked(Draft(abstain="nothing"))
    assert (found.checks, work.requests) == ((), [])


async def test_without_passages_no_checker_is_asked() -> None:
    found, work = await checked(ONE, passages=())
    assert work.requests == []
    assert found.checks[0].status == "unsupported"


async def test_a_provider_that_reads_half_of_a_source_is_noticed() -> None:
    from orchestrator.money import Usage

    long = passage(1, DAYS + " " + " ".join(f"Rule {n} stands." for n in range(2000)), "leave.md")
    written = draft(said(DAYS, long))
    whole = Usage(input=len(long.text) // 4)
    for usage, status in ((whole, "supported"), (Usage(input=2048), "unverified")):
        reads = reader(long.text)
        checker = Answers(saying(reads), usage=usage)
        found, _ = await checked(written, [checker], passages=[long])
        assert found.checks[0].status == status
    assert found.checks[0].kind == "truncated"
