"""A stand-in for a capable hosted model: it reads each prompt's schema and passages and answers.

It is not clever. It plans one subtask, drafts by copying the first sentence of each passage that
holds a keyword, and says `supported` to every claim, so that only our own gates can catch a lie.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.calling.server import Fail, Say, Step

_PASSAGE = re.compile(r'<passage id="(p\d+)"[^>]*>\n(.*?)\n</passage>', re.DOTALL)


@dataclass
class Expert:
    """A script for `StandIn`. `lie` changes what is drafted; `failing` fails every other call."""

    keyword: str
    lie: Callable[[str], str] = lambda text: text
    failing: bool = False
    calls: int = 0

    def __call__(self, body: dict[str, Any]) -> Step:
        self.calls += 1
        if self.failing and self.calls % 2:
            return Fail(503, "overloaded")
        prompt = "\n".join(message["content"] for message in body["messages"])
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
        return Say(json.dumps(self._answer(prompt, schema.get("properties", {}))))

    def _answer(self, prompt: str, asked: Mapping[str, Any]) -> Any:
        if "subtasks" in asked:
            return {"subtasks": [{"id": "a", "description": _request(prompt), "task": "draft"}]}
        if "sentences" in asked:
            return {"sentences": self._sentences(prompt, asked), "abstain": ""}
        if "checks" in asked:
            ids = asked["checks"]["items"]["properties"]["claim"]["enum"]
            checks = [{"claim": i, "status": "supported", "reason": "it says so"} for i in ids]
            return {"checks": checks}
        if "citations" in asked:
            ids = asked["citations"]["items"]["properties"]["id"]["enum"]
            return {"citations": [{"id": i, "supported": True, "reason": "yes"} for i in ids]}
        if "order" in asked:
            return {"order": asked["order"]["items"]["enum"]}
        return {"task": "extract", "complexity": 0.2, "domain": "hr"}

    def _sentences(self, prompt: str, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        fields = asked["sentences"]["items"]["properties"]
        found = []
        for identifier, text in _PASSAGE.findall(prompt):
            for sentence in re.findall(r"[A-Z][^.\n]{20,}\.", text):
                if self.keyword in sentence:
                    cited = {"passage": identifier, "quote": sentence}
                    item = {"text": self.lie(sentence), "citations": [cited]}
                    if "subtask" in fields:
                        item["subtask"] = fields["subtask"]["enum"][0]
                    found.append(item)
        return found[:2]


def _request(prompt: str) -> str:
    found = re.search(r"<request>\n(.*?)\n</request>", prompt, re.DOTALL)
    return found[1] if found else "answer the request"
