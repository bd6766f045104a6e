"""Labelled claims in files: what is read, what is refused and where, and how folds are made."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import UserError
from orchestrator.evaluation.crosscheck.files import (
    ClaimRow,
    folds,
    group,
    groups,
    passages_of,
    read_claims,
    sharing,
)

from .claim_files import claims, write

ROW = claims(1)[0]


def row(*passages: str, label: int = 1) -> ClaimRow:
    return ClaimRow(
        id="x", source="s", question="", claim="c", passages=tuple(passages), label=label
    )


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_claims_come_in_the_order_of_the_file(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, [ROW | {"id": "one", "label3": "more"}, "", ROW | {"id": "two"}])
    first, second = read_claims(path)
    assert (first.id, second.id) == ("one", "two")
    assert first == ClaimRow(
        id="one",
        source="towns",
        question="",
        claim="The bakery of Arlen opened in 1800.",
        passages=tuple(ROW["passages"]),
        label=1,
    )


def test_a_mark_at_the_start_and_other_line_ends_are_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    inner = json.dumps(ROW | {"claim": "one\u2028line"}, ensure_ascii=False)
    path.write_bytes(b"\xef\xbb\xbf" + inner.encode() + b"\r\n")
    assert read_claims(path)[0].claim == "one\u2028line"


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in ROW.items() if name != key}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (without("label"), "label: the key is missing"),
        (without("claim") | {"claims": "x"}, "claim: the key is missing; found 'claims'"),
        ({"id": "x"}, "source: the key is missing (and claim, passages, label)"),
        (ROW | {"label": 2}, "label: the value is not allowed; found 2; allowed: 0, 1"),
        (ROW | {"label": True}, "label: the value is not allowed; found true; allowed: 0, 1"),
        (ROW | {"label": "1"}, 'label: the value is not allowed; found "1"; allowed: 0, 1'),
        (ROW | {"claim": " "}, "claim: the value is not allowed"),
        (ROW | {"id": 7}, "id: the value is not allowed; found 7; allowed: a text"),
        (ROW | {"passages": "one"}, "passages: the value is not allowed"),
        (ROW | {"passages": ["one", 2]}, "allowed: a list of texts"),
        (ROW | {"question": 3}, "question: the value is not allowed"),
        ("[1]", "a claim is a JSON object; found [1]"),
        (json.dumps(ROW | {"label": float("nan")}), "NaN is no number of JSON"),
        ('{"id": "x",}', "this is not JSON"),
        ("\x00", "this is not JSON"),
        ("[" * 100_000, "this is not JSON"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: Any, said: str) -> None:
    path = write(tmp_path / "bad.jsonl", [ROW | {"id": "good"}, line])
    with pytest.raises(UserError) as error:
        read_claims(path)
    assert str(error.value).startswith(f"{path}:2:")
    assert said in str(error.value)


def test_every_bad_line_is_told_and_not_without_end(tmp_path: Path) -> None:
    path = write(tmp_path / "bad.jsonl", [ROW | {"label": 2}] * 50)
    with pytest.raises(UserError) as error:
        read_claims(path)
    assert len(str(error.value).splitlines()) == 20


def test_an_id_stands_for_one_claim(tmp_path: Path) -> None:
    path = write(tmp_path / "bad.jsonl", [ROW, ROW])
    with pytest.raises(UserError, match=r"id: the id is that of line 1; .*; found 'towns-0-1'"):
        read_claims(path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.jsonl", b"", "no claim stands in this file"),
        ("blank.jsonl", b"\n \n", "no claim stands in this file"),
        ("plain.jsonl.gz", json.dumps(ROW).encode(), "this is no whole gzip file"),
        ("cut.jsonl.gz", gzip.compress(b"x" * 5000, mtime=0)[:-9], "this is no whole gzip file"),
        ("latin.jsonl", b'{"id": "\xe9"}\n', "byte 9 is not UTF-8"),
    ],
)
def test_a_file_that_is_none_is_told(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=said) as error:
        read_claims(tmp_path / name)
    assert str(error.value).startswith(str(tmp_path / name))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_claims(tmp_path / "none.jsonl")
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        read_claims(tmp_path)


def test_passages_are_files_of_their_own() -> None:
    first, second = passages_of(row("One.", "Two."))
    assert (first.id, first.file, first.text) == ("p1", "1.txt", "One.")
    assert second.text[second.start : second.end] == "Two."


# ── groups and folds ─────────────────────────────────────────────────────────────────────


def test_the_group_is_that_of_the_passages() -> None:
    assert group(row("a", "b", label=0)) == group(row("a", "b"))
    assert len({group(row("a", "b")), group(row("b", "a")), group(row("ab")), group(row())}) == 4


def test_rows_that_share_any_passage_are_one_group() -> None:
    names = groups([row("a", "b"), row("c"), row("b", "d"), row("d"), row(), row()])
    assert names[0] == names[2] == names[3]
    assert names[4] == names[5]
    assert len(set(names)) == 3


def test_rows_share_a_passage_or_none() -> None:
    assert sharing([row("a", "b"), row("c"), row()], [row("b"), row("d")]) == [True, False, False]


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=3), min_size=1, max_size=40))
def test_folds_never_part_a_passage(held: list[list[str]]) -> None:
    rows = [row(*passages) for passages in held]
    dealt = folds(groups(rows), ["s"] * len(rows), 3, seed=1)
    seen: dict[str, int] = {}
    for each, fold in zip(rows, dealt, strict=True):
        for passage in each.passages:
            assert seen.setdefault(passage, fold) == fold


def test_folds_are_even_in_every_source_and_follow_the_seed() -> None:
    names = [f"g{i // 2}" for i in range(200)]
    sources = ["small" if i < 40 else "large" for i in range(200)]
    one = folds(names, sources, 5, seed=7)
    assert Counter(one[:40]) == dict.fromkeys(range(5), 8)
    assert Counter(one[40:]) == dict.fromkeys(range(5), 32)
    assert one == folds(names, sources, 5, seed=7)
    assert one != folds(names, sources, 5, seed=8)
