"""Hops, profiles and decisions back from JSON, equal to what they were."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from orchestrator.types import Decision, Hop, TaskProfile, Trace


def hop_from_json(data: Mapping[str, Any]) -> Hop:
    """The inverse of `as_json(hop)`."""
    hop: Hop = _adapter(Hop).validate_python(data)
    return hop


def profile_from_json(data: Mapping[str, Any]) -> TaskProfile:
    """The inverse of `as_json(profile)`."""
    profile: TaskProfile = _adapter(TaskProfile).validate_python(data)
    return profile


def decision_from_json(data: Mapping[str, Any]) -> Decision:
    """The inverse of `as_json(decision)`."""
    decision: Decision = _adapter(Decision).validate_python(data)
    return decision


def trace_from_json(data: Mapping[str, Any]) -> Trace:
    """The inverse of `as_json(trace)`."""
    trace: Trace = _adapter(Trace).validate_python(data)
    return trace


@lru_cache(maxsize=8)
def _adapter(kind: type) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
