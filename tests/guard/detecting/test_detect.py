"""What is found in texts, what is not, and what class of data it makes of them."""

from __future__ import annotations

import re
import time
from itertools import pairwise
from random import Random

import pytest

from orchestrator.guard.detecting.detect import Detectors, stricter
from orchestrator.guard.detecting.patterns import PATIENCE_S
from orchestrator.guard.values import Finding
from orchestrator.project._frozen import FrozenDict
from orchestrator.project.guard_schema import Detection, Pattern
from tests.guard import made

ORDER = ("public", "internal", "confidential", "pii", "regulated")
TIMES = 25


@pytest.fixture(scope="module")
def detectors() -> Detectors:
    return Detectors(Detection(), ORDER)


def found(detectors: Detectors, text: str) -> list[tuple[str, str]]:
    return [(f.kind, f.of(text)) for f in detectors.find(text)]


# ── each kind ────────────────────────────────────────────────────────────────────────────

MADE: tuple[tuple[str, made.Maker, str], ...] = (
    ("email", made.email, "Write to {} today."),
    ("phone", made.phone, "Call {} today."),
    ("iban", made.iban, "Pay {} today."),
    ("card", made.card, "Charge {} today."),
    ("national-id", made.ssn, "His SSN is {}."),
    ("national-id", made.nhs, "NHS number {}, ward 4"),
    ("national-id", made.dni, "con DNI {}, vecino"),
    ("national-id", made.nie, "con NIE {}, vecino"),
    ("national-id", made.codice_fiscale, "Codice fiscale: {}."),
    ("national-id", made.bsn, "BSN {} van de klant"),
    ("national-id", made.pesel, "PESEL: {}"),
    ("national-id", made.personnummer, "personnummer {} enligt avtal"),
    ("national-id", made.cpf, "CPF {} do cliente"),
    ("national-id", made.nir, "n° de sécurité sociale {} du patient"),
)
BY_NAME = [one[1].__name__ for one in MADE]


@pytest.mark.parametrize(("kind", "maker", "frame"), MADE, ids=BY_NAME)
def test_each_kind_is_found_where_it_stands(
    kind: str, maker: made.Maker, frame: str, detectors: Detectors
) -> None:
    random = Random(11)
    for _ in range(TIMES):
        value = maker(random)
        assert found(detectors, frame.format(value)) == [(kind, value)]


def _other(value: str, place: int) -> str:
    """With another digit there."""
    return f"{value[:place]}{(int(value[place]) + 1) % 10}{value[place + 1 :]}"


# No digit checks these; and what is no Swedish number may be a Danish one, which has none either.
_UNCHECKED = (made.email, made.phone, made.ssn, made.personnummer)
CHECKED = [one for one in MADE if one[1] not in _UNCHECKED]


@pytest.mark.parametrize(
    ("kind", "maker", "frame"), CHECKED, ids=[one[1].__name__ for one in CHECKED]
)
def test_with_one_digit_off_none_is_found(
    kind: str, maker: made.Maker, frame: str, detectors: Detectors
) -> None:
    random = Random(12)
    for _ in range(TIMES):
        value = maker(random)
        places = [m.start() for m in re.finditer(r"\d", value)]
        text = frame.format(_other(value, places[len(places) * 2 // 3]))
        assert kind not in {f.kind for f in detectors.find(text)}, text


@pytest.mark.parametrize(
    "text",
    [
        "ISBN 978-3-16-148410-0 and ISBN 0-306-40615-2",
        "order number 4929314857, invoice 2024-00417, ticket #88213345",
        "Bestellnummer 302 118 4470 ist unterwegs",
        "id 6f1c2d9a-04b7-4c1e-9a55-0d3b8e7f6a21",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8 (tag: v2.14.0)",
        "2026-03-14T09:26:53.589Z, 1741944413, 14.03.2026 09:26",
        "python 3.11.9, build 20240402.1830, 10.0.19045.4291",
        "host 192.168.178.201:8443, mask 255.255.255.0, fe80::1ff:fe23:4567:890a",
        "SSN 000-12-3456, SSN 666-12-3456, SSN 123-00-4567",
        "@dataclass @media print me@localhost npm i left-pad@1.3.0 logo@2x.png",
        "git clone git@code.example.org:team/tool.git",
        "a total of 1,234,567.89 EUR, up 12.5 %, 3 of 1000000",
        "at 52.520008, 13.404954 and 1600x1200",
        "Section 12 of Act 2018/679, pages 100-250",
        "",
    ],
)
def test_what_looks_alike_is_not_found(text: str, detectors: Detectors) -> None:
    assert found(detectors, text) == []


def test_addresses_and_dates_of_birth_are_found_by_what_stands_about(detectors: Detectors) -> None:
    text = "Mara, born 14 March 1985, lives at 27 Willow Lane, Springfield, IL 62704."
    assert found(detectors, text) == [
        ("birth-date", "14 March 1985"),
        ("address", "27 Willow Lane, Springfield, IL 62704"),
    ]
    assert found(detectors, "released 14 March 1985, then sold") == []


def test_names_count_only_where_the_policy_asks_for_little(detectors: Detectors) -> None:
    text = "Dear Mr Quillfeather,\nthank you."
    assert found(detectors, text) == []
    unsure = Detectors(Detection(confidence=0.4), ORDER)
    assert found(unsure, text) == [("name", "Quillfeather")]


def test_none_stands_over_another_and_all_are_in_order(detectors: Detectors) -> None:
    text = "db=postgres://app:s3cr" + "et-Pa55@mail.example.org/x; a@b.example.org; b@c.example.org"
    places = detectors.find(text)
    assert [f.kind for f in places] == ["password", "email", "email"]
    assert all(one.end <= two.start for one, two in pairwise(places))


@pytest.mark.parametrize("odd", ["\u00a0", "\u2009", "\u202f"])
def test_places_are_right_after_spaces_and_digits_that_are_none_of_ascii(
    odd: str, detectors: Detectors
) -> None:
    card = made.grouped("4" + "1" * 15, (4,), odd)
    text = f"Ünïcödé 😀 {odd}İ: {card} — a.b@example.org"
    assert found(detectors, text) == [("card", card), ("email", "a.b@example.org")]
    wide = "".join(chr(0xFF10 + int(c)) for c in "4" + "1" * 15)
    assert found(detectors, f"→{odd}{wide}") == [("card", wide)]


def test_a_lone_surrogate_is_no_obstacle(detectors: Detectors) -> None:
    assert found(detectors, "\ud800 a.b@example.org") == [("email", "a.b@example.org")]


def test_a_number_that_is_given_to_another_name_is_none_though_an_id_stands_near(
    detectors: Detectors,
) -> None:
    bsn = made.bsn(Random(3))
    assert found(detectors, f"bsn={bsn}") == [("national-id", bsn)]
    assert found(detectors, f"rows={bsn} bsn=") == []
    assert found(detectors, f'{{"bsn": "", "order_number": "{bsn}"}}') == []
    assert found(detectors, f'{{"type": "bsn", "value": "{bsn}"}}') == [("national-id", bsn)]


def test_what_stands_in_quotes_or_cells_is_found_whole(detectors: Detectors) -> None:
    assert found(detectors, "to: 'a.b@example.org'") == [("email", "a.b@example.org")]
    text = "name,phone,rows\nx,+49 30 6391 6820,205873509\n"
    assert found(detectors, text) == [("phone", "+49 30 6391 6820")]


# ── what a policy says ───────────────────────────────────────────────────────────────────


def _of(**patterns: Pattern) -> Detectors:
    return Detectors(Detection(patterns=FrozenDict(patterns)), ORDER)


def test_a_pattern_of_the_project_goes_before_what_is_known_besides() -> None:
    own = _of(customer=Pattern(pattern=r"K-\S+@\S+", data_class="regulated", confidence=0.6))
    text = "K-17@example.org and a.b@example.org"
    assert found(own, text) == [("customer", "K-17@example.org"), ("email", "a.b@example.org")]
    assert own.data_class(own.find(text)) == "regulated"
    assert own.find(text)[0].confidence == 0.6


def test_a_pattern_less_sure_than_the_policy_asks_does_not_count() -> None:
    own = _of(guess=Pattern(pattern="maybe", confidence=0.3))
    assert own.find("maybe so") == ()


def test_a_pattern_may_find_what_no_glance_promises() -> None:
    assert found(_of(project=Pattern(pattern="Bluebird")), "about Bluebird") == [
        ("project", "Bluebird")
    ]


def test_a_slow_pattern_gives_up_and_the_whole_text_counts() -> None:
    own = _of(slow=Pattern(pattern=r"(?:a|aa)+$"))
    text = "a" * 4000 + "b"
    start = time.perf_counter()
    (whole,) = own.find(text)
    assert (whole.start, whole.end, whole.kind) == (0, len(text), "slow")
    assert time.perf_counter() - start < 100 * PATIENCE_S  # it would take years
    assert own.data_class([whole]) == "pii"


def test_nothing_is_looked_for_where_the_policy_says_so() -> None:
    off = Detectors(False, ORDER)
    text = "a.b@example.org"
    assert off.find(text) == ()
    assert off.found_class([text]) is None
    assert off.class_of("email") is None


@pytest.mark.parametrize(
    ("kind", "data_class"),
    [("email", "pii"), ("name", "pii"), ("key", "confidential"), ("entropy", "confidential")],
)
def test_the_class_of_a_kind_is_the_usual_one(
    kind: str, data_class: str, detectors: Detectors
) -> None:
    assert detectors.class_of(kind) == data_class
    assert Detectors(Detection(), ("a", "b")).class_of(kind) is None


def test_the_class_of_a_kind_is_what_the_policy_says() -> None:
    detection = Detection(
        personal="internal", secrets="regulated", kinds=FrozenDict({"card": "confidential"})
    )
    said = Detectors(detection, ORDER)
    assert [said.class_of(kind) for kind in ("email", "token", "card")] == [
        "internal",
        "regulated",
        "confidential",
    ]


def test_of_several_texts_the_strictest_class_counts_with_what_made_it(
    detectors: Detectors,
) -> None:
    texts = ("key AK" + "IAQ7ZK3MNV5TXW2RJD", "a.b@example.org", "nothing", "+49 30 90182737")
    made_of = detectors.found_class(texts)
    assert made_of is not None
    assert (made_of.data_class, made_of.kinds) == ("pii", ("email", "phone"))
    assert made_of.origin == "found: email, phone"
    assert 0.9 < made_of.confidence <= 1.0
    assert detectors.found_class(texts[2:3]) is None
    assert detectors.data_class([Finding(0, 1, "token", 1.0)]) == "confidential"


def test_a_class_that_nobody_declares_counts_as_strictest() -> None:
    assert stricter("pii", "internal", ORDER) == "pii"
    assert stricter(None, "public", ORDER) == "public"
    assert stricter("regulated", "unheard", ORDER) == "unheard"
    assert stricter(None, None, ORDER) is None
