"""Checks of `encoder:` in fleet.yaml: what a kind of encoder can do, and what it has no use for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.errors import Problem
from orchestrator.project._documents import Document, KeyPath
from orchestrator.project.fleet_schema import DeploymentDeclaration, ModelDeclaration

TASKS: Mapping[str, tuple[str, ...]] = {
    "similarity": ("classify", "rerank"),
    "pairs": ("classify", "check", "rerank"),
    "classifier": ("classify",),
}
"""What each kind of encoder can do."""
STATUSES = ("supported", "contradicted", "unsupported")
_USES: Mapping[str, tuple[str, ...]] = {
    "similarity": ("labels",),
    "pairs": ("labels", "outputs", "threshold"),
    "classifier": ("outputs",),
}


def check_encoder(
    model: ModelDeclaration, deployment: DeploymentDeclaration, path: KeyPath, document: Document
) -> Iterator[Problem]:
    """What this encoder cannot do, and keys that say nothing to it."""
    declared = deployment.encoder
    if declared is None or deployment.via != "encoder":
        return
    kind, here = declared.kind, (*path, "encoder")
    for key in sorted(declared.model_fields_set - {"kind", *_USES[kind]}):
        yield document.problem(
            (*here, key),
            f"an encoder of the kind {kind} has no use for the key '{key}'",
            of_key=True,
            found=key,
            allowed=", ".join(("kind", *_USES[kind])),
            code="key-without-use",
        )
    for task in model.tasks:
        if task not in TASKS[kind]:
            yield document.problem(
                (*path[:2], "tasks", task),
                f"an encoder of the kind {kind} cannot do this task",
                of_key=True,
                found=task,
                allowed=", ".join(TASKS[kind]),
                code="task-beyond-encoder",
            )
    if kind == "pairs":
        for output, meaning in declared.outputs.items():
            if meaning not in STATUSES:
                yield document.problem(
                    (*here, "outputs", output),
                    "an output of a pair stands for a verdict",
                    found=meaning,
                    allowed=", ".join(STATUSES),
                    code="unknown-verdict",
                )
