"""One import registers every role and built-in model, and brings nothing heavy with it."""

from __future__ import annotations

import subprocess
import sys

from orchestrator.project.load import load_builtins
from orchestrator.project.registry import BUILTINS
from tests.roles.fake_work import agents


def test_every_role_that_an_agent_names_is_registered() -> None:
    load_builtins(("orchestrator.roles.all",))
    assert {a.role for a in agents().values()} <= set(BUILTINS.names("role"))


def test_every_output_that_an_agent_names_is_registered() -> None:
    load_builtins(("orchestrator.roles.all",))
    named = {a.output for a in agents().values() if a.output}
    assert named <= set(BUILTINS.names("output model"))


def test_the_deterministic_models_are_registered() -> None:
    load_builtins(("orchestrator.roles.all",))
    ours = {"calculator", "rule-decomposer", "merger", "template-coder"}
    assert ours <= set(BUILTINS.names("builtin"))


def test_the_import_is_light() -> None:
    code = (
        "import sys, orchestrator.roles.all, orchestrator.graph.functions\n"
        "heavy = {'numpy', 'chromadb', 'pint', 'networkx', 'litellm', 'langgraph', 'aiohttp'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
