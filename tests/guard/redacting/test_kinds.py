"""What a policy may name is what is looked for."""

from __future__ import annotations

from orchestrator.guard.detecting import kinds
from orchestrator.project.guard_schema import KINDS


def test_a_policy_may_name_every_kind_and_no_other() -> None:
    assert KINDS == kinds.KINDS
