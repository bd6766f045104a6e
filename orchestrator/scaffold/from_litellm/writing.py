"""The fleet and the policy as text for people: comments say where everything came from."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.project.editor import schema_line
from orchestrator.scaffold.from_litellm.models import Model

_WIDTH = 100

_FLEET = """\
{line}
# Made from {source}. What it does not say was left out or guessed:
#
# facts   region, retention_days, trains_on_data, certifications are not in a LiteLLM
#         configuration. State what your provider says: what is not stated satisfies no rule.
# tier, tasks, can   by the model's name, its price and litellm's price file; "*" is any task
# prices, context    from litellm's price file unless stated
models:
"""

_FIXED = """
  # ── Deterministic: no cost, never down. The default agents fall back on them. ─────────────

"""

_POLICY = """\
{line}
# Made from {source}. The routes `asked-for-…` serve who still names a model, as a tag:
# `mesh decide "…" --tag NAME`. Everybody else gets what the objective prefers. The routes after
# them are the default project's rules: personal data stays on machines of your own, numbers and
# quotes need an exact model. Every route that matches applies, and the tightest limit wins.
"""


def fleet_text(source: str, models: Sequence[Model], fixed: Mapping[str, Any]) -> str:
    """fleet.yaml: the imported models, then the deterministic ones."""
    parts = [_FLEET.format(line=schema_line("fleet.yaml"), source=source)]
    for model in models:
        origins = textwrap.wrap(", ".join(model.origins), _WIDTH - 6)
        comment = "".join(f"  # {line}\n" for line in origins)
        parts.append(f"{comment}{_indented({model.name: model.declared})}\n")
    parts.append(_FIXED.lstrip("\n"))
    parts.append(_indented(fixed))
    return "".join(parts)


def policy_text(source: str, policy: Mapping[str, Any]) -> str:
    """policy.yaml: each of its parts set off by an empty line."""
    head = _POLICY.format(line=schema_line("policy.yaml"), source=source)
    return head + "".join(f"\n{_dumped({key: value})}" for key, value in policy.items())


def _indented(value: Any) -> str:
    return textwrap.indent(_dumped(value), "  ")


def _dumped(value: Any) -> str:
    """YAML in the order given; the innermost lists and mappings on one line each."""
    import yaml

    text: str = yaml.dump(
        value,
        Dumper=_dumper(),
        sort_keys=False,
        allow_unicode=True,
        width=_WIDTH - 20,
        default_flow_style=None,
    )
    return text


def _dumper() -> Any:
    """PyYAML writes by YAML 1.1, and files are read by 1.2: what only 1.2 takes for a number is
    put in quotes here, and nothing is ever written as an alias."""
    import yaml

    from orchestrator.project._yaml import scalar

    class Dumper(yaml.SafeDumper):  # type: ignore[misc]  # yaml comes without types
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
            super().increase_indent(flow, indentless=False)

        def ignore_aliases(self, _data: Any) -> bool:
            return True

    def text(dumper: Any, value: str) -> Any:
        style = None if isinstance(scalar(value), str) else "'"
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper
