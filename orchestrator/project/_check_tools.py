"""Checks of tools: what mesh.yaml declares, the policy's rules, and graphs that name one."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from orchestrator.errors import Problem
from orchestrator.project._documents import Document, KeyPath
from orchestrator.project._names import as_list, duplicates, listed, unknown
from orchestrator.project.compiled import Entries, Entry
from orchestrator.project.fleet_schema import Fleet
from orchestrator.project.names import listing, misspelt
from orchestrator.project.registry import Registry
from orchestrator.project.schema import Agent, Graph, Settings
from orchestrator.project.tools_schema import HttpGet, McpServer, ToolRule, Tools

HTTP_GET = "http-get"
OF_SERVER = "__"
"""Stands between a server's name and its tool's."""


def known_tools(registry: Registry, tools: Tools, names: Collection[str]) -> tuple[str, ...]:
    """What may be named as a tool: those that are registered and on, and, of what `names` holds,
    all that belongs to a declared server, whose tools nobody knows before it is asked."""
    off = {HTTP_GET} if tools.http_get is None else set()
    of_servers = {n for n in names if OF_SERVER in n and n.partition(OF_SERVER)[0] in tools.mcp}
    return tuple(sorted({*registry.names("tool"), *of_servers} - off))


def check_tools(
    entries: Entries, registry: Registry | None, *, classes_known: bool
) -> Iterator[Problem]:
    """What is declared of tools, in mesh.yaml and in the policy.

    Args:
        classes_known: False where the policy's list of data classes is itself broken.
    """
    settings, policy = entries.settings, entries.policy
    declared = settings.declared if settings else None
    rules = policy.declared if policy else None
    classes = rules.data_classes if rules and classes_known else None
    if settings and declared and settings.document:
        yield from _settings(settings, declared, settings.document, classes)
    if not (policy and rules and policy.document):
        return
    document = policy.document
    names = [rule.name for rule in rules.tools]
    yield from duplicates(document, "rule of tools", names, lambda i: ("tools", i, "name"))
    for index, rule in enumerate(rules.tools):
        at: KeyPath = ("tools", index)
        yield from _contradictions(rule, at, document)
        wanted, match = rule.match, (*at, "match")
        if classes is not None:
            path = (*match, "data_class")
            yield from listed(document, "data class", wanted.data_class, classes, path)
        if declared is None or not (settings and settings.whole):
            continue
        servers = tuple(declared.tools.mcp)
        yield from listed(document, "MCP server", wanted.server, servers, (*match, "server"))
        yield from _environments(rule, declared, (*match, "environment"), document)
        if registry is not None:
            known = known_tools(registry, declared.tools, as_list(wanted.tool))
            known = tuple(sorted({*known, HTTP_GET}))
            yield from listed(document, "tool", wanted.tool, known, (*match, "tool"))


def check_tool_nodes(
    graph: Graph, document: Document, settings: Entry[Settings] | None
) -> Iterator[Problem]:
    """Nodes that name a tool which is registered and off."""
    declared = settings.declared if settings else None
    if declared is None or declared.tools.http_get is not None:
        return
    for name, node in graph.nodes.items():
        if node.tool == HTTP_GET:
            yield _off(document, ("nodes", name, "tool"))


def check_agent_tools(
    agent: Entry[Agent], settings: Entry[Settings] | None, registry: Registry | None
) -> Iterator[Problem]:
    """The tools that an agent names are there and on."""
    declared = settings.declared if settings and settings.whole else None
    if not (agent.declared and agent.document and declared and registry):
        return
    names = agent.declared.tools
    known = known_tools(registry, declared.tools, names)
    for index, name in enumerate(names):
        if name == HTTP_GET and name not in known:
            yield _off(agent.document, ("tools", index))
        else:
            where: KeyPath = ("tools", index)
            yield from listed(agent.document, "tool", name, known, where)


def _off(document: Document, at: KeyPath) -> Problem:
    return document.problem(
        at,
        "this tool is off",
        found=HTTP_GET,
        allowed="hosts under tools.http_get in mesh.yaml, which turn it on",
        code="tool-off",
    )


def check_models(
    fleet: Entry[Fleet], settings: Entry[Settings] | None, registry: Registry | None
) -> Iterator[Problem]:
    """The tools that models know how to use."""
    declared = settings.declared if settings and settings.whole else None
    if not (fleet.declared and fleet.document):
        return
    for name, model in fleet.declared.models.items():
        if model.tools is None:
            continue
        at: KeyPath = ("models", name, "tools")
        if declared is not None and registry is not None:
            known = {*known_tools(registry, declared.tools, model.tools), HTTP_GET}
            yield from listed(fleet.document, "tool", model.tools, sorted(known), at)
        if model.tools and "tools" not in model.can:
            yield fleet.document.problem(
                at,
                "a model that cannot call tools is never offered any",
                of_key=True,
                allowed="can: [tools]",
                code="tools-without-can",
                severity="warning",
            )


# ── mesh.yaml ────────────────────────────────────────────────────────────────────────────


def _settings(
    entry: Entry[Settings],
    settings: Settings,
    document: Document,
    classes: tuple[str, ...] | None,
) -> Iterator[Problem]:
    at: KeyPath = ("tools",)
    folder = entry.source.path.parent
    if settings.tools.http_get is not None and entry.whole:
        yield from _hosts(settings.tools.http_get, (*at, "http_get"), document)
    yield from _missing(settings.tools, folder, document)
    for name, server in settings.tools.mcp.items():
        path = (*at, "mcp", name)
        yield from _server(server, path, document)
        if OF_SERVER in name:
            yield document.problem(
                path,
                f"'{OF_SERVER}' stands between a server's name and its tool's",
                of_key=True,
                found=name,
                allowed="a name without it",
                code="server-name",
            )
        if classes is not None and server.data_class is not None:
            where: KeyPath = (*path, "data_class")
            yield from listed(document, "data class", server.data_class, classes, where)


def _hosts(declared: HttpGet, at: KeyPath, document: Document) -> Iterator[Problem]:
    for index, host in enumerate(declared.hosts):
        if host.startswith("*.") and "." not in host[2:]:
            yield document.problem(
                (*at, "hosts", index),
                "this allows a whole top-level domain, in which everybody may have a host",
                found=host,
                allowed="*.example.org",
                code="every-host",
            )
    yield from listed(document, "host", declared.plain_http, declared.hosts, (*at, "plain_http"))


def _missing(tools: Tools, folder: Path, document: Document) -> Iterator[Problem]:
    for index, path in enumerate(tools.search_sources):
        if not (folder / path).exists():
            yield document.problem(
                ("tools", "search_sources", index),
                "there is no such file or folder",
                found=path,
                allowed="a path relative to the project",
                code="missing-source",
            )


def _server(server: McpServer, at: KeyPath, document: Document) -> Iterator[Problem]:
    if (server.command is None) == (server.url is None):
        yield document.problem(
            at,
            "a server is reached by a command or at a url",
            found="both" if server.command else "neither",
            allowed="one of command, url",
            code="server-without-way",
        )
        return
    key, others = ("command", ("headers",)) if server.command else ("url", ("args", "env"))
    for other in others:
        if getattr(server, other):
            yield document.problem(
                (*at, other),
                f"a server with a {key} takes no {other}",
                of_key=True,
                allowed="env and args with a command, headers with a url",
                code="server-keys",
            )
    if server.url and server.headers and _leaves_in_clear(server.url):
        yield document.problem(
            (*at, "url"),
            "the keys of `headers` would cross the network unencrypted",
            found=server.url.partition("?")[0],
            allowed="https://…",
            code="keys-in-clear",
        )
    listed_only = server.only
    if listed_only is not None:
        names = tuple(server.levels)
        yield from unknown(
            document,
            "tool of `only`",
            names,
            listed_only,
            lambda name: (*at, "levels", name),
            of_key=True,
            severity="warning",
        )


def _leaves_in_clear(url: str) -> bool:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1")


# ── policy.yaml ──────────────────────────────────────────────────────────────────────────


def _contradictions(rule: ToolRule, at: KeyPath, document: Document) -> Iterator[Problem]:
    limits = (rule.calls_per_minute, rule.timeout_s, rule.max_output_chars)
    if rule.then is None and not rule.double_check and all(limit is None for limit in limits):
        yield document.problem(
            at,
            "this rule says nothing of what it matches",
            found="no then, double_check or limit",
            allowed="then: allow, approve or refuse; double_check: true; calls_per_minute, "
            "timeout_s, max_output_chars",
            code="rule-says-nothing",
        )
    if rule.double_check and rule.then in ("allow", "refuse"):
        yield document.problem(
            (*at, "double_check"),
            f"what a rule would {rule.then} is not looked at twice",
            of_key=True,
            found=f"then: {rule.then}",
            allowed="then: approve",
            code="double-check-of-nothing",
        )
    if rule.then == "allow" and "destructive" in as_list(rule.match.level):
        yield document.problem(
            (*at, "then"),
            "no rule lifts the approval that a destructive tool needs",
            found="allow, for level: destructive",
            allowed="level: write; or give the tool the level that it has",
            code="allow-destructive",
        )


def _environments(
    rule: ToolRule, settings: Settings, at: KeyPath, document: Document
) -> Iterator[Problem]:
    if settings.environment is None:
        return  # MESH_ENVIRONMENT says it where it runs
    names, single = as_list(rule.match.environment), isinstance(rule.match.environment, str)
    for index, name in enumerate(names):
        near = "" if name == settings.environment else misspelt(name, (settings.environment,))
        if near:
            yield document.problem(
                at if single else (*at, index),
                "nothing else names this environment",
                found=name,
                allowed=listing((settings.environment,)),
                near=near,
                code="unknown-environment",
                severity="warning",
            )
