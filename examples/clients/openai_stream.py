"""OpenAI's own client, word by word, of one model that is named; needs and tags as headers.

python openai_stream.py "Say hello to my friend Ana." gpt-5-mini
"""

from __future__ import annotations

import asyncio
import os
import sys

from openai import AsyncOpenAI


async def main(message: str = "Say hello to my friend Ana.", model: str = "smollm2-135m") -> None:
    """Ask once, and print each word as it comes."""
    client = AsyncOpenAI(
        base_url=os.environ.get("MESH_URL", "http://127.0.0.1:8700/v1"),
        api_key=os.environ.get("MESH_KEY", "none"),
    )
    stream = await client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": message}],
        max_tokens=40,
        stream=True,
        extra_headers={"x-mesh-task": "chat", "x-mesh-tags": "example, streamed"},
    )
    async for chunk in stream:
        for choice in chunk.choices:
            print(choice.delta.content or "", end="", flush=True)
    about = (chunk.model_extra or {})["mesh"]  # stands in the last chunk
    print(f"\n{about['deployment']}, {about['cost_usd']:.6f} USD, {about['ending']}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
