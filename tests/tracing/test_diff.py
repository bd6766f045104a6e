"""Two traces side by side: which hop is which, what differs, and what differed first."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.records import Attempt, Hop
from orchestrator.tracing._words import compare_words
from orchestrator.tracing.diff import Aspect, TraceDiff, diff_json, diff_traces, headline, summary
from orchestrator.types import Candidate, LogRule, Outcome, Stage

from .samples import DECISION, HOP, PROFILE, TRACE

TEXTS = st.text(alphabet="ab .\n", max_size=30)


def step(node: str, at: float, **changes: Any) -> Hop:
    """A hop of its own node that began `at` seconds after the first and took half a second."""
    began = HOP.started_at + at
    hop = replace(HOP, id=f"{node}-{at}", node=node, round=0, started_at=began, ms=500.0)
    return replace(hop, **{"prompt": f"Do {node}.", "output": f"{node} is done.", **changes})


PLAN, WORK, DRAFT = step("plan", 0), step("work/a", 1), step("draft", 2)


def compared(before: list[Hop], after: list[Hop]) -> TraceDiff:
    return diff_traces(TRACE, before, TRACE, after)


def first(found: TraceDiff) -> tuple[str | None, Aspect]:
    assert found.first is not None
    pair = found.first.pair
    return pair.hop.node if pair else None, found.first.difference.aspect


def moved(hop: Hop, seconds: float) -> Hop:
    """The same on another day, on a slower machine, as a run with other ids."""
    attempts = tuple(replace(a, started_at=a.started_at + seconds, ms=9.9) for a in hop.attempts)
    began = hop.started_at + seconds
    return replace(hop, id=f"x{hop.id}", started_at=began, ms=hop.ms * 3, attempts=attempts)


def chosen(name: str, *candidates: Candidate) -> Any:
    return replace(DECISION, chosen=name, candidates=candidates)


def stayed(name: str, quality: float) -> Candidate:
    return Candidate(deployment=name, model=name, stage=None, scores={"quality": quality})


def gone(name: str) -> Candidate:
    return Candidate(
        deployment=name,
        model=name,
        stage=Stage.AVAILABILITY,
        rule="health.breaker",
        found="open",
        required="closed",
    )


# ── the same ─────────────────────────────────────────────────────────────────────────────


def test_a_run_of_another_day_that_did_the_same_is_the_same() -> None:
    before = [PLAN, WORK, DRAFT]
    later = replace(TRACE, id="other", started_at=9e9, ms=77.0, fleet_hash="z", policy_hash="y")
    found = diff_traces(TRACE, before, later, [moved(hop, 5000) for hop in before])
    assert found.same
    assert found.changed == 0
    assert summary(found) == "The same: 3 hops, and nothing that counts differs."
    assert {d.aspect for d in found.differences} == {Aspect.POLICY, Aspect.FLEET, Aspect.TIME}
    assert {d.aspect for d in found.pairs[0].differences} == {Aspect.TIME}


def test_money_alone_is_told_and_does_not_count() -> None:
    cheap = tuple(replace(a, cost_micro_usd=5) for a in DRAFT.attempts)
    dear = tuple(replace(a, cost_micro_usd=9) for a in DRAFT.attempts)
    found = compared([replace(DRAFT, attempts=cheap)], [replace(DRAFT, attempts=dear)])
    assert found.same
    cost = next(d for d in found.pairs[0].differences if d.aspect is Aspect.COST)
    assert (cost.before, cost.after) == ("$0.00001", "$0.000018")


def test_who_stood_behind_the_choice_is_told_and_does_not_count() -> None:
    """Live speed moved a fallback that nobody asked."""
    slow = replace(DECISION.candidates[1], stage=Stage.LATENCY, rule="request.latency_ms")
    decision = replace(DECISION, fallbacks=(), candidates=(DECISION.candidates[0], slow))
    found = compared([DRAFT], [replace(DRAFT, decision=decision)])
    assert found.same
    told = [headline(d) for d in found.pairs[0].differences if d.aspect is Aspect.ALTERNATIVES]
    assert told[0] == "the fallbacks were smollm2/local and became none."
    assert "gpt-5/direct: OPENAI_API_KEY is not set, then not in the fleet" in told[1]


@pytest.mark.parametrize(
    ("changes", "aspect"),
    [
        ({"profile": replace(PROFILE, data_class="public")}, Aspect.PROFILE),
        ({"prompt": "Do it otherwise."}, Aspect.PROMPT),
        ({"decision": replace(DECISION, chosen="gpt-5/direct")}, Aspect.DECISION),
        ({"decision": replace(DECISION, routes=())}, Aspect.DECISION),
        ({"decision": None}, Aspect.DECISION),
        ({"attempts": HOP.attempts[1:]}, Aspect.ATTEMPTS),
        ({"attempts": (HOP.attempts[0], replace(HOP.attempts[1], fingerprint="new"))}, "attempts"),
        ({"output": "Something else."}, Aspect.OUTPUT),
        ({"output": None}, Aspect.OUTPUT),
        ({"validated": False}, Aspect.VALIDATION),
        ({"status": "failed", "error": "broken"}, Aspect.STATUS),
    ],
)
def test_each_thing_that_counts_is_found(changes: dict[str, Any], aspect: Aspect) -> None:
    found = compared([DRAFT], [replace(DRAFT, **changes)])
    assert not found.same
    assert first(found) == ("draft", aspect)


# ── which hop is which ───────────────────────────────────────────────────────────────────


def test_hops_that_were_added_or_are_missing_move_no_others() -> None:
    extra = step("search", 0.5)
    found = compared([PLAN, WORK, DRAFT], [PLAN, extra, DRAFT])
    labels = [(p.before and p.before.node, p.after and p.after.node) for p in found.pairs]
    assert labels == [
        ("plan", "plan"),
        (None, "search"),
        ("work/a", None),
        ("draft", "draft"),
    ]
    assert found.changed == 2


def test_rounds_are_told_apart() -> None:
    again = replace(DRAFT, id="again", round=1, started_at=DRAFT.started_at + 1)
    found = compared([PLAN, DRAFT, again], [PLAN, DRAFT])
    assert [(p.hop.round, p.after is None) for p in found.pairs] == [
        (0, False),
        (0, False),
        (1, True),
    ]


def test_of_repeated_hops_those_go_together_that_are_alike() -> None:
    """The first of three is gone; the others are not taken for it one after the other."""
    batches = [
        step("check", n, id=f"b{n}", prompt=f"Batch {n}: {text}", output=text)
        for n, text in enumerate(
            ["the tides of the moon", "a bridge of iron", "the price of bread"]
        )
    ]
    found = compared(batches, batches[1:])
    assert [(p.before and p.before.id, p.after and p.after.id) for p in found.pairs] == [
        ("b0", None),
        ("b1", "b1"),
        ("b2", "b2"),
    ]


def test_repeated_hops_are_known_again_although_their_words_changed() -> None:
    texts = ["the tides of the moon", "a bridge of iron", "the price of bread"]
    old = [step("check", n, id=f"b{n}", prompt=text) for n, text in enumerate(texts)]
    new = [replace(hop, id=f"x{hop.id}", prompt=f"{hop.prompt}, please") for hop in old[1:]]
    found = compared(old, new)
    assert [p.after and p.after.id for p in found.pairs] == [None, "xb1", "xb2"]


def test_subtasks_with_other_names_are_known_by_what_they_were_asked() -> None:
    old = [
        step("work/a", 1, prompt="Count the employees of the firm.", output="120"),
        step(
            "work/b", 1.1, prompt="Summarise what the handbook says on travel.", output="By rail."
        ),
    ]
    new = [
        step(
            "work/one", 1, prompt="Summarise what the handbook says on travelling.", output="Rail."
        ),
        step("work/two", 1.1, prompt="Count the employees of the firm.", output="120"),
    ]
    found = compared(old, new)
    assert [(p.hop.node, p.after and p.after.node) for p in found.pairs] == [
        ("work/a", "work/two"),
        ("work/b", "work/one"),
    ]


def test_thousands_of_repeated_hops_are_aligned() -> None:
    many = [step("map", n / 100, id=f"m{n}", prompt=f"Item {n}.") for n in range(3000)]
    found = compared(many, [*many[:1500], *many[1501:]])
    assert [p.before and p.before.id for p in found.pairs if p.after is None] == ["m1500"]
    assert found.changed == 1


# ── what came first ──────────────────────────────────────────────────────────────────────


def test_the_cause_comes_before_what_followed_from_it() -> None:
    """A plan that came out otherwise, a worker that was asked otherwise, another draft."""
    after = [
        replace(PLAN, output="Another plan."),
        replace(WORK, prompt="Another task.", output="Another result."),
        replace(DRAFT, prompt="Another draft.", output="Other words."),
    ]
    assert first(compared([PLAN, WORK, DRAFT], after)) == ("plan", Aspect.OUTPUT)


def test_within_a_hop_the_decision_comes_before_the_output() -> None:
    other = replace(DRAFT, decision=chosen("b"), attempts=(), output="x", validated=False)
    assert first(compared([PLAN, DRAFT], [PLAN, other])) == ("draft", Aspect.DECISION)


def test_a_long_hop_is_not_blamed_for_what_began_within_it() -> None:
    """The parent ends last, so what it brought cannot have caused what its child was asked."""
    parent = step("route", 0, ms=5000.0)
    child = step("route/a", 1)
    after = [replace(parent, output="Other."), replace(child, output="Wrong.")]
    assert first(compared([parent, child], after)) == ("route/a", Aspect.OUTPUT)


def test_a_hop_that_only_the_second_has_counts_from_when_it_began() -> None:
    extra = replace(step("search", 1.7), started_at=HOP.started_at + 101.7)
    after = [moved(PLAN, 100), moved(WORK, 100), extra, moved(replace(DRAFT, output="New."), 100)]
    assert first(compared([PLAN, WORK, DRAFT], after)) == ("search", Aspect.PRESENCE)


def test_another_question_comes_before_everything() -> None:
    asked = replace(TRACE, question="How short is it?")
    found = diff_traces(TRACE, [PLAN], asked, [replace(PLAN, prompt="Other.")])
    assert first(found) == (None, Aspect.QUESTION)


def test_another_answer_is_named_where_no_hop_differs() -> None:
    old, new = (replace(TRACE, status="ok", answer=text) for text in ("Yes.", "No."))
    assert first(diff_traces(old, [PLAN], new, [PLAN])) == (None, Aspect.ANSWER)


# ── in words ─────────────────────────────────────────────────────────────────────────────


def test_another_choice_is_told_with_its_reason() -> None:
    old = replace(DRAFT, decision=chosen("a/x", stayed("a/x", 0.9), stayed("b/y", 0.7)))
    new = replace(DRAFT, decision=chosen("b/y", stayed("b/y", 0.7), gone("a/x")))
    said = summary(compared([old], [new]))
    assert said.startswith("First difference: draft, decision: a/x was chosen, then b/y: ")
    assert "a/x now: its breaker is open" in said
    assert "b/y ranked behind before (quality 0.70)" in said


def test_attempts_are_told_in_their_order() -> None:
    new = replace(DRAFT, attempts=(replace(HOP.attempts[0], outcome=Outcome.RATE_LIMITED),))
    change = next(
        d for d in compared([DRAFT], [new]).pairs[0].differences if d.aspect is Aspect.ATTEMPTS
    )
    assert change.before == "claude/eu timeout silent, then smollm2/local ok"
    assert headline(change) == f"{change.before} became claude/eu rate limited."


def test_a_text_is_compared_with_the_hash_of_another() -> None:
    from orchestrator.tracing.redact import apply_level

    hashed = replace(DRAFT, prompt=apply_level("hashed", DRAFT.prompt))
    assert compared([DRAFT], [hashed]).same
    assert not compared([replace(DRAFT, prompt="Another.")], [hashed]).same


def test_what_one_side_may_not_keep_is_no_difference() -> None:
    rule = LogRule(prompts="none", outputs="none")
    bare = replace(DRAFT, prompt=None, output=None, decision=replace(DECISION, log=rule))
    kept = replace(DRAFT, decision=DECISION)
    assert compared([kept], [bare]).same


def test_for_programs_it_is_plain_json() -> None:
    told = json.loads(
        json.dumps(diff_json(compared([PLAN, WORK], [PLAN, replace(WORK, output="a")])))
    )
    assert told["same"] is False
    assert told["first"]["hop"] == "work/a"
    assert told["first"]["aspect"] == "output"
    assert [hop["same"] for hop in told["hops"]] == [True, False]
    assert ["added", "a"] in told["hops"][1]["differences"][0]["words"]


# ── properties ───────────────────────────────────────────────────────────────────────────

STEPS = st.lists(
    st.builds(
        lambda node, text, at: step(node, at, id=f"{node}{at}{text}", prompt=text),
        st.sampled_from(["plan", "work/a", "work/b", "draft"]),
        st.sampled_from(["Do it.", "Do that.", "Say why."]),
        st.integers(0, 9),
    ),
    max_size=8,
    unique_by=lambda hop: hop.id,
)


@given(STEPS, STEPS)
def test_every_hop_stands_in_exactly_one_pair(before: list[Hop], after: list[Hop]) -> None:
    found = compared(before, after)
    assert sorted(p.before.id for p in found.pairs if p.before) == sorted(h.id for h in before)
    assert sorted(p.after.id for p in found.pairs if p.after) == sorted(h.id for h in after)
    assert [p.before for p in found.pairs if p.before] == before


@given(STEPS)
def test_every_trace_is_the_same_as_itself(hops: list[Hop]) -> None:
    assert compared(hops, hops).same


@given(STEPS, STEPS)
def test_both_ways_find_whether_they_differ(before: list[Hop], after: list[Hop]) -> None:
    assert compared(before, after).same == compared(after, before).same


@given(TEXTS, TEXTS)
def test_pieces_make_up_both_texts(before: str, after: str) -> None:
    pieces = compare_words(before, after)
    assert "".join(p.text for p in pieces if p.kind != "added") == before
    assert "".join(p.text for p in pieces if p.kind != "removed") == after
    assert (before == after) == all(p.kind == "same" for p in pieces)


def test_texts_of_a_book_are_compared_line_by_line_first() -> None:
    lines = [f"Line {n} of a long text that says {n * 7919 % 1000} things." for n in range(9000)]
    changed = [*lines[:4000], "Line 4000 is another one.", *lines[4001:]]
    pieces = compare_words("\n".join(lines), "\n".join(["New first line.", *changed]))
    assert sum(len(p.text) for p in pieces if p.kind != "same") < 200


def test_attempts_of_one_hop_do_not_share_an_identity_by_chance() -> None:
    """What a provider reports is compared as a whole, so a swap of two models is seen."""
    one, two = HOP.attempts[1], replace(HOP.attempts[1], reported_model="Other")
    swapped: tuple[Attempt, ...] = (two, one)
    assert not compared(
        [replace(DRAFT, attempts=(one, two))], [replace(DRAFT, attempts=swapped)]
    ).same
