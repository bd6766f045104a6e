"""Prompts: strict `{{ name }}` substitution, and fences around text that comes from sources."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from orchestrator.call_types import Message
from orchestrator.errors import UserError
from orchestrator.evidence.values import Passage
from orchestrator.guard.injection import fencing
from orchestrator.project.names import nearest
from orchestrator.project.schema import Agent

_OUTPUT = "Example output"
_SECTION = re.compile(r"^## (Example input|Example output|Input)[ \t]*$", re.MULTILINE)
_VARIABLE = re.compile(r"\{\{\s*([a-z_][a-z0-9_]*)\s*\}\}")
_BRACES = re.compile(r"\{\{|\}\}")


def render(prompt: str, variables: Mapping[str, str], where: str = "prompt") -> str:
    """`prompt` with every `{{ name }}` filled in, once: what is filled in is never read again.

    Args:
        where: the file, for the message.

    Raises:
        UserError: a name that `variables` does not hold, or braces that enclose no name.
    """
    if _BRACES.search(_VARIABLE.sub("", prompt)):
        raise UserError(
            f"{where}: '{{{{' and '}}}}' enclose variable names only, as {{{{ name }}}}"
        )

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if name in variables:
            return variables[name]
        near = nearest(name, variables)
        hint = f"; did you mean '{near}'?" if near else ""
        known = ", ".join(sorted(variables)) or "none"
        raise UserError(f"{where}: unknown variable '{name}'; known: {known}{hint}")

    return _VARIABLE.sub(fill, prompt)


fence = fencing.fence
"""`text` inside `<tag …>` lines, which nothing within the text can end or begin."""


def fenced_passages(passages: Iterable[Passage]) -> str:
    """The passages as data for a prompt; the words `(no passages)` where there are none."""
    blocks = [fence("passage", p.text, id=p.id, file=p.file) for p in passages]
    return "\n".join(blocks) or "(no passages)"


def messages(agent: Agent, variables: Mapping[str, str]) -> tuple[Message, ...]:
    """An agent's prompt as chat messages.

    What stands above the first of the lines `## Example input`, `## Example output` and
    `## Input` is the system message. Below them stand what a user says, what the assistant
    answers, and the request itself, where sources and their like go. A prompt without such a
    line is the user's as a whole.

    Raises:
        UserError: as `render` does, naming the agent's file.
    """
    where = f"agents/{agent.name}.md"
    above, *rest = _SECTION.split(agent.prompt)
    if not rest:
        return ({"role": "user", "content": render(above, variables, where).strip()},)
    found: list[Message] = []
    if above.strip():
        found.append({"role": "system", "content": render(above, variables, where).strip()})
    for line, body in zip(rest[::2], rest[1::2], strict=True):
        said = render(body, variables, where).strip()
        found.append({"role": "assistant" if line == _OUTPUT else "user", "content": said})
    return tuple(found)
