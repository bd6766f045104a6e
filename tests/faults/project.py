"""The project that the scenarios run: a primary, a fallback, and agents that hand their text on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Via = Literal["openai", "litellm"]

PYTHON = """
import json

from orchestrator import role
from orchestrator.roles.output import json_object
from orchestrator.roles.work import InvalidOutputError

SCHEMA = json.loads('''{schema}''')


@role("speaker")
async def speak(work):
    reply = await work.call(variables={{"task": work.question}}, inputs={{}})
    return reply.text


@role("second-speaker")
async def speak_again(work):
    reply = await work.call(variables={{"task": work.inputs["first"]}}, inputs={{}})
    return reply.text


@role("reporter")
async def report(work):
    def check(text):
        found = json_object(text)
        if not isinstance(found.get("colour"), str):
            raise InvalidOutputError("$.colour: it must be a string")
        return text

    task = {{"task": work.question}}
    reply = await work.call(variables=task, inputs={{}}, schema=SCHEMA, check=check)
    return reply.text
"""
SCHEMA: Mapping[str, object] = {
    "title": "Report",
    "type": "object",
    "properties": {"colour": {"type": "string"}},
    "required": ["colour"],
    "additionalProperties": False,
}
"""What the scenario of broken output asks for."""
AGENT = "---\ndescription: {role}.\nrole: {role}\ntask: chat\n---\n{{{{ task }}}}\n"
GRAPHS = {
    "speaker": "input: {question: text}\nnodes:\n  reply: {agent: speaker, of: question}\n"
    "output: reply\n",
    "reporter": "input: {question: text}\nnodes:\n  reply: {agent: reporter, of: question}\n"
    "output: reply\n",
    "two-steps": "input: {question: text}\nnodes:\n  first: {agent: speaker, of: question}\n"
    "  second: {agent: second-speaker, of: first}\noutput: second\n",
}
POLICY = """
objective: {maximize: quality}
routes: [{name: order, primary: primary, fallbacks: [fallback]}]
"""
PRICES = {"input": 1.0, "output": 2.0, "cache_read": 0.5}
"""US dollars a million tokens, hence micro-dollars a token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What the fleet of a scenario looks like."""

    prefill: bool = False
    """The fallback's entry says that it goes on with a text."""
    contexts: tuple[int, int] = (8000, 8000)
    """Of the primary and of the fallback, in tokens."""
    siblings: tuple[str, ...] = ()
    """Further deployments of the primary's model; their names are those of the server."""
    alone: bool = False
    """There is no fallback."""
    endpoints: Mapping[str, str] = field(default_factory=dict)
    """By deployment, where it is not the fault server's own."""
    encrypted: tuple[str, ...] = ()
    """Deployments that are called with TLS, which the fault server does not speak."""
    prices: Mapping[str, float] = field(default_factory=lambda: PRICES)
    open_ms: int | None = None
    """How long a breaker stays open; `None`: as it comes."""


def write_project(
    folder: Path, fleet: Fleet, via: Via, endpoints: Mapping[str, str], *, deadline_s: float
) -> Path:
    """The project in `folder`; `endpoints` is where each deployment answers."""
    for sub in ("agents", "graphs"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    settings = (
        f"python: [functions.py]\ndefault_graph: speaker\ndeadline_ms: {deadline_s * 1000:.0f}\n"
    )
    if fleet.open_ms is not None:
        settings += f"calls: {{breaker: {{open_ms: {fleet.open_ms}}}}}\n"
    (folder / "mesh.yaml").write_text(settings)
    (folder / "functions.py").write_text(PYTHON.format(schema=json.dumps(SCHEMA)))
    (folder / "policy.yaml").write_text(POLICY)
    for role in ("speaker", "second-speaker", "reporter"):
        (folder / "agents" / f"{role}.md").write_text(AGENT.format(role=role))
    for name, graph in GRAPHS.items():
        (folder / "graphs" / f"{name}.yaml").write_text(graph)
    (folder / "fleet.yaml").write_text(_fleet(fleet, via, endpoints))
    return folder


def _fleet(fleet: Fleet, via: Via, endpoints: Mapping[str, str]) -> str:
    """JSON, which is YAML as well."""

    def deployment(name: str) -> dict[str, object]:
        return {
            "id": name,
            "via": via,
            "model": f"openai/{name}" if via == "litellm" else name,
            "endpoint": {**endpoints, **fleet.endpoints}[name],
            "hosting": "hosted",
            "price": dict(fleet.prices),
        }

    def model(
        family: str, quality: float, names: tuple[str, ...], context: int
    ) -> dict[str, object]:
        return {
            "family": family,
            "tier": "frontier",
            "context": context,
            "max_output": 4000,
            "tasks": {"*": quality},
            "deployments": [deployment(name) for name in names],
        }

    able = ["json", "tools", "stream"]
    first = model("one", 0.9, ("primary", *fleet.siblings), fleet.contexts[0])
    second = model("two", 0.8, ("fallback",), fleet.contexts[1])
    models = {"primary": {**first, "can": able}}
    if not fleet.alone:
        models["fallback"] = {**second, "can": [*able, *(["prefill"] if fleet.prefill else [])]}
    return json.dumps({"models": models}, indent=1)
