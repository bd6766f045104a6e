"""The cases of a suite as they are run: defaults filled in, each with its name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from orchestrator.project._frozen import FrozenDict
from orchestrator.project.suite_schema import Case, Expect, Suite
from orchestrator.types import digest

_LONGEST = 48


def complete_cases(suite: Suite) -> tuple[Case, ...]:
    """Every case with the suite's defaults and a name.

    A case without a name gets one that is made of its first text input alone, so that it stays
    the same when cases are added, removed or moved. Where that name is taken already, the digest
    of the inputs follows it.
    """
    defaults = suite.defaults
    merged = [
        case.model_copy(
            update={
                "tags": tuple(dict.fromkeys((*defaults.tags, *case.tags))),
                "input": _inputs(defaults.input, case.input),
                "expect": _merged(defaults.expect, case.expect),
            }
        )
        for case in suite.cases
    ]
    derived = [case.name or _name(case.input) for case in merged]
    shared = {name for name, count in Counter(derived).items() if count > 1}
    return tuple(
        case
        if case.name
        else case.model_copy(
            update={"name": f"{name}-{digest(case.input)[:6]}" if name in shared else name}
        )
        for case, name in zip(merged, derived, strict=True)
    )


def _inputs(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
    """The case's own first: they are what it is about, and name it."""
    inherited = {key: value for key, value in defaults.items() if key not in own}
    return FrozenDict({**own, **inherited})


def _merged(defaults: Expect, own: Expect) -> Expect:
    stated = {key: getattr(own, key) for key in own.model_fields_set}
    return defaults.model_copy(update=stated)


def _name(inputs: Mapping[str, Any]) -> str:
    """A name of small letters, digits and dashes, cut at a word."""
    text = next((value for value in inputs.values() if isinstance(value, str)), "")
    words = re.findall(r"[a-z0-9]+", text.lower())
    name = ""
    for word in words:
        if len(name) + 1 + len(word) > _LONGEST:
            break
        name = f"{name}-{word}" if name else word
    return name or f"case-{digest(inputs)[:6]}"
