"""What the client of a graph is told of its verdict."""

from __future__ import annotations

from orchestrator.gateway.graphs.telling import answer_of
from orchestrator.graph.answer import Answer
from orchestrator.roles.values import Checking


def test_an_abstention_has_its_cause_and_what_the_checking_took() -> None:
    checking = Checking(effort="two", claims=3, deleted=3, ms=12.0, cost_micro_usd=400)
    answer = Answer(
        text="No answer.",
        verdict="abstained",
        reason="the sources disagree",
        cause="conflict",
        checking=checking,
        trace_id="01m",
    )
    mesh = answer_of("desk", answer, {}, ()).mesh
    assert (mesh["verdict"], mesh["reason"], mesh["cause"]) == (
        "abstained",
        "the sources disagree",
        "conflict",
    )
    assert (mesh["checking"]["effort"], mesh["checking"]["cost_micro_usd"]) == ("two", 400)


def test_nothing_is_said_of_what_there_was_not() -> None:
    mesh = answer_of("desk", Answer(text="25 days.", trace_id="01m"), {}, ()).mesh
    assert "cause" not in mesh
    assert "checking" not in mesh
