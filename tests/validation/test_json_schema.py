"""JSON is read strictly, schemas are judged, and answers are held against them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.validation.json_schema import satisfying
from orchestrator.validation.json_text import json_in
from orchestrator.validation.schemas import faults, slips

INVOICE = {
    "type": "object",
    "properties": {
        "total": {"type": "number", "minimum": 0},
        "due": {"type": "string", "format": "date"},
        "sent": {"type": "string", "format": "date-time"},
        "number": {"type": "string", "pattern": r"^\d+$"},
        "state": {"enum": ["open", "paid"]},
        "a/b": {"type": "array", "items": {"$ref": "#/$defs/line"}},
    },
    "required": ["total"],
    "additionalProperties": False,
    "$defs": {"line": {"type": "object", "required": ["text"]}},
}

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES, st.sampled_from(["{}", "```json\n{}\n```", "Here:\n```\n{}\n```\nDone."]))
def test_every_json_value_is_read_as_it_is(value: Any, around: str) -> None:
    text = json.dumps(value)
    assert json_in(around.replace("{}", text, 1)) == (text, value) or text == "{}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there is no text"),
        ("Sure: {}", r"not JSON: Expecting value at line 1, column 1, in 'Sure: \{\}'"),
        ('{"a": 1} Done.', "Extra data at line 1, column 10"),
        ('{"a": 1}\n{"a": 2}', "Extra data at line 2"),
        ('{"a": 1,\n "b": tru}', "line 2, column 7"),
        ("{'a': 1}", "double quotes"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ('[{"b": {"a": 1, "a": 1}}]', "the key 'a' stands twice"),
        ('{"a": NaN}', "NaN is no JSON number"),
        ("[-Infinity]", "-Infinity is no JSON number"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        json_in(text)


@pytest.mark.parametrize(
    "value",
    [
        {"total": 3},
        {"total": 0, "due": "2026-02-28", "sent": "2026-02-28T23:59:60Z", "state": "paid"},
        {"total": 1, "number": "007", "a/b": [{"text": "x"}]},
    ],
)
def test_what_satisfies_the_schema_is_its_value(value: dict[str, Any]) -> None:
    assert satisfying(INVOICE)(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({}, "at the top level: 'total' is a required property"),
        ([], r"at the top level: \[\] is not of type 'object'"),
        ({"total": "3"}, "at /total: '3' is not of type 'number'"),
        ({"total": -1}, "at /total: -1 is less than the minimum of 0"),
        ({"total": 1, "due": "2026-02-30"}, "at /due: '2026-02-30' is not a 'date'"),
        ({"total": 1, "sent": "2026-02-30T10:00:00Z"}, "at /sent: .* is not a 'date-time'"),
        ({"total": 1, "sent": "2026-02-01 10:00"}, "at /sent: .* is not a 'date-time'"),
        ({"total": 1, "number": "7b"}, "at /number: '7b' does not match"),
        ({"total": 1, "state": "lost"}, "at /state: 'lost' is not one of"),
        ({"total": 1, "a/b": [{"text": ""}, {}]}, "at /a~1b/1: 'text' is a required property"),
        ({"total": 1, "more": 1}, "'more' was unexpected"),
    ],
)
def test_what_breaks_the_schema_is_said_with_its_place(value: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        satisfying(INVOICE)(json.dumps(value))


def test_everything_wrong_is_said_at_once_and_in_order() -> None:
    with pytest.raises(ValueError, match="/due") as caught:
        satisfying(INVOICE)('{"total": "x", "state": "lost", "due": "soon"}')
    said = str(caught.value).split("; ")
    assert [one.split(":")[0] for one in said] == ["at /due", "at /state", "at /total"]


def test_hundreds_of_problems_stay_short() -> None:
    rows = json.dumps(["x" * 500] * 500)
    with pytest.raises(ValueError, match="and 95 more") as caught:
        satisfying({"items": {"type": "integer"}})(rows)
    assert len(str(caught.value)) < 3000


def test_of_alternatives_the_nearest_is_said() -> None:
    money = {"type": "object", "properties": {"usd": {"type": "number"}}, "required": ["usd"]}
    with pytest.raises(ValueError, match="at /price/usd: '3' is not of type 'number'"):
        satisfying({"properties": {"price": {"anyOf": [money, {"type": "null"}]}}})(
            '{"price": {"usd": "3"}}'
        )


def test_the_draft_that_is_named_counts() -> None:
    pair = {"items": [{"type": "string"}, {"type": "integer"}]}  # a list only before 2020-12
    old = {"$schema": "http://json-schema.org/draft-07/schema#", **pair}
    assert faults(old) == []
    assert faults(pair)
    with pytest.raises(ValueError, match="at /1"):
        satisfying(old)('["a", "b"]')


def test_a_pattern_of_a_schema_cannot_hang() -> None:
    schema = {"properties": {"a": {"pattern": "(a|aa)+b"}}}
    with pytest.raises(ValueError, match=r"takes more than 0\.25 s"):
        satisfying(schema)(json.dumps({"a": "a" * 80}))


def test_pattern_properties_hold() -> None:
    check = satisfying({"patternProperties": {r"^\p{Lu}": {"type": "integer"}}})
    assert check('{"Ä": 1, "b": "x"}') == {"Ä": 1, "b": "x"}
    with pytest.raises(ValueError, match="at /Ä"):
        check('{"Ä": "x"}')


@pytest.mark.parametrize(
    ("schema", "path", "says"),
    [
        ({"type": "objekt"}, ("type",), "not one of the allowed"),
        ({"required": "a"}, ("required",), "not of type 'array'"),
        ({"properties": {"a": 3}}, ("properties", "a"), "not of type"),
        ({"properties": {"a": {"pattern": "a("}}}, ("properties", "a", "pattern"), "character 3"),
        ({"$ref": "#/$defs/none"}, ("$ref",), "leads nowhere"),
        ({"$ref": "https://schemas.invalid/a"}, ("$ref",), "leads nowhere"),
        ({"$schema": "draft-99"}, ("$schema",), "unknown draft"),
        ({"$schema": 3}, ("$schema",), "unknown draft"),
    ],
)
def test_what_is_no_schema_is_said_with_its_place(
    schema: dict[str, Any], path: tuple[str, ...], says: str
) -> None:
    found = faults(schema)
    assert [fault.path for fault in found] == [path]
    assert says in found[0].message


def test_a_good_schema_has_no_faults_and_no_slips() -> None:
    assert faults(INVOICE) == []
    assert slips(INVOICE) == []


def test_keywords_and_formats_that_do_nothing_are_found_and_values_are_not_keywords() -> None:
    schema = {
        "requird": ["a"],
        "properties": {"format": {"format": "date_time"}},
        "allOf": [{"minimun": 3}],
        "const": {"anything": 1},
    }
    assert {slip.path for slip in slips(schema)} == {
        ("requird",),
        ("properties", "format", "format"),
        ("allOf", 0, "minimun"),
    }


DOUBLED = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(60)}
UNEVALUATED: dict[str, Any] = {}
for _ in range(60):
    UNEVALUATED = {"anyOf": [UNEVALUATED], "unevaluatedProperties": False}


@pytest.mark.parametrize(
    "schema",
    [
        {"$defs": {**DOUBLED, "d60": {}}, "$ref": "#/$defs/d0"},
        UNEVALUATED,
        {"patternProperties": {f"(a|aa)+{n}$": {} for n in range(1000)}},
    ],
    ids=["references", "unevaluated", "patterns"],
)
def test_a_schema_that_would_take_years_is_given_up(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="takes too long"):
        satisfying(schema)(json.dumps({"a" * 60 + "!": 1}))


def test_long_answers_of_a_schema_that_refers_to_itself_are_judged() -> None:
    node = {"type": "object", "properties": {"of": {"type": "array", "items": {"$ref": "#"}}}}
    tree: dict[str, Any] = {"of": [{"of": [{}] * 10}] * 1000}
    assert satisfying(node)(json.dumps(tree)) == tree


def test_a_reference_that_leads_nowhere_beside_a_name_is_the_schemas_mistake() -> None:
    schema = {"$id": "http://here.example/", "$ref": "elsewhere.json"}
    assert faults(schema) == []
    with pytest.raises(ValueError, match="leads nowhere"):
        satisfying(schema)("{}")
