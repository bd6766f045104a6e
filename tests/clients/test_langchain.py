"""`langchain-openai`: chat models, tools, forms and vectors, and an agent of LangGraph."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

from tests.calling.server import Call, Fail, Say, Tokens
from tests.clients.gateway import Gateway, words
from tests.examples.test_langgraph_agent import EXAMPLE, shop

Serve = Callable[..., Gateway]


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


@tool
def weather(town: str) -> str:
    """The weather of a town."""
    return f"sunny in {town}"


def model(gateway: Gateway, **options: Any) -> ChatOpenAI:
    return ChatOpenAI(base_url=gateway.base_url, api_key="none", model="auto", **options)


def test_invoke_and_what_its_metadata_say(serve: Serve) -> None:
    gateway = serve(Say("Hello Ana.", usage=Tokens(input=11, output=3, cached=4)))
    chat = model(
        gateway,
        include_response_headers=True,
        extra_body={"mesh": {"task": "draft", "tags": ["team:blue"]}},
    )
    answer = chat.invoke("Say hello to Ana.")
    assert answer.text == "Hello Ana."
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] == 14
    assert answer.usage_metadata["input_token_details"]["cache_read"] == 4
    said = answer.response_metadata
    assert (said["model_name"], said["finish_reason"]) == ("primary", "stop")
    headers = said["headers"]
    assert headers["x-mesh-cost-usd"] == "0.000017"
    trace = gateway.trace(headers["x-mesh-trace-id"])
    assert said["id"] == f"chatcmpl-{trace['id']}"
    assert (trace["tags"], trace["hops"][0]["profile"]["task"]) == (["team:blue"], "draft")


async def test_ainvoke_and_abatch(serve: Serve) -> None:
    gateway = serve(lambda body: Say(f"You said: {words(body)}"))
    chat = model(gateway)
    assert (await chat.ainvoke("one")).text == "You said: one"
    answers = await chat.abatch([f"number {n}" for n in range(8)])
    assert [answer.text for answer in answers] == [f"You said: number {n}" for n in range(8)]


async def test_streams(serve: Serve) -> None:
    gateway = serve(Say("One two three.", gap_s=0.02))
    chat = model(gateway, stream_usage=True)
    chunks = list(chat.stream("Count."))
    assert [chunk.text for chunk in chunks if chunk.text] == ["One", " two", " three."]
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["total_tokens"] == 12
    assert whole.response_metadata["finish_reason"] == "stop"
    assert [c.text async for c in chat.astream("Count.") if c.text] == ["One", " two", " three."]


def test_tools(serve: Serve) -> None:
    def asks(body: dict[str, Any]) -> Say:
        if body["messages"][-1]["role"] == "tool":
            return Say(f"It is {words(body)}.")
        return Say("", calls=(Call("weather", '{"town": "Oslo"}', id="call_7"),))

    gateway = serve(asks)
    chat = model(gateway).bind_tools([weather])
    asked = HumanMessage("How is Oslo?")
    first = chat.invoke([asked])
    assert isinstance(first, AIMessage)
    (call,) = first.tool_calls
    assert (call["name"], call["args"], call["id"]) == ("weather", {"town": "Oslo"}, "call_7")
    result = ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])
    assert chat.invoke([asked, first, result]).text == "It is sunny in Oslo."
    chunks = list(chat.stream([asked]))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk  # type: ignore[assignment]
    assert [c["args"] for c in whole.tool_calls] == [{"town": "Oslo"}]


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
def test_forms(serve: Serve, method: Any) -> None:
    def ana(body: dict[str, Any]) -> Say:
        text = '{"name": "Ana", "age": 36}'
        return Say("", calls=(Call("Person", text),)) if body.get("tools") else Say(text)

    gateway = serve(ana)
    chat = model(gateway).with_structured_output(Person, method=method)
    assert chat.invoke("Who is it? Answer in JSON.") == Person(name="Ana", age=36)


def test_an_agent_of_langgraph_takes_it_for_any_chat_model(serve: Serve) -> None:
    gateway = serve(shop)
    agent = runpy.run_path(str(EXAMPLE / "agent.py"))
    graph = agent["build"](model(gateway), [agent["look_up"], agent["calculate"]])
    said = graph.invoke({"messages": [HumanMessage(agent["QUESTION"])]})["messages"]
    assert said[-1].text == "Together they cost 826.00 EUR."
    assert len(gateway.upstream.seen) == 4
    ids = [m.response_metadata["id"] for m in said if isinstance(m, AIMessage)]
    assert len(ids) == 4
    for id in ids:
        assert gateway.trace(id.removeprefix("chatcmpl-"))["status"] == "ok"


def test_vectors(serve: Serve) -> None:
    gateway = serve(Say("No vectors here."))
    options: dict[str, Any] = {"base_url": gateway.base_url, "api_key": "none"}
    # Without it the client sends the numbers of OpenAI's own tokens, not texts.
    vectors = OpenAIEmbeddings(model="vectors", check_embedding_ctx_length=False, **options)
    assert vectors.embed_documents(["a", "abc"]) == [[1.0, 0.0, 0.25], [3.0, 1.0, 0.25]]
    assert vectors.embed_query("abcd") == [4.0, 0.0, 0.25]


def test_errors_are_those_of_the_sdk_with_our_sentences(serve: Serve) -> None:
    gateway = serve(Fail(503))
    with pytest.raises(openai.NotFoundError, match="did you mean 'primary'"):
        model(gateway, max_retries=0).invoke("Hello.", model="primry")
    with pytest.raises(openai.BadRequestError, match="unknown task 'drat'"):
        model(gateway, extra_body={"mesh": {"task": "drat"}}).invoke("Hello.")
    with pytest.raises(openai.InternalServerError, match="no model gave an answer"):
        model(gateway, max_retries=0).invoke("Hello.")
