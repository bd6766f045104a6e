"""Two traces side by side, as a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from orchestrator import Mesh
from orchestrator.records import Hop
from orchestrator.tracing.diff import diff_traces
from orchestrator.viewer import diff as page
from tests.tracing.samples import DECISION

from .markup import problems_of
from .recorded import (
    BAD,
    EVIL,
    GOOD,
    HOSTILE,
    attempt,
    good_hops,
    hop,
    looking,
    record,
    trace,
    write,
)

OTHER = "01m7other"


def other_hops() -> list[Hop]:
    """Those of `GOOD`, of which the third chose another model and said something else."""
    hops = [replace(one, id=one.id.replace(GOOD, OTHER), trace_id=OTHER) for one in good_hops()]
    chosen = replace(DECISION, chosen="gpt-5/direct")
    hops[2] = replace(hops[2], decision=chosen, attempts=(attempt(),), output="It is two months.")
    return hops[:-1]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("project")
    write(folder)
    mesh = Mesh.load(folder, env={})
    record(mesh.store, trace(OTHER, verdict="accepted"), other_hops())
    mesh.store.close()
    with looking(folder) as client:
        yield client


def shown(pages: TestClient, a: str, b: str) -> str:
    answer = pages.get("/diff", params={"a": a, "b": b})
    assert answer.status_code == 200, answer.text
    assert problems_of(answer.text) == []
    return answer.text


def test_the_first_difference_is_marked_once(pages: TestClient) -> None:
    text = shown(pages, GOOD, OTHER)
    assert "First difference: draft #2, decision: claude/eu was chosen, then gpt-5/direct" in text
    assert text.count('class="first"') == 1
    assert text.count('<div class="part first">') == 1
    assert '<a href="#h3" data-fault>' in text
    assert "only in the first" in text  # the last hop


def test_words_that_went_and_came_are_marked(pages: TestClient) -> None:
    text = shown(pages, GOOD, OTHER)
    assert "<del>The notice period is 3</del> months." in text
    assert "<ins>It is two</ins> months." in text


def test_hops_lead_to_their_pages(pages: TestClient) -> None:
    text = shown(pages, GOOD, OTHER)
    for link in (f"/t/{GOOD}/h/h3", f"/t/{OTHER}/h/h3"):
        assert f'href="{link}"' in text
        assert pages.get(link).status_code == 200


def test_a_trace_and_itself_are_the_same(pages: TestClient) -> None:
    text = shown(pages, GOOD, GOOD)
    assert "The same: 5 hops" in text
    assert 'class="part first"' not in text


def test_without_two_traces_it_asks_for_them(pages: TestClient) -> None:
    answer = pages.get("/diff", params={"a": GOOD})
    assert answer.status_code == 200
    assert f'value="{GOOD}"' in answer.text
    assert problems_of(answer.text) == []


def test_what_is_no_trace_is_said(pages: TestClient) -> None:
    answer = pages.get("/diff", params={"a": GOOD, "b": "nothing"})
    assert answer.status_code == 404
    assert "nothing" in answer.text


@pytest.mark.parametrize("pair", [(HOSTILE, HOSTILE), (GOOD, HOSTILE), (HOSTILE, BAD)])
def test_what_traces_hold_is_text(pages: TestClient, pair: tuple[str, str]) -> None:
    text = shown(pages, *pair)
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert EVIL not in text


def test_long_equal_stretches_are_left_out_alike_on_both_sides() -> None:
    same = "word " * 400
    before, after = (hop("x", "h1", output=f"{same}{word} {same}") for word in ("old", "new"))
    found = diff_traces(trace("x"), [before], trace("x"), [after])
    sides = page.sides(found.pairs[0].differences[0])
    for side, word in zip(sides, ("old", "new"), strict=True):
        assert [kind for kind, _ in side].count("gap") == 2
        assert word in "".join(text for kind, text in side if kind != "same")
        assert sum(len(text) for _, text in side) < 500


def test_of_thousands_of_hops_the_page_stays_small() -> None:
    hops = [hop("x", f"h{n}", node=f"work/{n}", output="a") for n in range(page.MOST_ROWS + 5)]
    changed = [replace(one, output="b") for one in hops]
    rows = page.rows(diff_traces(trace("x"), hops, trace("x"), changed))
    assert len(rows) == page.MOST_ROWS
    assert sum(bool(row.parts) for row in rows) == page.MOST_OPEN
