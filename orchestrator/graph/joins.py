"""Where branches of a choice come together again.

A node waits for *all* that it reads. Of branches that a choice leaves open only one is taken, so
a node that reads several of them waits for one: it has alternatives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx as nx


def alternatives(
    drawn: nx.DiGraph[str],
    choices: Mapping[str, Mapping[str, str]],
    waits: Mapping[str, Sequence[str]],
) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Node → the sets of nodes it may wait for: it runs as soon as one set is complete.

    Args:
        drawn: every edge, choices among them, loops left out.
        waits: node → all the nodes that it reads, in either branch.
    """
    import networkx as nx

    apart = [found for labels in choices.values() for found in _branches(drawn, labels)]

    def together(sources: Sequence[str]) -> tuple[tuple[str, ...], ...]:
        """The largest sets of which one run can come to every node: cliques."""
        if not apart or len(sources) < 2:
            return (tuple(sources),) if sources else ()
        compatible: nx.Graph[str] = nx.Graph()
        compatible.add_nodes_from(sources)
        pairs = combinations(sources, 2)
        compatible.add_edges_from(p for p in pairs if not any(_divides(*p, two) for two in apart))
        place = {name: index for index, name in enumerate(sources)}
        found = (sorted(one, key=place.__getitem__) for one in nx.find_cliques(compatible))
        return tuple(sorted((tuple(one) for one in found), key=lambda one: place[one[0]]))

    return {node: together(sources) for node, sources in waits.items()}


Apart = tuple[frozenset[str], frozenset[str]]
"""Two sets of nodes, of which a run comes to one at most."""


def _branches(drawn: nx.DiGraph[str], labels: Mapping[str, str]) -> list[Apart]:
    """For each two targets of a choice: what only the one leads to, and what only the other."""
    import networkx as nx

    targets = sorted(set(labels.values()))
    reached = {t: nx.descendants(drawn, t) | {t} for t in targets}
    return [
        (frozenset(reached[one] - reached[other]), frozenset(reached[other] - reached[one]))
        for i, one in enumerate(targets)
        for other in targets[i + 1 :]
    ]


def _divides(one: str, other: str, two: Apart) -> bool:
    left, right = two
    return (one in left and other in right) or (one in right and other in left)
