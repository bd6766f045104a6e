"""A process that makes one call and is killed in its middle.

python -m tests.faults.victim FOLDER WAY QUESTION
"""

from __future__ import annotations

import asyncio
import sys

from orchestrator.mesh import Mesh


async def call(folder: str, way: str, question: str) -> None:
    """The call, whose answer nobody gets to see."""
    async with Mesh.load(folder, env={}) as mesh:
        if way == "in process":
            await mesh.run("two-steps", question=question)
            return
        model = mesh.chat_model(task="chat")
        if way == "streaming":
            async for _ in model.astream(question):
                pass
        else:
            await model.ainvoke(question)


if __name__ == "__main__":
    asyncio.run(call(*sys.argv[1:]))
