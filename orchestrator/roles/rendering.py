"""Sentences as text for a person: headings, and numbered markers for their citations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.evidence.values import Citation, Sentence
from orchestrator.money import usd
from orchestrator.roles.values import Checking, Result, Subtask
from orchestrator.tracing.explain import counted, dollars, duration


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text, and its citations in the order of their markers: the first is `[1]`."""

    text: str
    citations: tuple[Citation, ...]


def render_sentences(sentences: Sequence[Sentence], titles: Mapping[str, str]) -> Rendered:
    """The sentences grouped by subtask, its heading above each group that has one.

    Args:
        titles: subtask id → heading.
    """
    numbers: dict[tuple[str, int, int], int] = {}
    citations: list[Citation] = []
    groups: dict[str, list[str]] = {}
    for sentence in sentences:
        marks = []
        for citation in sentence.citations:
            place = (citation.file, citation.start, citation.end)
            if place not in numbers:
                numbers[place] = len(numbers) + 1
                citations.append(citation)
            marks.append(f"[{numbers[place]}]")
        mark = "".join(dict.fromkeys(marks))
        groups.setdefault(sentence.subtask, []).append(f"{sentence.text} {mark}".strip())
    blocks = [_block(lines, titles.get(subtask, "")) for subtask, lines in groups.items()]
    return Rendered(text="\n\n".join(blocks), citations=tuple(citations))


def _block(lines: Sequence[str], title: str) -> str:
    """Code stands on lines of its own; sentences follow each other."""
    text = ""
    for line in lines:
        gap = "\n\n" if line.startswith("```") or text.endswith("```") else " "
        text = f"{text}{gap}{line}" if text else line
    return f"## {title}\n\n{text}" if title else text


def checked_in_words(checking: Checking) -> str:
    """`7 claims checked in 31 ms for $0.0004: 5 kept, 1 deleted because … (checking: two)`."""
    done = counted(checking.claims, "claim") + f" checked in {duration(checking.ms)}"
    became = [f"{checking.kept} kept"]
    if checking.deleted:
        became.append(
            f"{checking.deleted} deleted" + f" because {checking.why}" * bool(checking.why)
        )
    if checking.replaced:
        became.append(f"{checking.replaced} replaced")
    if checking.revisions:
        became.append(counted(checking.revisions, "revision"))
    effort = f"checking: {checking.effort}"
    if checking.reached not in (None, checking.effort):
        effort += f", reached: {checking.reached}"
    if checking.origin:
        effort += f"; {checking.origin.replace(':', ' ')}"
    return f"{done} for {dollars(usd(checking.cost_micro_usd))}: {', '.join(became)} ({effort})"


def no_answer(reason: str) -> str:
    """The text of an abstention."""
    return f"No answer: {ended(reason)}"


def ended(text: str) -> str:
    """The text with an end: a full stop where it has none."""
    said = text.strip()
    return said if said.endswith((".", "?", "!", '"', "”")) else f"{said}."


def title(subtask: Subtask) -> str:
    """The subtask's description without what was added in brackets for the specialist."""
    text = subtask.description
    for added in (" (from: ", " (context: ", " (about: "):
        text = text.split(added)[0]
    return text.rstrip(" .?!")


def result_sentences(result: Result) -> tuple[Sentence, ...]:
    """A result as sentences: its own, its calculation rendered by code, or its text."""
    if result.failed or result.sentences:
        return () if result.failed else result.sentences
    part = result.subtask
    if result.calculation:
        calculation = result.calculation
        text = f"{calculation.working or calculation.shown}."
        return (
            Sentence(id="c", text=text, calculation=calculation, kind="calculation", subtask=part),
        )
    if not result.text:
        return ()
    if result.task == "code":
        text = result.text if "```" in result.text else f"```\n{result.text.strip()}\n```"
        return (Sentence(id="k", text=text, kind="connective", subtask=part),)
    if result.task == "classify":
        text = f"Class: {result.text}."
        return (Sentence(id="k", text=text, kind="connective", subtask=part),)
    return (Sentence(id="t", text=result.text, subtask=part),)
