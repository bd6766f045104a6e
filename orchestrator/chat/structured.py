"""Answers in a declared form: the schema goes with the request, and the answer is parsed."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.base import BaseOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass

from orchestrator.errors import UnknownNameError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

Method = Literal["json_schema", "function_calling", "json_mode"]
METHODS: tuple[Method, ...] = ("json_schema", "function_calling", "json_mode")


def structured(
    model: BaseChatModel,
    schema: Mapping[str, Any] | type,
    *,
    method: str,
    strict: bool | None,
    include_raw: bool,
) -> Runnable[Any, Any]:
    """`model` whose answers are parsed values of `schema`; see `ChatMesh.with_structured_output`.

    Raises:
        UnknownNameError: the method is none of `METHODS`.
    """
    if method not in METHODS:
        raise UnknownNameError("method", method, METHODS)
    named = {"kwargs": {"method": method}, "schema": schema}
    given: Any = schema
    parser: BaseOutputParser[Any]
    bound: Runnable[Any, Any]
    if method == "function_calling":
        tool = convert_to_openai_tool(given, strict=strict)
        name = tool["function"]["name"]
        bound = model.bind_tools(
            [tool], tool_choice=name, parallel_tool_calls=False, ls_structured_output_format=named
        )
        parser = (
            PydanticToolsParser(tools=[given], first_tool_only=True)
            if _is_model(schema)
            else JsonOutputKeyToolsParser(key_name=name, first_tool_only=True)
        )
    else:
        asked: dict[str, Any] = {"type": "json_object"}
        if method == "json_schema":
            form = {"name": "output", "schema": convert_to_json_schema(given, strict=strict)}
            asked = {
                "type": "json_schema",
                "json_schema": form if strict is None else {**form, "strict": strict},
            }
        bound = model.bind(response_format=asked, ls_structured_output_format=named)
        parser = (
            PydanticOutputParser(pydantic_object=given) if _is_model(schema) else JsonOutputParser()
        )
    return _with_raw(bound, parser) if include_raw else bound | parser


def _is_model(schema: Any) -> bool:
    return isinstance(schema, type) and is_basemodel_subclass(schema)


def _with_raw(bound: Runnable[Any, Any], parser: BaseOutputParser[Any]) -> Runnable[Any, Any]:
    """`{"raw", "parsed", "parsing_error"}`; an answer that cannot be parsed is no failure."""
    parsed = RunnablePassthrough.assign(
        parsed=itemgetter("raw") | parser, parsing_error=lambda _: None
    )
    nothing = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=bound) | parsed.with_fallbacks([nothing], exception_key="parsing_error")
