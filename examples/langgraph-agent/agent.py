"""An ordinary LangGraph agent for a shop's prices; one line of it names the mesh.

Run it as `python agent.py "What do 3 tents and 2 lamps cost together?"`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.tools import BaseTool, tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from orchestrator import Mesh

QUESTION = "What do 3 tents and 2 lamps cost together?"
SYSTEM = "You answer questions about the shop. Look prices up, and calculate with the tool."
PRICES = {"tent": 249.0, "lamp": 39.5, "stove": 84.0}


@tool
def look_up(article: str) -> str:
    """Looks up the price of one article of the shop, in EUR."""
    price = PRICES.get(article.lower().removesuffix("s"))
    return f"{price:.2f}" if price is not None else f"unknown; known: {', '.join(PRICES)}"


@tool
def calculate(left: float, operation: Literal["+", "-", "*", "/"], right: float) -> str:
    """Calculates with two numbers."""
    if operation == "/" and right == 0:
        return "a division by zero has no result"
    results = {"+": left + right, "-": left - right, "*": left * right}
    return f"{results[operation] if operation in results else left / right:.2f}"


def build(model: BaseChatModel, tools: Sequence[BaseTool]) -> Any:
    """The agent: the model calls tools until it needs none. It works with any chat model."""
    thinker = model.bind_tools(tools) if tools else model

    def think(state: MessagesState) -> dict[str, Any]:
        return {"messages": [thinker.invoke([SystemMessage(SYSTEM), *state["messages"]])]}

    graph = StateGraph(MessagesState)
    graph.add_node("think", think)
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", tools_condition)
    graph.add_edge("tools", "think")
    return graph.compile()


def main(question: str) -> None:
    """Asks, and prints for each turn which model answered, why, and what it cost."""
    model = Mesh.load().chat_model(task="chat")
    tools: list[BaseTool] = [look_up, calculate]
    if not (model.profile or {}).get("tool_calling"):
        print("No model that is available here can call tools: it answers without.")
        tools = []
    cost, text = 0.0, ""
    asked = {"messages": [HumanMessage(question)]}
    for mode, event in build(model, tools).stream(asked, stream_mode=["custom", "updates"]):
        if mode == "updates":
            text = show(event)
        elif event["mesh"] == "decision":
            print(event["why"])
        else:
            spent = event["cost_usd"] or 0.0  # `None` where the fleet does not know a price
            cost += spent
            print(f"  {event['outcome']}, {spent:.6f} USD, {event['ms']:.0f} ms")
    print(f"\n{text}\n\n{cost:.6f} USD in all")


def show(update: dict[str, Any]) -> str:
    """Prints the tool calls and results of one step; returns its last text."""
    messages = [message for step in update.values() for message in step["messages"]]
    for message in messages:
        for call in getattr(message, "tool_calls", ()):
            print(f"  calls {call['name']}({', '.join(map(str, call['args'].values()))})")
        if message.type == "tool":
            print(f"  {message.name}: {message.text}")
    return str(messages[-1].text)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else QUESTION)
