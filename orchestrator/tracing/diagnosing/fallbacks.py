"""Was it answered by whom it was meant for? Fallbacks, other models, answers of another time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.records import Attempt, Hop
from orchestrator.tracing.diagnosing.peers import Peers, candidate_of, quality_of
from orchestrator.tracing.diagnosing.reading import Seen
from orchestrator.tracing.diagnosing.signs import Sign
from orchestrator.tracing.explain import answered
from orchestrator.types import Decision

_MAKERS = (
    ("openai", "gpt openai chatgpt o1 o3 o4 davinci"),
    ("anthropic", "claude anthropic sonnet opus haiku"),
    ("google", "gemini gemma palm google"),
    ("meta", "llama meta codellama"),
    ("mistral", "mistral mixtral ministral codestral magistral"),
    ("qwen", "qwen qwq alibaba"),
    ("deepseek", "deepseek"),
    ("microsoft", "phi wizardlm"),
    ("smollm", "smollm"),
    ("cohere", "command cohere aya"),
    ("xai", "grok xai"),
    ("amazon", "nova titan"),
    ("others", "falcon yi olmo granite nemotron jamba zephyr vicuna tinyllama stablelm kimi glm"),
)
_MAKER_OF = {word: maker for maker, words in _MAKERS for word in words.split()}
_CLOSED = frozenset({"openai", "anthropic", "xai"})
"""Makers of models that nobody else runs under names of his own."""
_LESSER = frozenset(["mini", "nano", "micro", "tiny", "small", "lite", "flash", "haiku", "instant"])
"""Words by which makers name the smaller of two models."""
_LINES = _LESSER | frozenset(
    ["opus", "sonnet", "pro", "ultra", "large", "medium", "turbo", "max", "plus", "scout"]
)
"""Words by which makers tell their models apart."""
_PART = re.compile(r"[a-z]+|\d+(?:\.\d+)*")
_QUANTISED = re.compile(
    r"(?i)(?<![a-z0-9])(?:int[48]|fp[48]|q[2-8](?:_\w+)?|[48]bit|gptq|awq|gguf)"
)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)(m|b)\b")
_DATE = re.compile(r"[-@]?(?:20\d\d-?\d\d-?\d\d|\d{4}\b)|-latest\b")


def fallback_signs(seen: Seen, peers: Peers) -> Iterator[Sign]:
    """Signs that another than the chosen one answered, or answered something of another time."""
    hop = seen.hop
    used = answered(hop)
    if used is None:
        return
    if hop.decision is not None:
        yield from _another(hop, used, hop.decision)
    yield from _reported(used, peers)
    yield from _not_asked_now(hop, used)


def _another(hop: Hop, used: Attempt, decision: Decision) -> Iterator[Sign]:
    if used.deployment not in decision.chain:
        words = f"was answered by {used.deployment}, whom the decision does not name"
        yield Sign("silent_fallback", 0.8, words)
        return
    asked = decision.chain[: max(decision.tactics.models, 1)]
    if decision.strategy == "single":
        asked = decision.chain[:1]
    if used.deployment in asked:
        return
    mine, theirs = (
        quality_of(candidate_of(decision, name)) for name in (used.deployment, decision.chosen)
    )
    drop = theirs - mine if mine is not None and theirs is not None else 0.0
    tried = {a.deployment for a in hop.attempts if a is not used}
    words = f"fell back from {decision.chosen} to {used.deployment}"
    if drop > 0.005:
        words += f", whose expected quality is {mine:.2f} instead of {theirs:.2f}"
    weight = 0.3 + max(drop, 0.0) * 1.1
    if decision.chosen not in tried:
        words += f", though {decision.chosen} was never asked"
        weight = max(weight, 0.75)
    yield Sign("silent_fallback", min(weight, 0.9), words)


def _reported(used: Attempt, peers: Peers) -> Iterator[Sign]:
    """The model that answered says that it is another one."""
    model = used.deployment.partition("/")[0]
    if used.model and used.model != model:
        words = f"was answered by the model {used.model}, though {used.deployment} was asked"
        yield Sign("silent_fallback", 0.6, words)
    reported = used.reported_model
    if not reported:
        return
    says = f"asked {used.model}, and {reported} answered"
    asked, told = _maker(used.model) or _maker(used.family or ""), _maker(reported)
    if asked and told and asked != told:
        yield Sign("silent_fallback", 0.85, f"{says}, a model of another maker")
        return
    mine, theirs = _named(used.model), _named(reported)
    less = (theirs & _LESSER) - mine
    if (less and asked == told) or (
        (smaller := _sizes(reported)) and (large := _sizes(used.model)) and smaller < large
    ):
        yield Sign("silent_fallback", 0.7, f"{says}, a smaller one")
    elif asked and asked == told and _versions(used.model).isdisjoint(_versions(reported)) and (
        _versions(used.model) and _versions(reported)
    ):  # fmt: skip
        yield Sign("silent_fallback", 0.6, f"{says}, another version")
    elif asked == told and (line := mine & _LINES) and not line & theirs:
        # What a fleet calls a model need not be its maker's name for it.
        always = len(peers.models[used.deployment]) == 1 and peers.models[used.deployment][reported]
        weight = 0.6 if theirs & _LINES else 0.5
        yield Sign("silent_fallback", 0.25 if always > 1 else weight, says)
    elif _QUANTISED.search(reported) and asked in _CLOSED:
        yield Sign("silent_fallback", 0.55, f"{says}, somebody's own copy")
    elif not told and not mine & theirs:
        yield Sign("silent_fallback", 0.5 if _maker(used.model) in _CLOSED else 0.2, says)
    usual = peers.models[used.deployment]
    name, times = usual.most_common(1)[0] if usual else (reported, 0)
    if name != reported and times > usual[reported]:
        words = f"{used.deployment} said that it is {reported}, in other hops {name}"
        yield Sign("silent_fallback", 0.6, words)


def _not_asked_now(hop: Hop, used: Attempt) -> Iterator[Sign]:
    decision = hop.decision
    if used.kind == "cached":
        allowed = decision is not None and decision.cache is not None
        words = "was answered from the cache" + ("" if allowed else ", which nothing allows here")
        yield Sign("silent_fallback", 0.2 if allowed else 0.75, words)
    alone = len(hop.attempts) == 1
    if used.kind in ("fallback", "hedge", "retry", "repair") and alone:
        words = f"was answered by a {used.kind}, and no attempt before it is on record"
        yield Sign("silent_fallback", 0.55, words)
    several = decision is None or decision.strategy in ("race", "panel")
    if used.kind in ("racer", "panelist") and not several:
        words = f"was answered by a {used.kind}, though one model was to be asked"
        yield Sign("silent_fallback", 0.6, words)
    if used.continued or hop.ending == "continued":
        first = next((a for a in hop.attempts if a is not used), None)
        other = first is not None and first.model != used.model
        words = "its answer was begun by one call and continued by another"
        words += f", of another model ({used.model})" if other else ""
        yield Sign("silent_fallback", 0.6 if other else 0.35, words)
    elif hop.ending == "restarted":
        yield Sign("silent_fallback", 0.25, "its answer was begun again after it broke off")
    elif hop.ending == "incomplete":
        yield Sign("garbage_output", 0.65, "its answer broke off and was used all the same")


def _maker(name: str) -> str | None:
    return next((_MAKER_OF[w] for w in _PART.findall(name.lower()) if w in _MAKER_OF), None)


def _named(name: str) -> set[str]:
    return set(re.findall(r"[a-z]+", name.lower()))


def _versions(name: str) -> set[str]:
    plain = _SIZE.sub("", _DATE.sub("", name.lower()))
    return set(re.findall(r"\d+(?:[.-]\d+)?", plain))


def _sizes(name: str) -> float:
    """Parameters in millions; 0 where the name does not say."""
    sizes = [float(n) * (1000 if unit == "b" else 1) for n, unit in _SIZE.findall(name.lower())]
    return max(sizes, default=0.0)
