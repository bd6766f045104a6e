"""Make evals/cache/pairs.jsonl and topics.jsonl of fit.yaml and held.yaml beside them.

    .venv/bin/python scripts/make_cache_pairs.py

Of each seed: every two of its wordings with the same values in their slots (a paraphrase); two of
its wordings with another value in one slot (a near miss of the slot's kind); two of its wordings
with each of its `other` texts (a near miss of that kind). Topics, for a day of traffic: of each
held seed with each set of values all its wordings, and all its near misses. What is fitted sees the
seeds of fit.yaml alone, and what is published is measured on those of held.yaml.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "evals" / "cache"
WORDINGS = 2
"""To so many wordings of the seed each near miss is held."""


def main() -> None:
    """Write the pairs."""
    import yaml

    lines = [
        {"split": split, **pair}
        for split in ("fit", "held")
        for seed in yaml.safe_load((FOLDER / f"{split}.yaml").read_text(encoding="utf-8"))
        for pair in pairs(seed)
    ]
    _write("pairs.jsonl", lines)
    held = yaml.safe_load((FOLDER / "held.yaml").read_text(encoding="utf-8"))
    _write("topics.jsonl", [topic for seed in held for topic in topics(seed)])
    same = sum(line["same"] for line in lines)
    print(f"{len(lines)} pairs, {same} of them paraphrases")


def _write(name: str, lines: Sequence[Mapping[str, Any]]) -> None:
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (FOLDER / name).write_text(text, encoding="utf-8")


def topics(seed: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The things that one can ask with a seed: wordings of each, and its near misses."""
    for turn in range(max((len(v) for _, v in _slots(seed).values()), default=1)):
        values = _values(seed, turn)
        near = [text for texts in seed["other"].values() for text in texts]
        yield {
            "name": f"{seed['id']}-{turn}",
            "same": sorted({text.format(**values) for text in seed["same"]}),
            "near": sorted({text.format(**values) for text in near}),
        }


def pairs(seed: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All pairs of one seed."""
    found = [*_paraphrases(seed), *_other_values(seed), *_others(seed)]
    seen = set()
    for kind, left, right in found:
        if left == right or (left, right) in seen:
            continue
        seen.add((left, right))
        yield {
            "seed": seed["id"],
            "same": kind == "same",
            "kind": kind,
            "left": left,
            "right": right,
        }


def _slots(seed: Mapping[str, Any]) -> dict[str, tuple[str, Sequence[str]]]:
    """Each slot with its kind and values."""
    given = seed.get("slots", {})
    return {name: (kind, values) for kind, of in given.items() for name, values in of.items()}


def _values(seed: Mapping[str, Any], turn: int) -> dict[str, str]:
    return {name: str(v[turn % len(v)]) for name, (_, v) in _slots(seed).items()}


def _paraphrases(seed: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for turn, (left, right) in enumerate(itertools.combinations(seed["same"], 2)):
        values = _values(seed, turn)
        yield "same", left.format(**values), right.format(**values)


def _other_values(seed: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    texts = seed["same"]
    for name, (kind, values) in _slots(seed).items():
        for turn, (one, two) in enumerate(itertools.combinations(values, 2)):
            base = _values(seed, turn)
            first, second = texts[turn % len(texts)], texts[(turn + 1) % len(texts)]
            left = first.format(**{**base, name: str(one)})
            yield kind, left, first.format(**{**base, name: str(two)})
            yield kind, left, second.format(**{**base, name: str(two)})


def _others(seed: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    turn = 0
    for kind, texts in seed["other"].items():
        for text in texts:
            for step in range(WORDINGS):
                wording = seed["same"][(turn * step) % len(seed["same"])]
                values = _values(seed, turn)
                yield kind, wording.format(**values), text.format(**values)
            turn += 1


if __name__ == "__main__":
    main()
