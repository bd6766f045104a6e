"""Whether a deployment can be reached from here, and why not; live numbers, made coarse."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from importlib.util import find_spec
from math import ceil, log2

from orchestrator.embedding.weights import missing_encoder
from orchestrator.fleet.weights import missing_weights
from orchestrator.types import Deployment, Health

_UNFILLED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)")
_ERROR_STEP = 0.05
_ROOM_STEPS = 4


def missing(deployment: Deployment, env: Mapping[str, str]) -> str:
    """What must be set or installed before it can be called; empty where nothing is missing.

    Looks at the environment and the installed packages. No network.
    """
    if deployment.key and not env.get(deployment.key):
        return f"{deployment.key} is not set"
    unfilled = _UNFILLED.search(deployment.endpoint or "")
    if unfilled:
        return f"{unfilled[1]} is not set"
    if deployment.via == "llamacpp":
        if find_spec("xllamacpp") is None:
            return "xllamacpp is not installed: pip install 'model-mesh-orchestrator[local]'"
        return missing_weights(deployment.target, env)
    if deployment.encoder is not None:
        return missing_encoder(deployment.target, deployment.encoder.kind, env)
    return ""


def quantised(health: Health) -> Health:
    """Live numbers in steps, so that snapshots change seldom.

    Error rates in steps of 0.05; times and speeds in steps of half an octave (a factor of √2),
    finer than which no decision should depend on them; room in quarters, 0 only where it is none.
    """
    speed = health.tokens_per_second
    return dataclasses.replace(
        health,
        error_rate=round(round(health.error_rate / _ERROR_STEP) * _ERROR_STEP, 2),
        first_token_ms=_ms(health.first_token_ms),
        p50_ms=_ms(health.p50_ms),
        p95_ms=_ms(health.p95_ms),
        room=ceil(round(health.room * _ROOM_STEPS, 6)) / _ROOM_STEPS,
        tokens_per_second=None if speed is None else round(_step(speed), 1),
    )


def _ms(value: int | None) -> int | None:
    return None if value is None else round(_step(value))


def _step(value: float) -> float:
    return 2 ** (round(2 * log2(value)) / 2) if value > 0 else 0.0
