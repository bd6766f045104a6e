"""From the messages of a chat to the inputs that a graph declares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.call_types import Message, text_of
from orchestrator.errors import UserError
from orchestrator.gateway.chat.wanted import Wanted
from orchestrator.gateway.errors import ApiError, bad_request
from orchestrator.gateway.graphs.documents import declared_sources
from orchestrator.gateway.needs import unknown
from orchestrator.graph.answer import check_inputs
from orchestrator.project.schema import Graph, Project


@dataclass(frozen=True, slots=True)
class Given:
    """What a graph is given."""

    inputs: dict[str, Any]
    documents: str | None
    """The input that the documents of the request are for."""
    ignored: tuple[str, ...] = ()
    """What the request says and the graph has no use for, in words."""


def given_by(wanted: Wanted, graph: Graph, project: Project) -> Given:
    """The last message is the first text that the graph declares, what was said before is its
    conversation, and all else comes from `mesh.inputs`.

    Raises:
        ApiError: 400: what the graph cannot take, with the near name where there is one.
    """
    _refuse(wanted, graph)
    question = _first(graph, "text")
    if question is None:
        raise bad_request(
            f"graph '{graph.name}' declares no text, so no message can be put to it", "model"
        )
    inputs = _said(wanted, graph, project, question)
    inputs[question] = _last_text(wanted.messages)
    ignored = list(_ignored(wanted))
    earlier = wanted.messages[:-1]
    conversation = _first(graph, "turns")
    if earlier and (conversation is None or wanted.needs.thread is not None):
        ignored.append("messages before the last")
    elif earlier and conversation is not None:
        inputs[conversation] = turns_of(earlier)
    documents = _for_documents(graph, inputs) if wanted.needs.documents else None
    try:
        check_inputs(graph, inputs if documents is None else {**inputs, documents: []})
    except UserError as error:
        raise bad_request(f"mesh.inputs: {error}", "mesh.inputs") from error
    return Given(inputs, documents, tuple(ignored))


def last_words(messages: Sequence[Message]) -> str:
    """What a person answers to a question of the graph: the text of the last message."""
    return _last_text(messages)


def turns_of(messages: Sequence[Message]) -> list[dict[str, str]]:
    """Questions with the answers that followed them; texts of one side that follow each other are
    one."""
    turns: list[dict[str, str]] = []
    before = ""
    for message in messages:
        role, text = message["role"], text_of(message)
        key = "question" if role == "user" else "answer"
        if role == "user" and before != "user":
            turns.append({"question": "", "answer": ""})
        if turns:
            turns[-1][key] = "\n".join(filter(None, (turns[-1][key], text)))
        before = role
    return turns


def _said(wanted: Wanted, graph: Graph, project: Project, question: str) -> dict[str, Any]:
    """The inputs of `mesh.inputs`, sources by their names."""
    inputs: dict[str, Any] = {}
    for name, value in (wanted.needs.inputs or {}).items():
        where = f"mesh.inputs.{name}"
        kind = graph.input.get(name)
        if kind is None:
            known = [n for n in graph.input if n != question]
            raise unknown("input", name, known, where)
        if name == question or kind == "turns?":
            raise bad_request(f"{where}: this comes from the messages; leave it out", where)
        inputs[name] = (
            declared_sources(project, value, where) if kind.startswith("paths") else value
        )
    return inputs


def _for_documents(graph: Graph, inputs: dict[str, Any]) -> str:
    name = _first(graph, "paths")
    if name is None:
        raise bad_request(
            f"mesh.documents: graph '{graph.name}' reads no files; leave them out", "mesh.documents"
        )
    if name in inputs:
        raise bad_request(
            f"mesh.documents: they are for '{name}', which stands in 'mesh.inputs' already",
            "mesh.documents",
        )
    return name


def _first(graph: Graph, kind: str) -> str | None:
    return next((n for n, declared in graph.input.items() if declared.rstrip("?") == kind), None)


def _last_text(messages: Sequence[Message]) -> str:
    last = messages[-1]
    text = text_of(last) if last["role"] == "user" else ""
    if not text.strip():
        raise bad_request(
            "messages: the last one must be the user's, with a text: it is what the graph is asked",
            "messages",
        )
    return text


def _refuse(wanted: Wanted, graph: Graph) -> None:
    """What would change the answer and cannot be had of a graph."""
    roles = {message["role"] for message in wanted.messages}
    wrong = {
        "tools": bool(wanted.tools),
        "response_format": wanted.form.schema is not None or wanted.form.check is not None,
        "n": wanted.n > 1,
        "stop": bool(wanted.stop),
    }
    for name, is_said in wrong.items():
        if is_said:
            raise _cannot(name, f"{name}: graph '{graph.name}' gives one answer of its own form")
    for role in ("system", "tool"):
        if role in roles:
            raise _cannot(
                "messages",
                f"messages: found one of role '{role}'; the agents of graph '{graph.name}' have "
                "prompts and tools of their own",
            )
    if {"vision", "audio", "files"} & set(wanted.can):
        raise _cannot("messages", f"messages: graph '{graph.name}' reads texts only")


def _cannot(param: str, said: str) -> ApiError:
    return bad_request(f"{said}; leave it out", param, code="unsupported_parameter")


def _ignored(wanted: Wanted) -> list[str]:
    """How to call a model is for the graph's agents to say."""
    settings = {
        "temperature": wanted.temperature,
        "max_tokens": wanted.max_tokens,
        "reasoning_effort": wanted.reasoning_effort,
        "seed": wanted.seed,
    }
    return [*(name for name, value in settings.items() if value is not None), *wanted.extra]
