"""`mesh eval checkers` and `mesh eval oracle`: what a person and a program are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestrator.cli._app import build
from orchestrator.errors import UnknownNameError, UserError

TRUE = "The depot in {place} stores {n} barrels of oil."
FALSE = "The depot in {place} was sold to a farmer last winter."


@pytest.fixture
def claims(tmp_path: Path) -> Path:
    """Forty claims, half of them true, on twenty passages."""
    lines = []
    for n in range(20):
        place = f"Bal{'abcdefghijklmnopqrst'[n]}ford"
        passage = TRUE.format(place=place, n=100 + n) + " The yard opens at seven."
        for label, form in enumerate((FALSE, TRUE)):
            claim = form.format(place=place, n=100 + n)
            # A label in ten is wrong, so that everybody errs and errs together.
            known = 1 - label if n % 5 == 0 and label else label
            row = {"id": f"{n}.{label}", "source": "made", "claim": claim, "label": known}
            lines.append(json.dumps({**row, "passages": [passage]}))
    file = tmp_path / "claims.jsonl"
    file.write_text("\n".join(lines))
    return file


def run(*arguments: object) -> str:
    done = CliRunner().invoke(build(), ["eval", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_labelled_claims_need_no_model(claims: Path) -> None:
    told = run("checkers", claims, "--project", claims.parent)
    for name in ("gates", "scorer", "containment", "gates and scorer", "balanced accuracy"):
        assert name in told
    assert "3 checkers" in told


def test_for_programs(claims: Path) -> None:
    found = json.loads(run("checkers", claims, "--project", claims.parent, "--json"))
    assert found["checkers"] == ["gates", "scorer", "containment"]
    assert (found["claims"], found["labelled"]) == (40, True)
    assert found["sentence"].startswith("3 checkers")
    assert 1 <= found["low"] <= found["votes"] <= found["high"] <= 3
    assert '"confidence"' not in json.dumps(found)


def test_traffic_without_votes_says_so(tmp_path: Path) -> None:
    assert "No votes are on record" in run("checkers", "--project", tmp_path)
    told = json.loads(run("checkers", "--project", tmp_path, "--json"))
    assert (told["votes"], told["reports"]) == (None, [])


def test_whom_to_ask_needs_claims(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give a FILE"):
        run("checkers", "--checkers", "gpt-5/direct", "--project", tmp_path)


def test_an_unknown_checker_has_its_near_name(claims: Path) -> None:
    with pytest.raises(UnknownNameError, match="gpt-5/direct"):
        run("checkers", claims, "--checkers", "gpt-5/dirct", "--project", claims.parent)


@pytest.mark.parametrize(
    ("name", "why"), [("claim-gates/here", "is code"), ("gpt-5/direct", "OPENAI_API_KEY")]
)
def test_who_may_not_check_is_refused_with_the_reason(claims: Path, name: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        run("checkers", claims, "--checkers", name, "--project", claims.parent)


@pytest.mark.slow
def test_the_oracles_are_held_against_what_follows() -> None:
    told = json.loads(run("oracle", "--claims", 8, "--json"))
    assert told["met"] is True
    assert len(told["reports"]) == 4
    assert {f["name"] for f in told["reports"][0]["figures"]} == {
        "accuracy of what is decided",
        "coverage",
        "abstention",
        "accepted",
    }
