"""The merger: accepted sentences in the order of the document. Changes nothing else."""

from __future__ import annotations

import json

from orchestrator.call_types import CallRequest
from orchestrator.project.registry import builtin


@builtin("merger")
def merger(request: CallRequest) -> str:
    """`{"order": [ids]}`: the ids of the input `sentences`, grouped by subtask.

    Raises:
        ValueError: there are no sentences.
    """
    sentences = request.inputs.get("sentences") or []
    if not sentences:
        raise ValueError("there are no sentences to merge")
    subtasks = list(dict.fromkeys(s.get("subtask", "") for s in sentences))
    ordered = sorted(sentences, key=lambda s: subtasks.index(s.get("subtask", "")))
    return json.dumps({"order": [s["id"] for s in ordered]})
