"""A project of priced loopback models whose answers have seeded random lengths, fail, and revise.

The graph plans, works on each subtask, drafts, checks, revises and aggregates. What a model answers
depends on the prompt, the seed, and how often the prompt has come, and on nothing else.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from dataclasses import dataclass, field
from math import exp, log
from pathlib import Path
from typing import Any

from tests.calling.server import Fail, Say, Step, Tokens

GRAPH = "report"
_WORD = "tttt" * 7 + " "  # about seven tokens, so that few events are streamed
_TOKENS_A_WORD = len(_WORD) / 4

PYTHON = """
from orchestrator import function, role
from orchestrator.call_types import text_of
from orchestrator.roles.work import InvalidOutputError


def said(text):
    if text.startswith("NO"):
        raise InvalidOutputError("no answer")
    return text


@role("writer")
async def write(work):
    parts = [str(v) if isinstance(v, str) else getattr(v, "text", "") for v in _flat(work)]
    material = "\\n".join([work.question, *filter(None, parts)])
    reply = await work.call(variables={"material": material}, inputs={}, check=said)
    return reply.text


def _flat(work):
    for value in work.inputs.values():
        if isinstance(value, (list, tuple)):
            yield from value
        else:
            yield value


@function("judge")
def judge(inputs):
    again = "REVISE" in inputs["check"] and inputs["round"] < inputs["at_most"]
    return ("revise" if again else "done", inputs["draft"])
"""
AGENTS = {
    "decomposer": ("decomposer", "plan", "Make a plan. Tasks:\n{{ tasks }}\n{{ question }}"),
    "router": ("router", "classify", "Which task? {{ request }} of {{ tasks }}"),
    "researcher": ("specialist", "chat", "Work on this.\n{{ task }}\n{{ results }}"),
    "author": ("writer", "draft", "Write the report.\n{{ material }}"),
    "critic": ("writer", "check", "Check the report, with care.\n{{ material }}"),
    "editor": ("writer", "aggregate", "Make it ready to print.\n{{ material }}"),
}
GRAPHS = """
input: {question: text}
nodes:
  plan: {agent: decomposer, from: [question]}
  route: {agent: router, of: plan}
  work: {each: route.subtasks, agent: researcher}
  draft: {agent: author, from: [work]}
  check: {agent: critic, of: draft, family: other-than draft}
  verdict:
    function: judge
    from: [draft, check]
    to: {revise: draft, done: answer}
    at_most: 2
  answer: {agent: editor, from: [verdict]}
output: answer
"""
POLICY = """
objective: {minimize: cost, quality_floor: 0.5}
routes:
  - {name: good, match: {task: [plan, chat, draft, check]}, quality_floor: 0.6}
"""
_MODELS = {
    # name: family, tier, quality, price of a million tokens in and out, share that is no answer
    "little": ("acme", "small", 0.58, (0.15, 0.6), 0.08),
    "middle": ("borea", "mid", 0.7, (0.8, 4.0), 0.04),
    "other": ("delta", "mid", 0.7, (1.0, 4.0), 0.04),
    "large": ("cumulus", "frontier", 0.9, (3.0, 15.0), 0.01),
}
_LENGTHS = {"plan": 90, "chat": 260, "draft": 520, "check": 70, "aggregate": 420}
"""Tokens of an answer, in the middle."""
_SPREAD = 0.35
"""Of its logarithm: of three answers one is longer than usual by 40 %, or shorter by a third."""


def write_planned(folder: Path, url: str) -> Path:
    """The project in `folder`, its models served at `url`."""
    for sub in ("agents", "graphs"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    (folder / "mesh.yaml").write_text(f"python: [functions.py]\ndefault_graph: {GRAPH}\n")
    (folder / "functions.py").write_text(PYTHON)
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "graphs" / f"{GRAPH}.yaml").write_text(GRAPHS)
    for name, (role, task, prompt) in AGENTS.items():
        head = f"---\ndescription: {name}\nrole: {role}\ntask: {task}\n---\n"
        (folder / "agents" / f"{name}.md").write_text(head + prompt + "\n")
    models = {}
    for name, (family, tier, quality, (into, out), _) in _MODELS.items():
        deployment = {
            "id": "api",
            "via": "openai",
            "model": name,
            "endpoint": url,
            "hosting": "self",
            "price": {"input": into, "output": out},
            "first_token_ms": 5,
            "tokens_per_second": 20_000,
        }
        models[name] = {
            "family": family,
            "tier": tier,
            "context": 64_000,
            "max_output": 4_000,
            "can": ["json", "stream"],
            "tasks": dict.fromkeys(("plan", "classify", *_LENGTHS), quality),
            "deployments": [deployment],
        }
    (folder / "fleet.yaml").write_text(json.dumps({"models": models}))
    return folder


def question(number: int, seed: int = 0) -> str:
    """A request of one to four topics, with material of random length."""
    rng = random.Random(f"question {seed} {number}")
    topics = rng.randint(1, 4)
    words = round(exp(rng.gauss(log(60), 0.7)))
    asked = " ".join(f"What is said of topic-{n}?" for n in range(topics))
    return f"{asked} This is request {number}. " + _WORD * words


@dataclass
class World:
    """A script for `StandIn`: what its models answer."""

    seed: int = 0
    revise: float = 0.2
    """How often a check sends the draft back."""
    calls: int = 0
    _came: Counter[str] = field(default_factory=Counter)

    def __call__(self, body: dict[str, Any]) -> Step:
        self.calls += 1
        prompt = "\n".join(str(m["content"]) for m in body["messages"])
        self._came[prompt] += 1
        rng = random.Random(f"{self.seed} {body['model']} {self._came[prompt]} {prompt}")
        if rng.random() < 0.02:
            return Fail(503, "overloaded")
        task = self._task(prompt)
        length = exp(rng.gauss(log(_LENGTHS[task]), _SPREAD))
        text = self._text(task, prompt, length, rng)
        if task != "plan" and rng.random() < _MODELS[body["model"]][4]:
            text = f"NO {text}"
        written = max(round(len(text) / 4), 1)
        usage = Tokens(input=round(len(prompt) / 3.6) + 7, output=written)
        return Say(text, usage=usage, delay_s=0.003 + written * 2e-5)

    @staticmethod
    def _task(prompt: str) -> str:
        first = prompt.lstrip()
        begins = {
            "Make a plan": "plan",
            "Work on": "chat",
            "Write the": "draft",
            "Check the": "check",
            "Make it": "aggregate",
        }
        return next(task for words, task in begins.items() if first.startswith(words))

    def _text(self, task: str, prompt: str, length: float, rng: random.Random) -> str:
        filling = _WORD * max(round(length / _TOKENS_A_WORD), 1)
        if task == "check":
            return f"{'REVISE' if rng.random() < self.revise else 'FINE'} {filling}"
        if task != "plan":
            return filling
        topics = re.findall(r"topic-\d", prompt)
        count = max(1, len(set(topics)) + rng.choice([0, 0, 0, 0, 1, -1]))
        each = _WORD * max(round(length / _TOKENS_A_WORD / count), 1)
        subtasks = [
            {"id": f"s{n}", "description": f"Find {n}. {each}", "task": "chat", "needs": []}
            for n in range(count)
        ]
        return json.dumps({"subtasks": subtasks})
