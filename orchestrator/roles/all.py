"""Importing this module registers every role and every built-in model."""

from __future__ import annotations

import importlib
import pkgutil

from orchestrator.roles import (
    aggregator,
    builtins,
    citation_validator,
    decomposer,
    generator,
    phraser,
    router,
    specialist,
    tools,
    values,
)
from orchestrator.roles.checking import checker

ROLES = (
    aggregator,
    checker,
    citation_validator,
    decomposer,
    generator,
    phraser,
    router,
    specialist,
    tools,
    values,
)
BUILTINS = tuple(
    importlib.import_module(f"{builtins.__name__}.{module.name}")
    for module in pkgutil.iter_modules(builtins.__path__)
)
