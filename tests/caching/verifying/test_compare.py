"""What two requests may differ in, and what makes another request of one."""

from __future__ import annotations

import pytest

from orchestrator.caching.verifying.compare import compare

SAME = [
    ("How do I water my lawn?", "How can I water the lawn?"),
    ("How do I water my lawn?", "What are the steps to water a lawn?"),
    ("Could you tell me who tunes pianos?", "Who tunes pianos?"),
    ("Where's the mop?", "where is the mop"),
    ("Does a permit cost 14 days of work?", "Does a permit cost two weeks of work?"),
    ("Is the lake warmer than 20 °C?", "Is the lake warmer than 20 degrees Celsius?"),
    ("Can I delete the draft?", "Am I able to remove the draft?"),
    ("In Utrecht, who repairs clocks?", "Who repairs clocks in Utrecht?"),
    ("Send the memo for April.", "Please send the April memo."),
    ("Must guests sign the book?", "Do guests have to sign the book?"),
    ("Why doesn't the heater work?", "Why is the heater not working?"),
    ("May a boat carry at most 6 people?", "May a boat carry no more than 6 people?"),
    ("When was the dam built?", "In what year was the dam built?"),
    ("Give me a rhyme on moss.", "Write a rhyme on moss."),
    ("Organise the shelf by colour.", "Organize the shelf by color."),
]
OTHER = [
    ("number", "Cut the rope into 4 parts.", "Cut the rope into 5 parts."),
    ("unit", "Is 4 kg of clay enough?", "Is 4 g of clay enough?"),
    ("currency", "Is €40 enough for a tent?", "Is $40 enough for a tent?"),
    ("date", "Is the mill open on 3 May 2024?", "Is the mill open on 3 May 2023?"),
    ("name", "Who repairs clocks in Utrecht?", "Who repairs clocks in Arnhem?"),
    ("small name", "who repairs clocks in utrecht", "who repairs clocks in arnhem"),
    ("negation", "Should I prune the rose?", "Should I not prune the rose?"),
    ("without", "A stew with onions, please.", "A stew without onions, please."),
    ("prefix", "Is the form valid?", "Is the form invalid?"),
    ("quantifier", "Can all guests swim?", "Can some guests swim?"),
    ("only", "Can guests swim at noon?", "Can only guests swim at noon?"),
    ("comparative", "Which hut is the cheapest?", "Which hut is the dearest?"),
    ("grade", "Which hut is cheaper?", "Which hut is the cheapest?"),
    ("bound", "Rent a hall for at least 30 guests.", "Rent a hall for at most 30 guests."),
    ("more than", "Is a hall for over 30 guests free?", "Is a hall for 30 guests free?"),
    ("before", "Do I salt the dough before baking?", "Do I salt the dough after baking?"),
    ("order", "Did Ines thank Paul?", "Did Paul thank Ines?"),
    ("direction", "A bus from Ghent to Bruges", "A bus from Bruges to Ghent"),
    ("operands", "What is 9 minus 4?", "What is 4 minus 9?"),
    ("symbol", "Write a parser in C.", "Write a parser in C++."),
    ("code", "What is error E-1042?", "What is error E-1043?"),
    ("quoted", "Spell 'harbour'.", "Spell 'arbour'."),
    ("acronym", "How is tax paid in the US?", "How is tax paid?"),
    ("kind", "When was the dam built?", "Why was the dam built?"),
    ("how", "Can I prune the rose?", "How can I prune the rose?"),
    ("tense", "Who is the mayor of Ghent?", "Who was the mayor of Ghent?"),
    ("modal", "Must guests sign the book?", "May guests sign the book?"),
    ("verb", "How do I open the gate?", "How do I paint the gate?"),
    ("particle", "How do I turn on the pump?", "How do I turn off the pump?"),
    ("scope", "Keep the roses, not the tulips.", "Keep the tulips, not the roses."),
    ("one or many", "Name the deepest lake in Iran.", "Name the deepest lakes in Iran."),
    ("person", "What is her limit?", "What is his limit?"),
    ("act", "Draft the lease of the barn.", "Explain the lease of the barn."),
    ("list", "List the tides of May.", "Explain the tides of May."),
    ("year", "In what year was the dam built?", "On what day was the dam built?"),
    ("until", "Until when is the mill open?", "Since when is the mill open?"),
    ("whose", "Whose boat is it?", "Who is it?"),
    ("where", "Where is the ferry?", "What is the status of the ferry?"),
    ("roots", "What is the policy of Oslo?", "What is the police of Oslo?"),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), SAME)
def test_the_same_in_other_words(left: str, right: str) -> None:
    assert compare(left, right).differs == ""
    assert compare(right, left).differs == ""


@pytest.mark.parametrize(("left", "right"), [row[1:] for row in OTHER], ids=[r[0] for r in OTHER])
def test_almost_the_same_asks_for_something_else(left: str, right: str) -> None:
    assert compare(left, right).differs
    assert compare(right, left).differs


def test_the_reason_is_named() -> None:
    assert compare("Is it 4 kg?", "Is it 4 g?").differs.startswith("number")
    assert "operator" in compare("Can all swim?", "Can some swim?").differs


def test_equal_texts_in_any_language_are_the_same() -> None:
    assert compare("Wie spät ist es?", "Wie spät ist es?").differs == ""
    assert compare("Wie spät ist es?", "Wie warm ist es?").differs
