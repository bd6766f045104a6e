"""What recorded answers cost: as the source says, or by a list of prices beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from orchestrator.errors import UserError

FILE = "prices.json"
CHARACTERS_A_TOKEN = 4
INSTRUCTIONS = 60
"""Tokens that are sent besides the prompt, where a source counts none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPrice:
    """US dollars a million tokens; or, where a source knows no lengths, the same for each query."""

    input: float = 0.0
    output: float = 0.0
    per_query: float | None = None

    def cost(
        self, prompt: str, in_tok: float | None, out_tok: float | None, out_chars: float | None
    ) -> float | None:
        """Dollars of one answer; `None` where nothing says how long it is.

        Tokens that were not counted are a fourth of the characters, and `INSTRUCTIONS` more are
        sent with a prompt.
        """
        if self.per_query is not None:
            return self.per_query
        if in_tok is None:
            in_tok = len(prompt) / CHARACTERS_A_TOKEN + INSTRUCTIONS
        if out_tok is None:
            if out_chars is None:
                return None
            out_tok = out_chars / CHARACTERS_A_TOKEN
        return (in_tok * self.input + out_tok * self.output) / 1e6


def read_prices(path: Path) -> dict[str, dict[str, ListPrice]]:
    """Prices by set and model; nothing where the file is absent.

    Raises:
        UserError: the file is not `{SET: {"models": {MODEL: {"input": USD, "output": USD}}}}`, with
            `{"per_query": USD}` in place of the two where a source knows no lengths.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except json.JSONDecodeError as error:
        raise UserError(f"{path}:{error.lineno}: this is not JSON: {error.msg}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise UserError(f"{path}:1: the sets with their prices are asked, an object")
    return {
        name: {model: _price(path, f"{name}.models.{model}", said) for model, said in own.items()}
        for name, part in data.items()
        if isinstance(part, dict) and isinstance(own := part.get("models"), dict)
    }


def _price(path: Path, key: str, said: Any) -> ListPrice:
    allowed = ({"input", "output"}, {"per_query"})
    if isinstance(said, Mapping) and set(said) in allowed:
        wrong = [name for name, value in said.items() if not _is_price(value)]
        if not wrong:
            return ListPrice(**{name: float(value) for name, value in said.items()})
        key, said = f"{key}.{wrong[0]}", said[wrong[0]]
        raise UserError(f"{path}: {key}: a price is a number from 0 on; found {said!r}")
    raise UserError(f"{path}: {key}: input and output are asked, or per_query; found {said!r}")


def _is_price(value: Any) -> bool:
    return type(value) in (int, float) and isfinite(value) and value >= 0
