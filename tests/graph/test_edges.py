"""Edges follow from what nodes read; a loop never waits for what runs only once."""

from typing import Any

import pytest

from orchestrator.errors import UserError
from orchestrator.graph.edges import find_edges
from orchestrator.project.schema import Graph


def graph(output: str, **nodes: dict[str, Any]) -> Graph:
    declared = {"input": {"question": "text"}, "nodes": nodes, "output": output, "name": "g"}
    return Graph.model_validate(declared)


def test_an_edge_that_others_imply_is_left_out() -> None:
    edges = find_edges(
        graph("c", a={"agent": "x", "of": "question"}, b={"agent": "x", "of": "a"},
              c={"agent": "x", "from": ["a", "b"]})
    )  # fmt: skip
    assert edges.waits == {"a": (), "b": ("a",), "c": ("b",)}
    assert edges.order == ("a", "b", "c")


def test_a_wait_for_something_outside_a_loop_moves_to_the_loops_head() -> None:
    edges = find_edges(
        graph(
            "done",
            outside={"agent": "x", "of": "question"},
            head={"agent": "x", "of": "question"},
            body={"agent": "x", "from": ["head", "outside"]},
            choose={"function": "f", "of": "body", "to": {"again": "head", "ok": "done"},
                    "at_most": 2},
            done={"agent": "x", "from": ["body", "outside", "choose"]},
        )
    )  # fmt: skip
    assert edges.waits["head"] == ("outside",)
    assert edges.waits["body"] == ("head",)
    assert edges.waits["done"] == ()
    assert edges.all == {
        ("outside", "head"), ("head", "body"), ("body", "choose"),
        ("choose", "head"), ("choose", "done"),
    }  # fmt: skip


def test_what_stands_after_a_choice_waits_for_nothing_that_the_chooser_did_not() -> None:
    edges = find_edges(
        graph(
            "b",
            other={"agent": "x", "of": "question"},
            pick={"function": "f", "of": "question", "to": {"go": "b"}},
            b={"agent": "x", "from": ["other", "pick"]},
        )
    )
    assert edges.waits["pick"] == ("other",)
    assert edges.waits["b"] == ()


def test_a_circle_is_refused_with_its_nodes() -> None:
    with pytest.raises(UserError, match=r"a → b|b → a"):
        find_edges(graph("a", a={"agent": "x", "of": "b"}, b={"agent": "x", "of": "a"}))
