"""Traffic whose truth is known: priced models on loopback that always answer a request alike.

A model's answer to a request is a fixed function of both: how long it is, and whether it is right.
Requests are easy or hard, and long or short, for all models; models have strengths by task. What is
learned by `replay.whatif` is not what is drawn here: difficulties have two humps, lengths are gamma
and longer where the answer is wrong, and the fleet's declared qualities are off.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from orchestrator.call_types import CallRequest, Message, text_of
from orchestrator.calling.next_action import History, Next, Repair, Stop, Tried, next_action
from orchestrator.calling.repair import repairable, repaired
from orchestrator.errors import MeshError
from orchestrator.mesh import Mesh
from orchestrator.money import Usage
from orchestrator.project.schema import Agent
from orchestrator.roles.single import Ask
from orchestrator.types import Decision, Deployment, Outcome
from tests.calling.server import Say, StandIn, Step, Tokens

TASKS = ("draft", "math", "extract", "code")
MODELS = ("minnow", "perch", "trout", "salmon", "tuna", "whale")
PRICES = {  # US dollars a million tokens, in and out
    "minnow": (0.1, 0.4),
    "perch": (0.15, 0.6),
    "trout": (0.5, 1.5),
    "salmon": (0.8, 4.0),
    "tuna": (2.5, 10.0),
    "whale": (3.0, 15.0),
}
COMPLAINT = "[wrong]"
MOST_TOKENS = 4096
_NUMBER = re.compile(r"Request (\d+):")
_WORDS = ("the", "river", "of", "every", "clause", "may", "hold", "until", "noon", "moves")

FUNCTIONS = f"""
from orchestrator import check


@check("right")
def right(text):
    return "the answer is wrong" if "{COMPLAINT}" in text else None
"""
AGENT = f"""---
description: Answers.
role: specialist
task: draft
call: {{max_tokens: {MOST_TOKENS}, temperature: 0.0}}
valid: {{check: right}}
---
Answer.
"""


@dataclass(frozen=True)
class Request:
    number: int
    task: str
    text: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class World:
    """Everything that is to be known, of one seed."""

    seed: int
    size: int
    explored: float = 0.18
    """The share of requests that go to one model, drawn at random."""
    panels: float = 0.06

    @cached_property
    def _drawn(self) -> dict[str, Any]:
        random = np.random.default_rng([self.seed, self.size])
        n, m, t = self.size, len(MODELS), len(TASKS)
        rank = np.linspace(0.2, 2.6, m)[:, None]
        strength = rank + random.normal(0, 0.45, (m, t))
        hump = random.random(n) < 0.35
        hard = np.where(hump, random.normal(1.6, 0.6, n), random.normal(-0.6, 0.5, n))
        task = random.choice(t, n, p=[0.4, 0.25, 0.2, 0.15])
        steep = np.array([0.8, 1.3, 1.0, 1.1])
        edge = strength[:, task] - hard * steep[task] + 0.8 * random.standard_t(5, (m, n))
        right = edge > 0
        size = random.normal(0, 1, n)
        base = np.array([420.0, 160.0, 90.0, 300.0])[task]
        wordy = np.exp(random.normal(0, 0.3, (m, 1)) + random.normal(0, 0.12, (m, t)))[:, task]
        noise = random.gamma(9.0, 1 / 9.0, (m, n))
        tokens = base * np.exp(0.55 * size) * wordy * noise * np.where(right, 1.0, 1.25)
        declared = 1 / (1 + np.exp(-(strength + 0.2))) + random.normal(0, 0.07, (m, t))
        return {
            "task": task,
            "right": right,
            "output": np.clip(tokens, 3, MOST_TOKENS).astype(int),
            "split": np.exp(random.normal(0, 0.08, m)),
            "words": np.exp(random.normal(4.2, 0.5, n) + 0.35 * size).astype(int) + 8,
            "declared": np.clip(declared, 0.2, 0.97),
            "route": random.random(n),
            "who": random.integers(0, m, n),
            "words_at": random.integers(0, len(_WORDS), n),
        }

    def right(self, model: str, number: int) -> bool:
        return bool(self._drawn["right"][MODELS.index(model), number])

    def output(self, model: str, number: int) -> int:
        return int(self._drawn["output"][MODELS.index(model), number])

    def input(self, model: str, number: int, messages: Sequence[Message]) -> int:
        """As this model's tokens count: an earlier answer has as many as it was reported with."""
        told = sum(len(text_of(m)) / 4 for m in messages if m["role"] != "assistant")
        told += sum(self.output(model, number) for m in messages if m["role"] == "assistant")
        split = float(self._drawn["split"][MODELS.index(model)])
        return math.ceil(told * split) + 4 * len(messages)

    def usage(self, model: str, number: int, messages: Sequence[Message]) -> Usage:
        return Usage(input=self.input(model, number, messages), output=self.output(model, number))

    def requests(self) -> list[Request]:
        drawn, found = self._drawn, []
        for number in range(self.size):
            at = drawn["words_at"][number]
            tags: tuple[str, ...] = ()
            words = [_WORDS[(at + 7 * k) % len(_WORDS)] for k in range(drawn["words"][number])]
            if drawn["route"][number] < self.explored:
                tags = (f"try-{MODELS[drawn['who'][number]]}",)
            elif drawn["route"][number] < self.explored + self.panels:
                tags = ("panel",)
            task = TASKS[drawn["task"][number]]
            found.append(Request(number, task, f"Request {number}: {' '.join(words)}.", tags))
        return found

    # ── the real path ────────────────────────────────────────────────────────────────────

    def say(self, body: dict[str, Any]) -> Step:
        """What the provider answers."""
        model, messages = body["model"], body["messages"]
        asked = _NUMBER.search(messages[0]["content"])
        assert asked is not None
        number = int(asked[1])
        usage = self.usage(model, number, messages)
        text = f"answer {number}" if self.right(model, number) else f"{COMPLAINT} by {model}"
        return Say(text, Tokens(input=usage.input, output=usage.output), model=model)

    def write(self, folder: Path, endpoint: str, policy: dict[str, Any] | None = None) -> None:
        """The project."""
        models = {}
        for place, name in enumerate(MODELS):
            into, out = PRICES[name]
            deployment = {
                "id": "here",
                "via": "openai",
                "model": name,
                "endpoint": endpoint,
                "hosting": "hosted",
                "region": "eu" if place % 2 else "us",
                "price": {"input": into, "output": out},
            }
            declared = self._drawn["declared"][place]
            models[name] = {
                "family": f"fish-{place // 2}",
                "tier": "small",
                "context": 64_000,
                "tasks": {t: round(float(q), 3) for t, q in zip(TASKS, declared, strict=True)},
                "deployments": [deployment],
            }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "agents").mkdir(exist_ok=True)
        (folder / "mesh.yaml").write_text("python: [functions.py]\n")
        (folder / "functions.py").write_text(FUNCTIONS)
        (folder / "agents" / "solver.md").write_text(AGENT)
        (folder / "fleet.yaml").write_text(json.dumps({"models": models}))
        (folder / "policy.yaml").write_text(json.dumps(policy or self.base_policy()))

    def base_policy(self) -> dict[str, Any]:
        tries = [
            {"name": f"try-{m}", "match": {"tags": [f"try-{m}"]}, "primary": m} for m in MODELS
        ]
        panel = {"kind": "panel", "models": 3, "agree": 3}
        routes = [*tries, {"name": "panel", "match": {"tags": ["panel"]}, "strategy": panel}]
        return {"objective": {"minimize": "cost", "quality_floor": 0.75}, "routes": routes}

    async def serve(
        self, folder: Path, policy: dict[str, Any] | None = None, *, most: int | None = None
    ) -> Mesh:
        """The requests, carried out and recorded in `folder`; the mesh is closed."""
        async with StandIn(self.say) as endpoint:
            self.write(folder, endpoint, policy)
            mesh = Mesh.load(folder, env={})
            calls, agent = mesh.single_calls(), mesh.project.agents["solver"]
            try:
                for request in self.requests()[:most]:
                    with suppress(MeshError):  # nobody was right; it is on record
                        await calls.answer(self.ask(agent, request))
            finally:
                await mesh.close()
            return mesh

    @staticmethod
    def ask(agent: Agent, request: Request) -> Ask:
        return Ask(
            request=CallRequest(messages=({"role": "user", "content": request.text},)),
            agent=agent.model_copy(update={"task": request.task}),
            declared=True,
            tags=request.tags,
            trace_id=f"{request.number:08x}{'0' * 24}",
        )

    @staticmethod
    def number_of(trace_id: str) -> int:
        """The request that this is the trace of."""
        return int(trace_id[:8], 16)

    # ── the truth ────────────────────────────────────────────────────────────────────────

    def truth(
        self, number: int, decision: Decision, fleet: Mapping[str, Deployment]
    ) -> tuple[int, float]:
        """What the decision would really cost, in micro-dollars, and whether it brings a right
        answer; by `next_action` itself."""
        key = (number, decision.chain)
        if key not in self._walked:
            self._walked[key] = self._walk(number, tuple(fleet[name] for name in decision.chain))
        return self._walked[key]

    @cached_property
    def _walked(self) -> dict[tuple[int, tuple[str, ...]], tuple[int, float]]:
        return {}

    def _walk(self, number: int, chain: tuple[Deployment, ...]) -> tuple[int, float]:
        request = self._asked[number]
        history, cost = History(chain=chain, deadline=1e9), 0
        while True:
            action = next_action(history, 0.0)
            if isinstance(action, Stop):
                return cost, float(action.reason == "ok")
            assert isinstance(action, (Next, Repair))
            d, sent = action.deployment, request
            if isinstance(action, Repair):
                sent = repaired(request, f"{COMPLAINT} by {d.model}", "the answer is wrong")
            assert d.price is not None
            cost += d.price.cost(self.usage(d.model, number, sent.messages)) or 0
            right = self.right(d.model, number)
            mend = replace(repaired(request, "", ""), max_tokens=MOST_TOKENS)
            tried = Tried(
                deployment=d.id,
                outcome=Outcome.OK if right else Outcome.INVALID_OUTPUT,
                at=0.0,
                repair=isinstance(action, Repair),
                repairable=repairable(d, mend),
            )
            history.tried = (*history.tried, tried)

    @cached_property
    def _asked(self) -> list[CallRequest]:
        return [
            CallRequest(messages=({"role": "user", "content": r.text},)) for r in self.requests()
        ]


def random_policy(random: np.random.Generator) -> dict[str, Any]:
    """Objectives, floors, preferences, exclusions and caps, as somebody might write them."""
    goal = random.choice(["cost", "cost", "quality"])
    objective: dict[str, Any] = (
        {"maximize": "quality"} if goal == "quality" else {"minimize": "cost"}
    )
    objective["quality_floor"] = round(float(random.uniform(0.3, 0.9)), 2)
    if random.random() < 0.1:
        objective["below_floor"] = "refuse"
    routes: list[dict[str, Any]] = []
    if random.random() < 0.3:
        only = random.choice(MODELS, random.integers(1, 4), replace=False)
        routes.append({"name": "only", "require": {"models": sorted(map(str, only))}})
    elif random.random() < 0.4:
        barred = random.choice(MODELS, random.integers(1, 4), replace=False)
        routes.append({"name": "without", "require": {"not_models": sorted(map(str, barred))}})
    for task in TASKS:
        route: dict[str, Any] = {"name": f"for-{task}", "match": {"task": task}}
        if random.random() < 0.35:
            first = [str(m) for m in random.choice(MODELS, 3, replace=False)]
            route |= {"primary": first[0], "fallbacks": first[1:]}
        if random.random() < 0.2:
            route["quality_floor"] = round(float(random.uniform(0.5, 0.9)), 2)
        if random.random() < 0.15:
            route["max_cost_usd"] = round(float(10 ** random.uniform(-3.6, -2)), 6)
        if len(route) > 2:
            routes.append(route)
    return {"objective": objective, "routes": routes}
