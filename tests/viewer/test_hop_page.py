"""One hop: why its model, the funnel, the cited span in its source, what was kept, what it cost."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from orchestrator import Mesh
from orchestrator.money import Price
from orchestrator.types import Deployment, FleetSnapshot, Health, LogRule
from orchestrator.viewer.hop_page import price_words
from tests.tracing.samples import DECISION

from .recorded import GOOD, QUOTE, SOURCE, attempt, cited, hop, looking, record, trace, write

OTHER = "01m7other"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    write(folder)
    return folder


@pytest.fixture(scope="module")
def pages(project: Path) -> Iterator[TestClient]:
    with looking(project) as client:
        yield client


def page_of(folder: Path, **changes: Any) -> str:
    """The page of one hop that is recorded for it."""
    mesh = Mesh.load(folder, env={})
    record(mesh.store, trace(OTHER), [hop(OTHER, "h1", **changes)])
    mesh.store.close()
    with looking(folder) as client:
        answer = client.get(f"/t/{OTHER}/h/h1")
    assert answer.status_code == 200
    return answer.text


def test_one_sentence_says_why_its_model_was_chosen(pages: TestClient) -> None:
    why = pages.get(f"/t/{GOOD}/h/h3").text.split('id="why"')[1].split("</p>")[0]
    assert "claude/eu was chosen: ranked first of the 2 (of 4)" in why


def test_the_funnel_names_every_candidate_with_rule_found_and_required(pages: TestClient) -> None:
    table = pages.get(f"/t/{GOOD}/h/h3").text.split('id="decision"')[1].split("</table>")[0]
    lines = [re.sub(r"<[^>]+>|\s+", " ", row) for row in table.split("<tr")[2:]]
    assert len(lines) == len(DECISION.candidates)
    assert "claude/eu" in lines[0]
    assert "chosen" in lines[0]
    assert "last resort" in lines[1]
    assert "objective.quality_floor" in lines[1]
    assert "0.92" in lines[0]
    us = next(line for line in lines if "haiku/us" in line)
    for words in ("data policy", "route:personal-data.require.regions", "us", "de, eu"):
        assert words in us
    key = next(line for line in lines if "gpt-5/direct" in line)
    assert "OPENAI_API_KEY is not set" in key
    assert "unknown" in key  # its cost


def test_a_cited_span_is_highlighted_in_its_source(pages: TestClient) -> None:
    text = html.unescape(pages.get(f"/t/{GOOD}/h/h5").text)
    assert f"signed in Lübeck.\n\n<mark>{QUOTE}</mark> It is given in writing." in text
    assert "docs/lease.md" in text
    assert "quote exact" in text


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"text": SOURCE + "More.\n"}, "the source has changed since"),
        ({"file": "docs/gone.md"}, "the source is not there any more"),
        ({"file": "/etc/hostname"}, "outside of the project"),
        ({"file": "../outside.md"}, "outside of the project"),
        ({"file": ".mesh/journal.key"}, "a folder that is not shown"),
        ({"file": "docs/\0lease.md"}, "the source has no file"),
        ({"doc_hash": ""}, "names no version"),
        ({"end": 10_000}, "does not lie in the source"),
        ({"start": -3}, "does not lie in the source"),
    ],
)
def test_a_source_that_is_not_what_was_cited_is_not_shown(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    (tmp_path / "project" / "docs").mkdir(parents=True)
    (tmp_path / "project" / "docs" / "lease.md").write_text(SOURCE, "utf-8")
    (tmp_path / "outside.md").write_text(SOURCE, "utf-8")
    text = page_of(tmp_path / "project", output=cited(**changes))
    assert reason in text
    assert f"<mark>{QUOTE}</mark>" in text  # the recorded quote
    assert "signed in L" not in text.split('id="texts"')[0]


def test_a_link_out_of_the_project_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    (folder / "docs").mkdir(parents=True)
    (tmp_path / "outside.md").write_text(SOURCE, "utf-8")
    (folder / "docs" / "lease.md").symlink_to(tmp_path / "outside.md")
    assert "outside of the project" in page_of(folder, output=cited())


@pytest.mark.parametrize(
    ("rule", "prompt", "words"),
    [
        (LogRule(prompts="none"), None, "Not kept: the log rule of prompts is “none”"),
        (LogRule(prompts="hashed"), "sha256:" + "a" * 64, "Only a hash was kept"),
        (LogRule(prompts="redacted"), "Call [phone]", "Personal data is masked"),
    ],
)
def test_what_was_not_kept_is_said_with_the_rule(
    tmp_path: Path, rule: LogRule, prompt: str | None, words: str
) -> None:
    text = page_of(tmp_path, decision=replace(DECISION, log=rule), prompt=prompt)
    assert words in text
    assert "(routes: personal-data)" in text


def test_code_has_no_prompt_and_says_so(pages: TestClient) -> None:
    text = pages.get(f"/t/{GOOD}/h/h4").text
    assert "no model was called" in text
    assert "ran without a model" in text.split('id="why"')[1].split("</p>")[0]
    assert 'id="decision"' not in text


def test_each_attempt_has_its_price_of_then_and_its_cost(tmp_path: Path) -> None:
    def deployment(id: str, price: Price | None) -> Deployment:
        model = id.split("/")[0]
        common = {"family": "f", "tier": "mid", "via": "openai", "target": "t", "hosting": "hosted"}
        return Deployment(id=id, model=model, provider="p", price=price, **common)  # type: ignore[arg-type]

    fleet = FleetSnapshot(
        deployments=(
            deployment("claude/eu", Price(input=3_000_000, output=15_000_000)),
            deployment("smollm2/local", None),
        ),
        health={"claude/eu": Health(), "smollm2/local": Health()},
        hash="c3",
    )
    tries = (attempt(), attempt(deployment="smollm2/local", cost_micro_usd=None, kind="fallback"))
    text = page_of(tmp_path, decision=replace(DECISION, fleet=fleet), attempts=tries)
    lines = text.split('id="attempts"')[1].split("<tr")
    assert "$3 in, $15 out" in lines[2]
    assert "$0.0042" in lines[2]
    assert "unknown" in lines[3]
    assert "unknown" in lines[4]  # together: unknown as soon as one is


def test_a_price_that_nobody_recorded_is_not_made_up() -> None:
    assert price_words(None, known=False) == "not on record"
    assert price_words(None, known=True) == "unknown"
    assert price_words(Price(input=0, output=0), known=True) == "free"


def test_a_hop_that_is_not_there(pages: TestClient) -> None:
    answer = pages.get(f"/t/{GOOD}/h/nothing")
    assert answer.status_code == 404
    assert "nothing" in answer.text


def test_the_neighbours_are_linked(pages: TestClient) -> None:
    text = pages.get(f"/t/{GOOD}/h/h3").text
    assert f'data-previous href="/t/{GOOD}/h/h2"' in text
    assert f'data-next href="/t/{GOOD}/h/h4"' in text
