"""A stand-in for a capable hosted model: it reads each prompt's schema and passages and answers.

It is not clever. It plans one subtask, drafts by copying the first sentence of each passage that
holds a keyword, and says `supported` to every claim that stands in a passage or that it would have
lied itself, so that only our own gates can catch its lies. With `credulous` it supports anything.
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
    credulous: bool = False
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
            return {"checks": [self._verdict(i, prompt) for i in ids]}
        if "citations" in asked:
            ids = asked["citations"]["items"]["properties"]["id"]["enum"]
            return {"citations": [{"id": i, "supported": True, "reason": "yes"} for i in ids]}
        if "order" in asked:
            return {"order": asked["order"]["items"]["enum"]}
        return {"task": "extract", "complexity": 0.2, "domain": "hr"}

    def _verdict(self, claim: str, prompt: str) -> dict[str, str]:
        said = re.search(rf'<claim id="{claim}">\n(.*?)\n</claim>', prompt, re.DOTALL)
        text = _flat(said[1] if said else "").rstrip(".")
        told = _flat(" ".join(text for _, text in _PASSAGE.findall(prompt)))
        held = self.credulous or text in told or text in self.lie(told)
        found = "same" if held else "missing"
        return {
            "claim": claim,
            **dict.fromkeys(("who", "numbers", "polarity", "scope"), found),
            "status": "supported" if held else "unsupported",
            "reason": "it says so" if held else "it does not say so",
        }

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


def _flat(text: str) -> str:
    return " ".join(re.sub(r"[*_`#>]", "", text).split())


def _request(prompt: str) -> str:
    found = re.search(r"<request>\n(.*?)\n</request>", prompt, re.DOTALL)
    return found[1] if found else "answer the request"
