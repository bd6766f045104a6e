"""The task profile: what routing sees of a request instead of its text.

Pure, given the embedder: the same text and declarations give the same profile. What is declared
wins with confidence 1; the rest is read off the text by rules and by likeness to prototypes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, cast

from orchestrator.call_types import tokens as count
from orchestrator.project.protocols import Embedder
from orchestrator.routing import _features as rules
from orchestrator.routing._prototypes import DOMAINS, TASKS
from orchestrator.routing._task import Guess, TaskGuesser
from orchestrator.routing.data_class import stated, with_found
from orchestrator.types import RISKS, Constraints, Feature, Risk, TaskProfile, risk_of

if TYPE_CHECKING:
    import numpy as np

    from orchestrator.guard.detecting.detect import Detectors, FoundClass
    from orchestrator.project.schema import Agent

_HEAD, _TAIL = 1200, 400  # characters that are read; a request stands at one end of its material
_EMBEDDED = 600
_LANGUAGE = 400
_GENERAL_BELOW = 0.42  # cosine under which a text is of no domain in particular
_UNREAD = {
    name: Feature(value=value, confidence=1.0, origin="unread")
    for name, value in (
        ("domain", "general"),
        ("language", "en"),
        ("complexity", 0.5),
        ("output", "text"),
        ("risk", "normal"),
    )
}
_AGENTS_JSON = Feature(value="json", confidence=1.0, origin="agent")
_UNCONSTRAINED = Constraints()


class Counted(TypedDict, total=False):
    """What is known of a request besides its text."""

    extra_input_tokens: int
    """Tokens that are sent besides the text."""
    input_tokens: int
    """Of everything that is sent, where it was counted; what the text has counts where more."""
    most_output_tokens: int | None
    """What the caller lets the answer take."""
    needs: tuple[str, ...]
    """What the request needs besides what is read off its text."""
    values: bool
    """Whether it brings an agent's inputs by name, as all agents' calls do."""
    holds: FoundClass | None
    """What its texts were found to hold; absent: the text is looked through here."""


class Given(Counted, total=False):
    """What the caller knows. Everything is optional; what is set is never guessed."""

    task: str | None
    agent: Agent | None
    data_class: str | None
    risk: Risk | None
    interactive: bool
    tags: tuple[str, ...]
    constraints: Constraints


class Profiler:
    """Makes task profiles. The prototypes are embedded at the first one.

    Args:
        embedder: its vectors tell the domain, and the task where nobody declares it.
        unread: of `domain`, `language`, `complexity`, `output` and `risk` those that nobody asks
            for. They are not looked for, which takes two thirds of the time; they have their
            default then, of origin `unread`.
        reads: makes `TaskProfile.reading` of a text; none is made where absent.
        detectors: what is looked for in texts; the class that it makes of one counts where it is
            stricter than the declared one.
        default_data_class: of a request that states none and in which nothing is found.
    """

    def __init__(
        self,
        embedder: Embedder,
        *,
        unread: frozenset[str] = frozenset(),
        reads: Callable[[str], Sequence[float]] | None = None,
        detectors: Detectors | None = None,
        default_data_class: str = "internal",
    ) -> None:
        self._embedder, self._unread, self._reads = embedder, unread, reads
        self._detectors, self._default_class = detectors, default_data_class

    def profile(self, text: str, **declared: Unpack[Given]) -> TaskProfile:
        """The profile of a request, each feature with its confidence and origin.

        Origins: `declared` by the caller, `agent`, `rule`, `embedding`, `found: …` or `default`.
        """
        seen = text if len(text) <= _HEAD + _TAIL else f"{text[:_HEAD]}\n{text[-_TAIL:]}"
        seen = seen.strip()
        low = seen.lower()
        agent = declared.get("agent")
        tokens = count(text) + declared.get("extra_input_tokens", 0)
        found: dict[str, Feature] = {"task": self._task(low, declared)}
        task = str(found["task"].value)
        for name in self._unread:
            found[name] = _UNREAD[name]
        if "domain" not in found:
            found["domain"] = _feature(self._domain(seen, task))
        if "language" not in found:
            found["language"] = _feature(rules.language(low[:_LANGUAGE]))
        if "complexity" not in found:
            found["complexity"] = _feature(rules.complexity(low, task, tokens), float)
        if agent and agent.output:
            found["output"] = _AGENTS_JSON
        elif "output" not in found:
            found["output"] = _feature(rules.output_structure(low, task))
        found["input_tokens"] = _input_tokens(tokens, declared)
        found["output_tokens"] = _output_tokens(low, task, tokens, declared)
        found["needs"] = _needs(agent, found["output"], declared.get("needs", ()))
        if declared.get("risk") or "risk" not in found:
            found["risk"] = _risk(low, task, declared)
        found["data_class"] = self._data_class(text, declared)
        found["interactive"] = _or_default(declared, "interactive", True)
        return TaskProfile(
            tools=agent.tools if agent else (),
            tags=declared.get("tags", ()),
            values=declared.get("values", True),
            constraints=declared.get("constraints", _UNCONSTRAINED),
            features=found,
            reading=None if self._reads is None else self._reads(text),
            **{name: feature.value for name, feature in found.items()},
        )

    def _data_class(self, text: str, declared: Given) -> Feature:
        base, detectors = stated(declared.get("data_class"), self._default_class), self._detectors
        if detectors is None:
            return base
        found = declared["holds"] if "holds" in declared else detectors.found_class((text,))
        return with_found(base, found, detectors)

    def _task(self, low: str, declared: Given) -> Feature:
        task, agent = declared.get("task"), declared.get("agent")
        if task:
            return Feature(value=task, confidence=1.0, origin="declared")
        if agent:
            return Feature(value=agent.task, confidence=1.0, origin="agent")
        return _feature(self._guesser.guess(low))

    def _domain(self, text: str, task: str) -> Guess:
        if task in ("code", "sql"):
            return Guess("code", 0.85, "rule")
        vector = self._embedder.embed([text[:_EMBEDDED]])[0]
        likeness = self._similarity(self._domains, vector)
        ranked = sorted(likeness, key=lambda d: -likeness[d])
        best, second = ranked[0], ranked[1]
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


def _input_tokens(tokens: int, declared: Given) -> Feature:
    counted = declared.get("input_tokens", 0)
    if counted > tokens:
        return Feature(value=_stepped(counted), confidence=1.0, origin="declared")
    return Feature(value=_stepped(tokens), confidence=0.8, origin="rule")


def _stepped(tokens: int) -> int:
    """Rounded up by a sixteenth at most, which is less than the count is off.

    Requests of about the same length are so of the same, and get the same decision.
    """
    step = 1 << max(tokens.bit_length() - 5, 0)
    return -(-tokens // step) * step


def _output_tokens(low: str, task: str, tokens: int, declared: Given) -> Feature:
    agent, most = declared.get("agent"), declared.get("most_output_tokens")
    if agent and agent.output_tokens:
        usual = Feature(value=agent.output_tokens, confidence=1.0, origin="agent")
    else:
        usual = _feature(rules.output_tokens(low, task, tokens), int)
    if most is not None and most < usual.value:
        return Feature(value=most, confidence=1.0, origin="declared")
    return usual


def _needs(agent: Agent | None, output: Feature, beside: tuple[str, ...]) -> Feature:
    """An agent says what it needs; a bare request needs JSON where it asks for it."""
    if agent:
        # Models that can hold a schema are told the one that its answers must satisfy.
        form = ("json",) if agent.valid and agent.valid.json_schema is not None else ()
        found, confidence, origin = (*agent.needs, *form), 1.0, "agent"
    else:
        found = ("json",) if output.value == "json" else ()
        confidence, origin = output.confidence, output.origin
    if beside:
        return Feature(value=tuple(sorted({*found, *beside})), confidence=1.0, origin="declared")
    return Feature(value=tuple(sorted(set(found))), confidence=confidence, origin=origin)


def _risk(low: str, task: str, declared: Given) -> Feature:
    """The strictest of what the caller declares, what the agent does, and what is read off."""
    agent, said = declared.get("agent"), risk_of(declared.get("risk"))
    value, confidence = rules.risk(low, task)
    found = Feature(value=value, confidence=confidence, origin="rule")
    stated = [
        Feature(value=tier, confidence=1.0, origin=origin)
        for tier, origin in ((said, "declared"), (agent.risk if agent else None, "agent"))
        if tier
    ]
    if not stated:
        return found
    # That nothing was found says little against a word of somebody who knows.
    either = [*stated, found] if value == "high" else stated
    return max(either, key=lambda feature: RISKS.index(feature.value))


def _or_default(declared: Given, key: str, default: Any) -> Feature:
    value = cast("Mapping[str, Any]", declared).get(key)
    if value is None:
        return Feature(value=default, confidence=0.9, origin="default")
    return Feature(value=value, confidence=1.0, origin="declared")
