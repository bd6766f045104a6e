"""`model: graph:NAME`: inputs, documents, progress, questions to a person, keys, clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from orchestrator.gateway.keys.values import Key
from orchestrator.types import Caller
from tests.gateway.product_provider import NOWHERE
from tests.gateway.serving import Ring, Served, serving

PYTHON = """
import asyncio
from pathlib import Path

from orchestrator import builtin, function, tool
from orchestrator.roles.values import FinalAnswer
from orchestrator.evidence.values import Citation

STARTED, STOPPED = [], []


@builtin("echo")
def echo(request):
    return str(request.inputs.get("question") or "")


@function("say")
def say(inputs):
    turns = "; ".join(f"{t.question} > {t.answer}" for t in inputs.get("conversation") or ())
    more = f" ({inputs['more']})" if inputs.get("more") else ""
    return f"You said: {inputs['question']}{more}" + (f" after {turns}" if turns else "")


@tool("read_files")
async def read_files(toolbox, *, files):
    found = {Path(f).name: Path(f).read_text() for f in files or ()}
    name, text = next(iter(found.items()))
    quote = Citation(file=next(iter(files)), start=0, end=len(text), quote=text)
    return FinalAnswer(text=f"{sorted(found)}: {text}", verdict="accepted", citations=(quote,))


@tool("wait_long")
async def wait_long(toolbox, *, question):
    STARTED.append(question)
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        STOPPED.append(question)
        raise


@function("nothing")
def nothing(inputs):
    return FinalAnswer(text="I cannot say.", verdict="abstained", reason="no source says it")


@function("decided")
def decided(inputs):
    return f"It was {inputs['decide']}d: {inputs['question']}"
"""
GRAPHS = {
    "talk": """
        input: {question: text, more: text?, count: number?, conversation: turns?}
        nodes: {answer: {function: say, from: [question, more, conversation]}}
        output: answer""",
    "speak": """
        input: {question: text}
        nodes:
          reply: {agent: repeater, from: [question]}
          answer: {function: as_answer, from: [reply]}
        output: answer""",
    "read": """
        input: {question: text, files: paths?}
        nodes: {answer: {tool: read_files, with: {files: files}}}
        output: answer""",
    "slow": """
        input: {question: text}
        nodes: {answer: {tool: wait_long, with: {question: question}}}
        output: answer""",
    "silent": """
        input: {question: text}
        nodes: {answer: {function: nothing, from: [question]}}
        output: answer""",
    "ask": """
        input: {question: text}
        nodes:
          decide:
            ask: Shall it be done?
            from: [question]
            to: {approve: answer, reject: answer}
          answer: {function: decided, from: [question, decide]}
        output: answer""",
}
AGENT = """---
description: Says it again.
task: echo
---
Repeat it.

## Input
{{ task }}
"""
FLEET = """
models:
  echo:
    tier: nano
    tasks: {echo: 0.9}
    deployments: [{id: here, via: builtin, function: echo, hosting: self}]
"""


def write(folder: Path) -> None:
    (folder / "own.py").write_text(PYTHON)
    (folder / "fleet.yaml").write_text(FLEET)
    (folder / "mesh.yaml").write_text(
        "python: [own.py]\ndeadline_ms: 20000\ngateway: {sources: {handbook: [terms.md]}}\n"
    )
    (folder / "terms.md").write_text("Thirty days.")
    (folder / "policy.yaml").write_text("data_classes: [public, internal, pii]\n")
    (folder / "agents").mkdir()
    (folder / "agents" / "repeater.md").write_text(AGENT)
    (folder / "graphs").mkdir()
    for name, text in GRAPHS.items():
        (folder / "graphs" / f"{name}.yaml").write_text(text)


@asynccontextmanager
async def gateway(folder: Path, **made: Any) -> AsyncIterator[Served]:
    write(folder)
    async with serving(folder, NOWHERE, **made) as served:
        yield served


def said(*texts: str) -> list[dict[str, str]]:
    """A conversation that begins with the user."""
    roles = ("user", "assistant")
    return [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]


async def ask(served: Served, graph: str, *texts: str, **body: Any) -> tuple[int, Any, Any]:
    headers = body.pop("headers", {})
    asked = {"model": f"graph:{graph}", "messages": said(*(texts or ("hello",))), **body}
    return await served.post(asked, **headers)


def text_of(body: Any) -> str:
    text: str = body["choices"][0]["message"]["content"]
    return text


# ── what a graph is given, and what comes of it ──────────────────────────────────────────


async def test_the_last_message_is_the_question(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served:
        status, headers, body = await ask(served, "talk", "hello")
    assert status == 200, body
    assert text_of(body) == "You said: hello"
    assert body["model"] == headers["x-mesh-model"] == "graph:talk"
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["mesh"]["graph"] == "talk"
    assert body["mesh"]["cost_usd"] == 0


async def test_what_was_said_before_is_the_conversation(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served:
        _, _, body = await ask(served, "talk", "one", "first", "two", "second", "three")
    assert text_of(body) == "You said: three after one > first; two > second"


async def test_a_graph_without_a_conversation_says_what_it_ignores(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served:
        _, _, body = await ask(served, "silent", "one", "two", "three", temperature=0.5)
    assert body["mesh"]["ignored"] == ["temperature", "messages before the last"]


async def test_other_inputs_come_from_the_mesh_object(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served:
        _, _, body = await ask(served, "talk", "hi", mesh={"inputs": {"more": "and more"}})
    assert text_of(body) == "You said: hi (and more)"


async def test_a_thread_is_remembered_for_each_key_apart(tmp_path: Path) -> None:
    keys = Ring({name: Key(id=name, caller=Caller(key=name)) for name in ("a", "b")})
    async with gateway(tmp_path, keys=keys) as served:
        mesh = {"thread": "t1"}
        for key, text in (("a", "one"), ("b", "other"), ("a", "two")):
            headers = {"Authorization": f"Bearer {key}"}
            _, _, body = await ask(served, "talk", text, mesh=mesh, headers=headers)
    assert text_of(body) == "You said: two after one > You said: one"


async def test_an_abstention_is_an_answer(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served:
        status, _, body = await ask(served, "silent")
    assert (status, text_of(body)) == (200, "I cannot say.")
    assert body["mesh"]["verdict"] == "abstained"
    assert body["mesh"]["reason"] == "no source says it"


async def test_the_run_is_on_record_under_its_trace_id(tmp_path: Path) -> None:
    parent = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    async with gateway(tmp_path) as served:
        _, headers, _ = await ask(
            served, "speak", mesh={"tags": ["t"], "user": "u"}, headers={"traceparent": parent}
        )
        await served.mesh.close()
        trace = served.mesh.store.trace(headers["x-mesh-trace-id"])
    assert (trace.graph, trace.status, trace.tags) == ("speak", "ok", ("t",))
    assert (trace.caller.user, trace.parent) == ("u", parent)


# ── files ────────────────────────────────────────────────────────────────────────────────


async def test_documents_are_read_and_leave_nothing_behind(tmp_path: Path) -> None:
    documents = [{"name": "terms.md", "text": "Ten days."}, {"name": "more", "text": "x"}]
    async with gateway(tmp_path) as served:
        status, _, body = await ask(served, "read", mesh={"documents": documents})
    assert status == 200, body
    assert text_of(body) == "['more.txt', 'terms.md']: Ten days."
    assert [c["file"] for c in body["mesh"]["citations"]] == ["terms.md"]
    assert not [*Path("/tmp").glob("mesh-documents-*")]


async def test_declared_sources_are_named_and_never_a_path(tmp_path: Path) -> None:
    found = {}
    async with gateway(tmp_path) as served:
        for name in ("handbook", "handbok", "/etc/passwd", "terms.md"):
            status, _, body = await ask(served, "read", mesh={"inputs": {"files": name}})
            found[name] = (status, text_of(body) if status == 200 else body["error"]["message"])
    assert found.pop("handbook") == (200, "['terms.md']: Thirty days.")
    assert "did you mean 'handbook'?" in found["handbok"][1]
    assert {status for status, _ in found.values()} == {400}


# ── while it goes on ─────────────────────────────────────────────────────────────────────


async def events(served: Served, **body: Any) -> list[Any]:
    """The data of each event of a stream."""
    asked = {"messages": said("hello"), "stream": True, **body}
    async with served.http.post(f"{served.url}/v1/chat/completions", json=asked) as response:
        assert response.status == 200, await response.text()
        text = await response.text()
    data = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data:")]
    return [line if line == "[DONE]" else json.loads(line) for line in data]


async def test_progress_is_told_and_then_the_text(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served:
        *chunks, done = await events(
            served, model="graph:speak", stream_options={"include_usage": True}
        )
    assert done == "[DONE]"
    told = [c["mesh"]["progress"] for c in chunks if "progress" in c.get("mesh", {})]
    assert {"event": "model_asked", "node": "reply", "agent": "repeater"}.items() <= told[1].items()
    assert [t["event"] for t in told if t["node"] == "reply"] == [
        "step_started",
        "model_asked",
        "step_ended",
    ]
    ended = next(t for t in told if t["event"] == "step_ended" and t["node"] == "reply")
    assert (ended["deployment"], ended["status"], ended["cost_usd"]) == ("echo/here", "ok", 0)
    deltas = [c["choices"][0]["delta"] for c in chunks if c["choices"]]
    assert "".join(d.get("content") or "" for d in deltas) == "hello"
    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]][-1] == "stop"
    assert chunks[-1]["usage"]["total_tokens"] == 0
    assert "hello" not in json.dumps(told)


async def test_openais_client_streams_and_does_not_mind_the_progress(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served:
        client = openai.AsyncOpenAI(api_key="none", base_url=f"{served.url}/v1")
        stream = await client.chat.completions.create(
            model="graph:speak", messages=[{"role": "user", "content": "hello"}], stream=True
        )
        chunks = [chunk async for chunk in stream]
        whole = await client.chat.completions.create(
            model="graph:talk",
            messages=[{"role": "user", "content": "hello"}],
            extra_body={"mesh": {"inputs": {"more": "x"}}},
        )
        await client.close()
    texts = [c.choices[0].delta.content or "" for c in chunks if c.choices]
    assert "".join(texts) == "hello"
    assert whole.choices[0].message.content == "You said: hello (x)"


async def test_langchains_client_streams_as_well(tmp_path: Path) -> None:
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    async with gateway(tmp_path) as served:
        model = ChatOpenAI(
            model="graph:speak", api_key=SecretStr("none"), base_url=f"{served.url}/v1"
        )
        texts = [chunk.text async for chunk in model.astream("hello")]
        answer = await model.ainvoke("hello")
        await model.root_async_client.close()
        model.root_client.close()
    assert "".join(texts) == answer.text == "hello"


async def test_a_client_who_leaves_cancels_the_run(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served:
        task = asyncio.create_task(ask(served, "slow", "wait"))
        while not (runs := served.mesh.journals.runs(limit=1)):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(10):
            while served.mesh.journals.find(runs[0].id).state == "running":
                await asyncio.sleep(0.01)
        assert served.mesh.journals.find(runs[0].id).state == "cancelled"


# ── a person ─────────────────────────────────────────────────────────────────────────────


async def test_a_graph_that_asks_is_answered_with_its_question(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served:
        status, headers, body = await ask(served, "ask", "the thing")
        run = body["mesh"]["waiting"]["run"]
        wrong, _, refused = await ask(served, "ask", "perhaps", mesh={"resume": run})
        again, _, done = await ask(served, "ask", "approve", mesh={"resume": run})
        late, _, twice = await ask(served, "ask", "approve", mesh={"resume": run})
    assert (status, run) == (200, headers["x-mesh-trace-id"])
    assert "Shall it be done?" in text_of(body)
    assert "approve, reject" in text_of(body)
    assert run in text_of(body)
    assert body["mesh"]["waiting"]["allowed"] == ["approve", "reject"]
    assert wrong == 400
    assert "'perhaps' is no answer" in refused["error"]["message"]
    assert (again, text_of(done)) == (200, "It was approved: the thing")
    assert late == 400
    assert "does not wait" in twice["error"]["message"]


async def test_nobody_answers_for_another_key(tmp_path: Path) -> None:
    keys = Ring({name: Key(id=name, caller=Caller(key=name)) for name in ("a", "b")})
    async with gateway(tmp_path, keys=keys) as served:
        _, _, body = await ask(served, "ask", headers={"Authorization": "Bearer a"})
        run = body["mesh"]["waiting"]["run"]
        status, _, other = await ask(
            served, "ask", "approve", mesh={"resume": run}, headers={"Authorization": "Bearer b"}
        )
    assert status == 400
    assert "has no such run" in other["error"]["message"]


# ── what is refused ──────────────────────────────────────────────────────────────────────

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


@pytest.mark.parametrize(
    ("graph", "body", "status", "found"),
    [
        ("takl", {}, 404, "did you mean 'graph:talk'?"),
        ("talk", {"mesh": {"inputs": {"mor": "x"}}}, 400, "did you mean 'more'?"),
        ("talk", {"mesh": {"inputs": {"question": "x"}}}, 400, "comes from the messages"),
        ("talk", {"mesh": {"inputs": {"conversation": []}}}, 400, "comes from the messages"),
        ("talk", {"mesh": {"inputs": {"count": "ten"}}}, 400, "'count' must be number"),
        ("talk", {"mesh": {"documents": [{"name": "a", "text": "b"}]}}, 400, "reads no files"),
        ("read", {"mesh": {"documents": [{"name": "../a", "text": "b"}]}}, 400, "a file's name"),
        ("read", {"mesh": {"documents": [{"name": "a.py", "text": "b"}]}}, 400, "the suffix '.py'"),
        ("read", {"mesh": {"documents": [{"name": "a", "text": " "}]}}, 400, "found no text"),
        ("read", {"mesh": {"documents": [{"name": "a", "text": "b"}] * 2}}, 400, "stands twice"),
        ("read", {"mesh": {"documents": [{"nam": "a", "text": "b"}]}}, 400, "nam"),
        ("talk", {"tools": [TOOL]}, 400, "tools: "),
        ("talk", {"n": 2}, 400, "n: "),
        ("talk", {"stop": "x"}, 400, "stop: "),
        ("talk", {"response_format": {"type": "json_object"}}, 400, "response_format: "),
        ("talk", {"messages": [{"role": "system", "content": "x"}]}, 400, "messages: "),
        ("talk", {"messages": said("a", "b")}, 400, "the last one must be the user's"),
        ("talk", {"mesh": {"task": "echo"}}, 400, "mesh.task: "),
        ("talk", {"mesh": {"data_class": "pi"}}, 400, "did you mean 'pii'?"),
        ("ask", {"mesh": {"resume": "01m7zajfd41czmym17bnyndp5r"}}, 400, "no such run"),
    ],
)
async def test_what_a_graph_cannot_take_is_the_callers_mistake(
    graph: str, body: dict[str, Any], status: int, found: str, tmp_path: Path
) -> None:
    async with gateway(tmp_path) as served:
        answered, _, error = await ask(served, graph, **body)
    assert answered == status, error
    assert found in error["error"]["message"]


async def test_a_key_may_be_for_graphs_alone(tmp_path: Path) -> None:
    keys = Ring(
        {
            "talk": Key(id="1", models=frozenset({"graph:talk"})),
            "tasks": Key(id="2", tasks=frozenset({"echo"})),
            "public": Key(id="3", data_classes=frozenset({"public"})),
        }
    )
    found = {}
    async with gateway(tmp_path, keys=keys) as served:
        for key, graph, mesh in (
            ("talk", "talk", {}),
            ("talk", "silent", {}),
            ("tasks", "talk", {}),
            ("public", "talk", {}),
            ("public", "talk", {"data_class": "public"}),
        ):
            headers = {"Authorization": f"Bearer {key}"}
            status, _, _ = await ask(served, graph, mesh=mesh, headers=headers)
            found[key, graph, bool(mesh)] = status
    assert list(found.values()) == [200, 403, 403, 403, 200]
