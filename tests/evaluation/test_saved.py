from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import StorageError, UserError
from orchestrator.evaluation.saved import find, read, save, write

from .samples import result, run

RUN = run(result("a", "pf"), result("b", "e"))


def test_a_saved_run_is_read_back(tmp_path: Path) -> None:
    path = save(RUN, tmp_path)
    assert path == tmp_path / "facts" / "2026-09-21T14-13-20.000Z.json"
    assert read(path) == RUN
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_last_run_is_found_also_within_a_second(tmp_path: Path) -> None:
    assert find("last", "facts", tmp_path) is None
    save(replace(RUN, started_at=RUN.started_at - 9), tmp_path)
    for number in range(11):
        save(replace(RUN, ms=float(number)), tmp_path)
    found = find("last", "facts", tmp_path)
    assert found is not None
    assert (found[0], found[1].ms) == ("2026-09-21T14-13-20.010Z", 10.0)


def test_a_run_is_found_by_the_beginning_of_its_name_or_by_its_file(tmp_path: Path) -> None:
    save(RUN, tmp_path)
    save(replace(RUN, started_at=RUN.started_at + 86_400), tmp_path)
    kept = tmp_path / "kept.json"
    write(RUN, kept)
    assert find("2026-09-22", "facts", tmp_path) == (
        "2026-09-22T14-13-20.000Z",
        replace(RUN, started_at=RUN.started_at + 86_400),
    )
    assert find(str(kept), "facts", tmp_path) == (str(kept), RUN)
    with pytest.raises(UserError, match=r"may be any of 2026-09-21T14-13-20.000Z, 2026-09-22"):
        find("2026", "facts", tmp_path)
    with pytest.raises(UserError, match=r"neither a file.*did you mean '2026-09-21T14-13-20.000Z'"):
        find("2026-09-21T14-13-21.000Z", "facts", tmp_path)


def test_a_run_of_another_suite_is_refused(tmp_path: Path) -> None:
    write(RUN, tmp_path / "kept.json")
    with pytest.raises(UserError, match="a run of the suite 'facts', not of 'other'"):
        find(str(tmp_path / "kept.json"), "other", tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not a saved evaluation"),
        ("[]", "found format None"),
        ('{"format": 99}', "found format 99"),
        ('{"format": 1, "suite": "facts"}', "is not a saved evaluation: graph"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UserError, match=message):
        read(tmp_path / "x.json")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        write(RUN, tmp_path / "file" / "run.json")


def test_what_a_model_said_survives_whatever_it_is(tmp_path: Path) -> None:
    sample = replace(RUN.cases[0].samples[0], text="a\ud800b\0\u2028")
    odd = run(replace(RUN.cases[0], samples=(sample,)))
    assert read(save(odd, tmp_path)) == odd
    json.loads(
        (tmp_path / "facts" / "2026-09-21T14-13-20.000Z.json")
        .read_bytes()
        .decode("utf-8", "surrogatepass")
    )
