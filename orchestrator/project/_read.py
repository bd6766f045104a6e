"""One declared file: read, its variables filled in, searched for secrets, validated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from orchestrator.errors import Problem
from orchestrator.project._documents import (
    Document,
    KeyPath,
    read_front_matter,
    read_yaml,
    shown_path,
    snippet,
)
from orchestrator.project._files import Source
from orchestrator.project._problems import SECRET_MESSAGE, from_elsewhere, validate
from orchestrator.project._values import (
    BadReferenceError,
    UnsetVariableError,
    filled,
    is_secret,
    secrets_in,
)
from orchestrator.project.compiled import Entry
from orchestrator.project.fleet_schema import Fleet
from orchestrator.project.policy_schema import Policy
from orchestrator.project.refreshed_schema import Refreshed
from orchestrator.project.schema import Agent, Graph, Settings
from orchestrator.project.suite_schema import Suite

SECRET_ALLOWED = "the variable's name, or ${NAME} inside a text"

_CLASSES: dict[str, type[BaseModel]] = {
    "mesh.yaml": Settings,
    "fleet.yaml": Fleet,
    "fleet.refreshed.yaml": Refreshed,
    "policy.yaml": Policy,
    "agents": Agent,
    "graphs": Graph,
    "evals": Suite,
}


def read_source(source: Source, env: Mapping[str, str], problems: list[Problem]) -> Entry[Any]:
    """One file, read and validated. What is wrong with it is added to `problems`."""
    front = source.path.suffix == ".md"
    document = (read_front_matter if front else read_yaml)(source.path, source.file)
    if isinstance(document, Problem):
        problems.append(document)
        return Entry(source=source)
    problems += document.problems
    if front and not document.body:
        message = "the prompt is missing; it follows the front matter"
        line = len(document.lines)
        allowed = "what the model is told, with {{ name }} for what the role fills in"
        problems.append(
            Problem(
                file=source.file, line=line, message=message, allowed=allowed, code="empty-prompt"
            )
        )
    cls = _CLASSES[source.key.split("/")[0]]
    return entry_of(cls, source, document, secrets=_secrets(document), env=env, problems=problems)


def entry_of(
    cls: type[BaseModel],
    source: Source,
    document: Document,
    *,
    secrets: list[Problem],
    env: Mapping[str, str],
    problems: list[Problem],
) -> Entry[Any]:
    """What `document` declares, validated. What is wrong with it is added to `problems`."""
    data, references, wrong = _filled(document, env)
    validated = validate(cls, data, document)
    # A text whose variable is not set has no form yet that could be wrong.
    unfilled = {problem.key for problem in wrong}
    wrong += [problem for problem in validated.problems if problem.key not in unfilled]
    keys = {secret.key for secret in secrets if secret.key}
    problems += secrets + [problem for problem in wrong if problem.key not in keys]
    declared = validated.model
    elsewhere = {"name": source.name, "prompt": document.body}
    update = {key: value for key, value in elsewhere.items() if key in from_elsewhere(cls)}
    if declared is not None and update:
        declared = declared.model_copy(update=update)
    return Entry(
        source=source,
        document=document,
        declared=declared,
        whole=validated.whole,
        references=references,
    )


def _secrets(document: Document) -> list[Problem]:
    """A secret in any line, comments and prompts included, and values that look like one."""
    problems = [
        Problem(
            file=document.file,
            line=number,
            column=column,
            key=shown_path(document.path_at(number)),
            message=SECRET_MESSAGE,
            allowed=SECRET_ALLOWED,
            snippet=snippet(document.lines, number),
            code="literal-secret",
        )
        for number, line in enumerate(document.lines, 1)
        for column in secrets_in(line)
    ]
    keys = {problem.key for problem in problems}
    for path, text in document.texts():
        key = next((step for step in reversed(path) if isinstance(step, str)), "")
        if shown_path(path) not in keys and is_secret(key, text):
            found = f"a text of {len(text)} characters"
            problems.append(
                document.problem(
                    path,
                    SECRET_MESSAGE,
                    found=found,
                    allowed=SECRET_ALLOWED,
                    code="literal-secret",
                )
            )
    return problems


def _filled(
    document: Document, env: Mapping[str, str]
) -> tuple[dict[str, Any], dict[KeyPath, str], list[Problem]]:
    """The document's data with its variables filled in, the texts that held one, the problems."""
    references: dict[KeyPath, str] = {}
    problems: list[Problem] = []
    data: dict[str, Any] = document.root.data
    for path, text in document.texts():
        if "${" not in text or path[-1] == "key":
            continue  # `key` takes the name alone; its pattern refuses the rest
        if not references:
            data = _unshared(data)
        references[path] = text
        try:
            value = filled(text, env)
        except UnsetVariableError as unset:
            if path[-1] == "endpoint":
                continue  # fleet/ says that the deployment is not configured
            message = f"the variable {unset.name} is not set and has no default"
            allowed = f"set {unset.name}, or write ${{{unset.name}:-default}}"
            code = "unset-variable"
            problems.append(document.problem(path, message, found=text, allowed=allowed, code=code))
            continue
        except BadReferenceError as bad:
            message = "this is not a reference to a variable"
            allowed = "${NAME}, ${NAME:-default}, or $${ for the two characters ${"
            found, code = str(bad), "bad-reference"
            problems.append(
                document.problem(path, message, found=found, allowed=allowed, code=code)
            )
            continue
        inner: Any = data
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value
    return data, references, problems


def _unshared(value: Any) -> Any:
    """A copy in which no part stands in two places, as parts under a YAML alias do."""
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else value
