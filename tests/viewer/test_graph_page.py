"""A trace as a graph: declared nodes as they ran, the plan, and graphs that nobody declares."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from orchestrator import Mesh

from .recorded import BAD, GOOD, hop, looking, record, trace, write

LINE = "01m7line"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("project")
    write(folder)
    mesh = Mesh.load(folder, env={})
    line = [hop(LINE, f"h{n}", node=f"n{n}") for n in range(70)]
    record(mesh.store, trace(LINE, graph="none"), line)
    mesh.store.close()
    with looking(folder) as client:
        yield client


def boxes(text: str) -> dict[str, str]:
    """The texts of each node, by its name."""
    groups = re.findall(r'<g class="node [^"]*">.*?</g>', text, re.DOTALL)
    texts = [re.findall(r"<text[^>]*>([^<]*)</text>", group) for group in groups]
    return {lines[0]: " ".join(lines[1:]) for lines in texts}


def test_declared_nodes_say_what_became_of_them(pages: TestClient) -> None:
    found = boxes(pages.get(f"/t/{GOOD}/graph").text.split("<h2>Plan</h2>")[0])
    assert "✓ ok" in found["draft"]
    assert "fallback" in found["draft"]
    assert "smollm2/local" in found["draft"]
    assert "not run" in found["phrase"]
    assert {"admission", "finish", "plan", "evidence", "check"} <= found.keys()


def test_a_node_leads_to_its_hop_and_arrows_that_nobody_took_are_faint(pages: TestClient) -> None:
    text = pages.get(f"/t/{GOOD}/graph").text
    assert f'<a href="/t/{GOOD}/h/h3" aria-label="draft: ok' in text
    assert 'class="arrow back off"' in text


def test_the_plan_is_drawn_with_what_each_part_waits_for(pages: TestClient) -> None:
    plan = pages.get(f"/t/{GOOD}/graph").text.split("<h2>Plan</h2>")[1]
    found = boxes(plan)
    assert "claude/eu" in found["find · finder"]
    assert "not run" in found["tell"]
    assert len(re.findall(r'<path class="arrow', plan)) == 1


def test_a_graph_that_is_not_declared_is_drawn_from_its_hops(pages: TestClient) -> None:
    text = pages.get(f"/t/{BAD}/graph").text
    assert "declares no graph &#39;gone&#39; now" in text
    assert "✗ failed" in boxes(text)["draft"]
    assert "likely fault" in boxes(text)["draft"]
    many = pages.get(f"/t/{LINE}/graph").text
    assert len(boxes(many)) == 60
    assert "10 further nodes not drawn" in many


def test_a_conversation_shows_who_was_asked_what_in_windows(pages: TestClient) -> None:
    text = pages.get(f"/t/{GOOD}/conversation").text
    asked = re.findall(r'<li class="turn[^"]*" data-at="([^"]+)"', text)
    assert asked == [f"{GOOD}.h{n}" for n in (1, 2, 3, 5)]  # h4 is code
    assert "Write about {braces} and “quotes”." in text
    first = pages.get(f"/t/{LINE}/conversation").text
    assert first.count('<li class="turn') == 40
    assert pages.get(f"/t/{LINE}/conversation?start=40").text.count('<li class="turn') == 30
    assert pages.get(f"/t/{LINE}/conversation?start=x").status_code == 400
