"""The class of data that a text makes of a request counts where it is stricter than declared."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import Mesh
from orchestrator.errors import NoCandidateError
from tests.graph.small import PYTHON, calls, write_project

GRAPH = """
    input: {question: text}
    nodes:
      first: {agent: echo, of: question}
      second: {agent: echo, of: first}
    output: second
"""
FLEET = """
models:
  here:
    tier: nano
    tasks: {"*": 0.6}
    deployments: [{id: own, via: builtin, function: echo, hosting: self}]
  away:
    tier: nano
    tasks: {"*": 0.9}
    deployments: [{id: api, via: builtin, function: echo, hosting: hosted}]
"""
POLICY = """
objective: {maximize: quality}
routes:
  - {name: home, match: {data_class: [pii]}, require: {hosting: self}}
"""
AGENT = """---
description: Repeats.
role: echo
task: chat
---
Repeat.

## Input
{{ text }}
"""
PLAIN = "Write to the carpenter about the roof."
EMAIL = "Write to ann.muster@example.org about the roof."


def project(folder: Path, policy: str = POLICY) -> Path:
    write_project(folder, GRAPH, policy=policy)
    (folder / "fleet.yaml").write_text(FLEET)
    (folder / "agents" / "echo.md").write_text(AGENT)
    sent = PYTHON.replace("call(variables={}", 'call(variables={"text": "+".join(texts)}')
    (folder / "functions.py").write_text(sent)
    return folder


def test_a_decision_follows_what_the_text_holds(tmp_path: Path) -> None:
    mesh = Mesh.load(project(tmp_path), env={})
    assert mesh.decide(PLAIN).chosen == "away/api"
    decision = mesh.decide(EMAIL, data_class="public")
    assert (decision.chosen, decision.routes) == ("here/own", ("home",))
    profile = mesh.profile(EMAIL, data_class="public")
    assert profile.data_class == "pii"
    assert profile.features["data_class"].origin == "found: email"
    assert mesh.profile(EMAIL, data_class="regulated").data_class == "regulated"


def test_nothing_is_found_where_the_policy_does_not_look(tmp_path: Path) -> None:
    mesh = Mesh.load(project(tmp_path, POLICY + "detect: false\n"), env={})
    assert mesh.decide(EMAIL, data_class="public").chosen == "away/api"


async def test_a_hop_follows_what_it_sends_and_what_the_run_has_met(tmp_path: Path) -> None:
    async with Mesh.load(project(tmp_path), env={}) as mesh:
        answer = await mesh.run("small", question=EMAIL)
        hops = {hop.node: hop for hop in mesh.store.hops(answer.trace_id)}
        for hop in (hops["first"], hops["second"]):
            assert hop.decision is not None
            assert hop.decision.chosen == "here/own"
            assert hop.profile is not None
            assert hop.profile.data_class == "pii"
        plain = await mesh.run("small", question=PLAIN)
        chosen = [hop.decision.chosen for hop in mesh.store.hops(plain.trace_id) if hop.decision]
    assert chosen == ["away/api", "away/api"]


async def test_a_hop_whose_text_may_go_nowhere_sends_nothing(tmp_path: Path) -> None:
    folder = project(tmp_path, POLICY.replace("hosting: self", "hosting: self, regions: [eu]"))
    async with Mesh.load(folder, env={}) as mesh:
        with pytest.raises(NoCandidateError):
            await mesh.run("small", question=EMAIL)
    assert calls(folder) == []
