"""The tools of a project, from its files and its Python."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from orchestrator.calling.clock import SystemClock
from orchestrator.errors import ProjectError, UnknownNameError, UserError
from orchestrator.evidence.sources.library import Library
from orchestrator.mesh import Mesh
from orchestrator.project.load import load_project
from orchestrator.tooling.box import Box, declared_sources
from orchestrator.tooling.permit import Allowed, Circumstances, NeedsApproval, Refused
from orchestrator.tooling.toolset import Toolset, open_toolset
from orchestrator.types import Constraints, TaskProfile

PYTHON = '''
import datetime
from typing import Annotated, Protocol

from pydantic import Field

from orchestrator import tool


class Opaque(Protocol):
    def go(self): ...


@tool("orders.of", level="read", hosted=False, data_class="confidential", calls_per_minute=2)
async def orders(
    box, *, day: datetime.date, most: Annotated[int, Field(gt=0, le=9, description="Most.")] = 3
):
    """The orders of a day.

    Args:
        day: which day,
            as 2026-01-31.

    Returns:
        Nothing of interest.
    """
    return {"day": f"{day:%A}", "most": most}


@tool("send", level="write", environments=["dev"], timeout_s=2, max_output_chars=10)
def send(box, *, to: str, **more):
    """Send it."""
    return f"sent to {to} with {sorted(more)}"


@tool("purge")
async def purge(box, *, what: str):
    return "gone"


@tool("opaque", level="read")
async def opaque(box, *, thing: Opaque):
    return 1


@tool("orders_of", level="read")
async def alike(box):
    return 1
'''
POLICY = """
routes:
  - {name: home, match: {data_class: pii}, require: {hosting: self}}
tools:
  - {name: never, match: {level: destructive, environment: prod}, then: refuse}
  - {name: trusted, match: {tool: send, environment: dev}, then: allow}
  - {name: slow, match: {data_class: regulated}, calls_per_minute: 1}
"""

INTERNAL = Circumstances(data_class="internal")


def project(tmp_path: Path, mesh: str = "", policy: str = POLICY) -> Path:
    (tmp_path / "mesh.yaml").write_text(f"python: [own.py]\n{mesh}")
    (tmp_path / "own.py").write_text(PYTHON)
    (tmp_path / "policy.yaml").write_text(policy)
    return tmp_path


def toolset(tmp_path: Path, mesh: str = "", **env: str) -> Toolset:
    loaded = load_project(project(tmp_path, mesh), env=env)
    return open_toolset(loaded, env=env, clock=SystemClock(), folder=tmp_path)


def box(tmp_path: Path, **more: Any) -> Box:
    return Box(library=Library(tmp_path / "vectors", Words()), root=tmp_path, **more)


class Words:
    """An embedder that knows the length of a text."""

    name, dimensions = "words", 2

    def embed(self, texts: Any) -> Any:
        import numpy as np

        rows = np.array([[1.0, len(text)] for text in texts], dtype="float32")
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_what_the_decorator_the_annotations_and_the_docstring_say(tmp_path: Path) -> None:
    spec = toolset(tmp_path).local["orders.of"].spec
    assert (spec.level, spec.stated, spec.hosted, spec.source) == ("read", True, False, "project")
    assert (spec.data_class, spec.calls_per_minute) == ("confidential", 2)
    assert spec.description == "The orders of a day."
    day, most = spec.parameters["properties"]["day"], spec.parameters["properties"]["most"]
    assert day == {"type": "string", "format": "date", "description": "which day, as 2026-01-31."}
    assert (most["maximum"], most["default"], most["description"]) == (9, 3, "Most.")
    assert spec.parameters["required"] == ["day"]
    assert spec.parameters["additionalProperties"] is False
    assert spec.offered_as == "orders_of"
    assert spec.offer["function"]["name"] == "orders_of"


def test_one_that_says_nothing_is_taken_for_the_worst(tmp_path: Path) -> None:
    spec = toolset(tmp_path).local["purge"].spec
    assert (spec.level, spec.stated, spec.hosted) == ("destructive", False, None)


async def test_arguments_arrive_as_the_annotations_say(tmp_path: Path) -> None:
    tools = toolset(tmp_path)
    tool = await tools.get("orders.of")
    found = await tools.call(tool, {"day": "2026-01-31"}, box=None, given=Circumstances())
    assert found.data == {"day": "Saturday", "most": 3}
    wrong = await tools.call(tool, {"day": "31.1."}, box=None, given=Circumstances())
    assert wrong.error is not None
    assert wrong.error.kind == "arguments"


async def test_a_tool_s_own_limits_hold_and_the_policy_s_may_be_tighter(tmp_path: Path) -> None:
    tools = toolset(tmp_path)
    send = await tools.get("send")
    found = await tools.call(send, {"to": "ada", "b": 1}, box=None, given=Circumstances())
    assert found.truncated
    assert found.text.startswith("sent to ad\n[cut: 10 of")
    orders = await tools.get("orders.of")
    regulated = Circumstances(data_class="regulated")
    kinds = []
    for _ in range(2):
        one = await tools.call(orders, {"day": "2026-01-31"}, box=None, given=regulated)
        kinds.append(one.error and one.error.kind)
    assert kinds == [None, "rate_limited"]


@pytest.mark.parametrize(
    ("declared", "env", "kind"),
    [
        ("environment: dev", {}, Allowed),
        ("environment: prod", {}, Refused),
        ("environment: prod", {"MESH_ENVIRONMENT": "dev"}, Allowed),
        ("", {}, Refused),
    ],
)
def test_where_it_runs(tmp_path: Path, declared: str, env: dict[str, str], kind: type) -> None:
    tools = toolset(tmp_path, f"{declared}\n", **env)
    profile = TaskProfile(task="chat", data_class="internal")
    found = tools.permit(tools.local["send"].spec, tools.circumstances(profile))
    assert isinstance(found, kind)


def test_a_route_that_keeps_requests_at_home_keeps_arguments_there(tmp_path: Path) -> None:
    tools = toolset(tmp_path, "environment: dev\n")
    pii = tools.circumstances(TaskProfile(task="chat", data_class="pii"))
    assert pii.at_home == "route:home.require.hosting"
    assert isinstance(tools.permit(tools.local["send"].spec, pii), Refused)
    assert isinstance(tools.permit(tools.local["orders.of"].spec, pii), Allowed)
    unknown = tools.circumstances(TaskProfile(task="chat", data_class="who-knows"))
    assert (unknown.data_class, unknown.at_home) == (None, "route:home.require.hosting")
    of_request = TaskProfile(
        task="chat", data_class="internal", constraints=Constraints(hosting="self")
    )
    assert tools.circumstances(of_request).at_home == "request.hosting"


async def test_a_name_that_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'calculate'"):
        await toolset(tmp_path).get("calculat")


async def test_what_a_model_cannot_use_or_tell_apart_is_not_offered(tmp_path: Path) -> None:
    tools = toolset(tmp_path)
    assert list(await tools.offers(["calculate", "orders.of"])) == ["calculate", "orders_of"]
    with pytest.raises(UserError, match="only a graph can call it"):
        await tools.offers(["opaque"])
    with pytest.raises(UserError, match=r"cannot tell the tools 'orders\.of' and 'orders_of'"):
        await tools.offers(["orders.of", "orders_of"])


def test_an_approval_is_for_what_the_tool_said_then(tmp_path: Path) -> None:
    spec = toolset(tmp_path).local["send"].spec
    changes: list[dict[str, Any]] = [
        {"description": "Other."},
        {"parameters": {}},
        {"level": "destructive"},
    ]
    for change in changes:
        assert dataclasses.replace(spec, **change).digest != spec.digest


@pytest.mark.parametrize(
    "decorator",
    ['@tool("t", level="harmless")', '@tool("t", timeout_s=0)', '@tool("t", calls_per_minute=-1)'],
)
def test_a_decorator_that_says_nonsense(tmp_path: Path, decorator: str) -> None:
    folder = project(tmp_path)
    (folder / "own.py").write_text(
        f"from orchestrator import tool\n\n\n{decorator}\nasync def t(box):\n    return 1\n"
    )
    with pytest.raises(ProjectError, match="the tool 't'"):
        load_project(folder, env={})


# ── the library's own ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("expression", "value"), [("15% of 200", "30"), ("1/3", "1/3"), ("2**10 - 24", "1000")]
)
async def test_calculate(tmp_path: Path, expression: str, value: str) -> None:
    tools = toolset(tmp_path)
    tool = await tools.get("calculate")
    found = await tools.call(tool, {"expression": expression}, box=None, given=Circumstances())
    assert found.data["value"] == value


@pytest.mark.parametrize("expression", ["1/0", "__import__('os')", "9**9**9", "x" * 500, ""])
async def test_what_is_no_arithmetic_is_told(tmp_path: Path, expression: str) -> None:
    tools = toolset(tmp_path)
    tool = await tools.get("calculate")
    found = await tools.call(tool, {"expression": expression}, box=None, given=Circumstances())
    assert found.error is not None


async def test_search_sources_looks_into_what_it_may_and_takes_no_path(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "leave.txt").write_text("Parental leave is 16 weeks.\n")
    tools = toolset(tmp_path, "tools: {search_sources: [docs]}\n")
    loaded = load_project(tmp_path, env={})
    tool = await tools.get("search-sources")
    assert set(tool.spec.parameters["properties"]) == {"query", "most"}
    readable = box(tmp_path, readable=declared_sources(loaded.project))
    found = await tools.call(
        tool, {"query": "How long is parental leave?"}, box=readable, given=INTERNAL
    )
    assert [one["text"] for one in found.data] == ["Parental leave is 16 weeks."]
    nothing = await tools.call(tool, {"query": "leave"}, box=box(tmp_path), given=INTERNAL)
    assert nothing.error is not None
    assert "tools.search_sources" in nothing.text


async def test_http_get_is_off_until_hosts_are_declared(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"tools\.http_get"):
        await toolset(tmp_path).get("http-get")
    tools = toolset(tmp_path, "tools: {http_get: {hosts: [api.example.com]}}\n")
    tool = await tools.get("http-get")
    assert (tool.spec.level, tool.spec.hosted) == ("read", True)
    loaded = load_project(tmp_path, env={})
    declared = loaded.project.settings.tools
    found = await tools.call(
        tool,
        {"url": "https://evil.com/"},
        box=box(tmp_path, declared=declared),
        given=Circumstances(),
    )
    assert "'evil.com' is not allowed; allowed: api.example.com" in found.text


async def test_a_mesh_has_its_tools(tmp_path: Path) -> None:
    async with Mesh.load(project(tmp_path), env={"MESH_ENVIRONMENT": "prod"}) as mesh:
        assert mesh.tools.environment == "prod"
        purge = mesh.tools.local["purge"].spec
        given = mesh.tools.circumstances(TaskProfile(task="chat"), declared=True)
        assert isinstance(mesh.tools.permit(purge, given), Refused)
        dev = dataclasses.replace(given, environment="dev")
        assert isinstance(mesh.tools.permit(purge, dev), Allowed)
        of_model = dataclasses.replace(dev, declared=False)
        assert isinstance(mesh.tools.permit(purge, of_model), NeedsApproval)
