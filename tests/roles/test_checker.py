"""The checker: gates first, a blind model second, and no verdict is no support."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.evidence.values import Calculation, Draft, Sentence
from orchestrator.roles.checker import check, read_verdicts, recomputed
from orchestrator.roles.values import Checks
from orchestrator.roles.work import InvalidOutputError
from tests.roles.fake_work import FakeWork, Runs, Says, agents
from tests.roles.material import DAYS, LEAVE, MEMO, PASSAGES, REMOTE, WEEK, draft, said


def _verdicts(**by_claim: str) -> str:
    return json.dumps(
        {
            "checks": [
                {"claim": claim.replace("_", "."), "status": status, "reason": "because"}
                for claim, status in by_claim.items()
            ]
        }
    )


async def _check(
    written: Draft, *chain: Says | Runs, passages: Any = PASSAGES, excluded: str | None = None
) -> tuple[Checks, FakeWork]:
    work = FakeWork(
        agents()["checker"],
        {"phrase": written, "evidence": passages},
        [chain] if chain else [],
        family_excluded=excluded,
    )
    return await check(work), work


async def test_the_gates_alone_support_what_the_passages_say() -> None:
    found, _ = await _check(draft(said(DAYS, LEAVE), said(WEEK, REMOTE)), Runs("claim-gates"))
    assert [(c.claim, c.status) for c in found.checks] == [
        ("s1.1", "supported"),
        ("s2.1", "supported"),
    ]
    assert (found.independence, found.by) == ("deterministic", "claim-gates/here")


async def test_a_model_cannot_turn_a_contradiction_into_support() -> None:
    lie = said("Employees are entitled to 30 days of paid leave per year.", LEAVE, DAYS)
    found, _ = await _check(draft(lie), Says(_verdicts(s1_1="supported")))
    assert found.checks[0].status == "contradicted"
    assert found.checks[0].against is not None


async def test_a_model_cannot_support_a_name_that_stands_nowhere() -> None:
    lie = said("Zanzibar Holdings grants leave.", LEAVE, DAYS)
    found, _ = await _check(draft(lie), Says(_verdicts(s1_1="supported")))
    assert found.checks[0].status == "unsupported"


async def test_a_model_may_deny_what_the_gates_support() -> None:
    found, _ = await _check(draft(said(DAYS, LEAVE)), Says(_verdicts(s1_1="unsupported")))
    assert (found.checks[0].status, found.checks[0].by) == ("unsupported", "acme-large/api")


async def test_a_missing_verdict_is_no_support() -> None:
    found, _ = await _check(
        draft(said(DAYS, LEAVE), said(WEEK, REMOTE)), Says(_verdicts(s1_1="supported"))
    )
    assert (found.checks[1].status, found.checks[1].reason) == ("unsupported", "no verdict")


async def test_sources_that_contradict_each_other_are_caught() -> None:
    found, _ = await _check(
        draft(said(DAYS, LEAVE)), Runs("claim-gates"), passages=(LEAVE, REMOTE, MEMO)
    )
    assert found.checks[0].status == "contradicted"
    assert found.checks[0].against is not None
    assert found.checks[0].against.file == "memo.md"


@pytest.mark.parametrize(
    ("family", "excluded", "independence"),
    [
        ("acme", "other", "other-family"),
        ("acme", "acme", "none"),
        ("acme", None, "none"),
    ],
)
async def test_independence_is_said_honestly(
    family: str, excluded: str | None, independence: str
) -> None:
    model = Says(_verdicts(s1_1="supported"), family=family)
    found, _ = await _check(draft(said(DAYS, LEAVE)), model, excluded=excluded)
    assert found.independence == independence


async def test_the_checker_does_not_see_what_the_author_cited() -> None:
    _, work = await _check(draft(said(DAYS, LEAVE)), Runs("claim-gates"))
    assert set(work.requests[0].inputs) == {"claims", "passages"}
    assert set(work.requests[0].inputs["claims"][0]) == {"id", "text", "sentence"}


def _sum(**changes: str) -> Sentence:
    fields = {"expression": "120 * 40 EUR", "result": "4800", "shown": "4,800 EUR", **changes}
    calculation = Calculation.model_validate(fields)
    return Sentence(id="c1", text="That is 4,800 EUR.", calculation=calculation, kind="calculation")


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({}, "supported", "120 * 40 EUR = 4800"),
        ({"result": "4801"}, "contradicted", "is 4800, not 4801"),
        ({"shown": "4,900 EUR"}, "contradicted", "does not say 4,900 EUR"),
        ({"expression": "many"}, "unsupported", "cannot be calculated again"),
    ],
)
def test_calculations_are_calculated_again(
    changes: dict[str, str], status: str, reason: str
) -> None:
    sentence = _sum(**changes)
    assert sentence.calculation is not None
    found = recomputed(sentence, sentence.calculation)
    assert (found.claim, found.status, found.by) == ("c1", status, "calculator")
    assert reason in found.reason


async def test_a_draft_of_calculations_asks_no_model() -> None:
    found, work = await _check(Draft(sentences=(_sum(),)))
    assert work.requests == []
    assert [c.status for c in found.checks] == ["supported"]


async def test_an_abstention_has_nothing_to_check() -> None:
    found, work = await _check(Draft(abstain="nothing"))
    assert (found.checks, work.requests) == ((), [])


async def test_garbage_falls_to_the_gates() -> None:
    found, _ = await _check(draft(said(DAYS, LEAVE)), Says("All good!"), Runs("claim-gates"))
    assert found.by == "claim-gates/here"


@pytest.mark.parametrize(
    "text",
    ["supported", "{}", '{"checks": 3}', _verdicts(zz="supported"), _verdicts(s1_1="fine")],
)
async def test_output_without_a_usable_verdict_is_refused(text: str) -> None:
    from orchestrator.evidence.claims import split_claims

    with pytest.raises(InvalidOutputError):
        read_verdicts(text, split_claims(draft(said(DAYS, LEAVE))))


def test_of_two_verdicts_on_one_claim_the_worse_counts() -> None:
    from orchestrator.evidence.claims import split_claims

    both = json.loads(_verdicts(s1_1="unsupported"))["checks"]
    both += json.loads(_verdicts(s1_1="supported"))["checks"]
    for order in (both, both[::-1]):
        found = read_verdicts(json.dumps({"checks": order}), split_claims(draft(said(DAYS, LEAVE))))
        assert found["s1.1"][0] == "unsupported"
