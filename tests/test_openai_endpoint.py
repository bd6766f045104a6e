"""`OPENAI_API_KEY` and `OPENAI_BASE_URL` are set: the default fleet uses that endpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import Mesh
from orchestrator.graph.answer import Answer
from tests.calling.server import StandIn
from tests.expert import Expert

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

KEY = "test-key-of-the-stand-in"
SOURCE = (
    "# Allowances\n\nEvery employee receives a monthly allowance of 40 EUR for internet. "
    "The allowance is paid with the salary.\n"
)
QUESTION = "How high is the monthly allowance for internet?"


async def ask(tmp_path: Path, expert: Expert) -> tuple[Answer, StandIn]:
    source = tmp_path / "allowance.md"
    source.write_text(SOURCE)
    stand_in = StandIn(expert, key=KEY)
    async with stand_in as base_url:
        env = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": base_url}
        async with Mesh.load(tmp_path, env=env) as mesh:
            answer = await mesh.run(question=QUESTION, sources=[str(source)])
    return answer, stand_in


def used(answer: Answer) -> set[str]:
    return {a.deployment for hop in answer.hops for a in hop.attempts if a.outcome == "ok"}


async def test_through_the_openai_transport(tmp_path: Path) -> None:
    answer, stand_in = await ask(tmp_path, Expert("allowance of 40 EUR"))
    assert answer.verdict == "accepted"
    assert "40 EUR" in answer.text
    assert any(name.endswith("/direct") for name in used(answer))
    assert stand_in.seen
    assert answer.cost_usd is not None
    assert answer.cost_usd > 0


async def test_through_the_litellm_transport(tmp_path: Path) -> None:
    """The direct deployment fails each time, so its sibling of the same model takes over."""
    answer, _ = await ask(tmp_path, Expert("allowance of 40 EUR", failing=True))
    assert answer.verdict == "accepted"
    through = {n for n in used(answer) if n.startswith("gpt-")}
    assert through
    assert all(name.endswith("/litellm") for name in through)
    failed = [a for hop in answer.hops for a in hop.attempts if a.outcome == "overloaded"]
    assert failed


async def test_the_checker_is_never_of_the_generators_family(tmp_path: Path) -> None:
    answer, _ = await ask(tmp_path, Expert("allowance of 40 EUR"))
    drafted = next(h for h in answer.hops if h.node == "draft")
    checked = next(h for h in answer.hops if h.node == "check")
    assert drafted.attempts[-1].family == "openai"
    assert checked.attempts[-1].family != "openai"
    assert checked.decision is not None
    lost = {c.deployment: c for c in checked.decision.candidates}["gpt-5/direct"]
    assert (lost.stage, lost.found) == ("data_policy", "openai")


async def test_a_hosted_model_that_lies_is_caught_by_the_gates(tmp_path: Path) -> None:
    lying = Expert("allowance of 40 EUR", lie=lambda text: text.replace("40", "50"))
    answer, _ = await ask(tmp_path, lying)
    assert answer.verdict == "abstained"
    assert "50 EUR" not in answer.text
    assert {(c.status, "50 EUR" in c.text) for c in answer.claims} == {("contradicted", True)}
    assert "40" in answer.reason
    assert "50" in answer.reason


async def test_a_server_that_is_found_on_the_machine_is_used_without_a_key(tmp_path: Path) -> None:
    source = tmp_path / "allowance.md"
    source.write_text(SOURCE)
    stand_in = StandIn(Expert("allowance of 40 EUR"))
    async with stand_in as base_url:
        env = {"MESH_OPENAI_COMPATIBLE_URL": base_url}
        async with Mesh.load(tmp_path, env=env) as mesh:
            answer = await mesh.run(question=QUESTION, sources=[str(source)])
    assert answer.verdict == "accepted"
    assert "local-server/local" in used(answer)
    drafted = next(h for h in answer.hops if h.node == "draft")
    assert drafted.attempts[-1].model == "local-server"
    assert {seen.body["model"] for seen in stand_in.seen} == {"stand-in-1"}
    assert answer.cost_usd == 0
