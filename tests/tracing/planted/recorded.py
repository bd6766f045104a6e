"""Healthy traces: the demo graphs, really run on the deterministic models, and hosted likenesses.

A likeness is a recorded trace as hosted models would have left it: every decision made by the
product for a fleet whose keys are set, answers in the form that the prompt asks for, in other
words than the sources', with tokens, prices and times.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from orchestrator import Mesh
from orchestrator.money import Usage
from orchestrator.records import Attempt, Hop, Trace
from orchestrator.types import Constraints, Outcome

ROOT = Path(__file__).parents[3]
_DEMO = ROOT / "examples" / "remote-work" / "sources"
_TOOLS = ROOT / "orchestrator" / "scaffold" / "template" / "sources"
POLICIES = tuple(
    _DEMO / f"{n}.md" for n in ("data-protection", "it-security", "remote-work-handbook")
)
HANDBOOK = (_TOOLS / "handbook.md", _TOOLS / "visiting.md")
KEYS = dict.fromkeys(
    (
        "ANTHROPIC_API_KEY",
        "OPENAI_API_KEY",
        "GEMINI_API_KEY",
        "MISTRAL_API_KEY",
        "DEEPSEEK_API_KEY",
        "AWS_BEARER_TOKEN_BEDROCK",
    ),
    "set",
)
QUESTIONS = (
    "Who decides whether the supervisory authority is informed, and within what time?",
    "How long are connection data of the VPN kept, and who may look at them?",
    "How many characters does a password have, and when is it changed?",
    "When are recordings of meetings deleted?",
    "Where must files be stored, and what is said about USB sticks?",
    "What is said about public wireless networks?",
    "How much is the monthly allowance for remote work?",
    "How often is the course on data protection refreshed, and what must be done with papers?",
    "When are updates installed, and what happens to a postponed one?",
    "Calculate 12 months * 40 EUR/month, and say who the data protection officer is.",
    "What may be printed at home?",
    "How soon are paper files returned, and who consents to their removal?",
    "Draft a remote-work policy for 120 employees, calculate the yearly cost of a 40 EUR monthly "
    "allowance each, and summarise the citations",
    "Draft rules for passwords, updates and the VPN, and list what may be printed at home.",
)
LIBRARY = (
    "How long is the loan period, and how often can a loan be renewed?",
    "What is the late fee, and when can a member no longer borrow?",
    "How much is the deposit for power tools?",
    "What does membership cost for students?",
    "How long does the safety introduction take, and when is it held?",
    "Write rules for members on borrowing, returning and damage.",
    "Who pays for a tool that was lost?",
)
PLAIN = (
    "What encryption must the home router use?",
    "Summarise what is said about monitoring of employees.",
    "How long are self-checks of the home workspace kept?",
)
_NUMBERED = re.compile(r"^\[(p\d+\.\d+)\] (.*)$", re.MULTILINE)
_SOURCE = re.compile(r"(<passage\b.*?</passage>|^Quote: .*$)", re.DOTALL | re.MULTILINE)
_REPORTED = {
    "claude-opus": "claude-opus-4-5-20251101", "claude-sonnet": "claude-sonnet-5-5",
    "claude-haiku": "claude-haiku-4-5-20251001", "gpt-5": "gpt-5-2025-08-07",
    "gpt-5-mini": "gpt-5-mini-2025-08-07", "gemini-flash": "gemini-2.5-flash",
    "gemini-flash-lite": "gemini-2.5-flash-lite", "mistral-large": "mistral-large-2411",
    "mistral-small": "mistral-small-2503", "deepseek-flash": "deepseek-chat",
}  # fmt: skip
_REWORDED = (
    ("Every employee", "Each employee"), ("Employees", "Staff"), ("is kept", "is stored"),
    ("are kept", "are stored"), ("at the latest", "no later than"), ("tells", "informs"),
    ("is changed", "gets changed"), ("must be", "has to be"), ("within", "in no more than"),
    ("without delay", "at once"), ("company", "firm"),
)  # fmt: skip

Case = tuple[Trace, list[Hop]]


def record(
    folder: Path, questions: Sequence[str] = QUESTIONS, sources: Sequence[Path] = POLICIES
) -> list[Case]:
    """Run the demo graphs over those sources in a new project in `folder`."""
    (folder / "mesh.yaml").write_text("embedder: static\n", "utf-8")
    return asyncio.run(_record(folder, questions, [str(path) for path in sources]))


async def _record(folder: Path, questions: Sequence[str], sources: list[str]) -> list[Case]:
    jobs = [("cross-validated", question) for question in questions]
    jobs += [("decompose", question) for question in questions[1:6:2]]
    if questions is QUESTIONS:
        jobs += [(graph, question) for question in PLAIN for graph in ("answer", "decompose")]
    async with Mesh.load(folder, env={}) as mesh:
        ids = [
            (await mesh.run(graph, question=question, sources=sources)).trace_id
            for graph, question in jobs
        ]
        return [(mesh.store.trace(name), mesh.store.hops(name)) for name in ids]


class Hosted:
    """Makes likenesses. Models are chosen by the default policy, for a fleet with all keys.

    Args:
        folder: an empty project.
    """

    def __init__(self, folder: Path) -> None:
        self._mesh = Mesh.load(folder, env=KEYS)
        models = self._mesh.project.fleet.models
        self._families = {name: model.family for name, model in models.items()}

    def likeness(self, case: Case, seed: int) -> Case:
        """The trace as hosted models would have left it; the same for the same seed."""
        random = Random(seed)
        trace, hops = case
        made = []
        told: dict[str, str] = {}
        family: str | None = None
        clock = trace.started_at
        for hop in sorted(hops, key=lambda h: h.started_at):
            if hop.attempts and hop.profile and hop.decision and hop.profile.task != "math":
                barred = (family,) if hop.role == "checker" and family else ()
                hop = self._answered(hop, told, barred, random, clock)
                if hop.role == "generator":
                    family = hop.attempts[-1].family
            else:
                hop = self._unasked(hop, told, clock)
            clock += hop.ms / 1000 + 0.001
            made.append(hop)
        cost = sum(h.cost_micro_usd or 0 for h in made)
        answer = _reworded(trace.answer, told)
        ms = (clock - trace.started_at) * 1000
        return dataclasses.replace(trace, answer=answer, cost_micro_usd=cost, ms=ms), made

    def _unasked(self, hop: Hop, told: dict[str, str], at: float) -> Hop:
        """A hop without a call: a tool, a function, or a decision about another hop."""
        made = dataclasses.replace(hop, output=_reworded(hop.output, told), started_at=at)
        if hop.decision is None or hop.profile is None or hop.profile.task == "math":
            return made
        decision = self._mesh.decide("", task=hop.profile.task, needs=hop.profile.needs)
        return dataclasses.replace(made, decision=decision)

    def _answered(
        self, hop: Hop, told: dict[str, str], barred: tuple[str, ...], random: Random, at: float
    ) -> Hop:
        assert hop.profile is not None
        profile = hop.profile
        prompt = _reworded(hop.prompt, told)
        limits = Constraints(not_families=barred)
        decision = self._mesh.decide(
            prompt or "", task=profile.task, needs=profile.needs, constraints=limits
        )
        model = decision.chosen.partition("/")[0]
        family = self._families[model]
        output = _in_form(hop, prompt or "", told, random)
        seconds = 0.4 + len(output) / random.uniform(150, 400)
        attempt = Attempt(
            deployment=decision.chosen,
            model=model,
            family=family,
            outcome=Outcome.OK,
            started_at=at,
            ms=seconds * 1000,
            first_token_ms=random.uniform(200, 700),
            usage=Usage(input=len(prompt or "") // 4, output=len(output) // 4 + 1),
            cost_micro_usd=random.randrange(100, 900) if family else 0,
            reported_model=_REPORTED.get(model, model),
            finish="stop",
        )
        return dataclasses.replace(
            hop,
            prompt=prompt,
            output=output,
            decision=decision,
            profile=dataclasses.replace(profile, constraints=limits),
            attempts=(attempt,),
            started_at=at,
            ms=attempt.ms + random.uniform(1, 9),
        )


def _in_form(hop: Hop, prompt: str, told: dict[str, str], random: Random) -> str:
    """The output as a model would give it: sentences in other words, with numbers of passages."""
    text = _reworded(hop.output, told) or ""
    try:
        data: Any = json.loads(text)
    except ValueError:
        return text
    if not isinstance(data, dict):
        return text
    if data.get("checks"):
        kept = [{"claim": c["claim"], "status": c["status"], "reason": c["reason"]}
                for c in data["checks"]]  # fmt: skip
        return json.dumps({"checks": kept})
    if hop.role == "citation-validator":
        cited = [c for s in data.get("sentences", ()) for c in s["citations"]]
        return json.dumps({"citations": [
            {"id": f"s{n + 1}.0", "supported": True, "reason": "it says so"}
            for n, _ in enumerate(cited)
        ]})  # fmt: skip
    if hop.role not in ("generator", "specialist") or "sentences" not in data:
        return text
    numbers = {said: name for name, said in _NUMBERED.findall(prompt)}
    for sentence in data["sentences"]:
        new = _other_words(sentence["text"], random)
        told[sentence["text"]] = new
        sentence["text"] = new
    if hop.role == "specialist":
        return json.dumps({"sentences": data["sentences"], "abstain": data.get("abstain", "")})
    return json.dumps({
        "sentences": [
            {
                "subtask": s.get("subtask", ""),
                "text": s["text"],
                "citations": [numbers[q] for c in s["citations"]
                              if (q := " ".join(c["quote"].split())) in numbers],
            }
            for s in data["sentences"]
        ],
        "abstain": data.get("abstain", ""),
    })  # fmt: skip


def _other_words(sentence: str, random: Random) -> str:
    for old, new in _REWORDED:
        if old in sentence and random.random() < 0.6:
            sentence = sentence.replace(old, new)
    return sentence


def _reworded(text: str | None, told: dict[str, str]) -> str | None:
    """What was said in other words is read in other words; sources and quotes stay as they are."""
    if text is None or not told:
        return text
    try:
        return json.dumps(_said_anew(json.loads(text), told))
    except ValueError:
        parts = _SOURCE.split(text)
        return "".join(p if n % 2 else _replaced(p, told) for n, p in enumerate(parts))


def _said_anew(value: Any, told: dict[str, str], key: str = "") -> Any:
    if isinstance(value, dict):
        return {k: _said_anew(v, told, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_said_anew(v, told, key) for v in value]
    kept = not isinstance(value, str) or key == "quote"
    return value if kept else _replaced(value, told)


def _replaced(text: str, told: dict[str, str]) -> str:
    for old, new in told.items():
        text = text.replace(old, new)
    return text
