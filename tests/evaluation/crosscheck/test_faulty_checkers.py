"""Checkers that are kin to the author, say yes to everything, die, hang, babble or are cut off.

Everything is real but the models: a graph, routing, HTTP on loopback, the record. None of these
checkers ever makes a claim `supported`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh
from orchestrator.evaluation.crosscheck.checkers import from_traffic
from orchestrator.evaluation.crosscheck.files import ClaimRow
from orchestrator.evaluation.crosscheck.polling import gates, poll
from orchestrator.graph.answer import Answer
from orchestrator.roles.values import Checks
from tests.calling.server import Fail, Hang, Raw, Reset, Say, StandIn, Step, Tokens
from tests.expert import Expert
from tests.roles.checking.answering import item

ALLOWANCE = "The monthly allowance for remote work is 40 EUR for each employee."
HANDBOOK = f"""# Remote work

{ALLOWANCE} It is paid on the 15th day of the month.
Employees may work from home three days a week.
"""
GRAPH = """
input: {question: text, sources: paths}
nodes:
  evidence: {tool: retrieve, with: {query: question, sources: sources}}
  draft: {agent: generator, from: [evidence]}
  check: {agent: checker, from: [draft, evidence], family: other-than draft}
output: check
"""
_CLAIM = re.compile(r'<claim id="(\w+)">\n(.*?)\n</claim>', re.DOTALL)


def reads(body: Mapping[str, Any], model: str = "stand-in-1") -> Say:
    """An honest checker: supported is what stands in the passages letter by letter."""
    prompt = "\n".join(str(m["content"]) for m in body["messages"])
    told = " ".join(prompt.split("<claim")[0].split())
    checks = [
        item(id, "supported" if " ".join(text.split()) in told else "contradicted")
        for id, text in _CLAIM.findall(prompt)
    ]
    return Say(json.dumps({"checks": checks}), model=model)


def agrees(body: Mapping[str, Any]) -> Say:
    """It says yes to everything."""
    prompt = "\n".join(str(m["content"]) for m in body["messages"])
    checks = [item(id, "supported") for id, _ in _CLAIM.findall(prompt)]
    return Say(json.dumps({"checks": checks}))


def cut(body: Mapping[str, Any]) -> Say:
    """Whole JSON, and the provider says that it was cut."""
    return Say(reads(body).text, finish="length")


def half(body: Mapping[str, Any]) -> Say:
    return Say(reads(body).text[:60], finish="length")


def _model(name: str, family: str, task: str, url: str, quality: float) -> str:
    return (
        f"  {name}:\n    family: {family}\n    tier: small\n    context: 16000\n"
        f"    can: [json, stream, cite]\n    tasks: {{{task}: {quality}}}\n    deployments:\n"
        f"      - {{id: api, via: openai, model: {name}-1, endpoint: {url}, hosting: self,\n"
        "         price: {input: 1, output: 1},\n"
        "         timeouts: {first_token_ms: 400, between_tokens_ms: 400}}\n"
    )


def _project(root: Path, author: str, checkers: Mapping[str, tuple[str, str]], effort: str) -> Path:
    """`checkers`: name → its declared family and its URL, the best first."""
    models = _model("writer", "acme", "draft", author, 0.9) + "".join(
        _model(name, family, "check", url, 0.95 - 0.05 * n)
        for n, (name, (family, url)) in enumerate(checkers.items())
    )
    (root / "graphs").mkdir(parents=True)
    (root / "docs").mkdir()
    (root / "docs" / "handbook.md").write_text(HANDBOOK)
    (root / "graphs" / "answer.yaml").write_text(GRAPH)
    (root / "fleet.yaml").write_text(f"models:\n{models}")
    (root / "policy.yaml").write_text(f"objective: {{maximize: quality, checking: {effort}}}\n")
    (root / "mesh.yaml").write_text("default_graph: answer\n")
    return root


async def _ask(root: Path) -> tuple[Checks, Answer]:
    async with Mesh.load(root, env={}) as mesh:
        answer = await mesh.run(
            question="How much is the monthly allowance?", sources=[str(root / "docs")]
        )
    return answer.value, answer


async def _checked_by(
    root: Path, *scripts: Any, families: tuple[str, ...] = ("birds", "fish"), effort: str = "model"
) -> tuple[Checks, Answer]:
    """One claim, checked by stand-ins that play these scripts."""
    stand_ins = [StandIn(script) for script in scripts]
    writer = StandIn(Expert("monthly allowance"))
    try:
        author = await writer.__aenter__()
        urls = [await one.__aenter__() for one in stand_ins]
        named = {
            f"judge-{n}": (family, url)
            for n, (family, url) in enumerate(zip(families, urls, strict=False))
        }
        return await _ask(_project(root, author, named, effort))
    finally:
        for one in (writer, *stand_ins):
            await one.__aexit__()


async def test_an_honest_checker_of_another_family(tmp_path: Path) -> None:
    found, answer = await _checked_by(tmp_path, reads)
    assert [(c.text, c.status) for c in found.checks] == [(ALLOWANCE, "supported")]
    assert (found.independence, found.by, found.reached) == (
        "other-family",
        "judge-0/api",
        "model",
    )
    assert found.cost_micro_usd
    kept = from_traffic(answer.hops)
    assert kept.said.tolist() == [[1.0] * len(kept.names)]
    assert {"gates", "judge-0/api"} <= set(kept.names)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (agrees, "canary"),
        (cut, "truncated"),
        (half, "truncated"),
        (Say("Yes, all of it is true."), "malformed"),
        (Say('{"checks": []}'), "malformed"),
        (Raw("<html>busy</html>"), "malformed"),
        (Fail(401, "who are you?"), "no_verdict"),
        (Fail(503, "overloaded"), "no_verdict"),
        (Reset(), "no_verdict"),
        (Hang(), "timeout"),
    ],
)
async def test_a_faulty_checker_leaves_the_claim_unverified(
    tmp_path: Path, script: Step, kind: str
) -> None:
    found, _ = await _checked_by(tmp_path, script)
    assert [(c.status, c.kind) for c in found.checks] == [("unverified", kind)]
    assert found.checks[0].votes[0].status == "supported"  # the gates', on record


@pytest.mark.parametrize("declared", ["acme", "birds"])
async def test_the_authors_family_does_not_check(tmp_path: Path, declared: str) -> None:
    """Neither by its declaration, which routing sees, nor by the name under which it answered."""

    def kin(body: Mapping[str, Any]) -> Say:
        return reads(body, model="acme-9" if declared == "acme" else "gpt-5-mini")

    writer = Expert("monthly allowance")

    def author(body: dict[str, Any]) -> Step:
        said = writer(body)
        assert isinstance(said, Say)
        return Say(said.text, model="gpt-5")

    async with StandIn(author) as own, StandIn(kin) as judge:
        root = _project(tmp_path, own, {"judge": (declared, judge)}, "model")
        (root / "fleet.yaml").write_text(
            (root / "fleet.yaml").read_text().replace("family: acme", "family: openai")
        )
        found, answer = await _ask(root)
    assert "model" not in {v.checker for v in found.checks[0].votes}
    assert found.checks[0].status == "supported"  # the gates decide
    if declared == "birds":
        assert found.independence == "none"
        assert any("is refused as a checker" in n for hop in answer.hops for n in hop.notes)
    else:
        assert found.independence == "deterministic"


async def test_another_one_is_asked_in_the_place_of_a_refused_one(tmp_path: Path) -> None:
    def kin(body: Mapping[str, Any]) -> Say:
        return reads(body, model="gpt-5-mini")

    author = StandIn(Expert("monthly allowance"))
    async with author as own, StandIn(kin) as first, StandIn(reads) as second:
        judges = {"kin": ("birds", first), "other": ("fish", second)}
        root = _project(tmp_path, own, judges, "model")
        fleet = (root / "fleet.yaml").read_text().replace("family: acme", "family: openai")
        (root / "fleet.yaml").write_text(fleet)
        found, _ = await _ask(root)
    assert (found.independence, found.by) == ("other-family", "other/api")


async def test_two_checkers_and_one_of_them_dies(tmp_path: Path) -> None:
    found, _ = await _checked_by(tmp_path, reads, Fail(401, "no"), effort="two")
    assert [(c.status, c.kind) for c in found.checks] == [("unverified", "no_verdict")]


async def test_two_checkers_agree(tmp_path: Path) -> None:
    found, _ = await _checked_by(tmp_path, reads, reads, effort="two")
    assert [c.status for c in found.checks] == ["supported"]
    assert (found.by, found.reached) == ("judge-0/api, judge-1/api", "two")


async def test_a_provider_that_read_half_of_the_source(tmp_path: Path) -> None:
    def half_read(body: Mapping[str, Any]) -> Say:
        return Say(reads(body).text, usage=Tokens(input=600))

    root = tmp_path / "p"
    async with StandIn(Expert("monthly allowance")) as own, StandIn(half_read) as judge:
        _project(root, own, {"judge": ("birds", judge)}, "model")
        rules = "\n".join(
            f"Rule {n} of the house says that room {n} is locked." for n in range(400)
        )
        row = ClaimRow(
            id="1",
            source="s",
            question="",
            claim=ALLOWANCE,
            passages=(f"{ALLOWANCE}\n{rules}",),
            label=1,
        )
        async with Mesh.load(root, env={}) as mesh:
            services = mesh.single_calls().services
            assert await poll(services, "judge/api", [row]) == ["unverified"]
            assert gates([row], mesh.embedder) == ["supported"]
