from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.guard.detecting.secrets import SHAPES as KNOWN
from orchestrator.guard.detecting.secrets import may_hold_secret
from orchestrator.tracing.redact import (
    WITHHELD,
    Mask,
    Shared,
    apply_level,
    redact_hop,
    redact_trace,
    strictest,
)
from orchestrator.types import LOG_LEVELS, Candidate, LogLevel, LogRule, Stage, as_json

from .samples import DECISION, HOP, PROFILE, TRACE, ruled

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc=\n-----END RSA PRIVATE KEY-----"
SECRETS = [
    "sk-proj-abcdEFGH1234",
    "sk-ant-api03-abcdefgh",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "github_pat_11ABCDEFG0abcdefghij",
    "xoxb-123456789012-abcdef",
    "AIzaSyA1234567890abcdefghijklmnopqrstuv",
    "mesh-zbcxusxmjjFYabS8Fz0VHZbEqHA4z84cWFoZVLJx5WB3ZHxJeFcAp0Rfmx1",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
]
PERSONAL = [
    "jane.doe+x@mail.example.org",
    "DE89 3704 0044 0532 0130 00",
    "GB82WEST12345698765432",
    "ES91 2100 0418 4502 0005 1332",
    "4111 1111 1111 1111",
    "378282246310005",
    "+49 30 901820",
    "(030) 1234-5678",
    "555-123-4567",
    "0049 170 1234567",
]
PLAIN = [
    "120 employees at 40 EUR a month cost 57,600 EUR a year.",
    "On 2024-01-02 and 01.02.2024 version 1.82.7 had 4111 lines.",
    "The task is risk-assessment-of-suppliers; ask the bearer of this letter.",
    "See chapter 3.1.4, pages 120–245, at 10:30 on 3 May.",
]
NOTHING = LogRule(prompts="none", outputs="none", tool_args="none")


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("level", LOG_LEVELS)
def test_a_secret_is_stored_at_no_level(secret: str, level: LogLevel) -> None:
    kept = apply_level(level, f"The key is {secret}, use it.") or ""
    assert secret not in kept
    assert kept.startswith("The key is <") or level in ("hashed", "none")


def test_a_private_key_goes_whole_even_when_it_is_cut_off() -> None:
    assert Mask().secrets(f"a {KEY} b") == "a <private-key-1> b"
    assert Mask().secrets(f"a {KEY[:40]}") == "a <private-key-1>"


def test_a_bearer_token_and_a_password_go_and_what_surrounds_them_stays() -> None:
    text = "Authorization: Bearer abc.def-123456 to https://user:hunter2@host/x"
    assert Mask().secrets(text) == "Authorization: Bearer <token-1> to https://<password-1>@host/x"


@pytest.mark.parametrize("value", PERSONAL)
def test_personal_data_is_masked_when_redacted_and_kept_in_full(value: str) -> None:
    text = f"Write to {value} EUR now."
    assert value not in (apply_level("redacted", text) or "")
    assert (apply_level("redacted", text) or "").endswith("> EUR now.")
    assert apply_level("full", text) == text


@pytest.mark.parametrize("text", PLAIN)
def test_ordinary_numbers_and_words_stay(text: str) -> None:
    assert apply_level("redacted", text) == text


def test_the_same_value_has_one_placeholder_within_a_mask() -> None:
    mask = Mask()
    assert mask.personal("a@b.de, c@d.de, a@b.de") == "<email-1>, <email-2>, <email-1>"
    assert mask.personal("again c@d.de") == "again <email-2>"


@given(st.text(max_size=80))
def test_hashing_hides_the_text_and_is_done_once(text: str) -> None:
    once = apply_level("hashed", text)
    assert once is not None
    assert once.startswith("sha256:")
    assert apply_level("hashed", once) == once


@given(st.text(max_size=200))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    once = apply_level("redacted", text)
    assert apply_level("redacted", once) == once


@given(st.sampled_from(LOG_LEVELS), st.sampled_from(LOG_LEVELS))
def test_the_strictest_of_two_rules_keeps_least(one: LogLevel, two: LogLevel) -> None:
    rule = strictest(LogRule(prompts=one), LogRule(prompts=two, outputs=one))
    assert rule.prompts == max((one, two), key=LOG_LEVELS.index)
    assert rule.outputs == one


SECRET = "the patient Jane Roe has diabetes"


@pytest.mark.parametrize("level", ["hashed", "none"])
@pytest.mark.parametrize("which", ["prompts", "outputs"])
def test_nothing_that_talks_about_a_hidden_text_quotes_it(level: LogLevel, which: str) -> None:
    rule = LogRule(prompts=level) if which == "prompts" else LogRule(outputs=level)
    quoting = Candidate(
        deployment="x/y",
        model="x",
        stage=Stage.CAPABILITY,
        rule="request.needs",
        found=[f"no model for: {SECRET}"],
        required={"why": SECRET.upper()},
    )
    hop = replace(
        HOP,
        prompt=f"Note: {SECRET}." if which == "prompts" else "Go on.",
        output=f"Note: {SECRET}." if which == "outputs" else "Done.",
        decision=replace(
            DECISION, candidates=(quoting,), degraded=f"because {SECRET}", notes=(f"so {SECRET}",)
        ),
        profile=replace(PROFILE, tags=(SECRET,)),
        error=f"cannot do: {SECRET}",
        validation=f"expected JSON, found {SECRET}",
        notes=(f"cut: {SECRET}",),
        attempts=tuple(replace(a, error=f"400: {SECRET}") for a in HOP.attempts),
    )
    kept = json.dumps(as_json(redact_hop(hop, rule, Mask())))
    assert "jane" not in kept.lower()
    assert WITHHELD in kept


def test_names_of_the_fleet_stay_readable_under_the_strictest_rule() -> None:
    kept = redact_hop(
        ruled(NOTHING, prompt="Is it hosted in the us or eu? gpt-5?"), NOTHING, Mask()
    )
    assert kept.decision is not None
    assert kept.decision.candidates == DECISION.candidates
    assert kept.prompt is None
    assert kept.attempts[0].error == WITHHELD
    assert kept.attempts[0].outcome == HOP.attempts[0].outcome


def test_what_a_tool_was_given_counts_as_its_arguments() -> None:
    rule = LogRule(tool_args="none")
    tool = replace(HOP, decision=None, profile=None, attempts=(), role="tool")
    assert redact_hop(tool, rule, Mask()).prompt is None
    assert redact_hop(ruled(rule), rule, Mask()).prompt == HOP.prompt


def test_a_trace_follows_the_rule_as_well() -> None:
    told = replace(TRACE, answer="It is 3 months.", error="refused: How long")
    kept = redact_trace(told, LogRule(prompts="hashed"), Mask())
    assert (kept.question or "").startswith("sha256:")
    assert kept.answer == told.answer
    assert kept.error == WITHHELD


# ── the quick look before the close one ──────────────────────────────────────────────────

SHAPES = (
    "sk-proj-abcdefgh12345678",
    "rk_live_abcdefgh12345678",
    "ghs_0123456789abcdefghij",
    "github_pat_0123456789abcdefghij",
    "glpat-0123456789abcdefghij",
    "hf_0123456789abcdefghij",
    "npm_0123456789abcdefghij",
    "ASIAABCDEFGHIJKLMNOP",
    "AIzaSyA0123456789abcdefghijklmnopqrstu",
    "xoxb-0123456789-abc",
    "bEaReR abcdef123456789",
    "eyJhbGciOiJIUzI1.eyJzdWIiOiIx.c2lnbmF0dXJl",
    "x://a:b@",
    "-----BEGIN EC PRIVATE KEY-----",
)


@given(before=st.text(max_size=20), secret=st.sampled_from(SHAPES), after=st.text(max_size=20))
def test_the_quick_look_sees_whatever_the_close_one_masks(
    before: str, secret: str, after: str
) -> None:
    text = before + secret + after
    masked = text
    for shape in KNOWN:
        masked = shape.pattern.sub("", masked)
    if masked != text:
        assert may_hold_secret(text.encode("utf-8", "surrogatepass"))
        assert Mask().secrets(text) != text


@pytest.mark.parametrize("secret", SHAPES)
def test_every_shape_is_seen(secret: str) -> None:
    assert Mask().secrets(f"it is {secret} …") != f"it is {secret} …"


def test_a_shared_decision_stays_where_cleaning_leaves_it_alone() -> None:
    for decision in (DECISION, replace(DECISION, notes=("use sk-abcdefghijkl",))):
        shared = Shared(decision)
        for level in ("full", "redacted", "hashed", "none"):
            rule = LogRule(prompts=level, outputs=level, tool_args=level)
            for prompt in ("something else", "the personal data route"):
                hop = ruled(rule, prompt=prompt, decision=replace(decision, log=rule))
                slow = redact_hop(hop, rule, Mask())
                quick = redact_hop(hop, rule, Mask(), shared)
                assert quick == slow
                if hop.decision is not None and slow.decision != hop.decision:
                    assert quick.decision is not hop.decision
