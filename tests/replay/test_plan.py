"""`mesh plan` against runs that are then carried out, and what it says where little is known."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh
from orchestrator.errors import UnknownNameError, UserError
from orchestrator.graph.answer import RunOptions
from orchestrator.replay.planning.values import GraphPlan
from orchestrator.replay.traffic import read_traffic
from tests.calling.server import StandIn
from tests.cli.prompt import prompt_in
from tests.replay.planned import GRAPH, World, question, write_planned

WARM, RUNS = 23, 3
NOWHERE = "http://127.0.0.1:9/v1"


def plan(folder: Path, graph: str | None = GRAPH, **inputs: Any) -> GraphPlan:
    given = inputs or {"question": question(0)}

    async def whole() -> GraphPlan:
        async with Mesh.load(folder, env={}) as mesh:
            return await mesh.plan(graph, **given)

    return asyncio.run(whole())


def test_what_runs_cost_lies_in_the_range_and_near_the_middle(tmp_path: Path) -> None:
    async def measured() -> list[tuple[GraphPlan, float]]:
        found = []
        stand_in = StandIn(World(4))
        async with stand_in as url, Mesh.load(write_planned(tmp_path, url), env={}) as mesh:
            warm = (mesh.run(GRAPH, question=question(n, 4)) for n in range(WARM))
            await asyncio.gather(*warm)
            for number in range(WARM, WARM + RUNS):
                asked = question(number, 4)
                expected = await mesh.plan(GRAPH, question=asked)
                answer = await mesh.run(GRAPH, question=asked)
                found.append((expected, answer.cost_usd or 0.0))
            looked_back(mesh)
        return found

    held = asyncio.run(measured())
    ranges = [(p.cost, true) for p, true in held if p.cost is not None]
    assert len(ranges) == RUNS
    assert sum(r.low <= true <= r.high for r, true in ranges) >= RUNS - 1
    assert sorted(abs(r.likely / true - 1) for r, true in ranges)[RUNS // 2] < 0.35
    for cost, true in ranges:
        assert cost.best <= cost.low <= cost.likely <= cost.high
        assert cost.worst is not None
        assert true <= cost.worst
    first, last = held[0][0], held[-1][0]
    assert (first.recorded, last.recorded) == (WARM, WARM + RUNS - 1)
    assert last.checked_on >= 20
    work = next(n for n in last.nodes if n.node == "work")
    assert work.deployments == ("middle/api",)
    assert 1 < work.calls < 5
    assert 0 < last.time.low < last.time.likely < last.time.high


def looked_back(mesh: Mesh) -> None:
    """What these runs have asked, as the portfolio and the audit see it."""
    traffic = read_traffic(mesh.store, since=0.0, fleet=mesh.fleet())
    portfolio = mesh.portfolio(traffic, max_models=2)
    assert portfolio.calls == len(traffic.hops) > 5 * (WARM + RUNS)
    assert [len(s.models) for s in portfolio.best] == [1, 2]
    assert portfolio.whole.served == 1.0
    audited = mesh.audit_traffic(traffic)
    assert audited.calls == len(traffic.hops)
    assert {k.name for k in audited.tasks} == {"plan", "chat", "draft", "check", "aggregate"}
    assert portfolio.was_usd == pytest.approx(audited.usd)


def test_without_a_record_it_says_so_and_writes_and_calls_nothing(tmp_path: Path) -> None:
    found = plan(write_planned(tmp_path, NOWHERE))
    assert found.cost is not None
    assert found.cost.low < found.cost.likely < found.cost.high
    assert any("no run of this graph is on record" in w for w in found.warnings)
    assert found.checked_on == 0
    assert not (tmp_path / ".mesh").exists()
    assert found == plan(tmp_path)


def test_the_subtasks_of_a_request_are_told_by_its_grammar(tmp_path: Path) -> None:
    write_planned(tmp_path, NOWHERE)
    found = plan(tmp_path, question="What is a? What is b? What is c?")
    assert found.subtasks == "about 3 subtasks, by the request's grammar"


def test_code_that_plans_is_asked_at_once(tmp_path: Path) -> None:
    write_planned(tmp_path, NOWHERE)
    fleet = json.loads((tmp_path / "fleet.yaml").read_text())
    fleet["models"]["rules"] = {
        "tier": "nano",
        "tasks": {"plan": 0.9},
        "can": ["json"],
        "deployments": [
            {"id": "here", "via": "builtin", "function": "rule-decomposer", "hosting": "self"}
        ],
    }
    (tmp_path / "fleet.yaml").write_text(json.dumps(fleet))
    found = plan(tmp_path, question="What is a? What is b? What is c?")
    assert found.subtasks == "3 subtasks, as the deterministic decomposer plans it"
    nodes = {n.node: n for n in found.nodes}
    assert nodes["work"].calls == pytest.approx(3, abs=0.2)
    assert nodes["plan"].calls == 0
    assert nodes["plan"].cost is not None
    assert nodes["plan"].cost.high == 0


def test_a_price_that_is_not_known_is_said_and_no_sum_is_made_up(tmp_path: Path) -> None:
    write_planned(tmp_path, NOWHERE)
    fleet = json.loads((tmp_path / "fleet.yaml").read_text())
    for model in fleet["models"].values():
        model["deployments"][0].pop("price")
        model["deployments"][0]["hosting"] = "hosted"
    (tmp_path / "fleet.yaml").write_text(json.dumps(fleet))
    found = plan(tmp_path)
    assert found.cost is None
    assert next(n for n in found.nodes if n.node == "draft").cost is None
    assert any(w.startswith("draft: unknown price of ") for w in found.warnings)


def test_who_may_not_be_served_is_told(tmp_path: Path) -> None:
    write_planned(tmp_path, NOWHERE)
    (tmp_path / "policy.yaml").write_text(
        "objective: {minimize: cost}\n"
        "routes: [{name: none, match: {task: check}, require: {hosting: hosted}}]\n"
    )
    found = plan(tmp_path)
    assert any(w.startswith("check: nobody may serve critic") for w in found.warnings)


def test_mistakes_are_those_of_a_run(tmp_path: Path) -> None:
    write_planned(tmp_path, NOWHERE)
    with pytest.raises(UnknownNameError, match="reprot"):
        plan(tmp_path, "reprot")
    with pytest.raises(UserError, match="needs the input 'question'"):
        asyncio.run(Mesh.load(tmp_path, env={}).plan(GRAPH))


def test_a_budget_that_the_range_passes_is_told(tmp_path: Path) -> None:
    write_planned(tmp_path, NOWHERE)
    policy = (tmp_path / "policy.yaml").read_text()
    (tmp_path / "policy.yaml").write_text(
        f"{policy}budgets: [{{per: user, usd: 0.015, window: day}}]\n"
    )
    options = RunOptions()

    async def whole() -> GraphPlan:
        async with Mesh.load(tmp_path, env={}) as mesh:
            return await mesh.plan(GRAPH, options=options, question=question(1))

    found = asyncio.run(whole())
    assert found.cost is not None
    assert found.cost.high > 0.015
    assert found.over[0].endswith("leaves $0.015")


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = prompt_in(write_planned(tmp_path, NOWHERE), monkeypatch, capsys)
    asked = f"question={question(1)}"
    done = run("plan", GRAPH, asked)
    assert done.code == 0, done.err
    assert done.out.startswith("A run of report costs about $0.0")
    assert "90 of 100 cost $" in done.out
    rows = [line.split() for line in done.out.splitlines()]
    assert any(row[:2] == ["draft", "middle/api"] for row in rows)
    assert run("plan", GRAPH, asked, "--max-usd", "10").code == 0
    over = run("plan", GRAPH, asked, "--max-usd", "0.000001")
    assert over.code == 1
    assert "over a limit: --max-usd allows $0.000001" in over.out
    told = run("plan", GRAPH, asked, "--json").json
    assert told["cost"]["low"] < told["cost"]["likely"] < told["cost"]["high"]
    assert told["nodes"][0]["node"] == "plan"
    assert run("plan", GRAPH, "question").code == 2
