"""The edges of a declared graph: what each node waits for, where a function may send the run.

What a node reads (`of`, `from`, `with`, `each`, a dotted agent) makes its edges. LangGraph's
join waits for *all* named predecessors each time, so a node inside a loop must not wait for a
node outside it: such a wait is moved to the loop's head, and edges that others imply are left
out (transitive reduction).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.errors import UserError
from orchestrator.graph.joins import alternatives
from orchestrator.project.schema import Graph, Node

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True, slots=True)
class Edges:
    """`waits[n]`: the nodes that n waits for; `choices[n]`: label → next node of a function."""

    waits: Mapping[str, tuple[str, ...]]
    alternatives: Mapping[str, tuple[tuple[str, ...], ...]]
    """Node → sets of the nodes that it waits for, one of which must be complete; more than one
    set where branches of a choice come together."""
    choices: Mapping[str, Mapping[str, str]]
    order: tuple[str, ...]
    """Topological, loops left out."""
    entries: tuple[str, ...]
    """The nodes that wait for nothing: where a run begins."""
    bodies: Mapping[str, frozenset[str]]
    """Function that sends the run back → the nodes that run again, itself among them."""
    concerned: Mapping[str, frozenset[str]]
    """Node → the functions whose choices it depends on: it stands in their loop or after them."""
    followers: Mapping[str, tuple[str, ...]]
    """Node → those that wait for it and that no function may leave out."""

    @property
    def all(self) -> frozenset[tuple[str, str]]:
        """Every edge that a run can take, as (from, to)."""
        static = {(source, node) for node, sources in self.waits.items() for source in sources}
        chosen = {(node, to) for node, labels in self.choices.items() for to in labels.values()}
        return frozenset(static | chosen)


def reads(node: Node) -> tuple[str, ...]:
    """The names that a node refers to, inputs and nodes alike, without repetition."""
    names: list[str] = list(node.from_)
    if node.of:
        names.append(node.of)
    if node.each:
        names.append(node.each.split(".")[0])
    if node.agent and "." in node.agent and not node.each:
        names.append(node.agent.split(".")[0])
    names += [value for value in node.with_.values() if isinstance(value, str)]
    return tuple(dict.fromkeys(names))


def find_edges(graph: Graph) -> Edges:
    """The edges of `graph`.

    Raises:
        UserError: the nodes wait for each other in a circle that no function with `to` closes.
    """
    import networkx as nx

    drawn: nx.DiGraph[str] = nx.DiGraph()
    drawn.add_nodes_from(graph.nodes)
    for name, node in graph.nodes.items():
        drawn.add_edges_from((other, name) for other in reads(node) if other in graph.nodes)
        if node.family:
            drawn.add_edge(node.family.removeprefix("other-than "), name)
    if not nx.is_directed_acyclic_graph(drawn):
        circle = " → ".join(edge[0] for edge in nx.find_cycle(drawn))
        raise UserError(f"graph '{graph.name}': these nodes wait for each other: {circle}")
    choices = {name: dict(node.to) for name, node in graph.nodes.items() if node.to}
    bodies = _wait_around_loops_and_choices(drawn, choices)
    if not nx.is_directed_acyclic_graph(drawn):
        circle = " → ".join(edge[0] for edge in nx.find_cycle(drawn))
        raise UserError(
            f"graph '{graph.name}': a node after a choice is also needed before it ({circle}); "
            "let the node read only what stands before the function that chooses"
        )
    reduced = nx.transitive_reduction(drawn)
    rank = {name: index for index, name in enumerate(graph.nodes)}
    waits = {
        name: tuple(
            sorted(
                (s for s in reduced.predecessors(name) if name not in choices.get(s, {}).values()),
                key=rank.__getitem__,
            )
        )
        for name in graph.nodes
    }
    joins = alternatives(drawn, choices, waits)
    order = tuple(nx.lexicographical_topological_sort(drawn, key=lambda n: rank[n]))
    entries = tuple(name for name in graph.nodes if drawn.in_degree(name) == 0)
    concerned = {
        name: frozenset(
            c for c in choices if c in nx.ancestors(drawn, name) or name in bodies.get(c, ())
        )
        for name in graph.nodes
    }
    return Edges(
        waits=waits,
        alternatives=joins,
        choices=choices,
        order=order,
        entries=entries,
        bodies=bodies,
        concerned=concerned,
        followers={
            name: tuple(
                n for n in waits if name in waits[n] and name not in choices and len(joins[n]) == 1
            )
            for name in graph.nodes
        },
    )


def _wait_around_loops_and_choices(
    drawn: nx.DiGraph[str], choices: Mapping[str, Mapping[str, str]]
) -> dict[str, frozenset[str]]:
    """Move waits to where a loop or choice begins or ends; returns the loops' bodies by function.

    A node of a loop waits for nothing outside it, what reads a loop from outside waits for its
    end, and the target of a choice waits for nothing that the choice did not wait for.
    """
    import networkx as nx

    back: dict[str, set[str]] = {}
    for chooser, labels in choices.items():
        before = nx.ancestors(drawn, chooser) | {chooser}
        back[chooser] = set(labels.values()) & before
    for chooser, labels in choices.items():
        before = nx.ancestors(drawn, chooser) | {chooser}
        for target in labels.values():
            if target not in back[chooser]:
                drawn.add_edge(chooser, target)
                after = nx.descendants(drawn, chooser)  # other branches of the same choice
                others = set(drawn.predecessors(target)) - before - after
                drawn.add_edges_from((s, chooser) for s in others)
    edges = -1
    while edges != drawn.number_of_edges():  # what one loop waits for may widen another one
        edges = drawn.number_of_edges()
        bodies = {c: _body(drawn, c, targets) for c, targets in back.items() if targets}
        for chooser, body in bodies.items():
            outside = {s for n in body for s in drawn.predecessors(n)} - body
            drawn.add_edges_from((s, t) for s in outside for t in back[chooser])
            exits = set(choices[chooser].values()) - back[chooser]
            beyond = {m for n in body for m in drawn.successors(n)} - body - exits
            drawn.add_edges_from((e, m) for e in exits for m in beyond)
        if not nx.is_directed_acyclic_graph(drawn):
            break
    return bodies


def _body(drawn: nx.DiGraph[str], chooser: str, targets: Collection[str]) -> frozenset[str]:
    """The nodes that run again where the function sends the run back to one of `targets`."""
    import networkx as nx

    before = nx.ancestors(drawn, chooser) | {chooser}
    again = {n for target in targets for n in nx.descendants(drawn, target) | {target}}
    return frozenset(again & before)
