"""Contradictions: a hop says otherwise than what it was given."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from orchestrator.records import Hop
from tests.tracing.planted.forms import Story, UnfitError, data_of, drafted, form

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


def _says(story: Story, change: Callable[[str], str | None], *roles: str) -> None:
    """One of a hop's sentences is changed; half of the time a check finds it."""
    for hop in story.called(*(roles or ("generator", "specialist"))):
        if not drafted(hop):
            continue
        data = data_of(hop)
        for sentence in data["sentences"]:
            old = sentence["text"]
            new = change(old)
            if new is None or new == old:
                continue
            sentence["text"] = new
            made = story.put(hop, output=json.dumps(data, ensure_ascii=False))
            story.passes_on(made, old, new)
            # Quotes stay what they were.
            story.change(story.hops[story.hops.index(made)])
            if story.random.random() < 0.5:
                story.rejected(made, new, "the source says otherwise")
            return
    raise UnfitError


def _checked(story: Story, status: str) -> Hop:
    return story.pick("checker", where=lambda h: status in (h.output or ""))


@form("contradiction", developed=True)
def another_number(story: Story) -> None:
    def change(text: str) -> str | None:
        found = re.search(r"\b\d+\b", text)
        return found and text[: found.start()] + str(int(found[0]) * 3 + 1) + text[found.end() :]

    _says(story, change)


@form("contradiction", developed=True)
def denied(story: Story) -> None:
    def change(text: str) -> str | None:
        for word in ("must be", "may be", "are", "is", "has to be"):
            if f" {word} " in text and " not " not in text:
                head, _, tail = word.partition(" ")
                return text.replace(f" {word} ", f" {head} not {tail}".rstrip() + " ", 1)
        return None

    _says(story, change)


@form("contradiction", developed=True)
def a_true_claim_called_false(story: Story) -> None:
    hop = _checked(story, "supported")
    data = data_of(hop)
    data["checks"][0].update(status="contradicted", reason="the passage says otherwise")
    story.put(hop, output=json.dumps(data))


@form("contradiction", developed=True)
def another_day(story: Story) -> None:
    def change(text: str) -> str | None:
        day = next((d for d in _DAYS if d in text), None)
        return day and text.replace(day, _DAYS[(_DAYS.index(day) + 2) % 5])

    _says(story, change)


@form("contradiction", developed=True)
def the_opposite(story: Story) -> None:
    pairs = (
        ("must", "may"),
        ("compulsory", "voluntary"),
        ("before", "after"),
        ("more", "less"),
        ("deleted", "kept"),
        ("forced", "optional"),
        ("all", "none"),
        ("allowed", "forbidden"),
    )

    def change(text: str) -> str | None:
        for one, other in pairs:
            if f" {one} " in text:
                return text.replace(f" {one} ", f" {other} ", 1)
        return None

    _says(story, change)


@form("contradiction", developed=True)
def a_number_in_words(story: Story) -> None:
    words = {
        "two": "nine",
        "three": "eleven",
        "four": "seven",
        "five": "twelve",
        "six": "two",
        "seven": "thirty",
        "eight": "three",
    }

    def change(text: str) -> str | None:
        for word, other in words.items():
            if f" {word} " in text:
                return text.replace(f" {word} ", f" {other} ", 1)
        return None

    _says(story, change)


@form("contradiction", developed=True)
def another_name(story: Story) -> None:
    def change(text: str) -> str | None:
        found = re.search(r"(?<=[a-z] )(?:[A-Z][a-z]{3,})(?: [A-Z][a-z]+)*", text)
        return found and text[: found.start()] + "Oskar Lindqvist" + text[found.end() :]

    _says(story, change)


@form("contradiction", developed=True)
def a_plan_for_other_numbers(story: Story) -> None:
    hop = story.pick("decomposer", where=lambda h: data_of(h) is not None)
    data = data_of(hop)
    for subtask in data["subtasks"]:
        text = subtask["description"]
        found = re.search(r"\d+", text)
        if found:
            subtask["description"] = text[: found.start()] + "7310" + text[found.end() :]
        else:
            subtask["description"] = f"{text} since 1987"
    story.put(hop, output=json.dumps(data))


@form("contradiction", developed=True)
def called_unsupported_though_it_stands_there(story: Story) -> None:
    hop = _checked(story, "supported")
    data = data_of(hop)
    data["checks"][-1].update(status="unsupported", reason="no passage mentions it")
    story.put(hop, output=json.dumps(data))


@form("contradiction", developed=True)
def another_unit(story: Story) -> None:
    units = (
        ("days", "weeks"),
        ("hours", "days"),
        ("EUR", "USD"),
        ("years", "months"),
        ("months", "weeks"),
        ("minutes", "hours"),
        ("a year", "a month"),
        ("tools", "people"),
    )

    def change(text: str) -> str | None:
        for one, other in units:
            if re.search(rf"\d {one}\b", text):
                return re.sub(rf"(\d) {one}\b", rf"\1 {other}", text, count=1)
        return None

    _says(story, change)


@form("contradiction", developed=True)
def another_bound(story: Story) -> None:
    bounds = (
        ("at least", "at most"),
        ("at most", "at least"),
        ("up to", "more than"),
        ("no later than", "no earlier than"),
        ("only", "not only"),
        ("over", "under"),
        ("within", "after"),
        ("more than", "less than"),
    )

    def change(text: str) -> str | None:
        for one, other in bounds:
            if f" {one} " in text:
                return text.replace(f" {one} ", f" {other} ", 1)
        return None

    _says(story, change)


@form("contradiction", developed=True)
def changed_in_the_last_step(story: Story) -> None:
    """The phraser writes plain text, and nothing comes after it but the answer."""
    hop = story.pick(
        "phraser", "aggregator", where=lambda h: bool(re.search(r" \d", h.output or ""))
    )
    new = re.sub(r" (\d+)", lambda m: f" {int(m[1]) + 13}", hop.output or "", count=1)
    story.put(hop, output=new)


@form("contradiction", developed=True)
def ten_times_as_much(story: Story) -> None:
    def change(text: str) -> str | None:
        found = re.search(r"\b[1-9]\d*\b", text)
        return found and text[: found.end()] + "0" + text[found.end() :]

    _says(story, change)


@form("contradiction", developed=True)
def denied_in_other_words(story: Story) -> None:
    def change(text: str) -> str | None:
        for one, other in (
            (" are ", " are never "),
            (" is ", " is no longer "),
            (" may ", " may not "),
            (" can ", " cannot "),
            (" need no ", " need a "),
        ):
            if one in text:
                return text.replace(one, other, 1)
        return None

    _says(story, change)
