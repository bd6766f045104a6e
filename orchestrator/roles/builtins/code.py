"""The template coder: an honest skeleton where no model that writes code is there."""

from __future__ import annotations

import re

from orchestrator.call_types import CallRequest
from orchestrator.project.registry import builtin


@builtin("template-coder")
def template_coder(request: CallRequest) -> str:
    """A Python function that says what it should do and does nothing yet.

    Raises:
        ValueError: another language than Python is asked for.
    """
    question = " ".join(str(request.inputs.get("question") or "").split())
    other = re.search(r"\b(?:java|javascript|typescript|rust|go|c\+\+|sql|bash)\b", question, re.I)
    if other:
        raise ValueError(f"without a model only a Python skeleton can be given, not {other[0]}")
    words = re.findall(r"[a-z]+", question.lower())[:5] or ["todo"]
    said = question.replace("\\", "/").replace('"', "'")
    return (
        f"def {'_'.join(words)}():\n"
        f'    """{said}"""\n'
        f'    raise NotImplementedError("a skeleton: no model that writes code was available")\n'
    )
