"""The small project with its model behind a stand-in server, at a price."""

from __future__ import annotations

from pathlib import Path

from .small import write_project

ONE = """
    input: {question: text}
    nodes:
      reply: {agent: echo, of: question}
    output: reply
"""
TWO = """
    input: {question: text}
    nodes:
      first: {agent: echo, of: question}
      second: {agent: echo, of: first}
    output: second
"""


def write_served(folder: Path, graph: str, url: str, *, price: str = "") -> Path:
    """The project in `folder`; its only model is served at `url`.

    `price`: US dollars a million tokens; by default one for input, a thousand for output.
    """
    write_project(folder, graph)
    (folder / "fleet.yaml").write_text(
        f"""
models:
  served:
    family: acme
    tier: mid
    context: 8000
    tasks: {{"*": 0.9}}
    deployments:
      - id: api
        via: openai
        model: served-1
        endpoint: {url}
        hosting: self
        price: {price or "{input: 1, output: 1000}"}
        first_token_ms: 100
        tokens_per_second: 1000
"""
    )
    return folder
