"""What the planted faults have in common: forms by name, and what follows from a fault."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from orchestrator.records import Hop, Trace
from orchestrator.tracing.diagnosing.signs import Kind

PASSAGE = re.compile(r'<passage id="(p\d+)" file="([^"]*)"[^>]*>\n(.*?)\n</passage>', re.DOTALL)
_MARK = re.compile(r"^\[p\d+\.\d+\] ", re.MULTILINE)


@dataclass
class Story:
    """A healthy trace that a form makes wrong."""

    trace: Trace
    hops: list[Hop]
    random: Random
    wrong: Hop | None = None
    """The hop that was made wrong."""

    def called(self, *roles: str) -> list[Hop]:
        """The hops that a model answered, of those roles or of any, in a random order."""
        found = [h for h in self.hops if h.attempts and h.decision and h.status == "ok"]
        found = [h for h in found if h.role in roles or not roles]
        self.random.shuffle(found)
        return found

    def pick(self, *roles: str, where: Callable[[Hop], bool] = lambda hop: True) -> Hop:
        """One of them. Raises `UnfitError` where there is none."""
        for hop in self.called(*roles):
            if where(hop):
                return hop
        raise UnfitError

    def put(self, hop: Hop, **changes: Any) -> Hop:
        """Make that hop the wrong one."""
        made = self.change(hop, **changes)
        self.wrong = made
        return made

    def change(self, hop: Hop, **changes: Any) -> Hop:
        made = dataclasses.replace(hop, **changes)
        self.hops[next(n for n, h in enumerate(self.hops) if h.id == hop.id)] = made
        return made

    def after(self, hop: Hop) -> Iterator[Hop]:
        at = next(n for n, h in enumerate(self.hops) if h.id == hop.id)
        yield from list(self.hops[at + 1 :])

    def passes_on(self, hop: Hop, old: str, new: str) -> None:
        """What later hops read of it, and repeat, is what it says now."""
        for later in self.after(hop):
            self.change(
                later,
                prompt=_swapped(later.prompt, old, new),
                output=_swapped(later.output, old, new),
            )
        answer = _swapped(self.trace.answer, old, new)
        self.trace = dataclasses.replace(self.trace, answer=answer)

    def rejected(self, hop: Hop, said: str, why: str, status: str = "contradicted") -> None:
        """The checks find it, and the answer is withheld.

        Args:
            status: what the checker says of it; empty where the citation validator alone finds it.
        """
        for later in self.after(hop):
            if later.role == "checker" and later.output and status:
                self.change(later, output=_judged(later, said, status, why))
            if later.role == "citation-validator" and later.output:
                self.change(later, output=_refused(later.output, said, why))
        text = f"No answer: nothing of the draft is left ({why})."
        self.trace = dataclasses.replace(self.trace, verdict="abstained", answer=text)

    def nothing_left(self, hop: Hop) -> None:
        """Nothing can be read of what it wrote, and the answer is withheld."""
        for later in self.after(hop):
            if later.role == "checker":
                self.change(later, output='{"checks": []}' if later.output else later.output)
        text = "No answer: there is nothing to check in the draft."
        self.trace = dataclasses.replace(self.trace, verdict="abstained", answer=text)


class UnfitError(Exception):
    """The form cannot be planted in that trace."""


@dataclass(frozen=True)
class Form:
    """One way in which a hop goes wrong."""

    kind: Kind
    name: str
    developed: bool
    """The signals were worked out on it; the others were looked at when they were done."""
    plant: Callable[[Story], None]


FORMS: list[Form] = []


def form(
    kind: Kind, *, developed: bool
) -> Callable[[Callable[[Story], None]], Callable[[Story], None]]:
    """Register a form; its name is the function's."""

    def keep(plant: Callable[[Story], None]) -> Callable[[Story], None]:
        FORMS.append(Form(kind, plant.__name__, developed, plant))
        return plant

    return keep


@dataclass(frozen=True)
class Planted:
    """A trace in which one hop is wrong."""

    trace: Trace
    hops: Sequence[Hop]
    form: Form
    hop_id: str
    tags: dict[str, str] = field(default_factory=dict)


def planted(form: Form, case: tuple[Trace, Sequence[Hop]], seed: int) -> Planted | None:
    """The case with that fault; `None` where it does not fit."""
    trace, hops = case
    story = Story(trace, sorted(hops, key=lambda h: h.started_at), Random(seed))
    try:
        form.plant(story)
    except UnfitError:
        return None
    assert story.wrong is not None, form.name
    return Planted(story.trace, story.hops, form, story.wrong.id)


# ── what the forms read ──────────────────────────────────────────────────────────────────


def passages(hop: Hop) -> list[tuple[str, str, str]]:
    """(id, file, text) of those in its prompt."""
    return [(i, f, _MARK.sub("", t)) for i, f, t in PASSAGE.findall(hop.prompt or "")]


def data_of(hop: Hop) -> Any:
    """Its output as JSON; `None` where it is none."""
    try:
        return json.loads(hop.output or "")
    except ValueError:
        return None


def drafted(hop: Hop) -> bool:
    """Whether it says sentences."""
    data = data_of(hop)
    return (
        isinstance(data, dict) and bool(data.get("sentences")) and hop.role != "citation-validator"
    )


def cited(hop: Hop) -> bool:
    """Whether it says sentences with quotes."""
    return drafted(hop) and any(
        isinstance(c, dict) for s in data_of(hop)["sentences"] for c in s["citations"]
    )


def _swapped(text: str | None, old: str, new: str) -> str | None:
    if text is None:
        return None
    try:
        return json.dumps(_replaced(json.loads(text), old, new), ensure_ascii=False)
    except ValueError:
        pieces = re.split(r"(<passage\b.*?</passage>)", text, flags=re.DOTALL)
        return "".join(p if n % 2 else p.replace(old, new) for n, p in enumerate(pieces))


def _replaced(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {k: v if k == "quote" else _replaced(v, old, new) for k, v in value.items()}
    if isinstance(value, list):
        return [_replaced(v, old, new) for v in value]
    return value.replace(old, new) if isinstance(value, str) else value


def _judged(hop: Hop, said: str, status: str, why: str) -> str:
    data = data_of(hop)
    claims = dict(re.findall(r'<claim id="(.+?)">\n(.*?)\n</claim>', hop.prompt or "", re.DOTALL))
    for check in data.get("checks", ()) if isinstance(data, dict) else ():
        text = check.get("text") or claims.get(check["claim"], "")
        if text and (text in said or said in text):
            check.update(status=status, reason=why)
    return json.dumps(data, ensure_ascii=False)


def _refused(output: str, said: str, why: str) -> str:
    data = json.loads(output)
    for sentence in data.get("sentences", ()):
        if sentence["text"] == said:
            for citation in sentence["citations"]:
                citation.update(status="altered", supported=False, reason=why)
    for citation in data.get("citations", ())[:1]:
        citation.update(supported=False, reason=why)
    return json.dumps(data, ensure_ascii=False)
