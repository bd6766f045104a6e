"""Checks of fleet.yaml: names, and what a deployment needs so that it can be called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from urllib.parse import urlsplit

from orchestrator.call_types import Asks
from orchestrator.errors import Problem
from orchestrator.project._check_encoder import check_encoder
from orchestrator.project._documents import Document, KeyPath
from orchestrator.project._names import duplicates, registered, unknown
from orchestrator.project._words import Words
from orchestrator.project.fleet_schema import DeploymentDeclaration, Fleet, ModelDeclaration
from orchestrator.project.names import listing
from orchestrator.project.registry import TRANSPORTS, Registry, transports

_NEEDS: Mapping[str, tuple[str, ...]] = {
    "litellm": ("model",),
    "openai": ("model", "endpoint"),
    "llamacpp": ("weights",),
    "builtin": ("function",),
    "encoder": ("weights", "encoder"),
    "embedder": ("model",),
}
_TARGETS = ("model", "weights", "function", "encoder")
_HTTP = ("litellm", "openai")


def check_fleet(
    fleet: Fleet,
    document: Document,
    registry: Registry | None,
    tasks: Words,
    capabilities: Words,
) -> list[Problem]:
    """Each model and deployment by itself."""
    problems: list[Problem] = []
    for name, model in fleet.models.items():
        held = ("models", name, "deployments")
        problems += _model(model, ("models", name), document)
        problems += _words(model, ("models", name), document, tasks, capabilities)
        ids = [deployment.id for deployment in model.deployments]
        problems += duplicates(document, "deployment", ids, partial(_id, held))
        for index, deployment in enumerate(model.deployments):
            problems += _deployment(deployment, (*held, index), document, registry)
            problems += check_encoder(model, deployment, (*held, index), document)
            problems += _brings(model, deployment.via, (*held, index, "via"), document, registry)
    return problems


def _id(deployments: KeyPath, index: int) -> KeyPath:
    return (*deployments, index, "id")


def _model(model: ModelDeclaration, path: KeyPath, document: Document) -> Iterator[Problem]:
    if not model.tasks:
        yield document.problem(
            path,
            "this model serves no task, so it is never chosen",
            of_key=True,
            allowed='tasks: {draft: 0.8}, or {"*": 0.5} for every task',
            code="model-without-tasks",
            severity="warning",
        )
    if model.context and model.max_output and model.max_output > model.context:
        yield document.problem(
            (*path, "max_output"),
            "the model cannot write more than its context holds",
            found=str(model.max_output),
            allowed=f"at most its context, {model.context}",
            code="output-beyond-context",
            severity="warning",
        )


def _words(
    model: ModelDeclaration, path: KeyPath, document: Document, tasks: Words, capabilities: Words
) -> Iterator[Problem]:
    """A task or capability that most likely is another one misspelt."""
    for task in model.tasks:
        near = tasks.slip(task)
        if near:
            yield document.problem(
                (*path, "tasks", task),
                "no agent, route or other model has this task",
                of_key=True,
                found=task,
                allowed=listing(set(tasks.used) - {task}),
                near=near,
                code="unknown-task",
                severity="warning",
            )
    for index, word in enumerate(model.can):
        near = capabilities.slip(word)
        if near:
            yield document.problem(
                (*path, "can", index),
                "no other model can this",
                found=word,
                allowed=listing(set(capabilities.used) - {word}),
                near=near,
                code="unknown-capability",
                severity="warning",
            )


def _deployment(
    deployment: DeploymentDeclaration, path: KeyPath, document: Document, registry: Registry | None
) -> list[Problem]:
    via = deployment.via
    problems = _via(via, (*path, "via"), document, registry)
    problems += registered(document, registry, "builtin", deployment.function, (*path, "function"))
    wanted = _NEEDS.get(via)
    if wanted is None:
        return problems
    for key in wanted:
        # The list of a discovered server says which model it holds.
        if getattr(deployment, key) is None and not (key == "model" and deployment.discover):
            message = f"a deployment via {via} needs the key '{key}'"
            allowed = _EXAMPLES[key]
            problems.append(
                document.problem(
                    (*path, key), message, of_key=True, allowed=allowed, code="missing-key"
                )
            )
    unused = [key for key in _TARGETS if key not in wanted]
    unused += [] if via == "litellm" else ["params"]
    for key in unused:
        if getattr(deployment, key) not in (None, {}):
            message = f"a deployment via {via} has no use for the key '{key}'"
            allowed = ", ".join(wanted)
            problems.append(
                document.problem(
                    (*path, key),
                    message,
                    of_key=True,
                    found=key,
                    allowed=allowed,
                    code="key-without-use",
                )
            )
    if via in _HTTP and deployment.endpoint:
        problems += _endpoint(deployment.endpoint, (*path, "endpoint"), document)
    return problems


def _via(via: str, path: KeyPath, document: Document, registry: Registry | None) -> list[Problem]:
    if registry is None:
        return []
    return unknown(document, "transport", (via,), transports(registry), lambda _: path)


def _brings(
    model: ModelDeclaration,
    via: str,
    path: KeyPath,
    document: Document,
    registry: Registry | None,
) -> Iterator[Problem]:
    """Vectors and images come by some transports only, and one of them brings nothing else."""
    if registry is None or via not in transports(registry):
        return
    for task in model.tasks:
        able = registry.names(TRANSPORTS[_BROUGHT.get(task, "text")])
        if via not in able:
            yield document.problem(
                path,
                f"a deployment via {via} cannot serve the task '{task}'",
                found=via,
                allowed=listing(able),
                code="task-beyond-transport",
            )


_BROUGHT: Mapping[str, Asks] = {"embed": "vectors", "image": "images"}

_EXAMPLES: Mapping[str, str] = {
    "model": "model: the provider's name of the model",
    "endpoint": "endpoint: a URL such as http://127.0.0.1:8080/v1",
    "weights": "weights: a .gguf path, a hub reference, or an installed weights package",
    "function": "function: a registered builtin",
    "encoder": "encoder: {kind: similarity}, or pairs, or classifier",
}


def _endpoint(endpoint: str, path: KeyPath, document: Document) -> Iterator[Problem]:
    """An http(s) URL with a host; `host:port` alone is taken as http."""
    if "${" in endpoint:
        return  # its variable is not set here, so what it will be is not known
    scheme, divided, rest = endpoint.partition("://")
    url = endpoint if divided else f"http://{endpoint}"
    try:
        parts = urlsplit(url)
        good = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, brackets that are not closed
        good = False
    if good and parts.scheme in ("http", "https") and not re.search(r"[\s$]", endpoint):
        return
    secure = divided and scheme.lower() not in ("http", "https") and scheme.endswith("s")
    near = f"{'https' if secure else 'http'}://{rest}" if divided and rest else ""
    if "$" in endpoint:  # as a shell writes a variable
        near = re.sub(r"\$(\w+)", r"${\1}", endpoint)
    yield document.problem(
        path,
        "this is not the URL of an HTTP server",
        found=endpoint,
        allowed="http://HOST:PORT/PATH or https://HOST/PATH",
        near=near,
        code="bad-endpoint",
    )
