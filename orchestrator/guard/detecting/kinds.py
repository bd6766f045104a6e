"""The kinds of what is found in texts."""

from __future__ import annotations

from orchestrator.project.guard_schema import PERSONAL, SECRETS

KINDS = (*PERSONAL, *SECRETS)

__all__ = ["KINDS", "PERSONAL", "SECRETS"]
