"""What happens when a provider fails: five scenes with three small servers, and no network.

Run it as `python show.py`. It exits with 0 only if everything that it prints was so.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import textwrap
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from langchain_core.messages import AIMessage, AIMessageChunk

from orchestrator import Mesh, RunError
from orchestrator.errors import IncompleteError
from orchestrator.types import Caller

HERE = Path(__file__).parent
QUESTION = "When does the ferry leave?"
ANSWER = "The ferry to the island leaves at nine and comes back at five, but never on a Sunday."
LONGEST = 17
"""Tokens. A budget reserves what the longest answer costs, so it pays to say how long that is."""


# ── the providers ────────────────────────────────────────────────────────────────────────


@dataclass
class Provider:
    """A server that answers as hosted models do, word by word, and fails when it is told to.

    It keeps a bill of its own: prices are in dollars a million tokens, a word is a token.
    """

    input_price: int
    output_price: int
    breaks_off_after: int | None = None
    """Words."""
    down: bool = False
    requests: int = 0
    micro_usd: int = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Its address, on a free port of this machine."""
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            yield f"http://{host}:{port}/v1"
        finally:
            await runner.cleanup()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Write the answer, or what is missing of one that somebody else has begun."""
        self.requests += 1
        if self.down:
            return web.json_response({"error": {"message": "out of order"}}, status=503)
        messages = (await request.json())["messages"]
        begun = messages[-1]["content"] if messages[-1]["role"] == "assistant" else ""
        words = re.findall(r"\s*\S+", ANSWER.removeprefix(begun))[: self.breaks_off_after]
        read = sum(len(message["content"].split()) for message in messages)
        self.micro_usd += read * self.input_price + len(words) * self.output_price
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for written, word in enumerate(words, start=1):
            await response.write(_event({"content": word}, read, written))
            await asyncio.sleep(0.005)
        if self.breaks_off_after is None:
            await response.write(_event({}, read, len(words), finish="stop"))
            await response.write(b"data: [DONE]\n\n")
        return response


def _event(delta: dict[str, str], read: int, written: int, finish: str | None = None) -> bytes:
    """A piece of an answer, with the tokens so far: so is paid what a broken stream has brought."""
    usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({'choices': [choice], 'usage': usage})}\n\n".encode()


# ── the scenes ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Stage:
    """The mesh, and the providers behind the deployments of its fleet."""

    mesh: Mesh
    providers: dict[str, Provider]

    def requests(self) -> int:
        return sum(provider.requests for provider in self.providers.values())


async def a_stream_dies(stage: Stage) -> None:
    """The caller reads one sentence; its second half comes from another model."""
    dying = stage.providers["swan/east"]
    dying.breaks_off_after = 9
    model = stage.mesh.chat_model("chat", caller=Caller(user="ana", tier="paid"))
    answer = AIMessageChunk(content="")
    print("   ", end="")
    async for piece in model.astream(QUESTION):
        answer += piece
        broken = len(answer.text.split()) == dying.breaks_off_after
        print(piece.text, end=" ✂" if broken else "", flush=True)
    print()
    dying.breaks_off_after = None
    told = answer.response_metadata["mesh"]
    say(f"ending: {told['ending']}, {told['cost_usd']:.6f} USD")
    say(chain((a["deployment"], a["outcome"]) for a in told["attempts"]))
    expect(answer.text == ANSWER, "the sentence is whole, and no word of it came twice")
    expect(told["ending"] == "continued", "the ending says that two have written it")


async def nobody_may_go_on(stage: Stage) -> None:
    """Personal data stays in the EU, where only heron is; so nobody else is asked."""
    dying = stage.providers["heron/main"]
    dying.breaks_off_after = 5
    elsewhere = stage.requests() - dying.requests
    model = stage.mesh.chat_model("chat", data_class="pii", caller=Caller(user="ana", tier="paid"))
    heard = ""
    try:
        async for piece in model.astream(QUESTION):
            heard += piece.text
    except IncompleteError as error:
        say(f"handed on: {error.text}")
        say(f"IncompleteError: {error.reason}")
        say(chain((a.deployment, a.outcome) for a in error.attempts))
        expect(error.text == heard != ANSWER, "the error has the text that the caller has")
    else:
        expect(False, "a text that broke off is no answer")
    dying.breaks_off_after = None
    expect(stage.requests() - dying.requests == elsewhere, "nothing left the EU")


async def a_deployment_is_dead(stage: Stage) -> None:
    """Its sibling answers; with the failure of the first scene the third one opens its breaker."""
    name = "swan/east"
    dead = stage.providers[name]
    dead.down, before = True, dead.requests
    model = stage.mesh.chat_model(
        "chat", tags=("batch",), caller=Caller(user="nightly", tier="paid", feature="digest")
    )
    answers = [await model.ainvoke(QUESTION) for _ in range(20)]
    by = Counter(answer.response_metadata["mesh"]["deployment"] for answer in answers)
    condition = stage.mesh.conditions()[name]
    who = ", ".join(f"{count} by {deployment}" for deployment, count in by.items())
    say(f"20 calls, {len(answers)} answers: {who}")
    say(f"{dead.requests - before} requests reached {name}")
    say(f"{name} is {condition.state}: {condition.why}")
    expect(all(answer.text == ANSWER for answer in answers), "every call was answered")
    expect(dead.requests - before == 2, "after three failures nobody knocks there")
    expect(condition.state == "open", "its breaker is open")


async def a_budget_is_short(stage: Stage) -> None:
    """Half a cent is enough for ten answers, however many are asked for at the same time."""
    before = stage.requests()
    model = stage.mesh.chat_model(
        "chat",
        tags=("batch",),
        max_tokens=LONGEST,
        caller=Caller(user="bob", tier="free", feature="export"),
    )
    calls = [model.ainvoke(QUESTION) for _ in range(50)]
    ended = await asyncio.gather(*calls, return_exceptions=True)
    admitted = [end for end in ended if isinstance(end, AIMessage)]
    refused = [end for end in ended if isinstance(end, RunError)]
    say(f"50 calls at once: {len(admitted)} admitted, {len(refused)} refused")
    try:
        await model.ainvoke(QUESTION)
    except RunError as error:
        say(f"and the next one: {error}")
    expect((len(admitted), len(refused)) == (10, 40), "ten, and not one more")
    expect(stage.requests() - before == 10, "whoever is refused costs no request")


async def the_bill(stage: Stage) -> None:
    """What the ledger says, beside what the providers would charge."""
    report = stage.mesh.costs(by=("user", "outcome"))
    for (user, outcome), costs in report.rows:
        say(f"{user:8} {outcome:11} {costs.attempts:3} x  {costs.cost_usd:.6f} USD")
    ledger = report.total.known_micro_usd
    bills = sum(provider.micro_usd for provider in stage.providers.values())
    say(f"ledger {ledger} micro-dollars, providers {bills}")
    expect(ledger == bills, "the ledger is the sum of the bills")
    expect(report.total.attempts == stage.requests(), "every request is a line of it")
    expect(not report.total.unknown and not report.under_way, "nothing is open or unknown")


SCENES = (
    ("A stream dies in mid-sentence", a_stream_dies),
    ("A stream dies, and nobody else may go on", nobody_may_go_on),
    ("A deployment is dead", a_deployment_is_dead),
    ("A budget is short", a_budget_is_short),
    ("The bill, by user and outcome", the_bill),
)


# ── the show ─────────────────────────────────────────────────────────────────────────────


def say(text: str) -> None:
    print(textwrap.fill(text, 98, initial_indent="   ", subsequent_indent="     "))


def chain(attempts: Iterable[tuple[str, str]]) -> str:
    """`swan/east cut → heron/main ok`."""
    return " → ".join(f"{deployment} {outcome}" for deployment, outcome in attempts)


def expect(so: bool, what: str) -> None:
    """Ends the program where something is not as it should be."""
    if not so:
        raise SystemExit(f"This did not hold: {what}.")


async def main() -> None:
    """Every scene with the same mesh; what it records stays in `.mesh` until the next time."""
    shutil.rmtree(HERE / ".mesh", ignore_errors=True)
    east, west, heron = Provider(5, 25), Provider(5, 25), Provider(15, 75)
    async with east.serving() as at_east, west.serving() as at_west, heron.serving() as at_heron:
        env = {"EAST_URL": at_east, "WEST_URL": at_west, "HERON_URL": at_heron}
        async with Mesh.load(HERE, env=env) as mesh:
            stage = Stage(mesh, {"swan/east": east, "swan/west": west, "heron/main": heron})
            for number, (heading, scene) in enumerate(SCENES, start=1):
                print(f"{number}. {heading}")
                await scene(stage)
                print()


if __name__ == "__main__":
    asyncio.run(main())
