"""Random declared graphs that are valid, with choices, loops, fan-out and conditions."""

from __future__ import annotations

import random
from typing import Any

from orchestrator.errors import UserError
from orchestrator.graph.edges import find_edges
from orchestrator.project.schema import Graph


def random_graph(seed: int, size: int = 9) -> Graph:
    """A graph of `size` nodes; the same for the same seed."""
    chance = random.Random(seed)
    while True:
        graph = Graph.model_validate(_declared(chance, size))
        try:
            find_edges(graph)
        except UserError:
            continue  # reads across a choice; compile refuses it
        return graph


def _declared(chance: random.Random, size: int) -> dict[str, Any]:
    names = [f"n{number}" for number in range(size)]
    nodes: dict[str, dict[str, Any]] = {}
    for number, name in enumerate(names):
        read = chance.sample(names[:number], k=min(number, chance.randint(0, 3))) or ["question"]
        kind = chance.choice(("agent", "tool", "function", "each", "when"))
        if kind == "tool":
            nodes[name] = {"tool": "t", "with": {f"p{n}": other for n, other in enumerate(read)}}
        elif kind == "each":
            nodes[name] = {"each": f"{read[0]}.items", "agent": "a", "from": read[1:]}
        elif kind == "function":
            nodes[name] = {"function": "f", "from": read}
        else:
            nodes[name] = {"agent": "a", "from": read, "when": "c" if kind == "when" else None}
    for number in sorted(chance.sample(range(1, size - 1), k=chance.randint(0, 2))):
        on = chance.sample(names[number + 1 :], k=1)
        back = chance.sample(names[: number + 1], k=chance.randint(0, 1))
        targets = [*on, *back]
        nodes[names[number]] = {
            "function": "f",
            "from": [chance.choice(names[:number])],
            "to": {f"label-{n}": target for n, target in enumerate(targets)},
            "at_most": 2 if back else None,
        }
    return {
        "name": "random",
        "description": "Made by chance.",
        "input": {"question": "text"},
        "nodes": nodes,
        "output": names[-1],
    }
