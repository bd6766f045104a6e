"""Labelled claims in files: one JSON object a line, plain or gzipped."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import Problem, UserError
from orchestrator.evidence.values import Passage

REQUIRED = ("id", "source", "claim", "passages", "label")
MOST_PROBLEMS = 20
"""How many mistakes of a file are told at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """A claim, the passages that it is checked against, and whether they support all of it."""

    id: str
    source: str
    """The corpus that it belongs to."""
    question: str
    """What the claim answers; empty where nobody asked."""
    claim: str
    passages: tuple[str, ...]
    label: int
    """1: fully supported; 0: not."""


def read_claims(path: Path) -> list[ClaimRow]:
    """The claims of a `.jsonl` or `.jsonl.gz` file, in its order.

    Each line holds `id`, `source`, `claim`, `passages` (a list of texts), `label` (0 or 1) and
    perhaps `question`; other keys are left alone.

    Raises:
        UserError: the file cannot be read, holds no claim, or has lines that are none: each with
            `file:line`, what was found and what is allowed.
    """
    rows: list[ClaimRow] = []
    problems: list[Problem] = []
    places: dict[str, int] = {}
    for number, line in _lines(path):
        found = _row(str(path), number, line)
        if isinstance(found, Problem):
            problems.append(found)
            if len(problems) == MOST_PROBLEMS:
                break
        elif (first := places.setdefault(found.id, number)) != number:
            message = f"the id is that of line {first}; predictions are told apart by it"
            problems.append(_problem(str(path), number, "id", message, repr(found.id)))
        else:
            rows.append(found)
    if problems:
        raise UserError("\n".join(map(str, problems)))
    if not rows:
        raise UserError(f"{path}:1: no claim stands in this file; one JSON object a line is asked")
    return rows


def passages_of(row: ClaimRow) -> list[Passage]:
    """The passages as a retrieval would hand them over, each a file of its own."""
    return [
        Passage(id=f"p{n}", file=f"{n}.txt", start=0, end=len(text), text=text, doc_hash="")
        for n, text in enumerate(row.passages, start=1)
    ]


def group(row: ClaimRow) -> str:
    """A hash of the passages: claims on the same passages are in the same group."""
    sha = hashlib.sha256()
    for passage in row.passages:
        sha.update(_digest(passage))
    return sha.hexdigest()[:16]


def groups(rows: Sequence[ClaimRow]) -> list[str]:
    """For each row the name of its group: rows that share any passage are in one.

    Stricter than `group`, for a passage may be cited by one claim alone and by another together
    with others. What is fitted on a part of the groups has seen no passage of the others.
    """
    parent = list(range(len(rows)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    owner: dict[bytes, int] = {}
    for i, row in enumerate(rows):
        for passage in row.passages or ("",):
            parent[root(i)] = root(owner.setdefault(_digest(passage), i))
    names: dict[int, str] = {}
    return [names.setdefault(root(i), group(row)) for i, row in enumerate(rows)]


def sharing(rows: Sequence[ClaimRow], others: Sequence[ClaimRow]) -> list[bool]:
    """For each of `rows` whether one of its passages is one of `others` too."""
    passages = {passage for row in others for passage in row.passages}
    return [not passages.isdisjoint(row.passages) for row in rows]


def folds(names: Sequence[str], sources: Sequence[str], k: int, seed: int) -> list[int]:
    """For each row its fold, 0 to k - 1. Groups stay whole; each source is spread evenly.

    The groups of a source are shuffled, and dealt from the one with most rows down to the fold
    that has the fewest rows of that source.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    home: dict[str, str] = {}
    size: dict[str, int] = {}
    for name, source in zip(names, sources, strict=True):
        home.setdefault(name, source)
        size[name] = size.get(name, 0) + 1
    dealt: dict[str, int] = {}
    for source in dict.fromkeys(home.values()):
        own = [name for name, at in home.items() if at == source]
        order = sorted(rng.permutation(own).tolist(), key=lambda name: -size[name])
        full = rng.permutation(k).tolist()  # so that not every source begins with the same fold
        rows = [0] * k
        for name in order:
            fold = min(full, key=lambda f: rows[f])
            dealt[name] = fold
            rows[fold] += size[name]
    return [dealt[name] for name in names]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank with their numbers; only a line feed ends one."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, line
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}: this is no whole gzip file ({error})") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error


def _row(file: str, number: int, line: bytes) -> ClaimRow | Problem:
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        data = json.loads(text, parse_constant=_refused)
    except UnicodeDecodeError as error:
        return _problem(file, number, "", f"byte {error.start + 1} is not UTF-8")
    except json.JSONDecodeError as error:
        message = f"this is not JSON: {error.msg}"
        return _problem(file, number, "", message, column=error.colno)
    except (ValueError, RecursionError) as error:
        return _problem(file, number, "", f"this is not JSON: {error}")
    if not isinstance(data, dict):
        return _problem(file, number, "", "a claim is a JSON object", _shown(data))
    return _missing(file, number, data) or _wrong(file, number, data) or _claim(data)


def _missing(file: str, number: int, data: dict[str, Any]) -> Problem | None:
    lost = [key for key in REQUIRED if key not in data]
    if not lost:
        return None
    from orchestrator.project.names import nearest

    known = (*REQUIRED, "question")
    near = nearest(lost[0], [key for key in data if key not in known])
    others = f" (and {', '.join(lost[1:])})" if lost[1:] else ""
    return _problem(
        file, number, lost[0], f"the key is missing{others}", f"'{near}'" if near else ""
    )


def _wrong(file: str, number: int, data: dict[str, Any]) -> Problem | None:
    """The first value that is of another kind than it must be."""
    text = "a text that is not empty"
    for key, allowed, holds in (
        ("id", text, _is_text(data["id"])),
        ("source", text, _is_text(data["source"])),
        ("claim", text, _is_text(data["claim"])),
        ("question", "a text or null", isinstance(data.get("question"), str | None)),
        ("passages", "a list of texts", _are_texts(data["passages"])),
        ("label", "0, 1", type(data["label"]) is int and data["label"] in (0, 1)),
    ):
        if not holds:
            found = _shown(data[key])
            return _problem(file, number, key, "the value is not allowed", found, allowed)
    return None


def _claim(data: dict[str, Any]) -> ClaimRow:
    return ClaimRow(
        id=data["id"],
        source=data["source"],
        question=data.get("question") or "",
        claim=data["claim"],
        passages=tuple(data["passages"]),
        label=data["label"],
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(part, str) for part in value)


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _problem(
    file: str,
    line: int,
    key: str,
    message: str,
    found: str = "",
    allowed: str = "",
    *,
    column: int = 1,
) -> Problem:
    return Problem(
        file=file,
        line=line,
        column=column,
        key=key,
        message=message,
        found=found,
        allowed=allowed,
    )
