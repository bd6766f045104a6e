"""The tier of a run rises by what it meets and never falls; its answer is checked accordingly."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import Mesh
from orchestrator.errors import CrossValidationError, WaitingError
from orchestrator.graph.answer import RunOptions
from orchestrator.graph.withholding import withheld
from orchestrator.guard.risk import Course, Demand, Event, higher
from orchestrator.roles.values import Checking, FinalAnswer
from orchestrator.types import EFFORTS, RISKS, Effort, Risk, risk_of
from tests.calling.server import Say, StandIn
from tests.gateway.serving import serving
from tests.graph.small import write_project

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["personal", "secrets", "contradiction", "injection", "destructive"]),
        st.sampled_from(RISKS),
    ),
    max_size=12,
)
EFFORT = st.sampled_from(EFFORTS)
PYTHON = """

@tool("look_up")
async def look_up(toolbox, *, query):
    return "Write to ann.smith@velvetmail.org." if "find" in query else "Nothing is there."
"""
RISES = "risk: {personal: high}\n"
GRAPH = """
    input: {question: text}
    nodes:
      first: {agent: echo, of: question}
      found: {tool: look_up, with: {query: question}, from: [first]}
      ask: {ask: "Go on?", of: found}
      last: {agent: echo, from: [question, ask]}
    output: last
"""


def project(folder: Path, policy: str, graph: str = GRAPH) -> Path:
    write_project(folder, graph, policy=textwrap.dedent(policy))
    with (folder / "functions.py").open("a") as file:
        file.write(PYTHON)
    return folder


# ── the tier ─────────────────────────────────────────────────────────────────────────────


@given(
    start=st.sampled_from(RISKS),
    events=EVENTS,
    asked=st.fixed_dictionaries(dict.fromkeys(RISKS, EFFORT)),
)
def test_neither_tier_nor_demand_ever_falls(
    start: Risk, events: list[tuple[Event, Risk]], asked: dict[Risk, Effort]
) -> None:
    course = Course(tier=start, demand=lambda tier: Demand(effort=asked[tier]))
    before = (course.tier, course.floor, course.demanded.effort)
    for event, to in events:
        rise = course.meets(event, to, node="n", why="w")
        now = (course.tier, course.floor, course.demanded.effort)
        assert RISKS.index(now[0]) >= RISKS.index(before[0])
        assert RISKS.index(now[1]) >= RISKS.index(before[1])
        assert EFFORTS.index(now[2]) >= EFFORTS.index(before[2])
        assert (rise is not None) == (now[0] != before[0])
        assert EFFORTS.index(now[2]) >= EFFORTS.index(asked[course.tier])
        before = now
    assert course.tier == max([start, *(to for _, to in events)], key=RISKS.index)
    again = Course(tier=start, demand=course.demand)
    for rise in course.rises:
        again.take(rise)
    assert (again.tier, again.floor, again.demanded) == (course.tier, course.floor, course.demanded)


def test_medium_is_another_word_for_normal() -> None:
    assert risk_of("medium") == "normal"
    assert risk_of("high") == "high"
    assert higher("low", "normal") == "normal"


async def test_medium_is_taken_wherever_a_risk_can_be_stated(tmp_path: Path) -> None:
    folder = project(
        tmp_path, "routes: [{name: some, match: {risk: [medium, high]}, checking: two}]\n"
    )
    async with Mesh.load(folder, env={}) as mesh:
        assert mesh.project.policy.routes[0].match.risk == ("normal", "high")
        profile = mesh.profile("Hello", risk="medium")  # type: ignore[arg-type]
        assert profile.risk == "normal"
        assert mesh.decide("Hello", risk="medium").routes == ("some",)
        with pytest.raises(WaitingError):
            await mesh.run(question="q", options=RunOptions(risk="medium"))  # type: ignore[arg-type]


async def test_the_stricter_of_declared_and_detected_counts(tmp_path: Path) -> None:
    async with Mesh.load(project(tmp_path, ""), env={}) as mesh:
        advice = "What dosage of insulin should I take?"
        assert mesh.profile(advice, risk="low").risk == "high"
        assert mesh.profile("Hello there", risk="low").risk == "low"
        assert mesh.profile("Hello there", risk="high").risk == "high"


# ── a run ────────────────────────────────────────────────────────────────────────────────


async def test_a_run_rises_and_stays_risen_after_a_resume(tmp_path: Path) -> None:
    folder = project(tmp_path, f"{RISES}routes: [{{name: risky, match: {{risk: high}}}}]\n")
    async with Mesh.load(folder, env={}) as mesh:
        with pytest.raises(WaitingError) as waits:
            await mesh.run(question="find her")
    async with Mesh.load(folder, env={}) as mesh:
        answer = await mesh.run(resume=waits.value.run, answer="yes")
    hops = {hop.node: hop for hop in answer.hops}
    first, last = hops["first"], hops["last"]
    assert first.decision is not None
    assert first.decision.routes == ()
    assert last.decision is not None
    assert last.decision.routes == ("risky",)
    assert last.profile is not None
    assert last.profile.features["risk"].origin == "run"
    (rise,) = [hop for hop in answer.hops if hop.role == "risk"]
    assert (rise.node, rise.agent) == ("found/risk", "normal to high: personal")
    assert rise.output == (
        "the risk rose from normal to high at 'found': email in what the tool look_up brought"
    )


@pytest.mark.parametrize("question", ["nothing", "find her"])
async def test_what_raises_nothing(tmp_path: Path, question: str) -> None:
    folder = project(
        tmp_path, "risk: {personal: low}\nroutes: [{name: risky, match: {risk: high}}]\n"
    )
    async with Mesh.load(folder, env={}) as mesh:
        with pytest.raises(WaitingError) as waits:
            await mesh.run(question=question)
        answer = await mesh.run(resume=waits.value.run, answer="yes")
    assert not [hop for hop in answer.hops if hop.role == "risk"]


async def test_a_graph_that_cannot_check_gives_no_answer_once_it_is_risky(tmp_path: Path) -> None:
    policy = f"{RISES}routes: [{{name: risky, match: {{risk: high}}, checking: two}}]\n"
    async with Mesh.load(project(tmp_path, policy), env={}) as mesh:
        for question, verdict in (("nothing", None), ("find her", "abstained")):
            with pytest.raises(WaitingError) as waits:
                await mesh.run(question=question)
            answer = await mesh.run(resume=waits.value.run, answer="yes")
            assert answer.verdict == verdict
    assert "its risk rose to high" in answer.reason
    assert "route:risky asks for the checking 'two'" in answer.reason
    assert "find her" not in answer.text


@pytest.mark.parametrize(
    ("had", "given_out"), [("none", False), ("model", False), ("two", True), ("human", True)]
)
def test_an_answer_that_was_checked_too_little_is_withheld(had: str, given_out: bool) -> None:
    course = Course(demand=lambda tier: Demand(effort="two" if tier == "high" else "model"))
    checking = None if had == "none" else Checking(effort=had)
    answer = FinalAnswer(text="so it is", verdict="accepted", checking=checking)
    assert withheld(course, answer) == ""
    course.meets("personal", "high", node="n", why="an address")
    assert (withheld(course, answer) == "") == given_out


# ── what must be cross-validated ─────────────────────────────────────────────────────────

CROSSED = "routes: [{{name: risky, match: {{risk: high}}, cross_validate: {how}}}]\n"
PLAIN = """
    input: {question: text}
    nodes:
      last: {agent: echo, of: question}
    output: last
"""


async def test_a_plain_graph_gives_no_answer_to_what_must_be_cross_validated(
    tmp_path: Path,
) -> None:
    async with Mesh.load(project(tmp_path, CROSSED.format(how="refuse"), PLAIN), env={}) as mesh:
        assert (await mesh.run(question="hello")).text == "<hello>"
        answer = await mesh.run(question="hello", options=RunOptions(risk="high"))
    assert answer.verdict == "abstained"
    assert "route:risky wants it cross-validated" in answer.reason


async def test_a_chat_model_refuses_and_keeps_it_on_record(tmp_path: Path) -> None:
    async with Mesh.load(project(tmp_path, CROSSED.format(how="refuse")), env={}) as mesh:
        with pytest.raises(CrossValidationError, match="route:risky"):
            await mesh.chat_model(risk="high").ainvoke("hello")
        (trace,) = mesh.store.traces()
    assert (trace.status, trace.graph) == ("failed", "chat_model")


POLICY = """
data_classes: [public, internal, pii]
objective: {maximize: quality}
routes:
  - {name: risky, match: {risk: high}, cross_validate: HOW}
"""
ASKED = {
    "model": "auto",
    "messages": [{"role": "user", "content": "Is it so?"}],
    "mesh": {"risk": "high"},
}


@pytest.mark.parametrize("how", ["refuse", "front-desk"])
async def test_the_plain_chat_api(tmp_path: Path, how: str) -> None:
    from tests.gateway.serving import write_served

    write_served(tmp_path, policy=POLICY.replace("HOW", how))
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / "front-desk.yaml").write_text(
        textwrap.dedent(
            """
            input: {question: text}
            nodes:
              last: {agent: talk, of: question}
            output: last
            """
        )
    )
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "talk.md").write_text(
        "---\ndescription: Talks.\ntask: chat\n---\nTalk.\n\n## Input\n{{ task }}\n"
    )
    upstream = StandIn(Say("It is so."))
    async with upstream as url, serving(tmp_path, url) as gateway:
        status, _, said = await gateway.post(ASKED)
        easy, _, plain = await gateway.post({**ASKED, "mesh": {"risk": "medium"}})
    assert (easy, plain["choices"][0]["message"]["content"]) == (200, "It is so.")
    if how == "refuse":
        assert (status, said["error"]["code"]) == (403, "cross_validation_required")
        assert len(upstream.seen) == 1, "nothing was sent"
    else:  # the graph does not check either, so that it gives nothing out
        assert (status, said["model"]) == (200, "graph:front-desk")
        assert said["mesh"]["verdict"] == "abstained"
        assert "It is so." not in said["choices"][0]["message"]["content"]
