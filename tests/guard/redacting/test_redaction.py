"""Values are taken out before some models, everywhere, and come back as they were."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.call_types import CallRequest, Message, ToolCall, text_of
from orchestrator.guard.redacting.plan import planned
from orchestrator.guard.redacting.vault import Vault
from orchestrator.guard.values import Finding
from orchestrator.types import FleetSnapshot, GuardRule
from tests.calling.samples import decision

from .finding import HOSTED, OWN, find, redaction, sent, streamed

ANN, BOB = "ann@example.org", "bob@example.net"
IBAN = "DE89 3704 0044 0532 0130 00"
CARD = "4111 1111 1111 1111"
KEY = '-----BEGIN PRIVATE KEY-----\nMIIE"vQ\\IB\nADANB\n-----END PRIVATE KEY-----'


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def everything(request: CallRequest) -> str:
    return json.dumps([request.messages, dict(request.inputs), request.tools, request.extra])


def test_hosted_models_get_placeholders_and_own_ones_the_values() -> None:
    made = redaction(f"Pay {IBAN} and tell {ANN}.")
    assert sent(made) == "Pay [IBAN_1] and tell [EMAIL_1]."
    assert made.asked(OWN) is made.request
    assert made.words == "2 values replaced before hosted models (email 1, iban 1)"


def test_all_models_get_them_where_the_policy_says_all() -> None:
    made = redaction(f"Tell {ANN}.", redact="all")
    assert text_of(made.asked(OWN).messages[0]) == "Tell [EMAIL_1]."
    assert made.words == "1 value replaced before every model (email 1)"


def test_code_of_this_process_is_given_the_text_whose_places_it_tells() -> None:
    made = redaction(f"Tell {ANN}.", redact="all")
    assert made.asked(replace(OWN, family=None)) is made.request


def test_only_the_kinds_that_are_named() -> None:
    made = redaction(f"Pay {IBAN} and tell {ANN}.", kinds=("iban",))
    assert sent(made) == f"Pay [IBAN_1] and tell {ANN}."


def test_one_value_has_one_placeholder_however_it_is_written() -> None:
    text = f"{ANN}, ANN@Example.org, {IBAN}, {IBAN.replace(' ', '')}, name: Max Muster"
    made = redaction(f"{text}, Name: MAX MUSTER")
    assert sent(made) == (
        "[EMAIL_1], [EMAIL_1], [IBAN_1], [IBAN_1], name: [NAME_1], Name: [NAME_1]"
    )
    for size in (1, 5, 64):
        assert streamed(made, sent(made), size) == f"{text}, Name: MAX MUSTER"


def test_another_writing_comes_back_where_its_sentence_went() -> None:
    first, second = f"The invoice went to {ANN}.", "The reminder was for ANN@Example.org."
    made = redaction(f"{first} {second}")
    one, two = sent(made).split(". ")
    assert streamed(made, f"{two} {one}.", 1) == f"{second} {first}"


def test_what_was_found_once_is_replaced_everywhere() -> None:
    made = redaction("name: Max Muster. I asked Max Muster, and Max Mustermann.")
    assert sent(made) == "name: [NAME_1]. I asked [NAME_1], and Max Mustermann."


def test_a_conversation_keeps_its_numbers() -> None:
    first = redaction(f"Write to {ANN} and {BOB}.")
    turns = (
        user(f"Write to {ANN} and {BOB}."),
        Message(role="assistant", content=f"Done, {BOB} has it."),
        user(f"And cc carl@example.com, not {ANN}."),
    )
    later = redaction("", {"messages": turns})
    assert text_of(later.asked(HOSTED).messages[0]) == sent(first)
    assert text_of(later.asked(HOSTED).messages[1]) == "Done, [EMAIL_2] has it."
    assert sent(later) == "And cc [EMAIL_3], not [EMAIL_1]."


def test_steps_of_a_run_share_their_placeholders() -> None:
    vault = Vault(within=True)
    assert sent(redaction(f"To {ANN}", vault=vault)) == "To [EMAIL_1]"
    assert sent(redaction(f"{BOB} and {ANN}", vault=vault)) == "[EMAIL_2] and [EMAIL_1]"
    other = redaction(f"Only {BOB}", vault=vault)
    said = "[EMAIL_2] and [EMAIL_1]"
    assert other.whole(said, HOSTED) == f"{BOB} and [EMAIL_1]", "it was not given that one"


def test_what_only_reads_like_a_placeholder_stays_itself() -> None:
    text = f"[EMAIL_1] is a mark, {ANN} an address, [email 2] another mark, [VERBATIM_1] too."
    made = redaction(text)
    assert sent(made).count("[EMAIL_1]") == 1
    for size in (1, 9, 64):
        assert streamed(made, sent(made), size) == text


def test_what_overlaps_is_one_value() -> None:
    """A finding that ends within what only reads like a placeholder."""

    def finds(text: str) -> tuple[Finding, ...]:
        found = re.finditer(r"secret \[EMAIL", text)
        return (*find(text), *(Finding(m.start(), m.end(), "password", 1.0) for m in found))

    text = f"{ANN} knows the secret [EMAIL_1] now"
    made = redaction(text, finds=finds)
    assert "secret" not in sent(made)
    assert streamed(made, sent(made), 1) == text


def test_nothing_of_a_value_is_left_anywhere() -> None:
    parts = [
        {"type": "text", "text": f"See {ANN}"},
        {"type": "image_url", "image_url": {"url": f"https://x.example/?to={ANN}&n=1"}},
    ]
    call = {
        "id": "c1",
        "type": "function",
        "function": {
            "name": "send",
            "arguments": json.dumps({"to": [ANN], ANN: {"card": 4111111111111111}}),
        },
    }
    messages = (
        {"role": "system", "content": f"You work for {ANN}."},
        {"role": "user", "content": parts, "name": "ann"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {
            "role": "tool",
            "tool_call_id": "c1",
            "content": json.dumps({"from": BOB, "n": 4111111111111111}),
        },
    )
    tool = {
        "type": "function",
        "function": {
            "name": "send",
            "description": f"As {ANN} does",
            "parameters": {"type": "object", "properties": {"to": {"enum": [ANN, BOB]}}},
        },
    }
    made = redaction(
        "",
        {
            "messages": messages,
            "inputs": {"text": ANN, "list": [{"x": BOB}]},
            "tools": (tool,),
            "extra": {"user": ANN},
            "stop": (ANN,),
        },
    )
    asked = made.asked(HOSTED)
    text = everything(asked) + str(asked.stop)
    for value in (ANN, BOB, "4111111111111111"):
        assert value not in text
    arguments = json.loads(asked.messages[2]["tool_calls"][0]["function"]["arguments"])
    assert arguments == {"to": ["[EMAIL_1]"], "[EMAIL_1]": {"card": "[CARD_1]"}}
    assert json.loads(text_of(asked.messages[3])) == {"from": "[EMAIL_2]", "n": "[CARD_1]"}
    assert asked.tools[0]["function"]["name"] == "send"
    assert asked.messages[2]["tool_calls"][0]["id"] == "c1"


def test_tool_calls_come_back_as_json_with_their_values() -> None:
    made = redaction(f"Send {KEY} to {ANN}, card {CARD}.")
    said = json.dumps({"to": "[EMAIL_1]", "text": "Here: [private_key_1]", "ok": True})
    calls = made.seen(HOSTED, "", "", (ToolCall(id="1", name="send", arguments=said),))[2]
    assert json.loads(calls[0].arguments) == {"to": ANN, "text": f"Here: {KEY}", "ok": True}


def test_a_number_of_a_tool_comes_back_as_one() -> None:
    brought = Message(role="tool", tool_call_id="1", content='{"card": 4111111111111111}')
    made = redaction("", {"messages": (user("Which?"), brought)}, give_back="all")
    assert made.asked(HOSTED).messages[1]["content"] == '{"card": "[CARD_1]"}'
    call = ToolCall(id="1", name="pay", arguments='{"card": "[CARD_1]"}')
    assert made.seen(HOSTED, "", "", (call,))[2][0].arguments == '{"card": 4111111111111111}'


def test_values_in_a_json_answer_are_escaped() -> None:
    made = redaction(f"Wrap this: {KEY}")
    said = '{"key": "[PRIVATE_KEY_1]"}'
    for size in (1, 3, 64):
        assert json.loads(streamed(made, said, size)) == {"key": KEY}
    fenced = f"```json\n{said}\n```"
    assert json.loads(made.whole(fenced, HOSTED).strip("`json\n")) == {"key": KEY}


def test_a_json_text_is_echoed_letter_by_letter() -> None:
    text = json.dumps({"private_key": KEY, "n": 1}, indent=1)
    made = redaction(text)
    assert "MIIE" not in sent(made)
    assert streamed(made, sent(made), 1) == text


# ── who sees what ────────────────────────────────────────────────────────────────────────


def with_tool() -> dict[str, object]:
    brought = Message(role="tool", tool_call_id="1", content=f"The owner is {BOB}.")
    return {"messages": (user(f"I am {ANN}. Whose is it?"), brought)}


@pytest.mark.parametrize(
    ("give_back", "seen"),
    [
        ("own", f"{ANN}: it is [EMAIL_2]'s."),
        ("all", f"{ANN}: it is {BOB}'s."),
        ("none", "[EMAIL_1]: it is [EMAIL_2]'s."),
    ],
)
def test_what_is_given_back(give_back: str, seen: str) -> None:
    made = redaction("", with_tool(), give_back=give_back)
    for deployment, said in (
        (HOSTED, "[EMAIL_1]: it is [email 2]'s."),
        (OWN, f"{ANN}: it is {BOB}'s."),
    ):
        text, value, _ = made.seen(deployment, said, made.whole(said, deployment), ())
        assert text == value == seen, "whoever has answered"
        for size in (1, 4, 64):
            through = made.stages(deployment)
            pieces = [through.take(said[i : i + size]) for i in range(0, len(said), size)]
            assert "".join((*pieces, through.end())) == seen
    assert made.whole("[EMAIL_2]", HOSTED) == BOB, "checks and votes see all"
    call = ToolCall(id="1", name="send", arguments=json.dumps({"to": "[EMAIL_2]"}))
    arguments = json.loads(made.seen(HOSTED, "", "", (call,))[2][0].arguments)
    assert arguments == {"to": BOB if give_back == "all" else "[EMAIL_2]"}


def test_a_step_of_a_run_sees_everything() -> None:
    made = redaction("", with_tool(), vault=Vault(within=True), give_back="none")
    assert made.seen(HOSTED, "It is [EMAIL_2]'s.", "", ())[0] == f"It is {BOB}'s."


def test_a_later_turn_knows_what_was_left_standing() -> None:
    turns = (
        *with_tool()["messages"],  # type: ignore[misc]
        Message(role="assistant", content="It is [EMAIL_2]'s."),
        user("Write to [EMAIL_2]."),
    )
    made = redaction("", {"messages": turns})
    assert [text_of(m) for m in made.asked(HOSTED).messages[2:]] == [
        "It is [EMAIL_2]'s.",
        "Write to [EMAIL_2].",
    ]
    assert made.seen(HOSTED, "To [EMAIL_2]:", "", ())[0] == "To [EMAIL_2]:"


def test_one_who_goes_on_is_told_in_its_own_words() -> None:
    made = redaction("", with_tool())
    handed_on = f"{ANN} asked; it is [EMAIL_2]'s, see info@example.com"
    assert made.told(handed_on, HOSTED) == "[EMAIL_1] asked; it is [EMAIL_2]'s, see [EMAIL_3]"
    assert made.told(handed_on, OWN) == f"{ANN} asked; it is {BOB}'s, see info@example.com"


# ── exactness ────────────────────────────────────────────────────────────────────────────

VALUES = [ANN, "Ann@Example.org", BOB, IBAN, IBAN.replace(" ", ""), CARD, "+49 170 1234567", KEY]
WORDS = [
    "please",
    "Überweise",
    "[EMAIL_1]",
    "[card 1]",
    "{",
    "[",
    "\\",
    "%5B",
    "EMAIL_1",
    "\n",
    '"',
    "是",
    "name: Max Muster",
]
texts = st.lists(st.sampled_from([*VALUES, *WORDS]), min_size=1, max_size=12).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(text=texts, size=st.integers(1, 64))
def test_an_echo_is_the_original(text: str, size: int) -> None:
    made = redaction(text)
    redacted = sent(made)
    assert not any(value in redacted for value in VALUES)
    assert streamed(made, redacted, size) == text
    assert made.whole(redacted, HOSTED) == text


@settings(max_examples=150, deadline=None)
@given(text=texts, said=st.text("[]EMAIL_1 2card\\%5BD", max_size=40), size=st.integers(1, 9))
def test_the_size_of_the_pieces_changes_nothing(text: str, said: str, size: int) -> None:
    made = redaction(f"{text} {ANN} {CARD}")
    sent(made)
    assert streamed(made, said, size) == made.seen(HOSTED, said, said, ())[0]


@settings(max_examples=100, deadline=None)
@given(
    said=st.lists(st.sampled_from([BOB, "bob", "@", "x", " ", BOB[:-1]]), max_size=8).map("".join),
    size=st.integers(1, 9),
)
def test_no_piece_of_a_hidden_value_gets_out(said: str, size: int) -> None:
    made = redaction("", with_tool())
    through = made.stages(OWN)
    pieces = [through.take(said[i : i + size]) for i in range(0, len(said), size)]
    told = "".join((*pieces, through.end()))
    assert BOB not in told
    assert told == made.seen(OWN, said, said, ())[0]


def test_what_would_be_replaced_is_said_ahead() -> None:
    known = FleetSnapshot(deployments=(HOSTED, OWN), health={}, hash="f")
    rule = GuardRule(redact="hosted")
    made = decision(HOSTED.id, OWN.id, guard=rule, fleet=known)
    found = planned(f"Pay {IBAN}, tell {ANN}", made, find)
    assert found.words == (
        "2 values (email 1, iban 1) would be replaced before cloud/api; own/here would see them"
    )
    assert planned("Hello.", made, find).words == ""
    assert planned(f"Tell {ANN}", decision(HOSTED.id, fleet=known), find).words == ""
