"""What a model is told of a Python function: its docstring, and a schema of its annotations."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError

from orchestrator.project._signatures import annotation
from orchestrator.tooling.values import ANYTHING, ToolFailure

_ARGUMENT = re.compile(r"^\s+(\w+)(?: \([^)]*\))?:\s*(.*)$")
_SECTION = re.compile(r"^(Args|Returns|Raises|Yields|Examples?):\s*$")


@dataclass(frozen=True, slots=True)
class Signature:
    """What a tool takes, besides its box."""

    description: str
    schema: Mapping[str, Any]
    model: type[BaseModel] | None
    """Turns JSON into what the annotations say; `None` where JSON cannot hold it, and only a graph
    can call it."""

    def values(self, arguments: Mapping[str, Any]) -> dict[str, Any] | ToolFailure:
        """The arguments as the function's annotations say, those alone that were given."""
        if self.model is None:
            return dict(arguments)
        try:
            read = self.model.model_validate(arguments)
        except ValidationError as error:
            return ToolFailure(kind="arguments", message=_described(error))
        fields = self.model.model_fields
        given = {
            str(fields[f].alias): getattr(read, f) for f in read.model_fields_set & set(fields)
        }
        return {**(read.model_extra or {}), **given}


def signature_of(tool: Any) -> Signature:
    """What the function's annotations and docstring say. Never raises: what cannot be told to a
    model has no `model`."""
    summary, told = _documented(inspect.getdoc(tool) or "")
    try:
        found = list(inspect.signature(tool).parameters.values())
    except (TypeError, ValueError):  # not a callable that Python can look into
        return Signature(summary, ANYTHING, None)
    fields: dict[str, Any] = {}
    open_ended = False
    for number, parameter in enumerate(_without_box(found)):
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            open_ended = True
            continue
        if parameter.kind in (
            inspect.Parameter.VAR_POSITIONAL,
            inspect.Parameter.POSITIONAL_ONLY,
        ):
            continue
        required = parameter.default is inspect.Parameter.empty
        hint = annotation(tool, parameter.name)
        # A name of the function's may be one of pydantic's, so it is an alias.
        named: Any = Annotated[hint, Field(alias=parameter.name)]
        if parameter.name in told:  # else what the annotation itself says of it stays
            named = Annotated[named, Field(description=told[parameter.name])]
        fields[f"p{number}"] = (named, ... if required else parameter.default)
    try:
        model = create_model(
            "Arguments", __config__=ConfigDict(extra="allow" if open_ended else "forbid"), **fields
        )
        schema = _bare(model.model_json_schema())
    except (PydanticSchemaGenerationError, PydanticInvalidForJsonSchema):
        return Signature(summary, ANYTHING, None)
    return Signature(summary, schema, model)


def _without_box(found: list[inspect.Parameter]) -> list[inspect.Parameter]:
    first = next((p for p in found if p.kind is not inspect.Parameter.KEYWORD_ONLY), None)
    return [p for p in found if p is not first]


def _bare(schema: Any) -> Any:
    """Without titles, which repeat the names; a property may itself be called title."""
    if isinstance(schema, list):
        return [_bare(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: _bare(inner) for name, inner in value.items()}
        if key in ("properties", "$defs") and isinstance(value, dict)
        else _bare(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
    }


def _documented(text: str) -> tuple[str, dict[str, str]]:
    """The docstring before its sections, and what its `Args` say of each parameter."""
    lines = text.splitlines()
    sections = [n for n, line in enumerate(lines) if _SECTION.match(line)]
    summary = "\n".join(lines[: sections[0]] if sections else lines).strip()
    told: dict[str, list[str]] = {}
    current: list[str] | None = None
    inside, depth = False, 0
    for line in lines:
        section = _SECTION.match(line)
        if section:
            inside, depth, current = section[1] == "Args", 0, None
            continue
        if not inside or not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        depth = depth or indent
        found = _ARGUMENT.match(line) if indent == depth else None
        if found:
            current = told.setdefault(found[1], [found[2]])
        elif current is not None:
            current.append(line.strip())
    return summary, {name: " ".join(words).strip() for name, words in told.items()}


def _described(error: ValidationError) -> str:
    found = (
        f"at /{'/'.join(str(step) for step in one['loc'])}: {one['msg']}" for one in error.errors()
    )
    return f"the arguments do not fit: {'; '.join(found)}"
