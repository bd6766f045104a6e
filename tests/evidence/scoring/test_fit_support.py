"""The command that makes the shipped model, on a folder of small claims."""

from __future__ import annotations

import gzip
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fit_support", SCRIPTS / "fit_support.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fit_support"] = module
    spec.loader.exec_module(module)
    return module


def test_it_is_skipped_without_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert script().main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("skipped: no *.jsonl.gz")


def test_it_tells_what_can_be_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "The harbour museum was founded in 1889 by the shipowner Clara Voss."
    for name in ("one", "two"):
        lines = [
            {
                "id": f"{name}-{n}-{label}",
                "source": name,
                "claim": source if label else "Volcanic islands attract many rare birds.",
                "passages": [f"{source} It has {n} rooms, says {name}."],
                "label": label,
            }
            for n in range(20)
            for label in (0, 1)
        ]
        with gzip.open(tmp_path / f"{name}.dev.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
    module, out = script(), tmp_path / "model.json"
    monkeypatch.setattr(module, "FILE", out)
    assert module.main([str(tmp_path), "--write"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    found = [(r[0], r[3], " ".join(r[6:])) for r in rows if r[1:3] == ["balanced", "accuracy"]]
    ways = ("cross-validated", "by a model of the others")
    assert found == [(name, "1.000", way) for way in ways for name in ("one", "two")]
    assert json.loads(out.read_text("utf-8"))["sources"].keys() == {"one", "two"}
