"""YAML to values and positions in one pass.

Problem: an error must say line and column, and `ruamel.yaml`, which keeps them, needs 45 ms for a
fleet of twenty models; libyaml needs 2 ms. Decision: libyaml's events, put together here. That
also gives what neither parser does by itself: the scalars of YAML 1.2 (`yes`, `no` and dates are
text), a refused duplicate key at its own place, and limits on depth and on aliases.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import yaml

from orchestrator.project._values import masked

MAX_DEPTH = 40
MAX_VALUES = 100_000
BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What libyaml counts as a new line."""
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_TEXT_TAG = "tag:yaml.org,2002:str"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Node:
    """A value with its place. `keys` holds the places of a mapping's keys."""

    line: int
    column: int
    data: Any = None
    items: dict[str | int, Node] = field(default_factory=dict)
    keys: dict[str, Node] = field(default_factory=dict)
    size: int = 1


class BrokenYamlError(Exception):
    """A file that is not one YAML document of plain values."""

    def __init__(self, message: str, line: int, column: int, allowed: str = "") -> None:
        self.message, self.line, self.column, self.allowed = message, line, column, allowed
        super().__init__(message)


def kind_of(value: Any) -> str:
    """What a value is, in words, for the `found` of a problem."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {quoted(value)}" if value else "an empty text"
        case dict():
            return "a mapping" if value else "an empty mapping"
        case list() | tuple():
            count = len(value)
            return f"a list of {count}" if count else "an empty list"
        case _:
            return f"a value of the type {type(value).__name__}"


def quoted(text: str) -> str:
    """`text` in quotes, on one line, shortened, with secrets masked."""
    line = masked(text).replace("\n", "\\n")
    return f"'{line}'" if len(line) <= 60 else f"'{line[:57]}…'"


def parse_yaml(text: str, twice: list[BrokenYamlError] | None = None) -> Node | None:
    """The only document in `text`; `None` where there is none.

    Args:
        twice: takes an error for each key that stands twice, of which then the first counts.
            Where it is not given, the first such error is raised.

    Raises:
        BrokenYamlError: with a sentence, a line and a column.
    """
    return _Builder(twice).build(text)


class _Builder:
    """Puts the parser's events together without recursion."""

    def __init__(self, twice: list[BrokenYamlError] | None) -> None:
        self._twice = twice
        self._anchors: dict[str, Node] = {}
        self._open: list[Any] = []

    def build(self, text: str) -> Node | None:
        """The root of the only document; `None` where there is none."""
        root: Node | None = None
        documents = 0
        try:
            for event in yaml.parse(text, Loader=_Loader):
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        raise _broken("a second YAML document starts here; one a file", event)
                elif isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
                    root = self._take(event) or root
        except yaml.YAMLError as error:
            opened = self._open[-1].event if self._open else None
            raise _explained(error, text, opened) from None
        return root

    def _take(self, event: Any) -> Node | None:
        """The finished node where this event ends the document's root."""
        if isinstance(event, yaml.CollectionStartEvent):
            if len(self._open) >= MAX_DEPTH:
                raise _broken(f"values are nested deeper than {MAX_DEPTH} levels", event)
            self._check_tag(event)
            mapping = isinstance(event, yaml.MappingStartEvent)
            self._open.append(_Mapping(event, self._twice) if mapping else _Sequence(event))
            return None
        if isinstance(event, yaml.CollectionEndEvent):
            frame = self._open.pop()
            node: Node = frame.finish()
            anchor = frame.event.anchor
        elif isinstance(event, yaml.AliasEvent):
            node = self._alias(event)
            anchor = None
        else:
            node = self._scalar(event)
            anchor = event.anchor
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            return node
        frame = self._open[-1]
        if isinstance(event, yaml.AliasEvent):  # it is the alias that stands here
            frame.add(node, event.start_mark.line + 1, event.start_mark.column + 1)
        else:
            frame.add(node, node.line, node.column)
        if frame.size > MAX_VALUES:
            raise _broken(f"more than {MAX_VALUES} values, aliases counted", event)
        return None

    def _alias(self, event: Any) -> Node:
        if event.anchor not in self._anchors:
            message = (
                f"nothing above is called '&{event.anchor}'; "
                "put quotes around a text that starts with *"
            )
            raise _broken(message, event)
        return self._anchors[event.anchor]

    @staticmethod
    def _check_tag(event: Any) -> None:
        if event.tag not in (None, "!", _TEXT_TAG):
            raise _broken(f"tags are not used here; remove '{event.tag}'", event)

    def _scalar(self, event: Any) -> Node:
        self._check_tag(event)
        plain = event.style in (None, "") and event.tag is None
        data = scalar(event.value) if plain else event.value
        return Node(event.start_mark.line + 1, event.start_mark.column + 1, data)


class _Sequence:
    def __init__(self, event: Any) -> None:
        self.event = event
        self.node = Node(event.start_mark.line + 1, event.start_mark.column + 1)

    @property
    def size(self) -> int:
        return self.node.size

    def add(self, node: Node, line: int, column: int) -> None:  # noqa: ARG002  as for a mapping
        self.node.items[len(self.node.items)] = node
        self.node.size += node.size

    def finish(self) -> Node:
        self.node.data = [item.data for item in self.node.items.values()]
        return self.node


class _Mapping(_Sequence):
    def __init__(self, event: Any, twice: list[BrokenYamlError] | None) -> None:
        super().__init__(event)
        self._twice = twice
        self._key: Node | None = None
        self._merged: list[Node] = []

    def add(self, node: Node, line: int, column: int) -> None:
        if self._key is None:
            self._check_key(node, line, column)
            # A copy: an alias as a key has the anchor's text but a place of its own.
            self._key = Node(line, column, node.data)
            return
        key, self._key = self._key, None
        self.node.size += node.size
        if key.data in self.node.items:
            return
        if key.data == "<<" and isinstance(node.data, dict | list):
            self._merge(node, line, column)
            return
        self.node.items[key.data] = node
        self.node.keys[key.data] = key

    def _check_key(self, node: Node, line: int, column: int) -> None:
        if not isinstance(node.data, str):
            hint = "" if isinstance(node.data, dict | list) else "; put it in quotes"
            message = f"a key must be a text, not {kind_of(node.data)}{hint}"
            raise BrokenYamlError(message, line, column)
        if node.data in self.node.items:
            first = self.node.keys[node.data].line
            message = f"the key '{node.data}' stands twice; first in line {first}"
            error = BrokenYamlError(message, line, column, "remove one of them, or rename it")
            if self._twice is None:
                raise error
            self._twice.append(error)

    def _merge(self, node: Node, line: int, column: int) -> None:
        several = list(node.items.values()) if isinstance(node.data, list) else [node]
        if not all(isinstance(part.data, dict) for part in several):
            message = "`<<` takes a mapping or a list of mappings"
            raise BrokenYamlError(message, line, column)
        self._merged.extend(several)

    def finish(self) -> Node:
        for part in self._merged:
            for name, item in part.items.items():
                self.node.keys.setdefault(str(name), part.keys[str(name)])
                self.node.items.setdefault(name, item)
        self.node.data = {name: item.data for name, item in self.node.items.items()}
        return self.node


def scalar(text: str) -> Any:
    """A plain scalar by the core schema of YAML 1.2; what is not finite stays a text."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    try:
        if _INTEGER.fullmatch(text):
            base = {"0o": 8, "0x": 16}.get(text[:2], 10)
            return int(text, base)
        if _NUMBER.fullmatch(text):
            number = float(text)
            return number if isfinite(number) else text
    except ValueError:  # thousands of digits
        return text
    return text


def _broken(message: str, event: Any) -> BrokenYamlError:
    mark = event.start_mark
    return BrokenYamlError(message, mark.line + 1, mark.column + 1)


def _explained(error: yaml.YAMLError, text: str, opened: Any) -> BrokenYamlError:
    """libyaml's complaint as a sentence that says what to do."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:  # a character that YAML does not allow at all
        position = min(getattr(error, "position", 0), len(text))
        before = BREAK.split(text[:position])
        character = getattr(error, "character", 0)
        code = character if isinstance(character, int) else ord(character)
        message = f"the character U+{code:04X} is not allowed in YAML"
        return BrokenYamlError(message, len(before), len(before[-1]) + 1)
    line, column = mark.line + 1, mark.column + 1
    context = getattr(error, "context_mark", None)
    start = (context.line + 1, context.column + 1) if context else (line, column)
    lines = BREAK.split(text)
    here = lines[line - 1][column - 1 : column] if line <= len(lines) else ""
    said = str(getattr(error, "problem", "") or "")
    inside = str(getattr(error, "context", "") or "")
    if "start any token" in said and here == "\t":
        return BrokenYamlError("a tab is used for indentation; use spaces", line, column)
    if "start any token" in said:
        return BrokenYamlError(f"a text cannot start with {here}; put it in quotes", line, column)
    if "did not find expected" in said and opened is not None and opened.flow_style:
        bracket, end = "{}" if isinstance(opened, yaml.MappingStartEvent) else "[]"
        mark = opened.start_mark
        value = re.split(r"[,{\[]", lines[line - 1][: column - 1] if line <= len(lines) else "")[-1]
        if here == ":" and ": " in value:
            message = "put quotes around a text that contains a colon and a space"
            return BrokenYamlError(message, line, column)
        message = (
            f"the bracket {bracket} is not closed, or a comma is missing before line {line}; "
            f"expected , or {end}"
        )
        return BrokenYamlError(message, mark.line + 1, mark.column + 1)
    if "quoted scalar" in inside and "end of stream" in said:
        return BrokenYamlError("the quotes that open here are never closed", *start)
    if "escape" in said:
        message = "unknown escape in double quotes; use single quotes, or \\\\ for a backslash"
        return BrokenYamlError(message, line, column)
    if "mapping values are not allowed" in said:
        message = (
            "a colon is not expected here; check the indentation, "
            "or put quotes around a text that contains a colon and a space"
        )
        return BrokenYamlError(message, line, column)
    if "alias" in inside:
        return BrokenYamlError("put quotes around a text that starts with *", *start)
    if "expected key" in said or "'-' indicator" in said or "document start" in said:
        message = "this does not continue what stands above; check the indentation and brackets"
        return BrokenYamlError(message, line, column)
    if "could not find expected ':'" in said:
        return BrokenYamlError("this line has no colon; write `key: value`", *start)
    return BrokenYamlError(f"this is not valid YAML: {said}", line, column)
