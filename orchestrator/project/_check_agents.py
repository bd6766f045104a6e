"""Checks of an agent's front matter and prompt against roles, tasks and what models can."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from orchestrator.errors import Problem
from orchestrator.project._check_valid import check_valid
from orchestrator.project._documents import Document, snippet
from orchestrator.project._names import registered, unknown
from orchestrator.project._words import Words
from orchestrator.project._yaml import BREAK
from orchestrator.project.names import listing, misspelt, nearest
from orchestrator.project.registry import Registry
from orchestrator.project.schema import Agent

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_BRACES = re.compile(r"\{\{.*?\}\}|\{\{|\}\}")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of the project. `None`: not known, so nothing is said of them."""

    tasks: Words
    capabilities: Words | None


def check_agent(
    agent: Agent, document: Document, registry: Registry | None, words: Vocabulary
) -> list[Problem]:
    """Its role and output model, its words, and the variables of its prompt."""
    problems = registered(document, registry, "role", agent.role, ("role",))
    problems += registered(document, registry, "output model", agent.output, ("output",))
    problems += _task(agent, document, words.tasks)
    if agent.valid is not None:
        problems += check_valid(agent.valid, document, registry)
    if words.capabilities is not None:
        known, kind = tuple(words.capabilities.used), "capability of the fleet"
        # One that is near to nothing may be right and the fleet too small; routing will tell.
        slips = [name for name in agent.needs if misspelt(name, known)]
        places = {name: ("needs", i) for i, name in enumerate(agent.needs)}
        problems += unknown(document, kind, slips, known, places.__getitem__)
    if registry is not None and agent.role in registry.names("role"):
        problems += _prompt(document, registry.facts("role", agent.role).variables, agent.role)
    return problems


def _task(agent: Agent, document: Document, tasks: Words) -> Iterator[Problem]:
    near = tasks.slip(agent.task)
    if near:
        yield document.problem(
            ("task",),
            "no model, route or other agent has this task",
            found=agent.task,
            allowed=listing(set(tasks.used) - {agent.task}),
            near=near,
            code="unknown-task",
            severity="warning",
        )


# ── the prompt ───────────────────────────────────────────────────────────────────────────


def _prompt(document: Document, variables: tuple[str, ...] | None, role: str) -> Iterator[Problem]:
    """Each `{{ name }}` is one that the role fills in, and braces enclose nothing else."""
    text = "\n".join(document.lines[document.body_line - 1 :])
    if text.strip() != document.body:  # an agent made by Python: its prompt has one place
        text = document.body
    blank = _VARIABLE.sub(lambda match: " " * len(match[0]), text)
    for match in _BRACES.finditer(blank):
        yield replace(
            _at(document, text, match.start(), "bad-braces"),
            message="'{{' and '}}' enclose variable names only",
            found=match[0],
            allowed="{{ name }}, with small letters, digits and '_'",
        )
    found = [*_VARIABLE.finditer(text)]
    for match in found if variables is not None else ():
        if match[1] not in (variables or ()):
            yield replace(
                _at(document, text, match.start(), "unknown-variable"),
                message=f"the role '{role}' fills in no such variable",
                found=match[1],
                allowed=listing(variables or ()),
                near=nearest(match[1], variables or ()),
            )
    if variables and not found and document.body:
        start = len(text) - len(text.lstrip())
        yield replace(
            _at(document, text, start, "prompt-without-variables"),
            message="the prompt shows the model nothing of the request: it has no variable",
            allowed="at least one of " + ", ".join(f"{{{{ {name} }}}}" for name in variables),
            severity="warning",
        )


def _at(document: Document, text: str, offset: int, code: str) -> Problem:
    """A problem of the prompt at `offset` in `text`, which holds it; its words are to be added."""
    before = BREAK.split(text[:offset])
    line, column = document.body_line + len(before) - 1, len(before[-1]) + 1
    if "prompt" in document.root.items:
        line, column = document.place(("prompt",))
    return Problem(
        file=document.file,
        line=line,
        column=column,
        key="prompt",
        message="",
        snippet=snippet(document.lines, line),
        code=code,
    )
