"""The SVG is well formed, tells itself to who cannot see it, and keeps every text in its box."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from orchestrator.graph.draw import Picture, Service, picture
from orchestrator.graph.draw_svg import svg
from orchestrator.graph.draw_text import broken, width_of
from orchestrator.project.schema import Graph

from .graphs import random_graph

SVG = "{http://www.w3.org/2000/svg}"
LONG = "a-name-of-sixty-four-letters-that-somebody-really-gave-to-a-node"
SIZES = {
    "name": 14, "does": 11.5, "model": 12, "other": 11.5, "rule": 11, "problem": 11.5, "kind": 10,
}  # fmt: skip


def drawing(**nodes: object) -> Picture:
    declared = {
        "name": "g",
        "description": "Is 1 < 2 & so on?",
        "input": {"question": "text"},
        "nodes": nodes,
        "output": list(nodes)[-1],
    }
    graph = Graph.model_validate(declared)
    wide = Service(models=(LONG.upper(), "W" * 64, "m"), routes=("r" * 64,), problem="x " * 200)
    return picture(graph, dict.fromkeys(nodes, wide))


ODD = 'Is "a" < b & c? </svg><script>alert(1)</script> \x1b[31m ' + "漢字" * 12
UGLY = drawing(
    **{
        LONG: {"agent": "W" * 64, "of": "question"},
        "ask": {"ask": ODD, "from": [LONG]},
        "end": {"each": "ask.items", "agent": "subtask.specialist", "family": f"other-than {LONG}"},
    }
)  # fmt: skip


def tree(drawn: Picture) -> ElementTree.Element:
    return ElementTree.fromstring(svg(drawn))


@pytest.mark.parametrize(
    "drawn", [UGLY, *(picture(random_graph(seed)) for seed in range(10))], ids=lambda p: p.name
)
def test_no_text_leaves_its_box(drawn: Picture) -> None:
    for group in tree(drawn).iter(f"{SVG}g"):
        box = group.find(f"{SVG}rect[@class='box']")
        if box is None:
            continue
        left, top, width, height = (float(box.get(k, "")) for k in ("x", "y", "width", "height"))
        bottoms = []
        for text in group.findall(f"{SVG}text"):
            style = text.get("class", "")
            wide = width_of(text.text or "", SIZES[style], bold=style in ("name", "model"))
            x, y = float(text.get("x", "")), float(text.get("y", ""))
            start = x - wide / 2 if text.get("text-anchor") == "middle" else x
            assert left + 8 <= start
            assert start + wide <= left + width - 8
            assert top + 8 <= y <= top + height - 5
            bottoms.append(y)
        assert bottoms == sorted(set(bottoms)), "lines lie on each other"


def test_who_cannot_see_it_is_told_everything() -> None:
    root = tree(UGLY)
    assert root.get("role") == "img"
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert title.text == "The graph g"
    told = description.text or ""
    for part in (LONG, "W" * 64, "r" * 64, "Then ask.", "Is 1 < 2 & so on?"):
        assert part in told


def test_every_text_is_text() -> None:
    shown = svg(UGLY)
    assert "<script" not in shown
    assert "\x1b" not in shown
    assert "Is 1 &lt; 2 &amp; so on?" in shown
    assert "漢字" in shown


def test_it_refers_to_nothing_outside_and_to_all_that_is_inside() -> None:
    shown = svg(UGLY)
    assert re.findall(r"https?://[^\"]*", shown) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"href|@import|url\((?!#)", shown)
    ids = set(re.findall(r'id="([^"]+)"', shown))
    assert set(re.findall(r"url\(#([^)]+)\)", shown)) <= ids


def test_two_pictures_on_a_page_do_not_disturb_each_other() -> None:
    style = svg(UGLY).split("<style>")[1].split("</style>")[0]
    rules = [part.strip() for part in re.findall(r"([^{}]+)\{", style)]
    selectors = [s.strip() for rule in rules if not rule.startswith("@") for s in rule.split(",")]
    assert all(selector.startswith("#mesh-graph-g") for selector in selectors)
    assert "prefers-color-scheme: dark" in style


def test_the_same_graph_gives_the_same_picture() -> None:
    assert svg(picture(random_graph(3))) == svg(picture(random_graph(3)))


@pytest.mark.parametrize("text", ["", "one", "two words", LONG, "W" * 300, "a b " * 80])
def test_broken_lines_fit_and_lose_nothing_unless_marked(text: str) -> None:
    lines = broken(text, 12, 150, lines=3)
    assert len(lines) <= 3
    assert all(width_of(line, 12) <= 150 for line in lines)
    kept = "".join("".join(lines).split())
    whole = "".join(text.split())
    assert kept == whole or (kept.endswith("…") and whole.startswith(kept[:-1]))
