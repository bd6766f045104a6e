"""Quotes: what stands is found again, what does not is named for what was done to it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.evidence.quotes import verify_quote
from orchestrator.evidence.quoting.fold import fold
from orchestrator.evidence.values import STANDING, Citation, QuoteStatus

TEXT = (
    "The tower – built in 1889 – is 330\u00a0m high.\n"
    "Visitors said: “It’s won\u00adder\u00adful.” Yes.\n"
    "The of\ufb01ce opens at nine.\nThe tower is painted every seven years. "
    "It is closed. The tower is painted every seven years.\n"
)


def citation(quote: str, start: int = 0, end: int | None = None) -> Citation:
    return Citation(
        file="a.txt", start=start, end=start + len(quote) if end is None else end, quote=quote
    )


@pytest.mark.parametrize(
    ("quote", "start", "status", "found"),
    [
        ("The tower – built in 1889", 0, "exact", "The tower – built in 1889"),
        ("The tower - built in 1889", 0, "normalised", "The tower – built in 1889"),
        ("is 330 m high", 28, "normalised", "is 330\u00a0m high"),
        ('"It\'s wonderful."', 58, "normalised", "“It’s won\u00adder\u00adful.”"),
        ("The office opens at nine", 83, "normalised", "The of\ufb01ce opens at nine"),
        ("The  tower\nis painted every", 107, "normalised", "The tower is painted every"),
        ("The office opens at nine", 0, "moved", "The of\ufb01ce opens at nine"),
        ("is painted every seven years.", 3, "moved", "is painted every seven years."),
        ("The tower is painted every eight years.", 107, "altered", ""),
        ("An airport was opened in the south of the town.", 0, "absent", ""),
        ("", 0, "absent", ""),
    ],
)
def test_status_and_anchor(quote: str, start: int, status: QuoteStatus, found: str) -> None:
    checked = verify_quote(citation(quote, start), TEXT)
    assert checked.status == status
    if status in STANDING:
        assert TEXT[checked.start : checked.end] == checked.quote == found


def test_of_two_places_the_nearer_is_taken() -> None:
    second = TEXT.rindex("The tower is painted")
    checked = verify_quote(citation("The tower is painted every seven years.", second - 4), TEXT)
    assert (checked.status, checked.start) == ("moved", second)


@pytest.mark.parametrize(
    ("quote", "status"),
    [("tower", "absent"), ("Yes.", "exact"), ("It is closed.", "exact"), ("is closed", "absent")],
)
def test_short_quotes_must_be_whole_sentences(quote: str, status: QuoteStatus) -> None:
    checked = verify_quote(citation(quote, TEXT.index(quote)), TEXT)
    assert checked.status == status


@pytest.mark.parametrize("place", [(-5, 10), (5, 2), (10_000, 10_030)])
def test_impossible_offsets_are_mended(place: tuple[int, int]) -> None:
    checked = verify_quote(citation("The tower is painted", *place), TEXT)
    assert checked.status == "moved"
    assert TEXT[checked.start : checked.end] == "The tower is painted"


def test_what_does_not_stand_keeps_its_claim_and_is_not_supported() -> None:
    claimed = citation("a sentence that nobody wrote", 5)
    checked = verify_quote(claimed, TEXT)
    assert (checked.start, checked.end, checked.quote) == (5, claimed.end, claimed.quote)
    assert checked.supported is False
    assert "a.txt" in checked.reason


PDF = (
    "The exam-\nple is well-\nknown – in fact “very” so.\nCosts rose 10-\n20 per cent; the old "
    "of\ufb01ce — now closed — was cheap. 東京\nは日本の首都です。"
)


@pytest.mark.parametrize(
    "quote",
    [
        "The example is well-known",
        "The exam- ple is well- known - in fact",
        "The example is wellknown – in",
        "rose 10-20 per cent",
        "office—now closed—was cheap",
        "office -- now closed -- was cheap",
        "東京は日本の首都です。",
        "“The example is well-known …”",
        "... in fact 'very' so.".replace("'", '"'),
    ],
)
def test_broken_lines_and_dashes_are_no_difference(quote: str) -> None:
    checked = verify_quote(citation(quote), PDF)
    assert checked.status in STANDING
    assert PDF[checked.start : checked.end] == checked.quote


@pytest.mark.parametrize(
    "quote",
    ["rose 1020 per cent", "is well known – in fact", "in fact very so.", "officenow closed"],
)
def test_hyphens_and_marks_inside_a_line_are_a_difference(quote: str) -> None:
    assert verify_quote(citation(quote), PDF).status == "altered"


FILE = (
    "The Eiffel Tower was built between 1887 and 1889 for the World Fair. It is 330 metres high "
    "and made of iron. Visitors may not climb the mast. The tower is painted every seven years "
    "by a team of twenty-five. Unlawful entry is fined with 12,500 EUR. It was -12.5 degrees cold."
)
OTHERS = {"b.txt": "Big Ben is the name of the Great Bell. It was cast in 1858 in London."}


@pytest.mark.parametrize(
    ("quote", "status", "told"),
    [
        ("The tower is painted every eight years by a team", "altered", ["“eight”", "“seven”"]),
        ("was built between 1887 and 1899 for", "altered", ["“1899”", "“1889”"]),
        ("was built between 1889 and 1887 for", "altered", ["1889 and 1887", "1887 and 1889"]),
        ("Visitors may climb the mast.", "altered", ["leaves out “not”"]),
        ("It is not 330 metres high and made of iron.", "altered", ["puts in “not”"]),
        ("the tower is painted every seven years", "altered", ["“the”", "“The”"]),
        ("made of iron. The tower is painted every seven years", "stitched", ["made of iron"]),
        ("It is 330 metres high […] The tower is painted", "stitched", ["leaves out"]),
        ("It is 330 metres high ... by a team of twenty-five", "stitched", ["leaves out"]),
        ("The tower is painted every seven years. Visitors may not climb", "stitched", ["follow"]),
        ("It was cast in 1858 in London.", "wrong_document", ["b.txt", "a.txt"]),
        ("The queen has dined with forty bishops in the garden.", "absent", ["a.txt"]),
        ("lawful entry is fined with 12,500 EUR", "altered", ["“lawful”", "“Unlawful”"]),
        ("Unlawful entry is fined with 12", "altered", ["“12”", "“12,500”"]),
        ("500 EUR. It was -12.5", "altered", ["“500”", "“12,500”"]),
        ("12.5 degrees cold.", "altered", ["“12.5”", "“-12.5”"]),
    ],
)
def test_what_was_done_to_a_quote_is_told(quote: str, status: QuoteStatus, told: list[str]) -> None:
    checked = verify_quote(citation(quote), FILE, OTHERS)
    assert checked.status == status
    assert all(words in checked.reason for words in told), checked.reason


def test_what_stands_in_both_is_no_wrong_document() -> None:
    quote = "Visitors may not climb the mast."
    assert verify_quote(citation(quote), FILE, {"b.txt": FILE}).status == "moved"


def test_another_version_of_the_document_is_told() -> None:
    cited = citation("Visitors may not climb the mast.").model_copy(update={"doc_hash": "old"})
    checked = verify_quote(cited, FILE, doc_hash="new")
    assert (checked.status, checked.doc_hash) == ("moved", "new")
    assert "has changed" in checked.reason
    assert "has changed" not in verify_quote(cited, FILE, doc_hash="old").reason


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("a" * 200_000, "a" * 1000 + "b" + "a" * 999),
        ("a b " * 50_000, "b a a " * 300),
        ("the of and " * 20_000, "of the and the " * 100),
        ("." * 100_000, "a. ..." * 200),
        ("a-\na" * 40_000, "a" * 1500 + "b"),
        ("'" * 100_000, "''" * 1000 + "b"),
        ("\u0301\u0323" * 50_000, "a\u0301" * 500),
    ],
)
def test_repetition_without_end_is_refused(text: str, quote: str) -> None:
    assert verify_quote(citation(quote, 777), text).status not in STANDING


ANY = st.text(max_size=80)
WORDS = st.lists(
    st.text(st.sampled_from("abcdefghij"), min_size=1, max_size=8), min_size=6, max_size=40
).map(" ".join)


@given(text=ANY)
def test_folding_keeps_every_place(text: str) -> None:
    folded = fold(text)
    assert len(folded.text) == len(folded.places) == len(folded.joined)
    for place, char in zip(folded.places, folded.text, strict=True):
        assert char == " " or char in fold(text[place]).text or char in "'"


@given(text=ANY, form=st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_normal_forms_fold_alike(text: str, form: str) -> None:
    assert fold(unicodedata.normalize(form, text)).text == fold(text).text  # type: ignore[arg-type]


@given(text=ANY, quote=st.text(max_size=40), start=st.integers(-10, 90), length=st.integers(-5, 60))
def test_whatever_comes_what_stands_stands_at_its_place(
    text: str, quote: str, start: int, length: int
) -> None:
    checked = verify_quote(citation(quote, start, start + length), text)
    if checked.status in STANDING:
        assert text[checked.start : checked.end] == checked.quote
    else:
        assert (checked.start, checked.quote) == (start, quote)


@given(text=st.text(min_size=12, max_size=80), data=st.data())
def test_a_real_span_is_exact(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 12))
    end = data.draw(st.integers(start + 12, len(text)))
    span = text[start:end]
    assume(len(span.strip()) >= 12)
    assert verify_quote(citation(span, start), text).status == "exact"


GOOD: dict[str, Callable[[str], str]] = {
    "narrow spaces": lambda t: t.replace(" ", "\u202f"),
    "lines": lambda t: t.replace(" ", "\r\n"),
    "full width": lambda t: "".join(chr(ord(c) + 0xFEE0) if c != " " else c for c in t),
    "soft hyphens": lambda t: "\u00ad".join(t),
    "no width": lambda t: "\u200b".join(t),
    "marks around": lambda t: f"„{t}“",
}


@given(text=WORDS, data=st.data(), name=st.sampled_from(sorted(GOOD)))
def test_typography_is_no_difference(text: str, data: st.DataObject, name: str) -> None:
    start = data.draw(st.integers(0, max(0, len(text) - 14)))
    span = text[start : start + data.draw(st.integers(14, 60))].strip()
    assume(len(span) >= 12)
    start = text.index(span, start)
    for given_as, said in ((GOOD[name](span), text), (span, GOOD[name](text))):
        checked = verify_quote(citation(given_as, start), said)
        assert checked.status in STANDING
        assert fold(checked.quote).text.strip() == span


@given(text=WORDS, data=st.data())
def test_one_character_changed_does_not_stand(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, max(0, len(text) - 14)))
    span = text[start : start + data.draw(st.integers(14, 60))].strip()
    assume(len(span) >= 13)
    at = data.draw(st.integers(0, len(span) - 1))
    new = data.draw(st.sampled_from(["", "x", "7", span[at].upper(), span[at] * 2]))
    changed = span[:at] + new + span[at + 1 :]
    assume(" ".join(changed.split()) not in text)
    assert verify_quote(citation(changed, start), text).status not in STANDING


@given(text=WORDS, data=st.data())
def test_one_word_changed_does_not_stand(text: str, data: st.DataObject) -> None:
    said = text.split()
    at = data.draw(st.integers(0, len(said) - 1))
    new = data.draw(
        st.sampled_from([["not", said[at]], ["zebra"], ["1889"], [], said[at - 1 : at]])
    )
    changed = " ".join([*said[:at], *new, *said[at + 1 :]])
    assume(changed not in text)
    assert verify_quote(citation(changed), text).status not in STANDING
