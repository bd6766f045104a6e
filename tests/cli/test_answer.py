from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.cli._answer import show_answer, show_hops
from orchestrator.graph.answer import Answer
from orchestrator.types import Outcome

from .samples import (
    ANSWER,
    CHECK,
    DRAFT,
    ID,
    PLAN,
    QUOTE,
    ROUTE,
    TOOL,
    WIDTHS,
    attempt,
    candidate,
    printed,
    squeezed,
)


@pytest.mark.parametrize("width", WIDTHS)
def test_everything_about_an_answer_is_there(width: int) -> None:
    text = printed(lambda screen: show_answer(screen, ANSWER), width)
    line = squeezed(text)
    assert "a year [1]." in line
    assert "yes REVISED One claim was taken out after the first round" in line
    assert "checked by another model family | 1 of 2 claims supported | cost $0.0042" in line
    assert "120-265" in line
    assert "docs/policies/remote-work.md" in text
    assert "the quote says 40" in line
    assert "contradicted: it says" in line
    assert f"mesh trace why {ID}" in text


@pytest.mark.parametrize("width", WIDTHS)
def test_a_hop_shows_who_was_chosen_who_lost_what_fell_back_and_the_cost(width: int) -> None:
    text = printed(lambda screen: show_hops(screen, [DRAFT]), width)
    for word in ("draft", "smollm2/local", "yes", "$0.0042", "9.2 s"):
        assert word in text
    if width == 140:
        assert "after claude-sonnet/eu: timeout silent" in text
        assert "gpt-5: OPENAI_API_KEY is not set" in text
        assert "extractive: ranked behind (+4)" in text
    assert "not made for the step         calculator" in text
    assert "gpt-5, gpt-5-mini" in text


def test_deployments_of_one_model_are_told_apart() -> None:
    assert DRAFT.decision is not None
    candidates = (candidate("m/eu"), candidate("m/us"), candidate("other/one"))
    decision = replace(DRAFT.decision, chosen="m/eu", candidates=candidates)
    hop = replace(DRAFT, decision=decision, attempts=(attempt("m/eu", Outcome.OK),))
    text = squeezed(printed(lambda screen: show_hops(screen, [hop]), 140))
    assert "m/us: ranked behind" in text
    assert "other: ranked behind" in text


def test_a_race_is_told_where_two_took_part() -> None:
    assert DRAFT.decision is not None
    racing = replace(DRAFT, decision=replace(DRAFT.decision, strategy="race"))
    assert "by a race" in printed(lambda screen: show_hops(screen, [racing]), 140)
    alone = replace(racing, attempts=racing.attempts[-1:])
    assert "by a race" not in printed(lambda screen: show_hops(screen, [alone]), 140)


def test_what_was_tried_first_is_not_called_ranked_behind() -> None:
    text = printed(lambda screen: show_hops(screen, [DRAFT]), 140)
    assert "claude-sonnet: ranked behind" not in text


@pytest.mark.parametrize("width", WIDTHS)
def test_a_terminal_gets_symbols_and_colours(width: int) -> None:
    text = printed(lambda screen: show_answer(screen, ANSWER), width, rich=True)
    assert "✓ REVISED" in text
    assert "\x1b[32m" in text
    assert "120–265" in text


def test_what_is_piped_is_ascii_but_for_the_texts_themselves() -> None:
    text = printed(lambda screen: show_answer(screen, replace(ANSWER, text="ok")), 100)
    assert text.isascii()


def test_an_abstention_says_why() -> None:
    none = Answer(
        text="The sources do not say.",
        verdict="abstained",
        reason="no passage names a notice period",
        trace_id=ID,
    )
    text = printed(lambda screen: show_answer(screen, none), 80)
    assert "ABSTAINED" in text
    assert "No passage names a notice period" in text
    assert "Citations" not in text
    assert "How it was done" not in text


def test_a_graph_without_a_verdict_shows_no_badge() -> None:
    plain = Answer(text="57600", trace_id=ID, hops=(TOOL, PLAN), cost_micro_usd=None)
    text = printed(lambda screen: show_answer(screen, plain), 80)
    assert "cost unknown" in text
    assert "independent" not in text


def test_a_hop_that_failed() -> None:
    failed = replace(
        DRAFT, status="failed", attempts=(attempt("claude-sonnet/eu", Outcome.CUT),), validated=None
    )
    text = printed(lambda screen: show_hops(screen, [failed]), 140)
    assert "NO" in text
    assert "after claude-sonnet/eu: cut" in text


def test_what_was_only_assigned_and_what_is_below_the_floor() -> None:
    text = printed(lambda screen: show_hops(screen, [ROUTE, CHECK]), 100)
    assert "assigned" in text
    assert "claim-gates/here*" in text
    assert "* Below the policy's quality floor" in text
    assert "*" not in printed(lambda screen: show_hops(screen, [DRAFT]), 100)


def test_long_words_stay_inside_the_screen() -> None:
    citation = ANSWER.citations[0].model_copy(update={"file": "x" * 200, "quote": "y" * 300})
    long = replace(ANSWER, citations=(citation,), text="z" * 300, reason="w" * 200)
    assert "x" * 20 in printed(lambda screen: show_answer(screen, long), 80)


def test_an_answer_cannot_steer_the_terminal() -> None:
    evil = replace(ANSWER, text="a\x1b[2Jb\x9bc\x07d\u202ee [bold]f[/bold] :smile:")
    text = printed(lambda screen: show_answer(screen, evil), 80)
    assert "a[2Jbcde [bold]f[/bold] :smile:" in text


def test_the_quote_is_cut_at_a_word_and_marked() -> None:
    text = squeezed(printed(lambda screen: show_answer(screen, ANSWER), 80))
    assert QUOTE not in text
    assert '..."' in text
