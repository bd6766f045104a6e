"""The rule decomposer: a request becomes a plan by its grammar alone, always the same way."""

from __future__ import annotations

import re
from collections.abc import Sequence

from orchestrator.call_types import CallRequest
from orchestrator.project.registry import builtin
from orchestrator.roles.arithmetic import shown
from orchestrator.roles.calc.quantities import find
from orchestrator.roles.calc.solve import solve
from orchestrator.roles.clauses import Clause, split, task_of
from orchestrator.roles.references import referred
from orchestrator.roles.values import Plan, Subtask

NAME = "rule-decomposer"
MOST_SUBTASKS = 12
_PRONOUN = re.compile(r"\b(?:it|its|they|them|their)\b", re.IGNORECASE)


@builtin(NAME)
def rule_decomposer(request: CallRequest) -> str:
    """A `Plan` as JSON for the input `question`.

    Raises:
        ValueError: an empty request, or one of more parts than a plan may have.
    """
    return plan(str(request.inputs.get("question") or "")).model_dump_json()


def plan(question: str) -> Plan:
    """The plan of a request. Raises `ValueError` as `rule_decomposer` does."""
    clauses = split(question)
    if not clauses:
        raise ValueError("the request is empty")
    asked = [c for c in clauses if c.asks]
    if len(asked) < 2:
        text = " ".join(question.split())
        return Plan(subtasks=(_single(text, asked[0] if asked else None),), by=NAME)
    if len(asked) > MOST_SUBTASKS:
        raise ValueError(f"the request has {len(asked)} parts; at most {MOST_SUBTASKS} are planned")
    context = " ".join(c.text for c in clauses if not c.asks)
    subtasks: list[Subtask] = []
    for index, clause in enumerate(asked):
        others = [c.text for i, c in enumerate(asked) if i != index] + [context]
        subtasks.append(_subtask(clause, subtasks, asked, others, context))
    return Plan(subtasks=tuple(subtasks), by=NAME)


def _single(text: str, clause: Clause | None) -> Subtask:
    task = _task(clause.text, text) if clause else "extract"
    return Subtask(id=task, description=text, task=task)


def _subtask(
    clause: Clause,
    earlier: Sequence[Subtask],
    asked: Sequence[Clause],
    others: Sequence[str],
    context: str,
) -> Subtask:
    task = _task(clause.text, clause.text)
    known = [(s.id, s.task, c.text) for s, c in zip(earlier, asked, strict=False)]
    needs = referred(clause.text, known)
    if clause.follows and not needs and earlier:
        needs = (earlier[-1].id,)
    description = clause.text.rstrip(" .,;")
    if task == "math":
        description = _with_numbers(description, others)
    elif needs:
        said = "; ".join(text.rstrip(" .,;") for part, _, text in known if part in needs)
        description = f"{description} (from: {said})"
    elif known and _PRONOUN.search(description):
        description = f"{description} (about: {known[-1][2].rstrip(' .,;')})"
    if context and task != "math":
        description = f"{description} (context: {context})"
    return Subtask(
        id=_free_id(task, earlier),
        description=description[0].upper() + description[1:],
        task=task,
        needs=needs,
    )


def _task(text: str, whole: str) -> str:
    """By the verb; a question is `math` where its own numbers can be calculated."""
    task = task_of(text)
    if not task or (task == "extract" and any(c.isdigit() for c in text)):
        return "math" if _solvable(whole) else "extract"
    return task


def _with_numbers(description: str, others: Sequence[str]) -> str:
    """A calculation with the quantities of the other parts that it cannot do without."""
    if _solvable(description):
        return description
    phrases = []
    for text in others:
        try:
            phrases += [f"{shown(q.value)} {q.word}" for q in find(text) if q.counts and not q.per]
        except ValueError:
            continue  # an amount in another part that can be read in two ways is not ours
    for phrase in dict.fromkeys(phrases):
        if _solvable(f"{description} ({phrase})"):
            return f"{description} ({phrase})"
    said = " ".join(t for t in others if any(c.isdigit() for c in t))
    if said and _solvable(f"{description}. {said}"):
        return f"{description}. {said}"
    return description


def _solvable(text: str) -> bool:
    try:
        solve(text)
    except ValueError:
        return False
    return True


def _free_id(task: str, earlier: Sequence[Subtask]) -> str:
    same = sum(s.task == task for s in earlier)
    return task if not same else f"{task}-{same + 1}"
