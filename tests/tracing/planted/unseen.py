"""Forms that were written when the signals were done, and that nothing was tuned on."""

from __future__ import annotations

import dataclasses
import json
import re

from orchestrator.records import Hop
from orchestrator.types import Candidate, Feature, Outcome, Stage
from tests.tracing.planted.forms import Story, UnfitError, cited, data_of, drafted, form, passages


def _swap_model(story: Story, hop: Hop, candidate: Candidate) -> None:
    assert hop.decision is not None
    used = dataclasses.replace(
        hop.attempts[-1], deployment=candidate.deployment, model=candidate.model,
        reported_model=candidate.model,
    )  # fmt: skip
    story.put(
        hop,
        decision=dataclasses.replace(hop.decision, chosen=candidate.deployment),
        attempts=(*hop.attempts[:-1], used),
    )


@form("bad_routing", developed=False)
def second_instead_of_first(story: Story) -> None:
    hop = story.pick(where=lambda h: bool(h.decision and len(h.decision.fallbacks) > 0))
    assert hop.decision is not None
    stayed = [c for c in hop.decision.candidates if c.stage is None]
    _swap_model(story, hop, stayed[1])


@form("bad_routing", developed=False)
def an_unavailable_one_was_chosen(story: Story) -> None:
    hop = story.pick()
    assert hop.decision is not None
    gone = [c for c in hop.decision.candidates if c.stage is Stage.AVAILABILITY]
    if not gone:
        raise UnfitError
    _swap_model(story, hop, gone[0])


@form("bad_routing", developed=False)
def language_mistaken(story: Story) -> None:
    hop = story.pick("generator", "checker", "specialist")
    assert hop.profile is not None
    story.put(hop, profile=dataclasses.replace(hop.profile, language="fr"))


@form("bad_routing", developed=False)
def taken_for_simple(story: Story) -> None:
    hop = story.pick("generator", "checker", "specialist", "aggregator")
    assert hop.profile is not None
    features = dict(hop.profile.features)
    features["complexity"] = Feature(value=0.93, confidence=0.8, origin="rule")
    profile = dataclasses.replace(hop.profile, complexity=0.03, features=features)
    story.put(hop, profile=profile)


@form("bad_citation", developed=False)
def a_number_in_the_quote_changed(story: Story) -> None:
    hop = story.pick("generator", "specialist", where=cited)
    data = data_of(hop)
    for sentence in data["sentences"]:
        for citation in sentence["citations"]:
            new = re.sub(r"\d+", lambda m: str(int(m[0]) + 5), citation["quote"], count=1)
            if new != citation["quote"]:
                citation["quote"] = new
                story.put(hop, output=json.dumps(data))
                return
    raise UnfitError


@form("bad_citation", developed=False)
def a_sentence_of_a_passage_that_it_lacks(story: Story) -> None:
    hop = story.pick("generator", where=lambda h: drafted(h) and not cited(h))
    data = data_of(hop)
    names = [name for name, _, _ in passages(hop)]
    if not names or not data["sentences"][0]["citations"]:
        raise UnfitError
    data["sentences"][0]["citations"] = [f"{names[0]}.87"]
    story.put(hop, output=json.dumps(data))


@form("bad_citation", developed=False)
def the_question_as_a_quote(story: Story) -> None:
    hop = story.pick("generator", "specialist", where=cited)
    data = data_of(hop)
    sentence = next(s for s in data["sentences"] if s["citations"])
    citation = sentence["citations"][0]
    citation["quote"] = story.trace.question or ""
    citation["end"] = citation["start"] + len(citation["quote"])
    made = story.put(hop, output=json.dumps(data))
    story.rejected(made, sentence["text"], "the quote stands nowhere", "")


@form("garbage_output", developed=False)
def one_letter(story: Story) -> None:
    hop = story.pick("generator", "checker", "decomposer", "specialist")
    story.nothing_left(story.put(hop, output="aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))


@form("garbage_output", developed=False)
def in_french(story: Story) -> None:
    hop = story.pick("generator", "checker", "decomposer", "specialist")
    text = "Les documents doivent être remis dans les délais, et il est important que la personne "
    text += "les signe avec soin, car ce sont des pièces qui ne se remplacent pas."
    story.nothing_left(story.put(hop, output=text))


@form("garbage_output", developed=False)
def cut_in_the_middle(story: Story) -> None:
    hop = story.pick(
        "generator", "specialist", "checker", where=lambda h: len(h.output or "") > 150
    )
    story.nothing_left(story.put(hop, output=(hop.output or "")[:-40]))


@form("garbage_output", developed=False)
def another_refusal(story: Story) -> None:
    hop = story.pick("generator", "checker", "decomposer", "specialist", "aggregator")
    text = (
        "Unfortunately this request goes against my guidelines, so I am unable to assist with it."
    )
    story.nothing_left(story.put(hop, output=text))


@form("silent_fallback", developed=False)
def the_weakest_of_the_chain_unannounced(story: Story) -> None:
    hop = story.pick(where=lambda h: bool(h.decision and h.decision.fallbacks))
    assert hop.decision is not None
    name = hop.decision.fallbacks[-1]
    used = dataclasses.replace(hop.attempts[-1], deployment=name, model=name.partition("/")[0])
    story.put(hop, attempts=(*hop.attempts[:-1], used))


@form("silent_fallback", developed=False)
def another_family_reported(story: Story) -> None:
    hop = story.pick(where=lambda h: bool(h.attempts and h.attempts[-1].family))
    used = dataclasses.replace(hop.attempts[-1], reported_model="deepseek-v3.1-chat")
    if used.family == "deepseek":
        raise UnfitError
    story.put(hop, attempts=(*hop.attempts[:-1], used))


@form("silent_fallback", developed=False)
def a_retry_of_what_never_was(story: Story) -> None:
    hop = story.pick()
    used = dataclasses.replace(hop.attempts[-1], kind="fallback")
    story.put(hop, attempts=(used,))


@form("silent_fallback", developed=False)
def began_with_one_and_ended_with_another(story: Story) -> None:
    hop = story.pick(where=lambda h: bool(h.decision and h.decision.fallbacks))
    assert hop.decision is not None
    other = hop.decision.fallbacks[0]
    cut = dataclasses.replace(hop.attempts[-1], outcome=Outcome.STALLED, error="silent for 9 s")
    used = dataclasses.replace(
        hop.attempts[-1], deployment=other, model=other.partition("/")[0], kind="fallback",
        reported_model=other.partition("/")[0], continued=True,
    )  # fmt: skip
    story.put(hop, attempts=(cut, used), ending="continued")


def _edited(story: Story, pattern: str, new: str, *roles: str) -> None:
    for hop in story.called(*(roles or ("generator", "specialist"))):
        if not drafted(hop):
            continue
        data = data_of(hop)
        for sentence in data["sentences"]:
            old = sentence["text"]
            sentence["text"] = re.sub(pattern, new, old, count=1)
            if sentence["text"] != old:
                made = story.put(hop, output=json.dumps(data))
                story.passes_on(made, old, sentence["text"])
                return
    raise UnfitError


@form("contradiction", developed=False)
def half_as_much(story: Story) -> None:
    _edited(story, r"\b(\d+)\b", r"0.5")


@form("contradiction", developed=False)
def a_false_claim_waved_through(story: Story) -> None:
    """The checker is given a claim that its passages deny, and calls it supported; who wrote it is
    the one at fault."""
    _edited(story, r"\b(\d+)\b", r"\g<1>1", "generator")


@form("contradiction", developed=False)
def never(story: Story) -> None:
    _edited(story, r" (must|may|can|is|are) ", r" \1 never ")


@form("contradiction", developed=False)
def all_called_false(story: Story) -> None:
    hop = story.pick("checker", where=lambda h: '"supported"' in (h.output or ""))
    data = data_of(hop)
    for check in data["checks"]:
        check.update(status="contradicted", reason="this is not what the source says")
    story.put(hop, output=json.dumps(data))
