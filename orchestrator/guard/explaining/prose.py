"""An explained policy as sections of sentences, for a terminal or a wiki."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.guard.explaining.values import Case, Explained, Group, Treatment
from orchestrator.types import RISKS, LogLevel

_STORED: dict[LogLevel, str] = {
    "full": "in full, without known secrets",
    "redacted": "without personal data and secrets",
    "hashed": "as hashes alone",
    "none": "not at all",
}
_REDACTED = {"hosted": "hosted models see", "all": "any model sees"}
_GIVEN_BACK = {
    "own": "what the caller sent himself is put back into the answer",
    "all": "all of it is put back into the answer",
    "none": "nothing is put back",
}
_UNSAFE = {
    "next": "the next model may answer",
    "review": "it waits for a person",
    "refuse": "it is refused",
}
_EFFORT = {
    "none": "not checked",
    "quotes": "its quotes are checked letter by letter",
    "scorer": "quotes, gates and a scorer check it, and no model",
    "model": "one model checks it",
    "two": "two models of different families check it",
    "human": "two models check it, and a person has the last word",
}
_MET = {
    "personal": "personal data in what a tool or a source brought",
    "secrets": "a key, token or password in it",
    "contradiction": "sources that contradict each other",
    "injection": "orders in a text that may not give any",
    "destructive": "a destructive tool that is to be called",
}


_CAPABILITY = "fleet.capability."


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with paragraphs and lists under it; a line that begins with `- ` is an item."""

    title: str
    lines: tuple[str, ...]
    level: int = 1


def sections(explained: Explained) -> Iterator[Section]:
    """The whole policy, in the order in which a request meets it."""
    yield Section("What is looked for", tuple(_looked_for(explained)))
    yield Section("Who may serve what", tuple(_nobody(explained)))
    for alike in _ordered(explained.groups):
        every = [case for group in alike for case in group.cases]
        yield Section(title(every), tuple(_treatment(alike)), 2)
    yield Section("How the risk of a run rises", tuple(_rises(explained)))
    tools = [f"- {line}" for line in explained.tools] or ["No rule is about tools."]
    yield Section("Tools", tuple(tools))
    spending = [f"- {line}" for line in explained.spending] or ["Nothing limits it."]
    yield Section("What may be spent", tuple(spending))
    idle = [f"- '{i.route}': {i.what} does nothing: {i.why}." for i in explained.idle]
    yield Section("Rules that do nothing", tuple(idle or ["There are none."]))
    yield Section("What is not said", tuple(f"- {line}" for line in explained.defaults))


def markdown(explained: Explained) -> str:
    """For a wiki."""
    parts = [f"# Policy {explained.policy_hash}"]
    for section in sections(explained):
        parts.append(f"{'#' * (section.level + 1)} {section.title}")
        parts.append("\n".join(_spaced(section.lines)))
    return "\n\n".join(parts) + "\n"


def _spaced(lines: Sequence[str]) -> Iterator[str]:
    """With a blank line wherever a list begins or a paragraph follows another."""
    before = ""
    for line in lines:
        if before and not (line.lstrip().startswith("- ") and before.lstrip().startswith("- ")):
            yield ""
        yield line
        before = line


def title(cases: Sequence[Case]) -> str:
    """Which requests: `pii, regulated · every risk · tasks chat, draft`."""
    apart = list(dict.fromkeys(c.apart for c in cases))
    classes = list(dict.fromkeys(c.data_class for c in cases))
    shapes = {
        name: {(c.risk, c.task, c.apart) for c in cases if c.data_class == name} for name in classes
    }
    alike: dict[frozenset[tuple[str, str, str]], list[str]] = {}
    for name in classes:
        alike.setdefault(frozenset(shapes[name]), []).append(name)
    found = []
    for shape, names in alike.items():
        risks = [r for r in RISKS if any(r == risk for risk, _, _ in shape)]
        tasks = sorted({task for _, task, _ in shape})
        whole = len(shape) == len(risks) * len(tasks) * len({a for _, _, a in shape})
        told = f"{', '.join(names)} · risk {', '.join(risks)} · {', '.join(tasks)}"
        if not whole:
            pairs = sorted({f"{task} at {risk}" for risk, task, _ in shape})
            told = f"{', '.join(names)} · {', '.join(pairs)}"
        found.append(told)
    beside = [a or "nothing else said" for a in apart]
    more = f" · {' / '.join(beside)}" if any(apart) else ""
    return "; ".join(found) + more


def _ordered(groups: Sequence[Group]) -> list[list[Group]]:
    """Those for which the same rules hold, whoever can do the task; the most usual first."""
    alike: dict[tuple[object, ...], list[Group]] = {}
    for group in groups:
        done = group.treatment
        key = (done.routes, done.log, done.guard, done.cache, done.demand)
        alike.setdefault(key, []).append(group)
    return sorted(alike.values(), key=lambda same: -sum(len(g.cases) for g in same))


def _looked_for(explained: Explained) -> Iterator[str]:
    if not explained.looked_for:
        yield "Nothing: a data class is what the caller says."
        return
    yield (
        "The stricter counts of what the caller declares and what is found, from "
        f"{explained.least_confidence:.0%} confidence on."
    )
    by_class: dict[str | None, list[str]] = {}
    for kind, data_class in explained.looked_for.items():
        by_class.setdefault(data_class, []).append(kind)
    for data_class, kinds in by_class.items():
        makes = f"makes it {data_class}" if data_class else "changes nothing"
        yield f"- {', '.join(kinds)}: {makes}"


def _nobody(explained: Explained) -> Iterator[str]:
    """Combinations that nobody may serve, told first."""
    yield (
        "With everybody available. What a single request adds (its length, its budget, its time) "
        "can only bar more."
    )
    lost = [g for g in explained.groups if not g.treatment.served_by]
    if not lost:
        yield "Everything that is told of here can be served by somebody."
    for group in lost:
        yield f"- Nobody may serve {title(group.cases)}."


def _treatment(alike: Sequence[Group]) -> Iterator[str]:
    done = alike[0].treatment
    yield f"Rules that match: {', '.join(done.routes) or 'none'}."
    if len(alike) == 1:
        yield _served(done)
    else:
        yield "Served by, whoever is made for the task:"
        for group in alike:
            yield f"- {_tasks(group, alike)}: {_lower(_served(group.treatment))}"
    yield from _barred(alike)
    yield _stored(done)
    yield from _guarded(done)
    yield _checked(done)


def _served(done: Treatment) -> str:
    if done.served_by:
        return f"Served by {', '.join(done.served_by)}."
    return f"Nobody may serve it, so that it is refused. To change that: {done.advice}."


def _lower(sentence: str) -> str:
    return sentence.removeprefix("Served by ").replace("Nobody may", "nobody may", 1)


def _tasks(group: Group, alike: Sequence[Group]) -> str:
    """Its tasks, and its data classes where they tell it from the others."""
    tasks = ", ".join(dict.fromkeys(case.task for case in group.cases))
    classes = [", ".join(dict.fromkeys(c.data_class for c in g.cases)) for g in alike]
    own = ", ".join(dict.fromkeys(case.data_class for case in group.cases))
    return tasks if len(set(classes)) == 1 else f"{tasks} ({own})"


def _barred(alike: Sequence[Group]) -> Iterator[str]:
    """Who is barred by a rule, and by which. Who is not made for a task is not told one by one."""
    reasons: dict[tuple[str, frozenset[str]], dict[str, None]] = {}
    for group in alike:
        by_reason: dict[str, list[str]] = {}
        for barred in group.treatment.barred:
            if not barred.rule.startswith(_CAPABILITY):
                by_reason.setdefault(barred.reason, []).append(barred.deployment)
        for reason, who in by_reason.items():
            tasks = reasons.setdefault((reason, frozenset(who)), {})
            tasks.update(dict.fromkeys(case.task for case in group.cases))
    every = {case.task for group in alike for case in group.cases}
    for (reason, barred_ones), tasks in reasons.items():
        where = "" if set(tasks) == every else f" ({', '.join(tasks)})"
        yield f"- not by {', '.join(sorted(barred_ones))}: {reason}{where}"


def _stored(done: Treatment) -> str:
    log = done.log
    texts = (
        ("prompts", log.prompts),
        ("answers", log.outputs),
        ("arguments of tools", log.tool_args),
    )
    by_level: dict[LogLevel, list[str]] = {}
    for what, level in texts:
        by_level.setdefault(level, []).append(what)
    said = "; ".join(f"{' and '.join(w)} {_STORED[level]}" for level, w in by_level.items())
    cached = "" if done.cache is None else f" An answer may be given again ({done.cache.mode})."
    return f"Stored: {said}.{cached}"


def _guarded(done: Treatment) -> Iterator[str]:
    guard = done.guard
    if guard.redact != "none":
        kinds = ", ".join(guard.kinds) or "whatever is found"
        yield (
            f"Replaced before {_REDACTED[guard.redact]} it: {kinds}; "
            f"{_GIVEN_BACK[guard.give_back]}."
        )
    if guard.unsafe != "off":
        yield f"Filtered ({guard.filter}): where it is unsafe, {_UNSAFE[guard.unsafe]}."
    if guard.injection == "refuse":
        yield "A text that gives orders and may not is refused."
    elif guard.injection == "off":
        yield "Nothing is done about orders in texts."


def _checked(done: Treatment) -> str:
    need = done.demand
    said = f"In a graph that checks: {_EFFORT[need.effort]} ({need.origin})."
    if need.independent:
        said += f" Without independent checkers nothing goes out ({need.independent})."
    if need.cross_validate == "refuse":
        said += f" A single call gets no answer ({need.cross_validate_origin})."
    elif need.cross_validate:
        said += (
            f" A single call is answered by the graph '{need.cross_validate}' "
            f"({need.cross_validate_origin})."
        )
    return said


def _rises(explained: Explained) -> Iterator[str]:
    yield "It begins with the stricter of what is declared and what is detected, and never falls."
    for event, risk in explained.rises.items():
        if risk == "low":
            yield f"- {_MET[event]}: raises nothing"
        else:
            yield f"- {_MET[event]}: at least {risk}"
