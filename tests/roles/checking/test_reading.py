"""What a checker wrote, read strictly: what does not agree with itself is no verdict."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.roles.checking.reading import ASPECTS, read_verdicts, verdict_schema
from orchestrator.roles.work import InvalidOutputError
from orchestrator.validation.json_schema import satisfying
from tests.roles.checking.answering import item

IDS = ["c1", "c2"]
ALL_SAME = dict.fromkeys(ASPECTS, "same")


def read(*items: dict[str, Any]) -> dict[str, Any]:
    return dict(read_verdicts(json.dumps({"checks": items}), IDS))


def test_each_claim_has_its_verdict() -> None:
    found = read(item("c1", "supported"), item("c2", "contradicted", "it says 5"))
    assert [(f.status, f.problem) for f in found.values()] == [
        ("supported", ""),
        ("contradicted", ""),
    ]
    assert found["c2"].reason == "it says 5"


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (item("c1", "supported", numbers="different"), "numbers are different"),
        (item("c1", "supported", who="missing"), "who are missing"),
        (item("c1", "contradicted", **ALL_SAME), "nothing that is different"),
        (item("c1", "unsupported", **ALL_SAME), "nothing that is missing"),
        (item("c1", "supported", scope="fine"), "is no finding"),
        ({"claim": "c1", "status": "supported", "who": "same"}, "does not say numbers"),
        ({"claim": "c1", "status": "fine"}, "is no status"),
        ({"claim": "c1", "status": ["supported"]}, "is no status"),
    ],
)
def test_a_verdict_that_cannot_count(wrong: dict[str, Any], problem: str) -> None:
    found = read(wrong, item("c2", "supported"))
    assert problem in found["c1"].problem
    assert not found["c2"].problem


def test_two_verdicts_on_one_claim_are_none() -> None:
    found = read(item("c1", "supported"), item("c1", "contradicted"), item("c2", "supported"))
    assert found["c1"].problem == "it gave two verdicts on the claim"


def test_the_same_verdict_twice_is_one() -> None:
    assert not read(item("c1", "supported"), item("c1", "supported"))["c1"].problem


def test_encoders_and_code_give_a_status_alone() -> None:
    found = read({"claim": "c1", "status": "supported", "reason": "p1 entails it"})
    assert (found["c1"].aspects, found["c1"].problem) == ({}, "")


@pytest.mark.parametrize(
    "text",
    [
        "supported",
        "{}",
        '{"checks": 3}',
        '{"checks": []}',
        json.dumps({"checks": [item("zz", "supported")]}),
        json.dumps({"checks": [{"claim": "c1", "status": "fine"}]}),
        json.dumps({"checks": [item("c1", "supported")]})[:-20],
    ],
)
def test_output_without_a_usable_verdict_is_refused(text: str) -> None:
    with pytest.raises(InvalidOutputError):
        read_verdicts(text, IDS)


def test_the_schema_asks_for_what_is_read() -> None:
    check = satisfying(verdict_schema(IDS))
    good = json.dumps({"checks": [item("c1", "supported"), item("c2", "unsupported")]})
    assert check(good)
    for part in ("who", "status", "claim"):
        lost = [{k: v for k, v in item("c1", "supported").items() if k != part}]
        with pytest.raises(ValueError, match=part):
            check(json.dumps({"checks": lost}))
