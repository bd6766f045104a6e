"""Two sets of limits that both hold: a chat model's own, and those of the run that calls it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TypeVar

from orchestrator.errors import UserError
from orchestrator.types import Caller, Constraints

N = TypeVar("N", int, float)


def both(one: Constraints, other: Constraints) -> Constraints:
    """The constraints that satisfy `one` and `other`: of each kind the tighter, or all.

    Raises:
        UserError: one asks for self-hosted models and the other for hosted ones.
    """
    if one.hosting and other.hosting and one.hosting != other.hosting:
        raise UserError(f"hosting cannot be '{one.hosting}' and '{other.hosting}' at once")
    return Constraints(
        hosting=one.hosting or other.hosting,
        regions=_common(one.regions, other.regions),
        retention_days=_least(one.retention_days, other.retention_days),
        trains_on_data=_strict(one.trains_on_data, other.trains_on_data),
        certifications=_all(one.certifications, other.certifications),
        models=_common(one.models, other.models),
        not_models=_all(one.not_models, other.not_models),
        not_families=_all(one.not_families, other.not_families),
        latency_ms=_least(one.latency_ms, other.latency_ms),
        max_cost_usd=_least(one.max_cost_usd, other.max_cost_usd),
        quality_floor=max(
            (f for f in (one.quality_floor, other.quality_floor) if f is not None), default=None
        ),
    )


def strictest(order: Sequence[str], *classes: str | None) -> str | None:
    """The strictest of the data classes that are stated. `order`: from the least strict."""
    return max((c for c in classes if c is not None), key=order.index, default=None)


def completed(one: Caller, other: Caller) -> Caller:
    """What `one` says, and for what it does not say, `other`."""
    said = {f.name: getattr(one, f.name) or getattr(other, f.name) for f in fields(Caller)}
    return Caller(**said)


def _all(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def _common(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if one is None or other is None:
        return other if one is None else one
    return tuple(name for name in one if name in other)


def _least(one: N | None, other: N | None) -> N | None:
    return min((value for value in (one, other) if value is not None), default=None)


def _strict(one: bool | None, other: bool | None) -> bool | None:
    return False if False in (one, other) else one if one is not None else other
