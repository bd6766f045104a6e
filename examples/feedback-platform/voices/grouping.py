"""Messages that say the same, found by their vectors."""

from __future__ import annotations

from collections.abc import Sequence

import networkx as nx

from orchestrator.embedding.load import load_embedder

NEAR = 0.68
"""The cosine from which two messages belong together."""


def groups(messages: Sequence[str]) -> list[list[int]]:
    """The places of those that belong together, the largest group first.

    Two are in one group where a chain of near ones leads from one to the other.
    """
    vectors = load_embedder("static").embed(messages)
    likeness = vectors @ vectors.T
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(messages)))
    for a in range(len(messages)):
        graph.add_edges_from((a, b) for b in range(a) if likeness[a, b] >= NEAR)
    found = [sorted(group) for group in nx.connected_components(graph)]
    return sorted(found, key=lambda group: (-len(group), group))
