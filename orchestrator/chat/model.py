"""The mesh as a `BaseChatModel`: `model = mesh.chat_model(task="draft")`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import (
    BaseChatModel,
    LangSmithParams,
    LanguageModelInput,
    ModelProfile,
)
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool
from pydantic import ConfigDict, Field, InstanceOf

from orchestrator.call_types import CallRequest, Message
from orchestrator.chat.calls import ChatCalls, Piece
from orchestrator.chat.failures import as_model_errors
from orchestrator.chat.limits import both
from orchestrator.chat.messages import as_last_chunk, as_message, as_messages, needs_of
from orchestrator.chat.options import (
    ChatSettings,
    Format,
    Tools,
    conforming,
    format_of,
    refuse_unknown,
    tools_of,
)
from orchestrator.chat.structured import structured
from orchestrator.errors import UnknownNameError
from orchestrator.project.policy_schema import CallDeclaration
from orchestrator.project.schema import Agent
from orchestrator.project.vocabulary import check_request
from orchestrator.roles.single import Answered, Ask
from orchestrator.routing.predict import serves
from orchestrator.types import Caller, Constraints, Deployment, Risk

MAX_TOKENS = 4096
"""How long an answer may be where nobody says less; reasoning counts as output."""


class ChatMesh(BaseChatModel):
    """A chat model that is routed anew for every call; made by `Mesh.chat_model`.

    Each call is a hop like any other: profiled, decided under the policy, carried out with
    fallbacks and the ledger, and recorded. Tools, a schema and images are needs that a model must
    meet. `api_key` and `max_retries` of other chat models have no meaning here and are ignored:
    keys stand in the fleet, and the mesh knows when to try again.

    A failure is raised as langchain-core's `ModelError` and ours at once: `CallError` with its
    attempts, `NoCandidateError` with the rules to relax.
    """

    calls: InstanceOf[ChatCalls] = Field(exclude=True, repr=False)
    task: str = "chat"
    agent: str | None = None
    data_class: str | None = None
    risk: Risk | None = None
    profile_tags: tuple[str, ...] = ()
    """What routes of the policy may match; `tags` are those of langchain-core's tracing."""
    constraints: Constraints = Constraints()
    caller: Caller = Caller()
    """On whose behalf: budgets, limits and costs go by it."""
    priority: int = 0
    model: str | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, gt=0)
    reasoning_effort: str | None = None
    seed: int | None = None
    stop: list[str] | None = Field(default=None, alias="stop_sequences")
    timeout: float | None = Field(default=None, gt=0)
    streaming: bool = False

    model_config = ConfigDict(populate_by_name=True)

    @property
    def _llm_type(self) -> str:
        return "mesh"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        names = ("task", "agent", "data_class", "risk", "model", "temperature", "max_tokens")
        said = {name: getattr(self, name) for name in names}
        return {name: value for name, value in said.items() if value is not None}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop or self.stop, **kwargs)
        params["ls_provider"] = "mesh"
        # Which model answers is known only afterwards; `response_metadata` names it.
        params.setdefault("ls_model_name", f"mesh/{self.task}")
        return params

    def _resolve_model_profile(self) -> ModelProfile | None:
        """What the best of the models that are available now can; each call chooses its own."""
        fleet = self.calls.services.fleet()
        found = [
            d
            for d in fleet.deployments
            if fleet.health[d.id].available and not d.deterministic and self._may_use(d)
        ]
        can = {name for d in found for name in d.can}
        profile = ModelProfile(
            name=f"mesh/{self.task}",
            text_inputs=True,
            text_outputs=True,
            image_inputs="vision" in can,
            image_url_inputs="vision" in can,
            audio_inputs="audio" in can,
            pdf_inputs="files" in can,
            tool_calling="tools" in can,
            tool_choice="tools" in can,
            tool_call_streaming="tools" in can,
            structured_output="json" in can,
            reasoning_output="reasoning" in can,
            temperature=True,
        )
        if most := max((d.context for d in found if d.context), default=None):
            profile["max_input_tokens"] = most
        if longest := max((d.max_output for d in found if d.max_output), default=None):
            profile["max_output_tokens"] = longest
        return profile

    def _may_use(self, deployment: Deployment) -> bool:
        models = self._limits(self.model).models
        return serves(deployment, self.task) and (models is None or deployment.model in models)

    # ── tools and structured output ──────────────────────────────────────────────────────

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: Any = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The model with tools that it may call; only models that `can: [tools]` are asked.

        An answer that calls an unknown tool, writes arguments that are no JSON object, or calls
        none where one is asked for, is invalid: the next model of the decision is asked.

        Args:
            tools: functions, langchain-core tools, pydantic classes, TypedDicts or schemas.
            tool_choice: `auto`, `none`, `any` or `required`, or a tool's name.
            strict: asks providers that know it to hold the schemas.
            parallel_tool_calls: whether one answer may hold several calls.

        Raises:
            UserError: a tool that is no function, or a choice that names none of them.
        """
        from langchain_core.utils.function_calling import convert_to_openai_tool

        converted = [convert_to_openai_tool(tool, strict=strict) for tool in tools]
        read = tools_of(converted, tool_choice)
        if read.choice is not None:
            kwargs["tool_choice"] = read.choice
        if parallel_tool_calls is not None:
            kwargs["parallel_tool_calls"] = parallel_tool_calls
        return self.bind(tools=[dict(tool) for tool in read.offered], **kwargs)

    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        method: str = "json_schema",
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """The model with answers that are values of `schema`.

        An answer that is not is invalid, and the next model of the decision is asked; only when
        none is left the call fails. What a pydantic class checks beyond its JSON Schema is
        checked at the end, and is the caller's.

        Args:
            schema: a pydantic class, a TypedDict, or a JSON Schema with a title.
            method: `json_schema`; `function_calling`, which needs a model that can call tools;
                `json_mode`, any JSON object, whose form the prompt must tell.
            include_raw: gives `{"raw": message, "parsed": value, "parsing_error": error}`.
            strict: asks providers that know it to hold the schema.
        """
        refuse_unknown(kwargs, frozenset({"method", "include_raw", "strict"}))
        return structured(self, schema, method=method, strict=strict, include_raw=include_raw)

    # ── calls ────────────────────────────────────────────────────────────────────────────

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002 - their signature
        **kwargs: Any,
    ) -> ChatResult:
        with as_model_errors():
            return _result(self.calls.answer(self._ask(messages, stop, kwargs)))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        with as_model_errors():
            return _result(await self.calls.aanswer(self._ask(messages, stop, kwargs)))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002 - their signature
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        ask = self._ask(messages, stop, kwargs)
        with as_model_errors(), closing(self.calls.pieces(ask)) as pieces:
            for piece in pieces:
                yield _chunk(piece, ask)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        ask = self._ask(messages, stop, kwargs)
        with as_model_errors():
            async with aclosing(self.calls.apieces(ask)) as pieces:
                async for piece in pieces:
                    yield _chunk(piece, ask)

    def _ask(
        self, messages: list[BaseMessage], stop: list[str] | None, said: Mapping[str, Any]
    ) -> Ask:
        refuse_unknown(said)
        sent = as_messages(messages)
        tools = tools_of(said.get("tools"), said.get("tool_choice"))
        form = format_of(said.get("response_format"))
        agent = self._agent(said)
        timeout = said.get("timeout", self.timeout)
        settings = self.calls.services.project.settings
        return Ask(
            request=CallRequest(
                messages=sent,
                schema=form.schema,
                strict=form.strict,
                stop=tuple(stop or said.get("stop") or self.stop or ()),
                seed=said.get("seed", self.seed),
                tools=tools.offered,
                tool_choice=tools.choice,
                parallel_tool_calls=said.get("parallel_tool_calls"),
            ),
            agent=agent,
            declared=self.agent is not None,
            node=_langgraph_node(),
            data_class=self.data_class,
            risk=self.risk,
            tags=self.profile_tags,
            constraints=self._limits(said.get("model", self.model)),
            caller=self.caller,
            priority=said.get("priority", self.priority),
            needs=_needs(sent, tools, form),
            deadline_s=timeout or settings.deadline_ms / 1000,
            check=None if form.schema is None else conforming(form.schema),
            held=form.schema is not None or tools.forced or agent.valid is not None,
        )

    def _agent(self, said: Mapping[str, Any]) -> Agent:
        """The declared agent, or one that is only a name, with this call's settings."""
        own = {
            "temperature": said.get("temperature", self.temperature),
            "max_tokens": said.get("max_tokens", self.max_tokens),
            "reasoning_effort": said.get("reasoning_effort", self.reasoning_effort),
        }
        given = {name: value for name, value in own.items() if value is not None}
        if self.agent is None:
            call = CallDeclaration(**{"max_tokens": MAX_TOKENS, **given})
            return Agent(
                name="chat_model", description="Called from code.", task=self.task, call=call
            )
        agent = self.calls.services.project.agents[self.agent]
        declared = agent.call.model_dump(exclude_none=True)
        call = CallDeclaration(**{"max_tokens": MAX_TOKENS, **declared, **given})
        return agent.model_copy(update={"call": call, "task": self.task})

    def _limits(self, model: str | None) -> Constraints:
        if model is None:
            return self.constraints
        known = self.calls.services.project.fleet.models
        if model not in known:
            raise UnknownNameError("model", model, tuple(known))
        return both(self.constraints, Constraints(models=(model,)))


def make_chat_model(
    calls: ChatCalls, asked: Mapping[str, Any], settings: Mapping[str, Any]
) -> ChatMesh:
    """The chat model, with every word checked; see `Mesh.chat_model`.

    Raises:
        UnknownNameError: a word that nothing in the project knows.
    """
    project = calls.services.project
    refuse_unknown(settings, frozenset(ChatSettings.__annotations__))
    check_request(project, **{word: asked[word] for word in ("task", "data_class", "risk")})
    agent, models = asked["agent"], project.fleet.models
    if agent is not None and agent not in project.agents:
        raise UnknownNameError("agent", agent, tuple(project.agents))
    for model in (settings.get("model"), *(asked["constraints"].models or ())):
        if model is not None and model not in models:
            raise UnknownNameError("model", model, tuple(models))
    task = asked["task"] or (project.agents[agent].task if agent else "chat")
    return ChatMesh(calls=calls, **{**asked, "task": task}, **settings)


def _needs(sent: Sequence[Message], tools: Tools, form: Format) -> tuple[str, ...]:
    needs = set(needs_of(sent))
    if tools.offered and tools.choice != "none":
        needs.add("tools")
    if form.schema is not None:
        needs.add("json")
    return tuple(sorted(needs))


def _langgraph_node() -> str | None:
    """The caller's node of a LangGraph graph, where the call comes from one."""
    node = (ensure_config().get("metadata") or {}).get("langgraph_node")
    return str(node) if node else None


def _result(answered: Answered) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=as_message(answered))])


def _chunk(piece: Piece, ask: Ask) -> ChatGenerationChunk:
    if isinstance(piece, str):
        return ChatGenerationChunk(message=AIMessageChunk(content=piece))
    # What was held back until it was checked comes now, in one piece.
    text = piece.reply.text if ask.held else ""
    return ChatGenerationChunk(message=as_last_chunk(piece, text=text))
