"""Transports by name: made when first used, light to know about."""

from __future__ import annotations

import subprocess
import sys

import pytest

from orchestrator.calling.clock import SystemClock
from orchestrator.calling.transports import Transports
from orchestrator.errors import UnknownNameError
from orchestrator.project.registry import BUILTINS, Registry


def test_the_library_registers_its_four() -> None:
    assert set(BUILTINS.names("transport")) >= {"builtin", "litellm", "llamacpp", "openai"}


def test_a_transport_is_made_once() -> None:
    transports = Transports(BUILTINS, {}, SystemClock())
    assert transports.get("openai") is transports.get("openai")


def test_an_unknown_name_is_answered_with_the_near_one() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'litellm'"):
        Transports(BUILTINS, {}, SystemClock()).get("litelm")


def test_knowing_the_names_loads_nothing_heavy_and_stays_out_of_the_project() -> None:
    code = """
import sys
from orchestrator.project.registry import BUILTINS, Registry
project = Registry(BUILTINS)
with project.active():
    import orchestrator.calling.transports
import orchestrator.calling.carry_out, orchestrator.calling.ledger
assert "openai" in BUILTINS.names("transport")
heavy = {"aiohttp", "litellm", "xllamacpp", "huggingface_hub", "pydantic", "rich", "httpx", "numpy"}
print(*sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_a_project_may_add_its_own() -> None:
    class Mine:
        def __init__(self, *given: object) -> None:
            self.given = given

    registry = Registry(BUILTINS)
    registry.add("transport", "mine", Mine)
    env, clock = {"KEY": "x"}, SystemClock()
    made = Transports(registry, env, clock).get("mine")
    assert isinstance(made, Mine)
    assert made.given == (registry, env, clock)
