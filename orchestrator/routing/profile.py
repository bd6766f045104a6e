"""The task profile: what routing sees of a request instead of its text.

Pure, given the embedder: the same text and declarations give the same profile. What is declared
wins with confidence 1; the rest is read off the text by rules and by likeness to prototypes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, cast

from orchestrator.project.protocols import Embedder
from orchestrator.routing import _features as rules
from orchestrator.routing._prototypes import DOMAINS, TASKS
from orchestrator.routing._task import Guess, TaskGuesser
from orchestrator.types import Constraints, Feature, Risk, TaskProfile

if TYPE_CHECKING:
    import numpy as np

    from orchestrator.project.schema import Agent

_HEAD, _TAIL = 1200, 400  # characters that are read; a request stands at one end of its material
_EMBEDDED = 600
_GENERAL_BELOW = 0.42  # cosine under which a text is of no domain in particular


class Given(TypedDict, total=False):
    """What the caller knows. Everything is optional; what is set is never guessed."""

    task: str | None
    agent: Agent | None
    data_class: str | None
    risk: Risk | None
    interactive: bool
    tags: tuple[str, ...]
    constraints: Constraints
    extra_input_tokens: int
    """Tokens that are sent besides the text."""


class Profiler:
    """Makes task profiles. The prototypes are embedded at the first one."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def profile(self, text: str, **declared: Unpack[Given]) -> TaskProfile:
        """The profile of a request, each feature with its confidence and origin.

        Origins: `declared` by the caller, `agent`, `rule`, `embedding` or `default`.
        """
        seen = text if len(text) <= _HEAD + _TAIL else f"{text[:_HEAD]}\n{text[-_TAIL:]}"
        seen = seen.strip()
        low = seen.lower()
        agent = declared.get("agent")
        vector = self._embedder.embed([seen[:_EMBEDDED]])[0]
        tokens = rules.input_tokens(text) + declared.get("extra_input_tokens", 0)
        found: dict[str, Feature] = {"task": self._task(low, declared)}
        task = str(found["task"].value)
        found["domain"] = _feature(self._domain(vector, task))
        found["language"] = _feature(rules.language(low[:1000]))
        found["complexity"] = _feature(rules.complexity(low, task, tokens), float)
        found["output"] = (
            Feature(value="json", confidence=1.0, origin="agent")
            if agent and agent.output
            else _feature(rules.output_structure(low, task))
        )
        found["input_tokens"] = Feature(value=tokens, confidence=0.8, origin="rule")
        found["output_tokens"] = (
            Feature(value=agent.output_tokens, confidence=1.0, origin="agent")
            if agent and agent.output_tokens
            else _feature(rules.output_tokens(low, task, tokens), int)
        )
        found["needs"] = _needs(agent, found["output"])
        found["risk"] = _risk(low, task, declared)
        found["data_class"] = _or_default(declared, "data_class", "internal")
        found["interactive"] = _or_default(declared, "interactive", True)
        return TaskProfile(
            tags=declared.get("tags", ()),
            constraints=declared.get("constraints", Constraints()),
            features=found,
            **{name: feature.value for name, feature in found.items()},
        )

    def _task(self, low: str, declared: Given) -> Feature:
        task, agent = declared.get("task"), declared.get("agent")
        if task:
            return Feature(value=task, confidence=1.0, origin="declared")
        if agent:
            return Feature(value=agent.task, confidence=1.0, origin="agent")
        return _feature(self._guesser.guess(low))

    def _domain(self, vector: np.ndarray, task: str) -> Guess:
        likeness = self._similarity(self._domains, vector)
        ranked = sorted(likeness, key=lambda d: -likeness[d])
        best, second = ranked[0], ranked[1]
        if task in ("code", "sql"):
            return Guess("code", 0.85, "rule")
        if likeness[best] < _GENERAL_BELOW:
            return Guess("general", 0.6, "embedding")
        margin = min(1.0, (likeness[best] - likeness[second]) / 0.2)
        return Guess(best, round(0.5 + 0.45 * margin, 3), "embedding")

    @cached_property
    def _guesser(self) -> TaskGuesser:
        return TaskGuesser(self._embedder, TASKS)

    @cached_property
    def _domains(self) -> tuple[tuple[str, ...], np.ndarray]:
        return self._centroids(DOMAINS)

    def _centroids(
        self, prototypes: Mapping[str, tuple[str, ...]]
    ) -> tuple[tuple[str, ...], np.ndarray]:
        import numpy as np

        rows = []
        for texts in prototypes.values():
            mean = self._embedder.embed(texts).mean(axis=0)
            rows.append(mean / np.linalg.norm(mean))
        return tuple(prototypes), np.stack(rows)

    @staticmethod
    def _similarity(
        centroids: tuple[tuple[str, ...], np.ndarray], vector: np.ndarray
    ) -> dict[str, float]:
        names, rows = centroids
        return dict(zip(names, (rows @ vector).tolist(), strict=True))


def _feature(guess: Guess, kind: type[str] | type[int] | type[float] = str) -> Feature:
    return Feature(value=kind(guess.value), confidence=guess.confidence, origin=guess.origin)


def _needs(agent: Agent | None, output: Feature) -> Feature:
    """An agent says what it needs; a bare request needs JSON where it asks for it."""
    if agent:
        # Models that can hold a schema are told the one that its answers must satisfy.
        form = ("json",) if agent.valid and agent.valid.json_schema is not None else ()
        needs = tuple(sorted({*agent.needs, *form}))
        return Feature(value=needs, confidence=1.0, origin="agent")
    needs = ("json",) if output.value == "json" else ()
    return Feature(value=needs, confidence=output.confidence, origin=output.origin)


def _risk(low: str, task: str, declared: Given) -> Feature:
    agent = declared.get("agent")
    if declared.get("risk"):
        return Feature(value=declared.get("risk"), confidence=1.0, origin="declared")
    if agent and agent.risk:
        return Feature(value=agent.risk, confidence=1.0, origin="agent")
    value, confidence = rules.risk(low, task)
    return Feature(value=value, confidence=confidence, origin="rule")


def _or_default(declared: Given, key: str, default: Any) -> Feature:
    value = cast("Mapping[str, Any]", declared).get(key)
    if value is None:
        return Feature(value=default, confidence=0.9, origin="default")
    return Feature(value=value, confidence=1.0, origin="declared")
