"""Was the right model chosen? The decision against its own record, the profile against the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.tracing.diagnosing.peers import TASK_OF_ROLE, Peers, candidate_of, quality_of
from orchestrator.tracing.diagnosing.reading import Seen
from orchestrator.tracing.diagnosing.signs import Kind, Sign
from orchestrator.tracing.redact import WITHHELD, Mask
from orchestrator.types import Candidate, Decision, Stage, TaskProfile

_KIND: Kind = "bad_routing"
_STRONGER = 0.2
"""By so much quality another model is called a stronger one."""
_GAP = 0.3
"""A lack of quality that counts fully."""
_RISKS = ("low", "normal", "high")
_POOR = 0.25
"""An expected quality at which nobody would send work there on purpose."""
_STRICT = ("public", "internal", "confidential", "secret")
_PERSONAL = ("pii", "personal", "regulated", "restricted", "phi", "sensitive")
_DECLARES = frozenset({*TASK_OF_ROLE, "generator", "phraser"})
"""Roles whose agents say what their task is."""
_STATED = ("task", "data_class", "language", "domain", "complexity")
_UNSURE = 0.5


def routing_signs(seen: Seen, peers: Peers) -> Iterator[Sign]:
    """Signs that a hop was sent to a model that it should not have gone to."""
    hop = seen.hop
    if hop.decision is not None:
        known = peers.judged.get(id(hop.decision))
        if known is None:  # many hops share one
            known = (*_consistent(hop.decision, peers), *_weak(hop.decision, peers))
            peers.judged[id(hop.decision)] = known
        yield from known
        if hop.profile is not None:
            yield from _allowed(hop.decision, hop.profile, seen)
            yield from _routes(hop.decision, hop.profile, peers)
    if hop.profile is not None:
        yield from _as_stated(hop.profile)
        yield from _task(seen, hop.profile, peers)
        yield from _data_class(seen, hop.profile, peers)
        yield from _length(seen, hop.profile)


# ── the decision against its own record ──────────────────────────────────────────────────


def _consistent(decision: Decision, peers: Peers) -> Iterator[Sign]:
    if not decision.candidates:
        return
    stayed = [c for c in decision.candidates if c.stage is None]
    chosen = candidate_of(decision, decision.chosen)
    if chosen is None:
        words = f"went to {decision.chosen}, which is none of the candidates"
        yield Sign(_KIND, 0.85, words)
    elif chosen.stage is not None:
        words = f"went to {chosen.deployment}, which had been removed ({chosen.reason})"
        yield Sign(_KIND, 0.9, words)
    elif stayed[0] is not chosen:
        words = f"went to {chosen.deployment}, though {stayed[0].deployment} is the first by rank"
        yield Sign(_KIND, 0.75, words)
    if chosen is not None and chosen.stage is None:
        yield from _beaten(chosen, stayed, decision)
    for removed in decision.candidates:
        served = peers.served.get(removed.deployment)
        if removed.stage is Stage.AVAILABILITY and decision.degraded and served:
            words = f"{removed.deployment} was taken for unavailable ({removed.reason}), and "
            yield Sign(_KIND, 0.45, f"{words}served {served} in the same request")
            return
        if removed.stage is not None and _holds(removed):
            words = f"{removed.deployment} was passed over by a rule that it keeps"
            yield Sign(_KIND, 0.75, f"{words} ({removed.reason})")
            return


def _beaten(chosen: Candidate, stayed: list[Candidate], decision: Decision) -> Iterator[Sign]:
    """Another one that was eligible is better and costs and takes no more."""
    if "preference" in chosen.scores or decision.strategy != "single":
        return
    for other in stayed:
        if other is chosen or _burdened(other) or (other.rule and not chosen.rule):
            continue
        mine, theirs = quality_of(chosen), quality_of(other)
        if mine is None or theirs is None or theirs < mine + 0.05:
            continue
        if _no_more(other, chosen, "cost_usd") and _no_more(other, chosen, "latency_ms"):
            words = f"went to {chosen.deployment} (expected quality {mine:.2f}), though "
            words += f"{other.deployment} ({theirs:.2f}) costs and takes no more"
            yield Sign(_KIND, 0.6, words)
            return


def _burdened(candidate: Candidate) -> bool:
    return bool(candidate.scores.get("error_rate")) or candidate.scores.get("room") == 0


def _no_more(one: Candidate, other: Candidate, key: str) -> bool:
    mine, theirs = one.scores.get(key), other.scores.get(key)
    return mine is not None and theirs is not None and mine <= theirs


def _holds(candidate: Candidate) -> bool:
    """Whether what was found satisfies what was required, so that nothing removed it."""
    found, required, rule = candidate.found, candidate.required, candidate.rule
    numbers = isinstance(found, (int, float)) and isinstance(required, (int, float))
    if numbers and not isinstance(found, bool) and not isinstance(required, bool):
        if candidate.stage is Stage.QUALITY or rule.endswith(("context", "max_output")):
            return bool(found >= required)
        if candidate.stage in (Stage.BUDGET, Stage.LATENCY) or rule.endswith("retention_days"):
            return bool(found <= required)
        return False
    if rule.endswith((".needs", ".certifications")) and isinstance(found, (list, tuple)):
        return isinstance(required, (list, tuple)) and set(required) <= set(found)
    return rule.endswith(("hosting", "trains_on_data")) and found is not None and found == required


def _weak(decision: Decision, peers: Peers) -> Iterator[Sign]:
    """Below the floor, or the least of all that were eligible."""
    chosen = candidate_of(decision, decision.chosen)
    if chosen is None or chosen.stage is not None:
        return
    mine = quality_of(chosen)
    if chosen.rule and isinstance(chosen.required, (int, float)) and mine is not None:
        better = [c for c in decision.candidates if c.stage is None and not c.rule]
        gap = min((chosen.required - mine) / _GAP, 1.0)
        words = f"went to {chosen.deployment}, whose expected quality of {mine:.2f} is below the "
        words += f"floor of {chosen.required:.2f}"
        if better:
            yield Sign(_KIND, 0.8, f"{words}, though {better[0].deployment} reaches it")
        else:
            others = peers.decided - 1
            common = (peers.degraded - 1) / others if others > 0 else 0.5
            weight = max(gap, 0.0) * (0.6 - 0.35 * max(common, 0.0))
            yield Sign(_KIND, max(weight, 0.5 if mine <= _POOR else 0.0), words)
    elif decision.degraded and not chosen.rule:
        yield Sign(_KIND, 0.5, f"counts as degraded: {decision.degraded}")


# ── the decision against the profile ─────────────────────────────────────────────────────


def _allowed(decision: Decision, profile: TaskProfile, seen: Seen) -> Iterator[Sign]:
    """Whether what answered is what the request's own limits let answer."""
    limits = profile.constraints
    for attempt in seen.hop.attempts[-1:]:
        barred = attempt.model in limits.not_models or attempt.family in limits.not_families
        names = {attempt.model, attempt.deployment}
        other = limits.models is not None and names.isdisjoint(limits.models)
        if barred or other:
            yield Sign(_KIND, 0.8, f"{attempt.deployment} answered, which its limits rule out")
    floor, chosen = limits.quality_floor, candidate_of(decision, decision.chosen)
    mine = quality_of(chosen)
    if floor is not None and mine is not None and mine < floor and not (chosen and chosen.rule):
        words = f"went to {decision.chosen} ({mine:.2f}), below its quality floor of {floor:.2f}"
        yield Sign(_KIND, 0.7, words)


def _routes(decision: Decision, profile: TaskProfile, peers: Peers) -> Iterator[Sign]:
    key = (profile.task, profile.data_class, profile.risk)
    alike = peers.routes[key]
    usual, times = alike.most_common(1)[0] if alike else (decision.routes, 0)
    if usual != decision.routes and times > alike[decision.routes]:
        words = f"met the routes {_listed(decision.routes)}, where its like met {_listed(usual)}"
        yield Sign(_KIND, 0.4, words)
    named = {c.rule.partition(":")[2].partition(".")[0] for c in decision.candidates
             if c.rule.startswith("route:")}  # fmt: skip
    named |= {
        s.origin.removeprefix("route:")
        for s in decision.settings.values()
        if s.origin.startswith("route:")
    }
    strange = sorted(named - set(decision.routes))
    if strange:
        words = f"the rules of the route {strange[0]} applied, which did not match"
        yield Sign(_KIND, 0.6, words)
    for route in decision.routes:
        if why := _contrary(route, profile, peers):
            yield Sign(_KIND, 0.5, f"met the route '{route}', though its {why}")


def _contrary(route: str, profile: TaskProfile, peers: Peers) -> str:
    """By its name the route is for another task, data class or risk; empty where it is not."""
    words = set(re.findall(r"[a-z]+", route.lower()))
    words |= {w.removesuffix("s") for w in words}
    tasks = words & (peers.vocabulary | {"math", "code", "chat", "summarize", "translate"})
    if tasks and profile.task not in tasks and not words & {*_STRICT, *_PERSONAL}:
        return f"task is {profile.task}"
    if "risk" in words and (said := words & {"low", "normal", "high"}) and profile.risk not in said:
        return f"risk is {profile.risk}"
    classes = words & {*_STRICT, *_PERSONAL}
    if not classes or profile.data_class in classes:
        return ""
    if classes & set(_PERSONAL) and _strictness(profile.data_class) >= len(_STRICT):
        return ""
    return f"data class is {profile.data_class}"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"


# ── the profile against the text ─────────────────────────────────────────────────────────


def _as_stated(profile: TaskProfile) -> Iterator[Sign]:
    """What routing used, against what it had found out."""
    for name in _STATED:
        feature = profile.features.get(name)
        used = getattr(profile, name)
        if feature is None or feature.value in (None, WITHHELD) or _same(feature.value, used):
            continue
        words = f"was routed with the {name.replace('_', ' ')} {used}, though {feature.value} "
        words += f"had been found ({feature.origin})"
        yield Sign(_KIND, 0.65, words)
    yield from _played_down(profile)
    task = profile.features.get("task")
    if task is not None and task.confidence < _UNSURE and task.origin != "declared":
        words = f"was taken for the task {task.value}, of which nobody was sure "
        yield Sign(_KIND, 0.6 - 0.5 * task.confidence, f"{words}({task.confidence:.2f})")
    least = min(profile.features.items(), key=lambda f: f[1].confidence, default=None)
    if least is not None and least[0] != "task" and least[1].confidence < 0.3:
        words = f"was routed by a guess: its {least[0].replace('_', ' ')} with a confidence of "
        yield Sign(_KIND, 0.25, f"{words}{least[1].confidence:.2f}")


def _played_down(profile: TaskProfile) -> Iterator[Sign]:
    """It asked less of a model than was found to be needed. More is nobody's loss."""
    found = profile.features.get("needs")
    if found is not None and isinstance(found.value, (list, tuple)):
        lost = sorted({str(n) for n in found.value} - set(profile.needs))
        if lost:
            words = (
                f"was routed as if it needed no {lost[0]}, which had been found ({found.origin})"
            )
            yield Sign(_KIND, 0.6, words)
    risk = profile.features.get("risk")
    if risk is not None and risk.value in _RISKS[_RISKS.index(profile.risk) + 1 :]:
        words = f"was routed with the risk {profile.risk}, though {risk.value} had been found"
        yield Sign(_KIND, 0.6, f"{words} ({risk.origin})")


def _same(found: object, used: object) -> bool:
    if isinstance(found, (int, float)) and isinstance(used, (int, float)):
        return abs(found - used) < 0.005
    return str(found) == str(used)


def _task(seen: Seen, profile: TaskProfile, peers: Peers) -> Iterator[Sign]:
    hop, found = seen.hop, profile.features.get("task")
    if hop.decision is None:
        return
    if found is not None and found.origin != "declared" and hop.role in _DECLARES:
        words = f"has a task that was guessed ({found.origin}), though its agent declares one"
        yield Sign(_KIND, 0.35, words)
    due = TASK_OF_ROLE.get(hop.role)
    if due is not None and profile.task != due:
        words = f"was routed as the task {profile.task}, but a {hop.role} does {due}"
        yield Sign(_KIND, 0.75, words)
        return
    planned = _planned(seen, peers)
    if planned and profile.task not in planned:
        words = f"was routed as the task {profile.task}, but the plan says {planned[0]}"
        yield Sign(_KIND, 0.75, words)
        return
    usual = peers.tasks[hop.agent or hop.role].most_common(1)
    if usual and usual[0][0] != profile.task and usual[0][1] > 1:
        words = f"was routed as the task {profile.task}, its like as {usual[0][0]}"
        yield Sign(_KIND, 0.5, words)
    asked = asked_for(seen) if hop.role not in ("decomposer", "router") else ()
    if asked and profile.task not in asked:
        words = f"was routed as the task {profile.task}, though its text asks to {asked[0]}"
        yield Sign(_KIND, 0.45, words)


def _planned(seen: Seen, peers: Peers) -> list[str]:
    """The task that a plan of this trace gives the subtask which this hop carries out."""
    _, _, subtask = seen.hop.node.partition("/")
    if not subtask or seen.hop.role != "specialist":
        return []
    found = []
    for one in peers.seen[: seen.at]:
        if isinstance(one.data, dict) and isinstance(listed := one.data.get("subtasks"), list):
            found += [
                str(s["task"])
                for s in listed
                if isinstance(s, dict) and s.get("id") == subtask and s.get("task")
            ]
    return found


_ASKS = (
    ("translate", re.compile(r"^(?:please )?translate\b", re.I | re.M)),
    ("code", re.compile(r"\b(?:write|implement|fix|refactor)\b.{0,40}\b(?:function|script|class|"
                        r"program|code|unit tests?|regex|sql)\b", re.I)),
    ("summarize", re.compile(r"^(?:please )?(?:summari[sz]e|sum up)\b", re.I | re.M)),
    ("classify", re.compile(r"^(?:please )?(?:classify|categori[sz]e|label)\b", re.I | re.M)),
    ("math", re.compile(r"^(?:please )?(?:calculate|compute|work out)\b", re.I | re.M)),
)  # fmt: skip


def asked_for(seen: Seen) -> tuple[str, ...]:
    """The tasks that the first words of its request ask for; empty where they name none."""
    request = _request(seen.prompt)
    return tuple(task for task, pattern in _ASKS if pattern.search(request))


_REQUEST = re.compile(r"<(task|request|question)\b[^>]*>\n?(.*?)\n?</\1>", re.DOTALL)


def _request(prompt: str) -> str:
    """What is asked, without the rules of how to answer and without passages."""
    found = _REQUEST.search(prompt)
    if found:
        return found[2][:400]
    return prompt[:400] if len(prompt) < 1500 and "<passage" not in prompt else ""


def _data_class(seen: Seen, profile: TaskProfile, peers: Peers) -> Iterator[Sign]:
    mine = _strictness(profile.data_class)
    most = max(map(_strictness, peers.classes), default=mine)
    if mine < most and sum(peers.classes.values()) > 1:
        strict = next(c for c in peers.classes if _strictness(c) == most)
        share = peers.classes[strict] / sum(peers.classes.values())
        words = f"counted as {profile.data_class}, other hops of the request as {strict}"
        yield Sign(_KIND, 0.25 + 0.4 * share, words)
    if mine >= len(_STRICT) or not seen.prompt:
        return
    if found := _personal(seen.prompt):
        words = f"counted as {profile.data_class}, though its text holds {found}"
        yield Sign(_KIND, 0.6 if mine == 0 else 0.3, words)


_MAY_BE_PERSONAL = re.compile(r"@|\d[\d ./()-]{5,}\d|\b[A-Za-z]{2}\d\d")


def _personal(text: str) -> str:
    """What personal data the text holds, in words; empty where none is found."""
    if not _MAY_BE_PERSONAL.search(text[:8000]):
        return ""
    masked = Mask().personal(text[:8000])
    kinds = {k for k in ("email", "iban", "card", "phone") if f"<{k}-" in masked}
    kinds -= {k for k in kinds if f"<{k}-" in text}
    names = {"email": "an e-mail address", "iban": "a bank account", "card": "a card number",
             "phone": "a telephone number"}  # fmt: skip
    return " and ".join(names[k] for k in sorted(kinds))


def _strictness(data_class: str) -> int:
    if data_class in _STRICT:
        return _STRICT.index(data_class)
    return len(_STRICT) if data_class in _PERSONAL else 1


def _length(seen: Seen, profile: TaskProfile) -> Iterator[Sign]:
    """Its length was misjudged, so that price and context were."""
    used = [a.usage.input for a in seen.hop.attempts if a.usage.input and not a.usage.estimated]
    lengths = [*used[-1:], *([len(seen.prompt) // 4] if seen.prompt else [])]
    guessed = profile.input_tokens
    if seen.hop.attempts and lengths and all(_misjudged(guessed, real) for real in lengths):
        words = f"was routed as {guessed:,} tokens long, and has about {lengths[0]:,}"
        yield Sign(_KIND, 0.45, words)


def _misjudged(guessed: int, real: int) -> bool:
    return abs(real - guessed) > 400 and (real > 4 * guessed or guessed > 4 * real)
