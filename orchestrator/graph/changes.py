"""What of a project a run depends on, in a form small enough to stand with every run.

By it a run that is resumed after the project was edited can say what was changed, and which of
the recorded results are still good: a result belongs to the *definition* of its node, which is
the node's own lines, its agents with their prompts, and the project's Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.graph.edges import Edges
from orchestrator.project.schema import Agent, Graph, Node, Project
from orchestrator.types import digest

Description = Mapping[str, Any]
"""`nodes`: definitions by node; `policy`: its hash; `files`: file → section → key → digest."""
_ORDER = "the order of the routes"
_SETTINGS = ("embedder", "deadline_ms")
_UNKNOWN = "what it was then is not known; every step runs anew"


def describe(project: Project, graph: Graph) -> dict[str, Any]:
    """What a run of `graph` depends on."""
    sections = {
        f"graphs/{graph.name}.yaml": _graph(graph),
        "policy.yaml": _policy(project),
        "fleet.yaml": {f"model '{n}'": _keys(m) for n, m in project.fleet.models.items()},
        "mesh.yaml": {"": _only(_keys(project.settings), *_SETTINGS)},
        **{f"agents/{agent.name}.md": {"": _keys(agent)} for agent in _used(project, graph)},
        **{file: {"": {"": text}} for file, text in _read(project).items()},
    }
    return {
        "nodes": {name: definition(project, node) for name, node in graph.nodes.items()},
        "policy": project.policy_hash,
        "files": sections,
    }


def definition(project: Project, node: Node) -> str:
    """The digest of all that the project says about what `node` does, the policy left aside."""
    agents = [agent.model_dump(mode="json") for agent in _agents(project, node)]
    # A router or decomposer sees who there is; a prompt is its agent's own matter.
    known = [(a.name, a.role, a.task, a.description) for _, a in sorted(project.agents.items())]
    declared = node.model_dump(mode="json", by_alias=True)
    return digest([declared, agents, known if node.agent else (), _read(project)])


def _read(project: Project) -> dict[str, str]:
    """The digest of each file that is read besides the declared ones."""
    named = project.settings.checking.support
    return {**project.python, **({named: digest(project.support)} if named else {})}


def changes(old: Description, new: Description) -> tuple[str, ...]:
    """What differs, in words: `graphs/x.yaml: node 'check' changed: family`."""
    if not old:
        return (_UNKNOWN,)
    return tuple(
        f"{file}: {what}"
        for file in dict.fromkeys((*old["files"], *new["files"]))
        for what in _differences(old["files"].get(file), new["files"].get(file))
    )


def outdated(old: Description, new: Description, edges: Edges) -> frozenset[str]:
    """The nodes whose recorded results do not count any more, or may get other inputs."""
    if not old or old["policy"] != new["policy"]:
        return frozenset(new["nodes"])
    found = {name for name, value in new["nodes"].items() if old["nodes"].get(name) != value}
    rank = {name: index for index, name in enumerate(edges.order)}
    for name in edges.order:  # a way back does not touch what was recorded before it
        if name in found:
            found |= {to for start, to in edges.all if start == name and rank[to] > rank[name]}
    return frozenset(found)


def _differences(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[str]:
    """How the sections of one file differ."""
    if old is None or new is None:
        yield "added" if old is None else "removed"
        return
    for section in dict.fromkeys((*old, *new)):
        if section not in new:
            yield f"{section} removed"
        elif section not in old:
            yield f"{section} added"
        elif old[section] != new[section] and (section != _ORDER or set(old) == set(new)):
            before, after = old[section], new[section]
            keys = [k for k in dict.fromkeys((*before, *after)) if before.get(k) != after.get(k)]
            named = ", ".join(key for key in keys if key)
            if section and named:
                yield f"{section} changed: {named}"
            else:
                yield f"{section or named} changed".strip()


def _graph(graph: Graph) -> dict[str, dict[str, str]]:
    nodes = {f"node '{name}'": _keys(node) for name, node in graph.nodes.items()}
    own = {"input": _short(graph.input), "output": _short(graph.output)}
    return {**nodes, "": own}


def _policy(project: Project) -> dict[str, dict[str, str]]:
    policy = project.policy
    rest = {k: v for k, v in _keys(policy).items() if k not in ("routes", "objective")}
    return {
        "objective": _keys(policy.objective),
        **{f"route '{route.name}'": _keys(route) for route in policy.routes},
        _ORDER: {"": _short([route.name for route in policy.routes])},
        "": rest,
    }


def _used(project: Project, graph: Graph) -> list[Agent]:
    used = {a.name: a for node in graph.nodes.values() for a in _agents(project, node)}
    return list(used.values())


def _agents(project: Project, node: Node) -> list[Agent]:
    """The agents that may act at a node; a dotted reference may come to any specialist."""
    if node.agent is None:
        return []
    if "." not in node.agent:
        return [project.agents[node.agent]]
    return [agent for _, agent in sorted(project.agents.items()) if agent.role == "specialist"]


def _keys(declared: Any) -> dict[str, str]:
    plain = declared.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {key: _short(value) for key, value in plain.items()}


def _only(values: Mapping[str, str], *keys: str) -> dict[str, str]:
    return {key: value for key, value in values.items() if key in keys}


def _short(value: Any) -> str:
    return digest(value)[:8]
