"""Recorded outcomes are read whole, or refused with the line that is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from orchestrator.errors import UnknownNameError, UserError
from orchestrator.evaluation.routing.files import read_folder
from tests.evaluation.routing.recorded import HEAD, recorded, write


@pytest.mark.parametrize("zipped", [False, True])
def test_a_folder_is_read(tmp_path: Path, zipped: bool) -> None:
    made = recorded(30)
    found = read_folder(write(tmp_path, made, zipped=zipped))["made"]
    assert found.queries == made.queries
    assert found.models == found.priced == made.models
    assert (found.scores == made.scores).all()
    tokens = len(made.queries[0].prompt) / 4 + 60, 200 / 4
    assert found.costs[0, 2] == pytest.approx((tokens[0] * 10 + tokens[1] * 20) / 1e6)


def test_what_a_source_says_of_money_goes_first(tmp_path: Path) -> None:
    write(tmp_path, recorded(1))
    (tmp_path / "made.outcomes.csv").write_text(
        f"{HEAD}\nq0,small,1,1000,100,7,,,\nq0,large,0,,,,,0.5,\nq0,middle,,,,,,,\n"
    )
    found = read_folder(tmp_path)["made"]
    assert found.models == ("small", "large")
    assert found.costs.tolist() == [[(1000 * 1 + 100 * 2) / 1e6, 0.5]]


def test_without_prices_there_are_no_costs(tmp_path: Path) -> None:
    found = read_folder(write(tmp_path, recorded(5), prices=False))["made"]
    assert found.priced == ()
    assert np.isnan(found.costs).all()


def test_contaminated_queries_are_left_out_with_their_outcomes(tmp_path: Path) -> None:
    made = recorded(5)
    write(tmp_path, made)
    file = tmp_path / "made.queries.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[2]["contaminated"] = 1
    file.write_text("\n".join(map(json.dumps, lines)))
    found = read_folder(tmp_path)["made"]
    assert [q.id for q in found.queries] == ["q0", "q1", "q3", "q4"]
    assert (found.scores == made.scores[[0, 1, 3, 4]]).all()


def test_scores_beyond_one_are_brought_into_0_1(tmp_path: Path) -> None:
    write(tmp_path, recorded(2))
    (tmp_path / "made.outcomes.csv").write_text("id,model,score\nq0,small,10\nq1,small,4\n")
    scores = read_folder(tmp_path)["made"].scores[:, 0]
    tasks = {q.task for q in recorded(2).queries}
    assert scores.tolist() == ([1.0, 0.4] if len(tasks) == 1 else [1.0, 1.0])


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("made.queries.jsonl", '{"id": "a", "task": "t"}', "queries.jsonl:1:1: prompt: the key is"),
        ("made.queries.jsonl", "{}\nnonsense", "queries.jsonl:2:1: this is not JSON"),
        ("made.queries.jsonl", "[]", "queries.jsonl:1:1: a query is a JSON object"),
        ("made.queries.jsonl", "", "no query stands in this file"),
        ("made.outcomes.csv", "id,model\nq0,small", "outcomes.csv:1:1: a column is missing: score"),
        ("made.outcomes.csv", "id,model,score\nq0,small", "outcomes.csv:2:1: 2 cells, and 3"),
        ("made.outcomes.csv", "id,model,score\nq9,small,1", "csv:2:1: id: there is no such query"),
        ("made.outcomes.csv", "id,model,score\nq0,small,yes", "csv:2:1: score: a number from 0 on"),
        ("made.outcomes.csv", "id,model,score\nq0,small,-1", "csv:2:1: score: a number from 0 on"),
        ("made.outcomes.csv", "id,model,score\nq0,s,1\nq0,s,0", "csv:3:1: this query and model"),
        ("made.outcomes.csv", "id,model,score\nq0,s,", "no score of a query that is kept"),
        ("prices.json", "{", "prices.json:1: this is not JSON"),
        ("prices.json", '{"made": {"models": {"s": {"input": -1, "output": 1}}}}', "s.input"),
        ("prices.json", '{"made": {"models": {"s": {"inptu": 1}}}}', "input and output are asked"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, file: str, content: str, said: str
) -> None:
    write(tmp_path, recorded(3))
    (tmp_path / file).write_text(content)
    with pytest.raises(UserError) as refused:
        read_folder(tmp_path)
    assert said in str(refused.value)


def test_a_folder_without_sets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no NAME\.queries\.jsonl"):
        read_folder(tmp_path)
    write(tmp_path, recorded(3))
    (tmp_path / "made.outcomes.csv").unlink()
    with pytest.raises(UserError, match="its outcomes are missing"):
        read_folder(tmp_path)


def test_models_and_tasks_are_found_by_name() -> None:
    made = recorded(20)
    assert made.of_models(("large", "small")).scores[:, 1].tolist() == made.scores[:, 0].tolist()
    hard = made.rows_of("sums")
    assert {made.queries[i].task for i in hard} == {"sums/hard"}
    assert made.rows_of("sums/hard").tolist() == hard.tolist()
    with pytest.raises(UnknownNameError, match="did you mean 'large'"):
        made.of_models(("larg", "small"))
    with pytest.raises(UnknownNameError, match="known: sums, talk"):
        made.rows_of("sum")
