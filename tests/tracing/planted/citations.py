"""Bad citations: what is cited is not there, not so, or not about that."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.records import Hop
from tests.tracing.planted.forms import Story, UnfitError, cited, data_of, drafted, form, passages


def _change(story: Story, hop: Hop, sentence: dict[str, Any], found: bool, why: str) -> None:
    """The hop with the changed sentence, and what the citation validator says of it."""
    data = data_of(hop)
    data["sentences"] = [
        sentence if s["text"] == sentence["text"] else s for s in data["sentences"]
    ]
    made = story.put(hop, output=json.dumps(data, ensure_ascii=False))
    for later in story.after(made):
        read = data_of(later)
        for same in read.get("sentences", ()) if isinstance(read, dict) else ():
            if same.get("text") == sentence["text"] and same.get("citations"):
                same["citations"] = [dict(c) for c in sentence["citations"] if isinstance(c, dict)]
                story.change(later, output=json.dumps(read, ensure_ascii=False))
    if found:
        story.rejected(made, sentence["text"], why, "")


def _one(story: Story) -> tuple[Hop, dict[str, Any], dict[str, Any]]:
    """A hop with quotes, one of its sentences, and its first citation."""
    hop = story.pick("generator", "specialist", where=cited)
    sentences = [s for s in data_of(hop)["sentences"] if s["citations"]]
    sentence = story.random.choice(sentences)
    return hop, sentence, sentence["citations"][0]


def _found(story: Story) -> bool:
    return story.random.random() < 0.6


@form("bad_citation", developed=True)
def a_word_of_the_quote_changed(story: Story) -> None:
    hop, sentence, citation = _one(story)
    words = citation["quote"].split()
    words[len(words) // 2] = story.random.choice(["always", "twelve", "annually", "nobody"])
    citation["quote"] = " ".join(words)
    _change(story, hop, sentence, _found(story), "the quote is altered")


@form("bad_citation", developed=True)
def an_invented_quote(story: Story) -> None:
    hop, sentence, citation = _one(story)
    quote = "According to section 14, exceptions need the written consent of both sides."
    start = citation["start"]
    citation.update(quote=quote, start=start, end=start + len(quote))
    _change(story, hop, sentence, _found(story), "the quote stands nowhere")


@form("bad_citation", developed=True)
def a_passage_that_is_not_there(story: Story) -> None:
    hop = story.pick("generator", where=lambda h: drafted(h) and not cited(h))
    sentence = story.random.choice(data_of(hop)["sentences"])
    sentence["citations"] = ["p41.2"]
    _change(story, hop, sentence, _found(story), "there is no passage p41")


@form("bad_citation", developed=True)
def exchanged_between_two_sentences(story: Story) -> None:
    hop = story.pick("generator", "specialist", where=lambda h: drafted(h) and _two(h))
    data = data_of(hop)
    one, other = data["sentences"][0], data["sentences"][-1]
    one["citations"], other["citations"] = other["citations"], one["citations"]
    story.put(hop, output=json.dumps(data))
    if _found(story):
        story.rejected(hop, one["text"], "the quote does not say it", "")


def _two(hop: Hop) -> bool:
    sentences = data_of(hop)["sentences"]
    return len(sentences) > 1 and sentences[0]["citations"] != sentences[-1]["citations"]


@form("bad_citation", developed=True)
def from_another_file(story: Story) -> None:
    hop, sentence, citation = _one(story)
    others = [file for _, file, _ in passages(hop) if file != citation["file"]]
    citation["file"] = others[0] if others else "sources/minutes.md"
    _change(story, hop, sentence, _found(story), "the quote is not in that file")


@form("bad_citation", developed=True)
def another_span(story: Story) -> None:
    hop, sentence, citation = _one(story)
    citation["end"] = citation["start"] + story.random.choice([0, 3, 4 * len(citation["quote"])])
    _change(story, hop, sentence, _found(story), "the span holds something else")


@form("bad_citation", developed=True)
def stitched_from_two(story: Story) -> None:
    hop, sentence, citation = _one(story)
    others = [text for _, _, text in passages(hop) if citation["quote"] not in text]
    if not others:
        raise UnfitError
    half = len(citation["quote"]) // 2
    citation["quote"] = citation["quote"][:half].rstrip() + " " + others[0][:half].lstrip()
    _change(story, hop, sentence, _found(story), "the quote is stitched together")


@form("bad_citation", developed=True)
def true_words_about_something_else(story: Story) -> None:
    hop, sentence, citation = _one(story)
    here = set(sentence["text"].lower().split())
    pieces = [(i, f, s.strip()) for i, f, t in passages(hop) for s in t.split(". ") if len(s) > 40]
    pieces = [p for p in pieces if len(here & set(p[2].lower().split())) < 4]
    if not pieces:
        raise UnfitError
    name, file, quote = story.random.choice(pieces)
    citation.update(quote=quote, passage=name, file=file, start=90, end=90 + len(quote))
    _change(story, hop, sentence, _found(story), "the quote does not say it")


@form("bad_citation", developed=True)
def another_number_of_a_passage(story: Story) -> None:
    """In the form of hosted models: `p1.2` where `p4.1` carries it."""
    hop = story.pick("generator", where=lambda h: drafted(h) and not cited(h))
    sentence = story.random.choice(data_of(hop)["sentences"])
    own = {c.partition(".")[0] for c in sentence["citations"]}
    others = [name for name, _, _ in passages(hop) if name not in own]
    if not others:
        raise UnfitError
    sentence["citations"] = [f"{others[-1]}.1"]
    _change(story, hop, sentence, _found(story), "the passage does not say it")


@form("bad_citation", developed=True)
def its_instructions_as_a_source(story: Story) -> None:
    hop, sentence, citation = _one(story)
    quote = (hop.prompt or "").split("\n")[0][:80]
    citation.update(quote=quote, end=citation["start"] + len(quote))
    _change(story, hop, sentence, _found(story), "the quote stands in no source")


@form("bad_citation", developed=True)
def one_citation_for_everything(story: Story) -> None:
    hop = story.pick("generator", "specialist", where=lambda h: drafted(h) and _two(h))
    data = data_of(hop)
    for sentence in data["sentences"][1:]:
        sentence["citations"] = data["sentences"][0]["citations"]
    story.put(hop, output=json.dumps(data))
    if _found(story):
        last = data["sentences"][-1]["text"]
        story.rejected(hop, last, "the quote does not say it", "")


@form("bad_citation", developed=True)
def a_translated_quote(story: Story) -> None:
    hop, sentence, citation = _one(story)
    citation["quote"] = "Das Mitglied trägt die Kosten, höchstens jedoch den Zeitwert der Sache."
    citation["end"] = citation["start"] + len(citation["quote"])
    _change(story, hop, sentence, _found(story), "the quote stands nowhere")


@form("bad_citation", developed=True)
def words_left_out(story: Story) -> None:
    hop, sentence, citation = _one(story)
    words = citation["quote"].split()
    if len(words) < 8:
        raise UnfitError
    citation["quote"] = " ".join([*words[:3], "…", *words[-3:]])
    _change(story, hop, sentence, _found(story), "the quote is altered")


@form("bad_citation", developed=True)
def nothing_cited(story: Story) -> None:
    hop = story.pick("generator", "specialist", where=drafted)
    data = data_of(hop)
    if not any(s["citations"] for s in data["sentences"]):
        raise UnfitError
    for sentence in data["sentences"]:
        sentence["citations"] = []
    story.put(hop, output=json.dumps(data))
    if _found(story):
        story.rejected(hop, data["sentences"][0]["text"], "it cites nothing", "")


@form("bad_citation", developed=True)
def the_validators_own(story: Story) -> None:
    """The validator hands on another quote than the one that it was given."""
    hop = story.pick("citation-validator", where=lambda h: '"quote"' in (h.output or ""))
    data = data_of(hop)
    citations = [c for s in data["sentences"] for c in s["citations"]]
    if not citations:
        raise UnfitError
    citations[0]["quote"] = "Exceptions are granted by the board alone."
    story.put(hop, output=json.dumps(data))
