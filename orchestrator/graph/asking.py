"""A question to a person: the run stops there, durably, until somebody has answered.

It is LangGraph's `interrupt`. In somebody else's graph the interrupt carries the question, and
what `Command(resume=…)` brings is the answer. A run of the `Mesh` leaves only the node's name in
the checkpoint, since the texts belong to the journal, and the answer goes there as well.
"""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from orchestrator.errors import InternalError, UserError, WaitingError
from orchestrator.graph.ahead import Turn, turn_of
from orchestrator.graph.approving import Approvals, Decision
from orchestrator.graph.execute import holds, inputs_of
from orchestrator.graph.state import Recorded, Run, keep
from orchestrator.project.names import nearest
from orchestrator.records import Hop
from orchestrator.roles.looping.acts import APPROVE
from orchestrator.types import as_json, digest

R = TypeVar("R")
PERSON = "person"
"""The role of such a step on the trace; its agent is who answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person is asked."""

    run: str
    node: str
    text: str
    shown: Mapping[str, str]
    """What the person is to see, by node or input name."""
    allowed: tuple[str, ...] = ()
    """The answers that it takes; empty where any text will do."""
    round: int = 0
    approval: str = ""
    """The id of the approval that it is about; empty for a question of the graph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanAnswer:
    """What a person said, and who that was."""

    text: str
    by: str = ""
    """Empty: the user of the operating system."""
    because: str = ""
    """Why, where it is about an approval."""
    arguments: Mapping[str, Any] | None = None
    """Of an approval: those that the person approves in the place of the model's."""

    @property
    def who(self) -> str:
        return self.by or _user()


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that waits, and the journal key of its answer; none for an approval."""

    question: Question
    key: str = ""


async def ask(run: Run, name: str, state: Turn) -> None:
    """Return once the question of node `name` is answered; until then LangGraph is interrupted."""
    node = run.graph.nodes[name]
    turn = turn_of(run.ahead.edges, name, state)
    inputs = await inputs_of(run, node, turn)
    key = run.key(name, turn, [inputs, ()])
    if await run.journal.get(key) is not None:
        return
    if node.when and not holds(run, name, node.when, inputs):
        return
    from langgraph.types import interrupt

    question = Question(
        run=run.request.trace_id,
        node=name,
        text=node.ask or "",
        shown={name: _shown(value) for name, value in inputs.items()},
        allowed=tuple(node.to),
        round=turn.round,
    )
    run.asked[name] = Asked(question, key)
    if not run.embedded:
        interrupt({"node": name})
    said = interrupt(as_json(question))
    answer = said if isinstance(said, HumanAnswer) else HumanAnswer(text=str(said))
    await take_answer(run, name, answer)


async def take_answer(run: Run, name: str, answer: HumanAnswer) -> None:
    """Record what a person answered to the question that waits at node `name`.

    Raises:
        UserError: an empty answer, or none of those that the question allows.
    """
    asked = run.asked[name]
    question, now = asked.question, run.services.clock.now()
    if question.approval:
        await settle(run, question, answer)
        del run.asked[name]
        return
    text = checked(question.text, question.allowed, answer.text)
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    shown = [f"{name}:\n{said}" for name, said in question.shown.items()]
    hop = Hop(
        id=f"{question.run}.{digest([name, question.round, PERSON])}",
        trace_id=question.run,
        node=name,
        round=question.round,
        role=PERSON,
        agent=answer.who,
        prompt="\n\n".join([question.text, *shown]),
        output=text,
        notes=(f"answered by {answer.who} at {moment}",),
        started_at=now,
    )
    label = text if question.allowed else ""
    await keep(run, name, asked.key, Recorded(value=text, label=label, hops=(hop,)))
    run.record(hop)
    del run.asked[name]


async def acted(run: Run, name: str, step: Callable[[], Awaitable[R]]) -> R:
    """What `step` brings; while a call of a tool in it waits for a person, LangGraph is
    interrupted.

    In somebody else's graph the interrupt carries the question, and an answer counts for the
    approval alone that it names: `{"approval": ID, "answer": "approve"}`, with `because`, `by` and
    `arguments` where there are any.
    """
    while True:
        try:
            return await step()
        except WaitingError as waiting:
            from langgraph.types import interrupt

            question = Question(
                run=waiting.run,
                node=waiting.node,
                text=waiting.question,
                shown=waiting.shown,
                allowed=waiting.allowed,
                approval=waiting.approval,
            )
            run.asked[name] = Asked(question)
            if not run.embedded:
                interrupt({"node": name})
            said = interrupt(as_json(question))
            # A node that is run again is handed the answers to what it asked before, in order.
            del run.asked[name]
            if isinstance(said, Mapping) and said.get("approval") == question.approval:
                given = {k: said[k] for k in ("by", "because", "arguments") if said.get(k)}
                text = str(said.get("answer") or "")
                await settle(run, question, HumanAnswer(text=text, **given))


async def settle(run: Run, question: Question, answer: HumanAnswer) -> None:
    """Take what a person said of an act.

    Raises:
        UserError: it is neither approve nor reject, or cannot be said any more.
    """
    approvals = run.request.approvals
    if not isinstance(approvals, Approvals):
        raise InternalError("an approval waits, and there is no place where it is kept")
    text = checked(question.text, question.allowed, answer.text)
    through = "graph" if run.embedded else "run"
    await asyncio.to_thread(approvals.decide, question.approval, decision(text, answer, through))


def decision(text: str, answer: HumanAnswer, through: str) -> Decision:
    """An answer as what it says of an act."""
    return Decision(
        approve=text == APPROVE,
        by=answer.who,
        because=answer.because,
        arguments=answer.arguments,
        through=through,
    )


def checked(question: str, allowed: Sequence[str], text: str) -> str:
    """The answer as the question takes it: any text, or one of those allowed, in any case.

    Raises:
        UserError: an empty answer, or none of those that the question allows.
    """
    text = text.strip()
    if not text:
        raise UserError(f"the answer to '{question}' is empty")
    if not allowed:
        return text
    by_case = {label.lower(): label for label in allowed}
    if text.lower() not in by_case:
        near = nearest(text.lower(), allowed)
        hint = f"; did you mean '{near}'?" if near else ""
        known = ", ".join(allowed)
        raise UserError(f"'{text}' is no answer to '{question}'; allowed: {known}{hint}")
    return by_case[text.lower()]


def _shown(value: Any) -> str:
    """A value for a person: the text of what has one, else its content."""
    if isinstance(value, str):
        return value
    text = getattr(value, "text", None)
    if isinstance(text, str):
        return text
    if isinstance(value, tuple) and value:
        return "\n\n".join(_shown(item) for item in value)
    return json.dumps(as_json(value), ensure_ascii=False, indent=2)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        return "unknown"
