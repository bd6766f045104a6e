"""Code that compiles, in the languages that a parser is installed for. Nothing is ever run."""

from __future__ import annotations

import ast
import threading
import tomllib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.validation.fences import bare
from orchestrator.validation.json_text import parse_json
from orchestrator.validation.text import Validator, shortened

_MAX_DEPTH = 100
"""Of collections in YAML."""
_warnings = threading.Lock()
"""`catch_warnings` of two threads at once would leave the filters as neither found them."""


def code_in(language: str) -> Validator:
    """Code of that language, one of `LANGUAGES`, alone or in one code fence; the code alone."""
    parse = LANGUAGES[language]

    def check(text: str) -> str:
        return bare(text, parse)[0]

    return check


def _python(text: str) -> None:
    """As the Python that runs this compiles it, so that `return` outside of a function is seen."""
    try:
        with _warnings, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text, "answer")
            compile(tree, "answer", "exec", dont_inherit=True)
    except SyntaxError as error:
        raise ValueError(_python_problem(error, text)) from error
    except (RecursionError, MemoryError) as error:
        raise ValueError("it is nested too deeply to be compiled as Python") from error
    except ValueError as error:  # a null character
        raise ValueError(f"not Python: {error}") from error
    # A word or a quoted sentence compiles as well, and is no code.
    if all(isinstance(s, ast.Expr) and _is_word(s.value) for s in tree.body):
        raise ValueError(f"it holds no Python code: {shortened(text, 80)!r}")


def _is_word(value: ast.expr) -> bool:
    return isinstance(value, ast.Name | ast.Constant)


def _python_problem(error: SyntaxError, text: str) -> str:
    number = error.lineno or 1
    lines = text.split("\n")
    line = lines[number - 1].strip() if number <= len(lines) else ""
    column = f", column {error.offset}" if error.offset else ""
    return f"not Python: {error.msg} at line {number}{column}: {shortened(line, 120)!r}"


def _toml(text: str) -> None:
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValueError(f"not TOML: {error or 'it is nested too deeply'}") from error
    if not found:
        raise ValueError("it holds no TOML key")


@dataclass(slots=True)
class _Open:
    """A collection of YAML that is being read."""

    keys: set[str] | None = None
    """Of a mapping: those so far."""
    at_key: bool = True


def _yaml(text: str) -> None:
    """Documents of mappings and lists: any sentence is YAML, so a lone text is none here.

    Read from events, since these need no recursion and open no tags or aliases.
    """
    import yaml

    stack: list[_Open] = []
    anchors: set[str] = set()
    count = 0
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if isinstance(event, yaml.CollectionEndEvent):
                stack.pop()
            elif isinstance(event, yaml.NodeEvent):
                count += 1
                _enter(event, stack, anchors)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(_yaml_problem(error)) from error
    if not count:
        raise ValueError("it holds no YAML")


def _enter(event: Any, stack: list[_Open], anchors: set[str]) -> None:
    import yaml

    line = event.start_mark.line + 1
    if isinstance(event, yaml.AliasEvent) and event.anchor not in anchors:
        raise ValueError(f"not YAML: line {line}: nothing is called '&{event.anchor}'")
    if event.anchor:
        anchors.add(event.anchor)
    if not stack and not isinstance(event, yaml.CollectionStartEvent):
        raise ValueError(f"line {line}: a mapping or a list of YAML is expected, not a text")
    if stack and (keys := stack[-1].keys) is not None:
        if stack[-1].at_key and isinstance(event, yaml.ScalarEvent):
            if event.value in keys:
                raise ValueError(f"line {line}: the key {event.value!r} stands twice")
            keys.add(event.value)
        stack[-1].at_key = not stack[-1].at_key
    if isinstance(event, yaml.CollectionStartEvent):
        if len(stack) >= _MAX_DEPTH:
            raise ValueError(f"line {line}: it is nested too deeply")
        stack.append(_Open(set() if isinstance(event, yaml.MappingStartEvent) else None))


def _yaml_problem(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return f"not YAML: {error}"
    said = getattr(error, "problem", "") or "it cannot be read"
    return f"not YAML: {said} at line {mark.line + 1}, column {mark.column + 1}"


LANGUAGES: Mapping[str, Callable[[str], Any]] = {
    "python": _python,
    "json": parse_json,
    "yaml": _yaml,
    "toml": _toml,
}
"""Raise `ValueError` where the text is not of the language."""
