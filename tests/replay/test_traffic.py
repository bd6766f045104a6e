"""Recorded traffic, as it is read back."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.mesh import Mesh
from orchestrator.project.policy_schema import Policy
from orchestrator.records import Feedback
from orchestrator.replay.traffic import read_traffic, recorded_hops
from orchestrator.replay.whatif import as_recorded, chooser
from orchestrator.replay.whatif_course import Choice
from orchestrator.tracing.store import TraceStore
from orchestrator.types import LogRule, Outcome
from tests.graph.small import write_project
from tests.replay.priced import REQUESTS, priced
from tests.replay.truth import World

GRAPH = """
    input: {question: text}
    nodes:
      reply: {agent: echo, of: question}
    output: reply
"""


def test_all_that_a_decision_was_made_from_is_there() -> None:
    found, policy = priced(), Policy.model_validate(priced().world.base_policy())
    traffic = found.traffic
    assert len(traffic.hops) == REQUESTS
    assert not traffic.remade
    begun = [one.hop.started_at for one in traffic.hops]
    assert begun == sorted(begun)
    choose = chooser(policy, as_recorded)
    for one in traffic.hops:
        choice = choose(one)
        assert isinstance(choice, Choice)
        assert choice.decision == one.decision


def test_what_a_check_has_said_is_told_of_each_that_answered() -> None:
    world = priced().world
    told = 0
    for one in priced().traffic.hops:
        number = world.number_of(one.trace.id)
        for seen in one.observed:
            assert seen.by == "check"
            assert seen.value == world.right(seen.model, number)
            told += 1
        answer = one.answer
        assert (answer is None) == (one.hop.status == "failed")
        assert answer is None or answer.outcome is Outcome.OK
        assert one.quality is not None
        assert one.quality.value == (answer is not None)
    assert told > REQUESTS


def test_many_traces_are_read_at_once_as_one_by_one() -> None:
    store = TraceStore(priced().folder / ".mesh" / "traces.sqlite")
    ids = [one.trace.id for one in priced().traffic.hops[:40]]
    assert store.hops_of([*ids, "none"]) == {**{name: store.hops(name) for name in ids}, "none": []}
    every = [a for one in priced().traffic.hops for a in one.attempts if a.outcome is Outcome.OK]
    last = {a.deployment: a.started_at for a in sorted(every, key=lambda a: a.started_at)}
    assert store.last_answers() == pytest.approx(last)
    store.close()


def test_the_very_same_request_is_known_again() -> None:
    traffic = priced().traffic
    assert len({one.key for one in traffic.hops}) == REQUESTS
    one = traffic.hops[0]
    again = replace(one.hop, id="another")
    fleet = priced().fleet
    (other,) = recorded_hops(one.trace, [again], lambda _: (fleet, True), {})
    assert other.key == one.key
    redacted = replace(one.decision, log=LogRule(prompts="redacted"))
    (other,) = recorded_hops(
        one.trace, [replace(again, decision=redacted)], lambda _: (fleet, True), {}
    )
    assert other.key == ""


async def test_what_is_said_of_an_answer_goes_before_its_check(tmp_path: Path) -> None:
    folder = write_project(tmp_path, GRAPH)
    async with Mesh.load(folder) as mesh:
        for question in ("Hello?", "Hello?", "Bye."):
            await mesh.run("small", question=question)
        since = time.time() - 60
        before = read_traffic(mesh.store, since=since, fleet=mesh.fleet())
        said = Feedback(trace_id=before.hops[0].trace.id, score=0.25, by="ana", at=time.time())
        assert mesh.store.judge(said, since=since, most=9)
        assert mesh.store.judge(replace(said, score=0.75, by="ben"), since=since, most=9)
        found = read_traffic(mesh.store, since=since, fleet=mesh.fleet())
    assert [one.quality for one in before.hops] == [None] * 3
    first = found.hops[0].quality
    assert first is not None
    assert (first.by, first.value, first.deployment) == ("feedback", 0.5, "echo/here")
    assert found.hops[1].quality is None
    # Code reads values, which no prompt tells apart.
    assert {one.key for one in found.hops} == {""}


def test_what_is_not_on_record_is_made_from_the_decision() -> None:
    hop = next(one.hop for one in priced().traffic.hops if one.decision.strategy == "single")
    assert hop.decision is not None
    trace = next(one.trace for one in priced().traffic.hops if one.hop is hop)
    old = replace(hop, decision=replace(hop.decision, context=None, fleet_hash="gone"))

    class Store:
        def traces(self, limit: int = 20, *, since: float | None = None) -> list[object]:
            return [trace]

        def hops_of(self, ids: object) -> dict[str, list[object]]:
            return {trace.id: [old]}

        def snapshot(self, fleet_hash: str) -> None:
            return None

        def feedback(
            self, trace_id: str | None = None, *, since: float | None = None
        ) -> list[object]:
            return []

    found = read_traffic(Store(), since=0.0, fleet=priced().fleet)  # type: ignore[arg-type]
    assert dict(found.remade) == {"context": 1, "fleet": 1}
    policy = Policy.model_validate(priced().world.base_policy())
    choice = chooser(policy, as_recorded)(found.hops[0])
    assert isinstance(choice, Choice)
    assert choice.decision.chain == hop.decision.chain


async def test_who_was_refused_is_told_apart(tmp_path: Path) -> None:
    world = World(6, 6)
    refuse = {"objective": {"quality_floor": 0.99, "below_floor": "refuse"}}
    mesh = await world.serve(tmp_path, refuse)
    found = read_traffic(mesh.store, since=0.0, fleet=priced().fleet)
    assert not found.hops
    assert len(found.refused) == 6
    assert {d.id for d in found.refused[0].fleet.deployments} == {
        d.id for d in priced().fleet.deployments
    }
