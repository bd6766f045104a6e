"""Checks of a route's strategy by itself: each kind has its own keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.errors import Problem
from orchestrator.project._documents import Document, KeyPath
from orchestrator.project.policy_schema import PANELISTS, Route, StrategyDeclaration

_KINDS: Mapping[str, tuple[str, ...]] = {
    "models": ("race", "panel"),
    "start": ("race",),
    "agree": ("panel",),
    "confidence": ("cascade",),
    "error_usd": ("auto",),
}


def check_strategy(route: Route, path: KeyPath, document: Document) -> Iterator[Problem]:
    """Keys of another kind, and a panel of which more must agree than are asked."""
    said = route.strategy
    if not isinstance(said, StrategyDeclaration):
        return
    at: KeyPath = (*path, "strategy")
    for key, kinds in _KINDS.items():
        if getattr(said, key) is not None and said.kind not in kinds:
            use = " or ".join(f"kind: {kind}" for kind in kinds)
            yield document.problem(
                (*at, key),
                f"'{key}' goes only with {use}",
                of_key=True,
                found=f"{key} with kind: {said.kind}",
                allowed=f"remove '{key}', or use {use}",
                code="misplaced-key",
            )
    models = said.models or PANELISTS
    if said.kind == "panel" and (said.agree or 0) > models:
        yield document.problem(
            (*at, "agree"),
            "more must agree than are asked",
            found=f"{said.agree} of {models}",
            allowed=f"from 2 to {models}, or more models",
            code="agree-beyond-models",
        )
