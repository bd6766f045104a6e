"""The decomposer: a request becomes a DAG of subtasks, or the plan is refused with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.project.names import nearest
from orchestrator.project.registry import role
from orchestrator.project.schema import Agent
from orchestrator.roles.conversation import earlier_turns, turns_in
from orchestrator.roles.output import from_object, json_object
from orchestrator.roles.prompt import fence
from orchestrator.roles.values import Plan
from orchestrator.roles.work import InvalidOutputError, Work
from orchestrator.types import Outcome

MOST_SUBTASKS = 12


@role("decomposer", variables=("question", "tasks"))
async def decompose(work: Work) -> Plan:
    """The plan of the request; what no plan could be made of falls to the next in the chain."""
    tasks = specialist_tasks(work.agents)
    earlier = earlier_turns(turns_in(work.inputs))

    def check(text: str) -> Plan:
        try:
            return checked_plan(text, tuple(tasks))
        except InvalidOutputError as error:
            work.note(f"a plan was refused and replaced: {error}")
            raise

    reply = await work.call(
        variables={
            "question": "\n".join(filter(None, (fence("request", work.question), earlier))),
            "tasks": "\n".join(f"- {task}: {said}" for task, said in tasks.items()),
        },
        inputs={"question": work.question},
        check=check,
        schema=plan_schema(tuple(tasks)),
    )
    refused = [a for a in reply.attempts if a.outcome is Outcome.INVALID_OUTPUT]
    note = "; ".join(f"the plan of {a.deployment} was replaced: {a.error}" for a in refused)
    plan: Plan = reply.value
    return plan.model_copy(update={"by": reply.deployment, "note": note})


def specialist_tasks(agents: Mapping[str, Agent]) -> dict[str, str]:
    """The tasks that specialists serve, each with a description, sorted by task."""
    found = {
        agent.task: agent.description
        for _, agent in sorted(agents.items(), reverse=True)
        if agent.role == "specialist"
    }
    return dict(sorted(found.items()))


def plan_schema(tasks: Sequence[str]) -> dict[str, Any]:
    """The JSON Schema of a plan over these tasks; a model never names the specialist."""
    subtask = {
        "type": "object",
        "properties": {
            "id": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,31}$"},
            "description": {"type": "string", "minLength": 1},
            "task": {"type": "string", "enum": list(tasks)},
            "needs": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["id", "description", "task", "needs"],
        "additionalProperties": False,
    }
    listed = {"type": "array", "items": subtask, "minItems": 1, "maxItems": MOST_SUBTASKS}
    return {
        "type": "object",
        "properties": {"subtasks": listed},
        "required": ["subtasks"],
        "additionalProperties": False,
    }


def checked_plan(text: str, tasks: Sequence[str]) -> Plan:
    """`text` as a plan: few enough subtasks, known tasks, and a DAG.

    Raises:
        InvalidOutputError: what is wrong with it.
    """
    value = json_object(text)
    listed = value.get("subtasks")
    if isinstance(listed, list) and len(listed) > MOST_SUBTASKS:
        raise InvalidOutputError(
            f"the plan has {len(listed)} subtasks; at most {MOST_SUBTASKS} are run"
        )
    plan = from_object(Plan, value)
    ids = [subtask.id for subtask in plan.subtasks]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise InvalidOutputError(f"two subtasks are called '{twice[0]}'")
    for subtask in plan.subtasks:
        for needed in subtask.needs:
            if needed not in ids:
                raise InvalidOutputError(
                    f"subtask '{subtask.id}' needs '{needed}', which is not in the plan"
                    + _hint(needed, ids)
                )
        if subtask.task not in tasks:
            raise InvalidOutputError(
                f"subtask '{subtask.id}' has the unknown task '{subtask.task}'"
                f"; known: {', '.join(tasks)}" + _hint(subtask.task, tasks)
            )
    circle = _circle(plan)
    if circle:
        raise InvalidOutputError(f"the subtasks need each other in a circle: {' → '.join(circle)}")
    unassigned = tuple(s.model_copy(update={"specialist": ""}) for s in plan.subtasks)
    return plan.model_copy(update={"subtasks": unassigned})


def _hint(name: str, known: Sequence[str]) -> str:
    near = nearest(name, known)
    return f"; did it mean '{near}'?" if near else ""


def _circle(plan: Plan) -> list[str]:
    """The subtasks of one cycle, the first repeated at the end; empty for a DAG."""
    import networkx

    graph: networkx.DiGraph[str] = networkx.DiGraph()
    graph.add_nodes_from(s.id for s in plan.subtasks)
    graph.add_edges_from((needed, s.id) for s in plan.subtasks for needed in s.needs)
    try:
        edges = networkx.find_cycle(graph)
    except networkx.NetworkXNoCycle:
        return []
    return [str(edges[0][0]), *(str(edge[1]) for edge in edges)]
