"""What the shipped roles and functions declare for the checks is what they do."""

from __future__ import annotations

import ast
import inspect
import sys
from types import ModuleType
from typing import Any

import pytest

from orchestrator.project.load import load_builtins
from orchestrator.project.registry import BUILTINS

load_builtins()
ROLES = sorted(BUILTINS.items("role").items())


def module_of(item: Any) -> ModuleType:
    return sys.modules[item.__module__]


def modules_of(item: Any) -> list[ModuleType]:
    """Its module, and those beside it where the role has a package of its own."""
    module = module_of(item)
    package = module.__name__.rpartition(".")[0]
    if package == "orchestrator.roles":
        return [module]
    return [m for name, m in sys.modules.items() if name.startswith(f"{package}.")]


def filled_in(module: ModuleType) -> set[str]:
    """The keys of every `variables={…}` in a module, and of what `variables` of it returns."""
    found: set[str] = set()
    tree = ast.parse(inspect.getsource(module))
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "variables":
            found |= _keys(node.value)
        if isinstance(node, ast.FunctionDef) and node.name in (
            "_variables",
            "variables",
        ):
            found |= _keys(node)
    return found


def _keys(node: ast.AST) -> set[str]:
    dicts = [d for d in ast.walk(node) if isinstance(d, ast.Dict)]
    return {k.value for d in dicts for k in d.keys if isinstance(k, ast.Constant)}  # type: ignore[misc]


def looked_for(module: ModuleType) -> dict[str, set[str]]:
    """The names of the types that a module asks its inputs for, by method."""
    found: dict[str, set[str]] = {"one": set(), "maybe": set(), "all": set()}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner, method = node.func.value, node.func.attr
            if isinstance(owner, ast.Name) and owner.id == "work" and method in found:
                found[method].update(a.id for a in node.args if isinstance(a, ast.Name))
    return found


@pytest.mark.parametrize(("name", "item"), ROLES, ids=[name for name, _ in ROLES])
def test_a_role_declares_what_it_fills_in_and_reads(name: str, item: Any) -> None:
    facts = BUILTINS.facts("role", name)
    module = module_of(item)
    assert set(facts.variables or ()) == set().union(*map(filled_in, modules_of(item)))
    needed = {kind.__name__ for kind in facts.reads or () if isinstance(kind, type)}
    every = {
        getattr(kind, "__name__", None) or kind.__args__[0].__name__ for kind in facts.reads or ()
    }
    asked = looked_for(module)
    assert needed == asked["one"]
    assert every == asked["one"] | asked["maybe"] | asked["all"]
    assert inspect.signature(item).return_annotation != inspect.Signature.empty
