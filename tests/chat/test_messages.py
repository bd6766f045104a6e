"""Messages of langchain-core in the shape that providers take."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from orchestrator.chat.messages import as_messages, needs_of

CALL = {"name": "f", "args": {"a": 1}, "id": "x", "type": "tool_call"}


def test_what_another_model_thought_is_not_sent() -> None:
    blocks: list[str | dict[Any, Any]] = [
        {"type": "reasoning", "reasoning": "hm"},
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "Yes."},
        {"type": "tool_call", **{k: v for k, v in CALL.items() if k != "type"}},
    ]
    (message,) = as_messages([AIMessage(blocks, tool_calls=[CALL])])
    assert message["content"] == "Yes."
    (call,) = message["tool_calls"]
    assert (call["id"], call["function"]) == ("x", {"name": "f", "arguments": '{"a": 1}'})


def test_roles_names_and_answers_of_tools_are_kept() -> None:
    sent = as_messages(
        [
            SystemMessage("Be brief."),
            HumanMessage("Hi", name="ada"),
            AIMessage("", tool_calls=[CALL]),
            ToolMessage("2", tool_call_id="x"),
        ]
    )
    assert [m["role"] for m in sent] == ["system", "user", "assistant", "tool"]
    assert sent[1]["name"] == "ada"
    assert sent[3]["tool_call_id"] == "x"


def test_texts_in_blocks_are_one_text_and_an_image_is_a_need() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    texts: list[str | dict[Any, Any]] = [
        {"type": "text", "text": "one"},
        {"type": "text", "text": "two"},
    ]
    plain, seen = as_messages([HumanMessage(texts), HumanMessage([*texts, image])])
    assert plain["content"] == "one\ntwo"
    assert needs_of([plain]) == ()
    assert needs_of([plain, seen]) == ("vision",)
