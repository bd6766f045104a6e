"""A small model of one's own behind OpenAI's protocol: logistic regression over vectors.

python serve_tagger.py --port 8701

It learns the themes from `data/labelled.csv` when it starts. Any server that speaks the protocol
can stand in its place: Ollama, vLLM, or a provider with a key.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import time
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from orchestrator.embedding.load import load_embedder

EXAMPLES = Path(__file__).parent / "data" / "labelled.csv"
STEPS, RATE, DECAY = 400, 2.0, 0.002
_MESSAGE = re.compile(r"<message>\n(.*)\n</message>", re.DOTALL)


class Tagger:
    """A softmax over the vector of a message, fitted to labelled ones by gradient descent."""

    def __init__(self, examples: Path = EXAMPLES) -> None:
        import numpy as np

        with examples.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.labels = sorted({row["theme"] for row in rows})
        self._embedder = load_embedder("static")
        vectors = self._embedder.embed([row["text"] for row in rows])
        wanted = np.array([[row["theme"] == label for label in self.labels] for row in rows])
        self._weights = np.zeros((vectors.shape[1], len(self.labels)))
        for _ in range(STEPS):
            error = self._shares(vectors) - wanted
            self._weights -= RATE * (vectors.T @ error / len(rows) + DECAY * self._weights)

    def tag(self, message: str) -> tuple[str, float]:
        """The label, and its probability."""
        shares = self._shares(self._embedder.embed([message]))[0]
        best = int(shares.argmax())
        return self.labels[best], float(shares[best])

    def _shares(self, vectors: Any) -> Any:
        import numpy as np

        scores = np.exp(vectors @ self._weights)
        return scores / scores.sum(axis=1, keepdims=True)


def application(tagger: Tagger) -> Starlette:
    """The two endpoints that a gateway asks."""

    async def models(_: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": "own-tagger", "object": "model"}]})

    async def complete(request: Request) -> Response:
        body = await request.json()
        prompt = str(body["messages"][-1]["content"])
        found = _MESSAGE.search(prompt)
        label, sure = tagger.tag(found[1] if found else prompt)
        text = json.dumps({"label": label, "confidence": round(sure, 3)})
        read = sum(len(str(m["content"])) for m in body["messages"]) // 4
        usage = {"prompt_tokens": read, "completion_tokens": 12, "total_tokens": read + 12}
        about = {"id": "tag", "created": int(time.time()), "model": "own-tagger"}
        if not body.get("stream"):
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return JSONResponse(
                {**about, "object": "chat.completion", "choices": [choice], "usage": usage}
            )
        return StreamingResponse(_chunks(about, text, usage), media_type="text/event-stream")

    return Starlette(
        routes=[
            Route("/v1/models", models),
            Route("/v1/chat/completions", complete, methods=["POST"]),
        ]
    )


async def _chunks(about: dict[str, Any], text: str, usage: dict[str, int]) -> Any:
    def chunk(**content: Any) -> str:
        said = {**about, "object": "chat.completion.chunk", **content}
        return f"data: {json.dumps(said)}\n\n"

    delta = {"role": "assistant", "content": text}
    yield chunk(choices=[{"index": 0, "delta": delta, "finish_reason": None}])
    yield chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
    yield chunk(choices=[], usage=usage)
    yield "data: [DONE]\n\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8701)
    port = parser.parse_args().port
    uvicorn.run(application(Tagger()), host="127.0.0.1", port=port, log_level="warning")
