"""The drawing tells the truth: its arrows are the compiled graph's, its boxes what binds a node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh
from orchestrator.errors import UnknownNameError
from orchestrator.graph.compile import compile_graph
from orchestrator.graph.draw import Service, mermaid, picture
from orchestrator.project.schema import Graph

from .graphs import random_graph
from .small import write_project


def graph(output: str, **nodes: dict[str, Any]) -> Graph:
    declared = {"input": {"question": "text"}, "nodes": nodes, "output": output, "name": "g"}
    return Graph.model_validate(declared)


async def nobody(*_: Any) -> Any:
    raise AssertionError("nothing is run here")


@pytest.mark.parametrize("seed", range(60))
def test_the_arrows_are_the_ways_that_langgraph_can_go(seed: int) -> None:
    declared = random_graph(seed)
    compiled = compile_graph(declared, nobody, nobody).get_graph()
    # What LangGraph shows from a dead end to its own end is no step of a run.
    ways = {(e.source, e.target) for e in compiled.edges if e.target != "__end__"}
    ways.remove(("__start__", "admission"))
    drawn = [(arrow.source, arrow.target) for arrow in picture(declared).arrows]
    assert sorted(drawn) == sorted(ways)


def test_every_kind_of_arrow_is_told_apart() -> None:
    declared = graph(
        "done",
        head={"agent": "x", "of": "question"},
        work={"each": "head.items", "agent": "x"},
        choose={
            "function": "f",
            "of": "work",
            "to": {"again": "head", "no": "head", "ok": "done"},
            "at_most": 2,
        },
        done={"tool": "t", "with": {"a": "choose"}},
    )
    drawn = {(a.source, a.target): (a.kind, a.label) for a in picture(declared).arrows}
    assert drawn == {
        ("admission", "head"): ("flow", ""),
        ("head", "work"): ("each", ""),
        ("work", "choose"): ("flow", ""),
        ("choose", "head"): ("back", "again or no, at most 2"),
        ("choose", "done"): ("choice", "ok"),
        ("done", "finish"): ("flow", ""),
    }
    lines = [line.strip() for line in mermaid(picture(declared)).splitlines()]
    assert "n_head ==> n_work" in lines
    assert "n_choose -.->|again or no, at most 2| n_head" in lines


def test_a_box_says_what_binds_its_node() -> None:
    declared = graph(
        "b",
        a={"agent": "x", "of": "question"},
        b={
            "agent": "y",
            "of": "a",
            "family": "other-than a",
            "when": "long",
            "latency_ms": 2500,
            "usd": 0.05,
        },
    )
    service = Service(models=("m1", "m2", "m3", "m4", "m5"), routes=("pii", "law"))
    box = {box.name: box for box in picture(declared, {"b": service}).boxes}["b"]
    assert box.rules == (
        "when long, else a passes through",
        "family other-than a",
        "at most 2,500 ms",
        "at most $0.05",
        "policy pii, law",
    )
    assert box.shown_models == ("m1", "m2", "m3", "+2")


def test_a_person_is_drawn_as_one() -> None:
    declared = graph(
        "b", a={"ask": "May it be sent?", "from": ["question"], "to": {"yes": "b"}},
        b={"agent": "x", "of": "a"},
    )  # fmt: skip
    assert [box.kind for box in picture(declared).boxes] == ["start", "person", "agent", "end"]
    assert 'n_a>"a<br/>May it be sent?"]' in mermaid(picture(declared))


def test_mermaid_never_takes_a_text_for_its_own_language() -> None:
    nodes: dict[str, dict[str, Any]] = {
        "a-b": {"ask": 'Is "x" < y]; or <b>; #quot; `?', "from": ["question"]},
        "a.b": {"agent": "x", "of": "a-b"},
        "a_b": {"agent": "x", "of": "a.b"},
        "end": {"agent": "x", "of": "a_b"},
    }
    drawn = mermaid(picture(graph("end", **nodes)))
    labels = [line.split('"')[1] for line in drawn.splitlines() if '"' in line]
    assert all(line.count('"') in (0, 2) for line in drawn.splitlines())
    assert "Is #34;x#34; #60; y#93;#59; or #60;b#62;#59; #35;quot#59; #96;?" in labels[1]
    ids = [line.split('"')[0].strip(" ([>") for line in drawn.splitlines() if '"' in line]
    assert len(set(ids)) == 6  # names that differ in a sign only stay apart
    assert "end" not in ids


POLICY = """
objective: {minimize: cost}
routes:
  - {name: talk, match: {task: chat}}
  - {name: refuse-plans, match: {task: plan}, require: {regions: [mars]}}
"""
GRAPH = """
    description: A plan and its work.
    input: {question: text}
    nodes:
      plan: {agent: planner, of: question}
      work: {each: plan, agent: echo}
      done: {function: collect, of: work}
    output: done
"""


def test_the_models_are_those_that_decide_chooses_now(tmp_path: Path) -> None:
    mesh = Mesh.load(write_project(tmp_path, GRAPH, policy=POLICY), env={})
    drawn = json.loads(mesh.draw("small", "json"))
    boxes = {box["name"]: box for box in drawn["boxes"]}
    assert boxes["work"]["models"] == ["echo"]
    assert boxes["work"]["rules"] == ["policy talk"]
    assert boxes["done"]["models"] == []
    assert boxes["plan"]["models"] == []
    assert "refuse-plans" in boxes["plan"]["problem"]


def test_a_plain_drawing_names_no_models(tmp_path: Path) -> None:
    mesh = Mesh.load(write_project(tmp_path, GRAPH, policy=POLICY), env={})
    assert "echo</b>" in mesh.draw("small")
    assert "</b>" not in mesh.draw("small", plain=True)


def test_the_checker_is_of_another_family_than_the_author_would_be() -> None:
    mesh = Mesh.load(".", env={"ANTHROPIC_API_KEY": "x", "OPENAI_API_KEY": "x"})
    boxes = {b["name"]: b for b in json.loads(mesh.draw("cross-validated", "json"))["boxes"]}
    families = {d.model: d.family for d in mesh.fleet().deployments}
    author = families[boxes["phrase"]["models"][0]]
    assert author is not None
    assert author not in {families[model] for model in boxes["check"]["models"]}
    assert boxes["work"]["several"]


def test_an_unknown_graph_gets_the_near_name(tmp_path: Path) -> None:
    mesh = Mesh.load(write_project(tmp_path, GRAPH), env={})
    with pytest.raises(UnknownNameError, match="did you mean 'cross-validated'"):
        mesh.draw("croos")
