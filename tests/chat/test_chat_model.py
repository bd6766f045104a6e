"""The chat model as its users meet it: what is sent, what comes back, what is recorded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from langchain_core.exceptions import ModelNotFoundError
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from pydantic import BaseModel

from orchestrator.errors import CallError, NoCandidateError, UnknownNameError, UserError
from orchestrator.types import Caller, Candidate, Constraints
from tests.calling.server import Call, Fail, Hang, Say
from tests.chat.brain import Brain
from tests.chat.held import HELD
from tests.chat.served import open_mesh

ADD = {
    "name": "add",
    "description": "Adds two numbers.",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}


class Colour(BaseModel):
    """A colour."""

    name: str
    red: int


# ── a call is a hop ──────────────────────────────────────────────────────────────────────


def test_a_call_is_a_trace_with_its_hop_decision_and_cost(rigs: Any) -> None:
    rig = rigs(Brain())
    message = rig.mesh.chat_model(task="draft", temperature=0).invoke("Hello there, my friend")
    told = message.response_metadata["mesh"]
    trace = rig.mesh.store.trace(told["trace_id"])
    (hop,) = rig.mesh.store.hops(trace.id)
    assert (trace.graph, trace.status) == ("chat_model", "ok")
    assert (trace.question, trace.answer) == ("Hello there, my friend", message.content)
    assert hop.decision is not None
    assert hop.decision.chosen == told["chosen"] == told["deployment"] == "first/a"
    assert told["fallbacks"] == ["second/b", "small/c"]
    assert "ranked first of the 3" in told["why"]
    # 4 words in at 2 dollars a million, 9 words out at 8.
    assert message.usage_metadata is not None
    words = (message.usage_metadata["input_tokens"], message.usage_metadata["output_tokens"])
    assert words == (4, 9)
    assert trace.cost_micro_usd == 4 * 2 + 9 * 8
    assert told["cost_usd"] == pytest.approx(80e-6)
    assert message.response_metadata["model_name"] == "first"
    assert told["reported_model"] == "first-model-2026"
    assert rig.sent["temperature"] == 0


def test_the_next_model_answers_where_one_fails(rigs: Any) -> None:
    rig = rigs(Fail(401, "no"), second=Brain())
    message = rig.mesh.chat_model().invoke("Hello")
    attempts = message.response_metadata["mesh"]["attempts"]
    assert [(a["deployment"], a["outcome"]) for a in attempts] == [
        ("first/a", "auth"),
        ("second/b", "ok"),
    ]
    assert message.response_metadata["model_name"] == "second"


def test_a_budget_holds_for_chat_models(rigs: Any) -> None:
    policy = "objective: {maximize: quality}\nbudgets: [{per: workspace, usd: 0.01, window: day}]\n"
    rig = rigs(Brain(), policy=policy)
    message = rig.mesh.chat_model().invoke("Hello")
    outcomes = [a["outcome"] for a in message.response_metadata["mesh"]["attempts"]]
    assert outcomes == ["over_budget", "over_budget", "ok"]
    assert message.response_metadata["model_name"] == "small"


def test_the_data_class_decides_who_may_answer_and_what_is_kept(rigs: Any) -> None:
    policy = """
objective: {maximize: quality}
routes:
  - {name: home, match: {data_class: pii}, require: {hosting: self}, store: none}
"""
    rig = rigs(Brain(), policy=policy.replace("store: none", "store_prompts: none"))
    model = rig.mesh.chat_model(data_class="pii")
    message = model.invoke("My name is Ada Lovelace")
    told = message.response_metadata["mesh"]
    assert told["deployment"] == "small/c"
    (hop,) = rig.mesh.store.hops(told["trace_id"])
    assert hop.prompt is None
    assert rig.mesh.store.trace(told["trace_id"]).question is None


def test_arguments_of_tools_are_kept_only_where_the_route_keeps_them(rigs: Any) -> None:
    policy = """
objective: {maximize: quality}
routes: [{name: quiet, match: {tags: quiet}, store_tool_args: none}]
"""
    rig = rigs(Brain(), policy=policy)
    for tags, shown in (((), '→ add({"a": 12, "b": 34})'), (("quiet",), "→ add(…)")):
        model = rig.mesh.chat_model(tags=tags).bind_tools([ADD])
        message = model.invoke("Please add 12 and 34")
        (hop,) = rig.mesh.store.hops(message.response_metadata["mesh"]["trace_id"])
        assert hop.output == shown


def test_a_declared_agent_lends_its_task_needs_and_settings(rigs: Any, tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "critic.md").write_text(
        "---\ndescription: Finds holes.\ntask: check\nneeds: [json]\n"
        "call: {temperature: 0.7, max_tokens: 50}\n---\nFind holes.\n"
    )
    rig = rigs(Brain())
    model = rig.mesh.chat_model(agent="critic", max_tokens=20)
    message = model.invoke("Is it so?")
    (hop,) = rig.mesh.store.hops(message.response_metadata["mesh"]["trace_id"])
    assert hop.profile is not None
    assert (hop.agent, hop.profile.task, hop.profile.needs) == ("critic", "check", ("json",))
    assert (rig.sent["temperature"], rig.sent["max_tokens"]) == (0.7, 20)


def test_a_constraint_binds_every_call(rigs: Any) -> None:
    rig = rigs(Brain())
    model = rig.mesh.chat_model(constraints=Constraints(regions=("us",)))
    assert model.invoke("Hello").response_metadata["model_name"] == "second"
    with pytest.raises(NoCandidateError, match=r"relax request\.models"):
        model.invoke("Hello", model="first")


# ── threads and loops ────────────────────────────────────────────────────────────────────


def test_it_can_be_called_from_any_thread_and_loop(rigs: Any) -> None:
    rig = rigs(Brain())
    model = rig.mesh.chat_model()

    async def inside() -> list[str]:
        there = [model.invoke("one").text]  # blocks the loop, and works
        answers = await asyncio.gather(model.ainvoke("two"), asyncio.to_thread(model.invoke, "3"))
        return there + [answer.text for answer in answers]

    first, second = asyncio.run(inside()), asyncio.run(inside())
    assert first == second
    assert model.invoke("four").text == "Hello to you! You said: four"


def test_a_model_of_the_mesh_may_not_block_the_mesh(tmp_path: Path) -> None:
    (tmp_path / "mesh.yaml").write_text("python: [parrot.py]\n")
    (tmp_path / "parrot.py").write_text(
        "from orchestrator import builtin\n"
        "from tests.chat.held import HELD\n\n\n"
        "@builtin('parrot')\n"
        "def parrot(request):\n"
        "    return next(HELD['model'].stream('Hello')).text\n"
    )
    (tmp_path / "fleet.yaml").write_text(
        "models:\n  parrot:\n    tier: nano\n    tasks: {'*': 1.0}\n"
        "    deployments: [{id: here, via: builtin, function: parrot, hosting: self}]\n"
    )
    with open_mesh(tmp_path) as mesh:
        HELD["model"] = model = mesh.chat_model()
        with pytest.raises(UserError, match="ainvoke"):
            model.invoke("Hello")
    HELD.clear()


def test_a_cancelled_call_stops_upstream_and_is_on_record(rigs: Any) -> None:
    rig = rigs(Hang())
    model = rig.mesh.chat_model()

    async def leave() -> None:
        call = asyncio.create_task(model.ainvoke("Hello"))
        while not rig.first.seen:
            await asyncio.sleep(0.01)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        while rig.mesh.store.traces()[0].status == "running":
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(leave(), 30))
    (trace,) = rig.mesh.store.traces()
    assert trace.status == "cancelled"
    assert rig.first.seen[-1].gone


def test_a_stream_that_is_left_stops_upstream(rigs: Any) -> None:
    rig = rigs(Say("word " * 1000, gap_s=0.01))
    stream = rig.mesh.chat_model().stream("Hello")
    assert next(stream).text == "word"
    stream.close()

    async def gone() -> None:
        while not rig.first.seen[-1].gone:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(gone(), 30))


# ── streams ──────────────────────────────────────────────────────────────────────────────


def _joined(stream: Iterator[Any]) -> tuple[list[str], AIMessageChunk]:
    chunks = list(stream)
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    return [c.text for c in chunks if c.text], whole


def test_text_comes_as_the_provider_sends_it(rigs: Any) -> None:
    rig = rigs(Say("one two three", gap_s=0.05))  # what comes at once is handed on at once
    pieces, whole = _joined(rig.mesh.chat_model().stream("Count"))
    assert pieces == ["one", " two", " three"]
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["total_tokens"] == 12
    assert whole.response_metadata["finish_reason"] == "stop"
    assert whole.response_metadata["mesh"]["deployment"] == "first/a"


def test_a_failure_before_the_first_word_is_not_seen(rigs: Any) -> None:
    rig = rigs(Fail(401, "no"), second=Say("one two"))
    pieces, whole = _joined(rig.mesh.chat_model().stream("Count"))
    assert "".join(pieces) == "one two"
    assert whole.response_metadata["mesh"]["deployment"] == "second/b"


def test_words_that_were_shown_are_not_followed_by_another_answer(rigs: Any) -> None:
    broken = Say("one two three", break_after=2, gap_s=0.05)
    rig = rigs(broken, second=Say("something else"))
    stream = rig.mesh.chat_model().stream("Count")
    assert [next(stream).text, next(stream).text] == ["one", " two"]
    with pytest.raises(CallError, match="broke off after 7 characters") as caught:
        next(stream)
    # Its own model may write the same again; no other would.
    assert [str(a.outcome) for a in caught.value.attempts] == ["cut", "cut"]
    assert not rig.second.seen
    assert rig.mesh.store.traces()[0].status == "failed"


def test_a_tool_call_that_broke_off_is_begun_again_elsewhere(rigs: Any) -> None:
    broken = Say("", calls=(Call("add", '{"a": 1, "b": 2}', id="broken"),), break_after=2)
    whole_one = Say("", calls=(Call("add", '{"a": 3, "b": 4}', id="whole"),))
    rig = rigs(broken, second=whole_one)
    model = rig.mesh.chat_model(model=None).bind_tools([ADD])
    _, message = _joined(model.stream("Please add 3 and 4"))
    assert [(c["id"], c["args"]) for c in message.tool_calls] == [("whole", {"a": 3, "b": 4})]
    assert message.response_metadata["mesh"]["ending"] == "restarted"


# ── tools ────────────────────────────────────────────────────────────────────────────────


def test_parallel_calls_and_their_answers_go_there_and_back(rigs: Any) -> None:
    rig = rigs(
        Say("Let me see.", calls=(Call("add", '{"a": 1, "b": 2}', "x"), Call("add", "{}", "y"))),
        Say("Three and nothing."),
    )
    model = rig.mesh.chat_model().bind_tools([ADD], parallel_tool_calls=True)
    asked = HumanMessage("Add twice")
    called = model.invoke([asked])
    assert isinstance(called, AIMessage)
    assert called.text == "Let me see."
    assert [(c["name"], c["args"], c["id"]) for c in called.tool_calls] == [
        ("add", {"a": 1, "b": 2}, "x"),
        ("add", {}, "y"),
    ]
    assert rig.sent["parallel_tool_calls"] is True
    assert rig.sent["tools"][0]["function"]["name"] == "add"
    results = [ToolMessage("3", tool_call_id="x"), ToolMessage("0", tool_call_id="y")]
    assert model.invoke([asked, called, *results]).text == "Three and nothing."
    assert [m["role"] for m in rig.sent["messages"]] == ["user", "assistant", "tool", "tool"]
    assert [c["id"] for c in rig.sent["messages"][1]["tool_calls"]] == ["x", "y"]


def test_only_a_model_that_can_call_tools_is_asked(rigs: Any) -> None:
    rig = rigs(Brain())
    model = rig.mesh.chat_model(constraints=Constraints(models=("small",)))
    with pytest.raises(ModelNotFoundError) as caught:
        model.bind_tools([ADD]).invoke("Add 1 and 2")
    assert isinstance(caught.value, NoCandidateError)
    assert caught.value.is_retryable is False
    candidates = cast("tuple[Candidate, ...]", caught.value.candidates)
    removed = {c.deployment: c.reason for c in candidates}
    assert "required tools" in removed["small/c"]
    assert not rig.first.seen


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (Call("substract"), "calls the tool 'substract'; offered: add"),
        (Call("add", '{"a": 1'), "no JSON object"),
        (Call("add", "[1, 2]"), "no JSON object"),
    ],
)
def test_a_call_that_is_none_sends_the_request_on(rigs: Any, call: Call, reason: str) -> None:
    rig = rigs(Say("", calls=(call,)), second=Brain())
    message = rig.mesh.chat_model().bind_tools([ADD]).invoke("Please add 12 and 34")
    assert message.tool_calls[0]["args"] == {"a": 12, "b": 34}
    (hop,) = rig.mesh.store.hops(message.response_metadata["mesh"]["trace_id"])
    assert reason in (hop.attempts[0].error or "")


def test_a_model_that_calls_nothing_though_told_to_is_passed_over(rigs: Any) -> None:
    rig = rigs(Say("I would rather talk."), second=Brain())
    model = rig.mesh.chat_model().bind_tools([ADD], tool_choice="any")
    texts, message = _joined(model.stream("Please add 1 and 2"))
    assert (texts, message.tool_calls[0]["name"]) == ([], "add")
    assert rig.sent["tool_choice"] == "required"
    model = rig.mesh.chat_model().bind_tools([ADD], tool_choice="add")
    assert model.invoke("Hello").response_metadata["model_name"] == "second"
    assert rig.sent["tool_choice"] == {"type": "function", "function": {"name": "add"}}


def test_a_choice_that_names_no_tool_is_the_users_mistake(rigs: Any) -> None:
    model = rigs(Brain()).mesh.chat_model()
    with pytest.raises(UnknownNameError, match="did you mean 'add'"):
        model.bind_tools([ADD], tool_choice="ad")
    with pytest.raises(UserError, match="belongs to one provider"):
        model.bind_tools([{"type": "web_search_preview"}])


# ── structured output ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_an_answer_in_another_form_sends_the_request_on(rigs: Any, method: str) -> None:
    wrong = json.dumps({"name": "rust"})
    bad = Say("", calls=(Call("Color", wrong),)) if method == "function_calling" else Say(wrong)
    right = '{"name": "rust", "red": 183}'
    good = Say("", calls=(Call("Colour", right),)) if method == "function_calling" else Say(right)
    rig = rigs(bad, second=good)
    model = rig.mesh.chat_model().with_structured_output(Colour, method=method, include_raw=True)
    found = model.invoke("Which colour is rust?")
    assert found["parsed"] == Colour(name="rust", red=183)
    assert found["raw"].response_metadata["model_name"] == "second"
    assert found["parsing_error"] is None


def test_strict_reaches_the_provider(rigs: Any) -> None:
    rig = rigs(Brain())
    model = rig.mesh.chat_model()
    assert isinstance(model.with_structured_output(Colour, strict=True).invoke("rust"), Colour)
    asked = rig.sent["response_format"]["json_schema"]
    assert asked["strict"] is True
    assert asked["schema"]["additionalProperties"] is False
    model.with_structured_output(Colour, method="json_mode", include_raw=True).invoke("rust")
    assert rig.sent["response_format"] == {"type": "json_object"}


def test_nothing_of_a_form_is_shown_before_it_was_checked(rigs: Any) -> None:
    rig = rigs(Say('{"name": "ru'), second=Say('{"name": "rust", "red": 183}'))
    chunks = list(rig.mesh.chat_model().with_structured_output(Colour).stream("rust?"))
    assert chunks == [Colour(name="rust", red=183)]


def test_tools_and_a_form_together_let_the_model_call_first(rigs: Any) -> None:
    rig = rigs(Brain())
    model = rig.mesh.chat_model().bind_tools([ADD], response_format={"type": "json_object"})
    assert model.invoke("Please add 1 and 2").tool_calls
    assert rig.sent["response_format"] == {"type": "json_object"}


def test_the_real_small_model_holds_a_form(tmp_path: Path) -> None:
    class Answer(BaseModel):
        """An answer."""

        yes: bool

    with open_mesh(tmp_path) as mesh:
        model = mesh.chat_model(model="smollm2-135m", max_tokens=40)
        assert isinstance(model.with_structured_output(Answer).invoke("Is grass green?"), Answer)
        profile = model.profile or {}
        assert (profile["tool_calling"], profile["structured_output"]) == (False, True)


# ── images ───────────────────────────────────────────────────────────────────────────────


def test_an_image_goes_to_a_model_that_can_see(rigs: Any) -> None:
    rig = rigs(Brain())
    picture = HumanMessage([{"type": "image", "url": "https://example.org/a.png"}])
    message = rig.mesh.chat_model().invoke([HumanMessage("What is this?"), picture])
    assert message.text == "I see image_url."
    (hop,) = rig.mesh.store.hops(message.response_metadata["mesh"]["trace_id"])
    assert hop.profile is not None
    assert hop.profile.needs == ("vision",)
    assert hop.profile.input_tokens > 1000
    assert "[image_url]" in (hop.prompt or "")
    with pytest.raises(NoCandidateError):
        rig.mesh.chat_model(model="small").invoke([picture])


def test_a_block_that_nobody_can_be_sent_is_the_users_mistake(rigs: Any) -> None:
    model = rigs(Brain()).mesh.chat_model()
    with pytest.raises(UserError, match="type 'hologram' cannot be sent"):
        model.invoke([HumanMessage([{"type": "hologram", "data": "…"}])])


def test_costs_go_by_whom_a_call_is_made_for(rigs: Any) -> None:
    policy = "objective: {maximize: quality}\nbudgets: [{per: user, usd: 0.1, window: day}]\n"
    rig = rigs(Say("one two three"), policy=policy)
    ana = Caller(user="ana", tier="free", feature="search")
    told = rig.mesh.chat_model(caller=ana).invoke("Hello").response_metadata["mesh"]
    rig.mesh.store.flush()
    assert rig.mesh.store.trace(told["trace_id"]).caller == ana
    report = rig.mesh.costs(("user", "user_tier", "feature", "model", "outcome"))
    ((names, costs),) = report.rows
    assert names == ("ana", "free", "search", "first", "ok")
    assert costs.cost_usd == told["cost_usd"] > 0
