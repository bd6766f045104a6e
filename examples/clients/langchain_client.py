"""`langchain-openai`: an answer in a form of one's own, and the vectors of two texts.

python langchain_client.py "Classify this as urgent or not: The cellar is full of water."
"""

from __future__ import annotations

import os
import sys
from typing import Any

from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

MESSAGE = "Classify this as order, complaint or praise: I must complain, the lamp is broken."
MESH: dict[str, Any] = {
    "base_url": os.environ.get("MESH_URL", "http://127.0.0.1:8700/v1"),
    "api_key": os.environ.get("MESH_KEY", "none"),
}


class Label(BaseModel):
    """What a message is."""

    label: str
    confidence: float


def main(message: str) -> None:
    """Ask for a label, then for vectors."""
    needs = {"mesh": {"task": "classify", "tags": ["example"]}}
    model = ChatOpenAI(model="auto", extra_body=needs, include_response_headers=True, **MESH)
    answer: Any = model.with_structured_output(Label, include_raw=True).invoke(message)
    headers = answer["raw"].response_metadata["headers"]
    print(f"{answer['parsed'].label}, says {headers['x-mesh-model']}")
    print(f"{headers['x-mesh-cost-usd']} USD, attempts: {headers['x-mesh-attempts']}")

    # Texts are sent as they are, not as the numbers of one provider's tokens.
    vectors = OpenAIEmbeddings(model="auto", check_embedding_ctx_length=False, **MESH)
    first, second = vectors.embed_documents(["a broken lamp", "the lamp is in pieces"])
    likeness = sum(a * b for a, b in zip(first, second, strict=True))
    print(f"{len(first)} numbers a text; the two are {likeness:.2f} alike")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else MESSAGE)
