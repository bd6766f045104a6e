"""Claims: split only where sure, what refers back is replaced, what states nothing is left out."""

from __future__ import annotations

import pytest

from orchestrator.evidence.claims import split_claims
from orchestrator.evidence.values import Calculation, Citation, Claim, Draft, Resolution, Sentence


def split(*texts: str, question: str = "") -> tuple[Claim, ...]:
    listed = [Sentence(id=f"s{n}", text=text) for n, text in enumerate(texts, start=1)]
    return split_claims(listed, question)


def claims(*texts: str) -> list[str]:
    return [c.text for c in split(*texts)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "Employees receive 40 EUR a month and managers receive 60 EUR a month.",
            ["Employees receive 40 EUR a month.", "Managers receive 60 EUR a month."],
        ),
        (
            "Adults pay 12 EUR, but children are free of charge.",
            ["Adults pay 12 EUR.", "Children are free of charge."],
        ),
        (
            "The fee is 5 EUR; the discount is not available to groups.",
            ["The fee is 5 EUR.", "The discount is not available to groups."],
        ),
        (
            "The museum opens at 9:00 and closes at 17:00.",
            ["The museum opens at 9:00.", "The museum closes at 17:00."],
        ),
        (
            "The contract does not cover theft and does not cover fire.",
            ["The contract does not cover theft.", "The contract does not cover fire."],
        ),
        (
            "The tower, which was built in 1889, is 330 metres high.",
            ["The tower is 330 metres high.", "The tower was built in 1889."],
        ),
        (
            "The tower is 330 m high and it was built in 1889.",
            ["The tower is 330 m high.", "The tower was built in 1889."],
        ),
    ],
)
def test_a_compound_sentence_is_scored_with_its_parts(text: str, parts: list[str]) -> None:
    whole, *own = split(text)
    assert (whole.id, whole.text, whole.part_of) == ("s1.0", text, "")
    assert [c.text for c in own] == parts
    assert [(c.id, c.part_of) for c in own] == [("s1.1", "s1.0"), ("s1.2", "s1.0")]
    assert all(c.written in text for c in own)


@pytest.mark.parametrize(
    "text",
    [
        "Salt and pepper are spices.",
        "The policy covers equipment and costs of travel.",
        "If it rains, the garden is closed and the café stays open.",
        "Bring your badge and your laptop to the office.",
        "The staff may not smoke and drink.",
        "The museum opens at 9:00 and closes at 17:00 on Sundays.",
        "It was built in 1887 and opened in 1889.",
        "The hotel offers a variety of amenities and services, including a spa.",
        "Essential acids are those that cannot be made and must be eaten.",
        "He works for the Union of Clothing and Textile Workers, and soon he was promoted.",
        "According to a Consumer Report, it offers tickets and has the highest share.",
        "Effects on safety and effectiveness in real conditions have not been compared.",
        "The company bought the factory and it was closed in 2010.",
    ],
)
def test_what_is_not_sure_stays_together(text: str) -> None:
    (claim,) = split(text)
    assert (claim.id, claim.text, claim.written) == ("s1.1", text, "")


def test_two_sentences_in_one_make_two_claims_and_no_whole() -> None:
    assert claims("The tower is old. The bridge is new.") == [
        "The tower is old.",
        "The bridge is new.",
    ]


@pytest.mark.parametrize(
    ("before", "text", "resolved", "pronoun"),
    [
        ("The Eiffel Tower was built in 1889.", "It is 330 m high.", "The Eiffel Tower is", "It"),
        ("The Eiffel Tower was built in 1889.", "Its mast is new.", "The Eiffel Tower’s", "Its"),
        (
            "The Eiffel Tower was built in 1889.",
            "The tower is painted every seven years.",
            "The Eiffel Tower is painted",
            "The tower",
        ),
        (
            "Acme Ltd employs 400 people in Lyon.",
            "The company was founded in 1990.",
            "Acme Ltd was founded",
            "The company",
        ),
        (
            "Acme is a bakery in Ulm.",
            "The bakery was founded in 1990.",
            "Acme was founded",
            "The bakery",
        ),
        ("Gustave Eiffel was born in Dijon.", "He founded a firm.", "Gustave Eiffel founded", "He"),
        ("Employees receive 40 EUR.", "They must apply by May.", "Employees must apply", "They"),
    ],
)
def test_what_refers_back_is_replaced_and_its_source_kept(
    before: str, text: str, resolved: str, pronoun: str
) -> None:
    first, second = split(before, text)
    assert second.text.startswith(resolved)
    assert second.written == text
    (how,) = second.resolved
    assert (how.pronoun, how.sentence) == (pronoun, "s1")
    assert before[how.start : how.end] == how.replacement
    assert first.resolved == ()


@pytest.mark.parametrize(
    ("before", "text"),
    [
        ("The company bought the factory.", "It closed in 2010."),
        ("The tower is old.", "It is important to apply early."),
        ("The tower is old.", "They are painted every year."),
        ("Acme is a bakery.", "He founded it in 1990."),
        ("No employee receives 40 EUR.", "They must apply in writing."),
        ("Anna Weber met Gustave Eiffel.", "She founded a firm in 1866."),
        ("Would you like to know more?", "It is 330 m high."),
        ("Acme employs 400 people.", "The tower was founded in 1990."),
    ],
)
def test_what_is_not_sure_is_not_replaced(before: str, text: str) -> None:
    last = split(before, text)[-1]
    assert (last.text, last.written, last.resolved) == (text, "", ())


def test_a_chain_leads_to_the_first_place() -> None:
    *_, last = split("The Eiffel Tower was built in 1889.", "It is high.", "It is painted brown.")
    assert last.text == "The Eiffel Tower is painted brown."
    assert last.resolved == (
        Resolution(pronoun="It", replacement="The Eiffel Tower", sentence="s1", start=0, end=16),
    )


def test_nothing_is_taken_from_another_subtask_or_over_a_heading() -> None:
    tower = Sentence(id="s1", text="The tower was built in 1889.", subtask="t1")
    other = Sentence(id="s2", text="It is 330 m high.", subtask="t2")
    heading = Sentence(id="s3", text="Prices", kind="heading", subtask="t1")
    assert split_claims([tower, other])[1].resolved == ()
    below = other.model_copy(update={"subtask": "t1"})
    assert split_claims([tower, heading, below])[-1].resolved == ()
    assert split_claims([tower, below])[-1].resolved


def test_a_sentence_of_the_source_keeps_what_it_refers_to_there() -> None:
    quote = "It is 330 m high."
    cited = Citation(file="a.md", start=9, end=26, quote=quote)
    found = split_claims(
        [
            Sentence(id="s1", text="The tower was built in 1889."),
            Sentence(id="s2", text=quote, citations=(cited,)),
        ]
    )
    assert found[1].text == quote


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Hello there!", "greeting"),
        ("Thank you for asking about remote work!", "greeting"),
        ("Would you like more?", "question"),
        ("Here is what the sources say:", "heading"),
        ("Let me know if you have any further questions.", "meta"),
        ("It depends on your situation.", "hedge"),
        ("This is not legal advice.", "hedge"),
        ("I think that is a great idea.", "opinion"),
        ("You asked about the monthly allowance.", "request"),
        ("Listen!", "fragment"),
    ],
)
def test_what_states_nothing_is_not_checked(text: str, kind: str) -> None:
    (claim,) = split(text)
    assert (claim.checkworthy, claim.unchecked) == (False, kind)


@pytest.mark.parametrize(
    "text",
    [
        "I think the fee is 40 EUR.",
        "Thank you, the fee is 40 EUR.",
        "Sure, employees receive an allowance for working from home.",
        "In my opinion the Eiffel Tower was built by Gaudí.",
        "The following employees are entitled to leave.",
        "It depends on Acme Ltd whether the fee is paid.",
        "According to the sources, remote work is voluntary.",
    ],
)
def test_a_polite_beginning_hides_nothing(text: str) -> None:
    assert split(text)[0].checkworthy


@pytest.mark.parametrize(
    ("text", "checked"),
    [
        ("You have three dogs.", False),
        ("You live in Ulm.", False),
        ("You have four dogs.", True),
        ("You do not have three dogs.", True),
        ("Your dogs need a licence.", True),
        ("The fee is due in May.", True),
    ],
)
def test_the_users_own_words_are_not_checked(text: str, checked: bool) -> None:
    asked = "I have three dogs and live in Ulm. Is the fee due in May?"
    assert split(text, question=asked)[0].checkworthy is checked


@pytest.mark.parametrize("kind", ["heading", "connective"])
def test_headings_and_connectives_are_not_checkworthy(kind: str) -> None:
    sentence = Sentence.model_validate(
        {"id": "s1", "text": "Remote work costs 40 EUR", "kind": kind}
    )
    (claim,) = split_claims([sentence])
    assert not claim.checkworthy


def test_claims_keep_their_sentence_and_its_citations() -> None:
    cited = Citation(file="a.md", start=0, end=12, quote="Adults pay 1")
    sentence = Sentence(
        id="s7", text="Adults pay 12 EUR and children pay 5 EUR.", citations=(cited,)
    )
    found = split_claims(Draft(sentences=(sentence,)))
    assert [c.id for c in found] == ["s7.0", "s7.1", "s7.2"]
    assert {c.sentence for c in found} == {"s7"}
    assert all(c.citations == (cited,) and c.checkworthy for c in found)


def test_a_calculation_makes_no_claim() -> None:
    calculation = Calculation(expression="2 * 3", result="6")
    assert split_claims([Sentence(id="s1", text="That is 6.", calculation=calculation)]) == ()


def test_markup_is_left_out() -> None:
    assert claims("- **Remote work** is voluntary.") == ["Remote work is voluntary."]
