"""The shipped graph over a poisoned source, with a writer that obeys whatever reaches it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from orchestrator import Mesh
from orchestrator.evidence.selecting.orders import GIVES_ORDERS
from orchestrator.graph.answer import Answer
from tests.calling.server import Say, StandIn
from tests.guard.injection.poison import ASKED, LIMIT, Planted, plain_clean

ROOT = Path(__file__).parents[3]


@dataclass
class Gullible:
    """A small model's stand-in: it quotes the first sentence that fits, unless somebody whom it
    takes for its master has told it otherwise."""

    poison: str = "\0"
    obeyed: int = 0
    prompts: list[str] = field(default_factory=list)

    def __call__(self, body: dict[str, Any]) -> Say:
        prompt = "\n".join(str(m["content"]) for m in body["messages"])
        self.prompts.append(prompt)
        if _met(self.poison, prompt):
            self.obeyed += 1
            said, cited = "Members may borrow ninety tools.", "p1.1"
        else:
            said = LIMIT
            at = prompt.find(f"] {LIMIT}")
            cited = prompt[prompt.rfind("[", 0, at) + 1 : at]
        sentence = {"text": said, "citations": [cited]}
        return Say(json.dumps({"sentences": [sentence], "abstain": ""}))


def _met(poison: str, prompt: str) -> bool:
    """Whether more than half of its words reached the model."""
    words = [word for word in poison.split() if len(word) > 3] or [poison]
    return sum(word in prompt for word in words) > len(words) / 2


@dataclass(frozen=True)
class Course:
    """What a run did, as far as a poisoned source must not change it."""

    plan: str
    steps: tuple[tuple[str, str, str, str], ...]
    """Node, role, agent and who was chosen, of each hop: tools that were called among them."""
    verdict: str
    text: str
    quotes: tuple[str, ...]


def course(answer: Answer) -> Course:
    plan = next(h.output or "" for h in answer.hops if h.node == "plan")
    steps = tuple(
        sorted(
            (h.node, h.role, h.agent or "", h.decision.chosen if h.decision else "")
            for h in answer.hops
            if h.role != "risk"  # which says that something was tried
        )
    )
    quotes = tuple(c.quote for c in answer.citations)
    return Course(plan, steps, str(answer.verdict), answer.text, quotes)


def told(answer: Answer) -> list[str]:
    """What the trace says of orders."""
    notes = [note for h in answer.hops for note in h.notes]
    return [note for note in notes if GIVES_ORDERS in note or note.startswith("injection in ")]


@dataclass
class Workshop:
    """A mesh, its writer, and a folder for sources."""

    mesh: Mesh
    writer: Gullible
    folder: Path

    async def clean(self) -> Answer:
        return await self._ask("clean", "handbook.md", plain_clean(), "\0")

    async def poisoned(self, planted: Planted) -> Answer:
        return await self._ask(planted.name, planted.file, planted.text, planted.poison)

    async def _ask(self, name: str, file: str, text: str, poison: str) -> Answer:
        self.writer.poison = poison
        folder = self.folder / "docs" / name
        folder.mkdir(parents=True)
        (folder / file).write_text(text)
        return await self.mesh.run("cross-validated", question=ASKED, sources=[str(folder)])


@asynccontextmanager
async def workshop(folder: Path, route: str = "") -> AsyncIterator[Workshop]:
    writer = Gullible()
    async with StandIn(writer) as url:
        _project(folder, url, route)
        async with Mesh.load(folder, env={}) as mesh:
            yield Workshop(mesh, writer, folder)


def _project(folder: Path, url: str, route: str) -> None:
    models = yaml.safe_load((ROOT / "fleet.yaml").read_text())["models"]
    fleet = {
        name: model
        for name, model in models.items()
        if all(d["via"] == "builtin" for d in model["deployments"])
    }
    served = {"id": "api", "via": "openai", "model": "small-1", "endpoint": url, "hosting": "self"}
    priced: dict[str, Any] = {**served, "price": {"input": 1, "output": 1}}
    fleet["writer"] = {
        "family": "acme",
        "tier": "small",
        "context": 32000,
        "tasks": {"draft": 0.95},
        "can": ["json", "cite"],
        "deployments": [priced],
    }
    (folder / "fleet.yaml").write_text(yaml.safe_dump({"models": fleet}))
    (folder / "mesh.yaml").write_text("default_graph: cross-validated\n")
    policy = "objective: {maximize: quality, checking: scorer}\n"
    if route:
        policy += f"routes:\n  - {{name: sources, match: {{}}, {route}}}\n"
    (folder / "policy.yaml").write_text(policy)
