"""Oracles behind a loopback endpoint, and a small project whose checkers they are.

Everything between is real: HTTP, routing, attempts, the checker's role, the record.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from orchestrator.call_types import tokens
from orchestrator.evaluation.crosscheck.oracle import (
    Fact,
    Outcome,
    Setting,
    facts,
    labels_of,
    outcome,
)
from orchestrator.evaluation.crosscheck.progress import OnProgress, silent
from orchestrator.roles.checking.reading import ASPECTS
from orchestrator.roles.values import Checks

AT_ONCE = 6
"""Claims of one run; each has a source and so a call of its own."""
_CLAIM = re.compile(r'<claim id="(\w+)">\n(.*?)\n</claim>', re.DOTALL)

_FUNCTIONS = """
from orchestrator import function
from orchestrator.evidence.values import Citation, Draft, Passage, Sentence


def _sources(inputs):
    return [(f"{n}.txt", fact["source"], fact["claim"]) for n, fact in enumerate(inputs["facts"])]


@function("written")
def written(inputs):
    sentences = []
    for n, (file, source, claim) in enumerate(_sources(inputs)):
        cited = Citation(file=file, start=0, end=len(source), quote=source)
        sentences.append(Sentence(id=f"s{n}", text=claim, citations=(cited,)))
    return Draft(sentences=tuple(sentences))


@function("sources")
def sources(inputs):
    return [
        Passage(id=f"p{n}", file=file, start=0, end=len(text), text=text, doc_hash="rule")
        for n, (file, text, _) in enumerate(_sources(inputs))
    ]
"""
_GRAPH = """
input: {facts: json}
nodes:
  draft: {function: written, of: facts}
  evidence: {function: sources, of: facts}
  check: {agent: checker, from: [draft, evidence]}
output: check
"""


class Runs(Protocol):
    """As much of a mesh as is used here."""

    async def run(self, graph: str, *, facts: Any) -> Any: ...


Load = Callable[[Path], AbstractAsyncContextManager[Runs]]


async def carried_out(
    setting: Setting, n: int, load: Load, *, on_progress: OnProgress = silent
) -> list[Outcome]:
    """What a pipeline makes of `n` claims by rule, with the setting's oracles as its checkers.

    Args:
        load: makes a mesh of a project's folder: `Mesh.load`.
    """
    given, found = facts(n, setting.seed), list[Outcome]()
    with TemporaryDirectory() as folder:
        async with served(setting, labels_of(given)) as url:
            write_project(Path(folder), url, len(setting.oracles))
            async with load(Path(folder)) as mesh:
                for start in range(0, n, AT_ONCE):
                    found += await _run(mesh, given[start : start + AT_ONCE])
                    on_progress(setting.name, len(found), n)
    return found


async def _run(mesh: Runs, given: Sequence[Fact]) -> list[Outcome]:
    sent = [{"claim": fact.claim, "source": fact.source} for fact in given]
    answer = await mesh.run("oracle", facts=sent)
    checks: Checks = answer.value
    label = labels_of(given)
    return [outcome(check, label[check.text]) for check in checks.checks]


def write_project(folder: Path, url: str, checkers: int) -> None:
    """A project with so many checkers of different families, all behind `url`."""
    models = "".join(
        f"  oracle-{n}:\n    family: oracle-{n}\n    tier: small\n    context: 32000\n"
        "    can: [json, stream]\n    tasks: {check: 0.9}\n    deployments:\n"
        f"      - {{id: here, via: openai, model: oracle-{n}, endpoint: {url}, hosting: self}}\n"
        for n in range(checkers)
    )
    effort = "model" if checkers == 1 else "two"
    (folder / "graphs").mkdir()
    (folder / "graphs" / "oracle.yaml").write_text(_GRAPH)
    (folder / "functions.py").write_text(_FUNCTIONS)
    (folder / "fleet.yaml").write_text(f"models:\n{models}")
    (folder / "policy.yaml").write_text(f"objective: {{minimize: cost, checking: {effort}}}\n")
    (folder / "mesh.yaml").write_text("python: [functions.py]\ndefault_graph: oracle\n")


# ── the endpoint ─────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def served(setting: Setting, label: Mapping[str, int]) -> AsyncIterator[str]:
    """The oracles as models `oracle-0` and `oracle-1` of an OpenAI-compatible endpoint; its URL."""
    from aiohttp import web

    async def chat(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        text = answer(setting, label, body)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in _events(body, text):
            await response.write(f"data: {json.dumps(event)}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response

    app = web.Application(client_max_size=64 * 1024**2)
    app.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


def answer(setting: Setting, label: Mapping[str, int], body: Mapping[str, Any]) -> str:
    """What the model named in the request answers: its verdicts in the form that is asked for."""
    checker = int(str(body["model"]).removeprefix("oracle-"))
    prompt = "\n".join(str(message["content"]) for message in body["messages"])
    checks = []
    for id, claim in _CLAIM.findall(prompt):
        said = setting.says(checker, claim, label.get(claim, 0))
        if said is not None:
            found = dict.fromkeys(ASPECTS, "same" if said else "missing")
            status = "supported" if said else "unsupported"
            checks.append({"claim": id, **found, "status": status, "reason": "by rule"})
    return json.dumps({"checks": checks})


def _events(body: Mapping[str, Any], text: str) -> list[dict[str, Any]]:
    read = sum(tokens(str(message["content"])) for message in body["messages"])
    written = tokens(text)
    usage = {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
    }
    base = {"id": "oracle", "object": "chat.completion.chunk", "created": 0, "model": body["model"]}
    said = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
    end = {"index": 0, "delta": {}, "finish_reason": "stop"}
    return [
        {**base, "choices": [said]},
        {**base, "choices": [end]},
        {**base, "choices": [], "usage": usage},
    ]
