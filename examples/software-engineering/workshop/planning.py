"""From a request in words to operations, and from those to the files that they touch, in order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import model_validator

from orchestrator import UserError, builtin, function, role
from orchestrator.call_types import CallRequest
from orchestrator.evidence.values import Value
from orchestrator.project.names import nearest
from orchestrator.roles.output import parse
from orchestrator.roles.work import Work
from orchestrator.types import from_json

from .code_base import CodeBase, DependencyMap
from .dedupe import Block, about, at_lines, duplicates
from .rename import Symbol, symbols, users

_NAME = r"`?(?P<{}>[A-Za-z_][\w.]*?)`?"
_RENAME = re.compile(
    rf"\brename\s+{_NAME.format('old')}\s+(?:to|into|as)\s+{_NAME.format('new')}(?![\w`])", re.I
)
_DEDUPE = re.compile(
    r"\b(?:duplicat|repeat)\w*\s+(?:(?P<topic>[a-z]\w*)\s+)?(?:code|logic|lines?)\b", re.I
)
_LINES = re.compile(
    r"\bextract\s+lines?\s+(?P<first>\d+)\s*(?:-|to)\s*(?P<last>\d+)\s+(?:of|from|in)\s+"
    r"`?(?P<file>[\w/.-]+\.py)`?\s+into\s+(?:a\s+function\s+)?`?(?P<new>[A-Za-z_]\w*)`?",
    re.I,
)
_INTO = re.compile(r"\bfunction,?\s+(?:(?:called|named)\s+`?|`)(?P<name>[a-z_]\w*)", re.I)
_THREATS = re.compile(r"\b(?:attack|threat|vulnerab|insecure|security|secure)", re.I)
_PART = re.compile(r"[;.?!]\s+|,\s*(?:and\s+)?(?:then\s+)?|\s+and\s+(?:then\s+)?")


class Operation(Value):
    """One thing to do with the code."""

    kind: Literal["rename", "merge", "extract"]
    target: str
    """The name to change; what the duplicated code is about; or `FILE:FIRST-LAST`."""
    new: str
    """The new name, or the name of the one function."""

    @model_validator(mode="after")
    def _names_lines(self) -> Operation:
        if self.kind == "extract" and not re.fullmatch(r"\S+\.py:\d+-\d+", self.target):
            raise ValueError(f"'{self.target}' does not name lines as FILE:FIRST-LAST")
        return self


class Intent(Value):
    """What a request asks for."""

    operations: tuple[Operation, ...] = ()
    threats: bool = False
    """Whether it asks what could be attacked."""
    not_understood: tuple[str, ...] = ()


@builtin("request-reader")
def read_request(request: CallRequest) -> str:
    """The request as an `Intent`: a part that no rule reads is named and not guessed at."""
    parts = [part.strip(" .?!") for part in _PART.split(str(request.inputs["request"]))]
    operations: list[Operation] = []
    unknown: list[str] = []
    threats = False
    for part in filter(None, parts):
        found = _RENAME.search(part)
        same, lines = _DEDUPE.search(part), _LINES.search(part)
        if found:
            operations.append(Operation(kind="rename", target=found["old"], new=found["new"]))
        elif lines:
            target = f"{lines['file']}:{lines['first']}-{lines['last']}"
            operations.append(Operation(kind="extract", target=target, new=lines["new"]))
        elif same:
            topic = (same["topic"] or "").lower()
            named = _INTO.search(part)
            new = named["name"] if named else f"apply_{topic}" if topic else "shared"
            operations.append(Operation(kind="merge", target=topic, new=new))
        elif _THREATS.search(part):
            threats = True
        else:
            unknown.append(part)
    said = Intent(operations=tuple(operations), threats=threats, not_understood=tuple(unknown))
    return said.model_dump_json()


@role("change-planner", variables=("request", "modules"))
async def plan_change(work: Work) -> dict[str, Any]:
    """The operations that the request asks for, and who read it."""
    request = str(work.inputs["request"])
    modules = [row["name"] for row in work.inputs["map"]["modules"]]
    reply = await work.call(
        variables={"request": request, "modules": "\n".join(modules)},
        inputs={"request": request},
        check=lambda text: parse(Intent, text),
        schema=Intent.model_json_schema(),
    )
    intent: dict[str, Any] = reply.value.model_dump(mode="json")
    return {**intent, "by": reply.model}


@function("order_steps")
def order_steps(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The plan against the code.

    Raises:
        UserError: a name that is not there (with the near one), or that is there twice; no
            duplicated code of that kind; nothing to do at all.
    """
    code = from_json(CodeBase, inputs["code-base"])
    order = [row.file for row in from_json(DependencyMap, inputs["map"]).modules]
    intent = inputs["plan"]
    steps = []
    for given in intent["operations"]:
        operation = Operation.model_validate(given)
        meaning, files = _step(code, operation)
        steps.append(
            {
                "operation": operation.model_dump(),
                "meaning": meaning,
                "files": sorted(files, key=order.index),
            }
        )
    if not steps and not intent["threats"]:
        raise UserError(
            "the request names nothing that can be done; say for example: rename `old` to `new`, "
            "take the duplicated discount code into one function, tell what could be attacked"
        )
    return {"steps": steps, "not_understood": list(intent["not_understood"])}


def _step(code: CodeBase, operation: Operation) -> tuple[str, set[str]]:
    if operation.kind == "rename":
        symbol = find_symbol(code, operation.target)
        meaning = f"rename `{symbol.full}` ({symbol.file}:{symbol.line}) to `{operation.new}`"
        return meaning, users(code, symbol)
    blocks = find_blocks(code, operation)
    places = " and ".join(block.place for block in blocks)
    return f"move {places} into `{operation.new}`", {block.file for block in blocks}


def find_symbol(code: CodeBase, name: str) -> Symbol:
    """The name at the top of a module. Raises `UserError` where there is none, or several."""
    known = symbols(code)
    fitting = [s for s in known if name in (s.name, s.full)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        places = ", ".join(f"`{s.full}` ({s.file}:{s.line})" for s in fitting)
        raise UserError(f"`{name}` may be one of {places}; say which")
    near = nearest(name, {s.full if "." in name else s.name for s in known})
    hint = f"; did you mean `{near}`?" if near else ""
    raise UserError(f"no module of {code.folder} defines `{name}` at its top{hint}")


def find_blocks(code: CodeBase, operation: Operation) -> tuple[Block, ...]:
    """The statements that become one function: the longest duplicated ones on that topic, or
    those on the lines that are named.

    Raises:
        UserError: there are none that could.
    """
    if operation.kind == "extract":
        file, _, lines = operation.target.rpartition(":")
        first, _, last = lines.partition("-")
        block = at_lines(code, file, int(first), int(last))
        if block is None:
            raise UserError(
                f"lines {lines} of {file} are no whole statements of a function that could stand "
                "in one of their own"
            )
        return (block,)
    found = duplicates(code)
    for group in found:
        if any(about(block, code, operation.target) for block in group):
            return group
    others = "; ".join(" = ".join(block.place for block in group) for group in found)
    about_it = f" about '{operation.target}'" if operation.target else ""
    raise UserError(
        f"no statements{about_it} stand in two functions of {code.folder}"
        + (f"; what does: {others}" if others else "")
    )
