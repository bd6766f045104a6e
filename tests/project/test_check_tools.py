"""What is declared of tools and cannot be meant, with its place and the near name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.project.samples import Path_, changed, load, spoiled, valid, write

HTTP = ("tools", "http_get")
FILES = ("tools", "mcp", "files")
RULE = ("tools", 0)
CASES: list[tuple[str, Path_, Any, str, str]] = [
    ("mesh.yaml", (*HTTP, "hosts", 0), "*.com", "tools.http_get.hosts[0]", "every-host"),
    ("mesh.yaml", (*HTTP, "hosts", 0), "https://a.b", "tools.http_get.hosts[0]", ""),
    ("mesh.yaml", (*HTTP, "hosts", 0), "a.b/c", "tools.http_get.hosts[0]", ""),
    (
        "mesh.yaml",
        (*HTTP, "plain_http", 0),
        "*.exmple.org",
        "tools.http_get.plain_http[0]",
        "unknown-host",
    ),
    (
        "mesh.yaml",
        ("tools", "search_sources", 0),
        "dogs",
        "tools.search_sources[0]",
        "missing-source",
    ),
    (
        "mesh.yaml",
        (*FILES, "url"),
        "https://files.example.org",
        "tools.mcp.files",
        "server-without-way",
    ),
    ("mesh.yaml", (*FILES, "headers"), {"X": "KEY"}, "tools.mcp.files.headers", "server-keys"),
    ("mesh.yaml", (*FILES, "env", 0), "sk-secret", "tools.mcp.files.env[0]", ""),
    (
        "mesh.yaml",
        (*FILES, "data_class"),
        "publik",
        "tools.mcp.files.data_class",
        "unknown-data-class",
    ),
    (
        "mesh.yaml",
        (*FILES, "levels", "read_file"),
        "harmless",
        "tools.mcp.files.levels.read_file",
        "",
    ),
    (
        "mesh.yaml",
        ("tools", "mcp", "weather", "url"),
        "http://weather.example.org/mcp",
        "tools.mcp.weather.url",
        "keys-in-clear",
    ),
    ("policy.yaml", (*RULE, "match", "tool", 0), "serch", "tools[0].match.tool[0]", "unknown-tool"),
    (
        "policy.yaml",
        (*RULE, "match", "tool", 1),
        "filez__read",
        "tools[0].match.tool[1]",
        "unknown-tool",
    ),
    (
        "policy.yaml",
        (*RULE, "match", "server"),
        "filez",
        "tools[0].match.server",
        "unknown-MCP-server",
    ),
    (
        "policy.yaml",
        (*RULE, "match", "data_class"),
        "publik",
        "tools[0].match.data_class",
        "unknown-data-class",
    ),
    ("policy.yaml", (*RULE, "match", "level", 0), "wirte", "tools[0].match.level[0]", ""),
    ("policy.yaml", (*RULE, "then"), "refuse", "tools[0].double_check", "double-check-of-nothing"),
    (
        "fleet.yaml",
        ("models", "sonnet", "tools", 0),
        "serch",
        "models.sonnet.tools[0]",
        "unknown-tool",
    ),
]


@pytest.mark.parametrize(
    ("file", "path", "value", "key", "code"), CASES, ids=[f"{c[3]}:{c[4]}" for c in CASES]
)
def test_a_mistake_is_told_where_it_was_made(
    tmp_path: Path, file: str, path: Path_, value: Any, key: str, code: str
) -> None:
    problems = spoiled(tmp_path, changed(file, path, value))
    assert [problem.key for problem in problems] == [key]
    assert not code or problems[0].code == code
    assert problems[0].line > 1
    assert problems[0].allowed


@pytest.mark.parametrize(
    ("name", "near"), [("serch", "search"), ("http-gte", "http-get"), ("filez__read", "")]
)
def test_the_near_name_of_a_tool(tmp_path: Path, name: str, near: str) -> None:
    [problem] = spoiled(tmp_path, changed("policy.yaml", (*RULE, "match", "tool"), name))
    assert problem.near == near


@pytest.mark.parametrize(
    ("names", "key", "near"),
    [
        (["search", "serch"], "tools[1]", "search"),
        (["files__any", "filez__any"], "tools[1]", "files__any"),
        (["http-get"], "", ""),
    ],
)
def test_the_tools_of_an_agent(tmp_path: Path, names: list[str], key: str, near: str) -> None:
    found = spoiled(tmp_path, changed("agents/planner.md", ("tools",), names))
    named = [p for p in found if p.code == "unknown-tool"]
    assert [(p.key, p.near) for p in named] == ([(key, near)] if key else [])


def test_no_rule_lifts_the_approval_of_what_is_destructive(tmp_path: Path) -> None:
    files = changed("policy.yaml", (*RULE, "then"), "allow")
    del files["policy.yaml"]["tools"][0]["double_check"]
    [problem] = spoiled(tmp_path, files)
    assert (problem.key, problem.code) == ("tools[0].then", "allow-destructive")


def test_a_rule_that_says_nothing(tmp_path: Path) -> None:
    files = valid()
    files["policy.yaml"]["tools"] = [{"name": "idle", "match": {"level": "write"}}]
    assert [p.code for p in spoiled(tmp_path, files)] == ["rule-says-nothing"]


def test_two_rules_of_one_name(tmp_path: Path) -> None:
    files = valid()
    files["policy.yaml"]["tools"] *= 2
    assert [p.code for p in spoiled(tmp_path, files)] == ["duplicate-rule-of-tools"]


def test_a_graph_cannot_name_a_tool_that_is_off(tmp_path: Path) -> None:
    from tests.project.samples import names

    files = changed("graphs/main.yaml", ("nodes", "found", "tool"), "http-get")
    files["graphs/main.yaml"]["nodes"]["found"]["with"] = {"url": "question"}
    registry = names()

    async def http_get(box: object, *, url: str) -> str:
        return url

    registry.add("tool", "http-get", http_get)
    assert spoiled(tmp_path, files, registry=registry) == ()
    del files["mesh.yaml"]["tools"]["http_get"]
    [problem] = spoiled(tmp_path, files, registry=registry)
    assert (problem.key, problem.code) == ("nodes.found.tool", "tool-off")


def test_a_slip_in_the_environment_is_a_warning(tmp_path: Path) -> None:
    write(tmp_path, changed("policy.yaml", (*RULE, "match", "environment"), "stagign"))
    [warning] = [w for w in load(tmp_path).warnings if w.code == "unknown-environment"]
    assert (warning.key, warning.near) == ("tools[0].match.environment", "staging")
