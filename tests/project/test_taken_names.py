"""The names that graphs may not use are those that `Mesh.run` and the compiled graph use."""

from __future__ import annotations

import inspect

from orchestrator import Mesh
from orchestrator.project._check_graph import TAKEN_INPUTS


def test_the_taken_inputs_are_the_parameters_of_run() -> None:
    parameters = inspect.signature(Mesh.run).parameters.values()
    assert {p.name for p in parameters if p.kind is not p.VAR_KEYWORD} == TAKEN_INPUTS
