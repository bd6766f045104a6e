"""The data class of a request: the stricter of what is declared and what is found counts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.guard.detecting.detect import FoundClass, stricter
from orchestrator.types import Feature, TaskProfile

if TYPE_CHECKING:
    from orchestrator.guard.detecting.detect import Detectors


def stated(declared: str | None, default: str) -> Feature:
    """The class as the caller states it, or as the policy has it for who states none."""
    if declared is None:
        return Feature(value=default, confidence=0.9, origin="default")
    return Feature(value=declared, confidence=1.0, origin="declared")


def with_found(base: Feature, found: FoundClass | None, detectors: Detectors) -> Feature:
    """`base`, or what was found where that is stricter."""
    if found is None or detectors.stricter(base.value, found.data_class) == base.value:
        return base
    return Feature(
        value=found.data_class, confidence=round(found.confidence, 2), origin=found.origin
    )


def of_profile(profile: TaskProfile) -> Feature:
    """The class that a profile has, with where that came from."""
    known = profile.features.get("data_class")
    if known is not None and known.value == profile.data_class:
        return known
    return Feature(value=profile.data_class, confidence=1.0, origin="declared")


def raised_to(
    profile: TaskProfile, feature: Feature | None, data_classes: Sequence[str]
) -> TaskProfile:
    """The profile with this class, where it is stricter than its own; the same object else."""
    if feature is None or feature.value == profile.data_class:
        return profile
    if stricter(profile.data_class, feature.value, data_classes) == profile.data_class:
        return profile
    features = {**profile.features, "data_class": feature}
    return dataclasses.replace(profile, data_class=feature.value, features=features)
