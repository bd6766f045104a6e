"""What a node of a declared graph does when its turn comes: read, run once, and be recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator.graph.ahead import Turn
from orchestrator.graph.edges import reads
from orchestrator.graph.state import Recorded, Run, journaled, recall
from orchestrator.graph.steps import agent_node, each_node, function_node, own_code, tool_node
from orchestrator.project.schema import Node
from orchestrator.records import Hop
from orchestrator.types import digest


async def execute(run: Run, name: str, turn: Turn) -> tuple[str, Recorded]:
    """Run node `name`, or find it in the journal. Returns its journal key and result."""
    node = run.graph.nodes[name]
    inputs = await inputs_of(run, node, turn)
    families = await _families(run, node, turn)

    async def work() -> Recorded:
        if node.when and not holds(run, name, node.when, inputs):
            passed = await _passed_through(run, node, turn)
            if node.ask:  # a question that nobody was asked is no step
                return replace(passed, hops=())
            return replace(passed, hops=(_skipped(run, name, node, turn),))
        if node.tool:
            return await tool_node(run, name, turn, inputs)
        if node.function:
            return await function_node(run, name, turn, inputs)
        if node.each:
            return await each_node(run, name, turn, inputs, families)
        return await agent_node(run, name, turn, inputs, families)

    return await journaled(run, name, turn, [inputs, families], work)


def holds(run: Run, name: str, condition: str, inputs: Mapping[str, Any]) -> bool:
    """Whether the registered `condition` of node `name` holds."""
    test = run.registry.get("condition", condition)
    with own_code(name, f"condition {condition}"):
        return bool(test(inputs))


async def inputs_of(run: Run, node: Node, turn: Turn) -> dict[str, Any]:
    """By name: the latest result of every node that `node` reads, and the run's inputs.

    In a later round also what sent the run back; a function gets only what it has said itself.
    """
    found: dict[str, Any] = {}
    for name in reads(node):
        if name in run.graph.nodes:
            if name in turn.values:
                found[name] = (await recall(run, turn.values[name])).value
        elif name in run.graph.input:
            found[name] = run.inputs.get(name)
    for name in turn.sent_back_by.values():
        if name in turn.values and (not node.function or run.graph.nodes[name] is node):
            found.setdefault(name, (await recall(run, turn.values[name])).value)
    return found


async def _families(run: Run, node: Node, turn: Turn) -> tuple[str, ...]:
    if not node.family:
        return ()
    other = node.family.removeprefix("other-than ")
    return (await recall(run, turn.values[other])).families if other in turn.values else ()


async def _passed_through(run: Run, node: Node, turn: Turn) -> Recorded:
    source = node.of or (node.from_[0] if node.from_ else "")
    if source in turn.values:
        return await recall(run, turn.values[source])
    return Recorded(value=run.inputs.get(source))


def _skipped(run: Run, name: str, node: Node, turn: Turn) -> Hop:
    now = run.services.clock.now()
    hop = Hop(
        id=f"{run.request.trace_id}.{digest([name, turn.round, 'skipped'])}",
        trace_id=run.request.trace_id,
        node=name,
        round=turn.round,
        role="agent" if node.agent else "tool" if node.tool else "function",
        agent=node.agent or node.tool or node.function,
        status="skipped",
        notes=(f"passed through: the condition {node.when} does not hold",),
        started_at=now,
    )
    return run.record(hop)
