"""Encoders: real all-MiniLM-L6-v2, and small judges whose random weights take the same way."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.call_types import CallRequest, UsageReport
from orchestrator.calling.clock import SystemClock
from orchestrator.calling.transports import Transports
from orchestrator.embedding.local_models import judge
from orchestrator.errors import AttemptError
from orchestrator.mesh import Mesh
from orchestrator.project.load import load_builtins
from orchestrator.project.registry import BUILTINS
from orchestrator.types import Deployment, Outcome
from tests.calling.samples import deployment, events, text_of
from tests.conformance.encoders import LIMIT, MINILM, encoder, needs_encoders, small_judge

pytestmark = needs_encoders
OFFLINE = {"HF_HUB_OFFLINE": "1"}

CLASSES = {
    ("bug", "question", "praise"): {
        "The app crashes when I press save": "bug",
        "Login page shows error 500": "bug",
        "The screen freezes after the update": "bug",
        "How do I export my data?": "question",
        "Is there a dark mode?": "question",
        "Where can I see my orders?": "question",
        "You people are amazing, thanks!": "praise",
        "Best purchase this year": "praise",
        "Love the new design": "praise",
    },
    ("sports", "politics", "cooking", "science"): {
        "The striker scored twice in the final": "sports",
        "The goalkeeper saved a penalty": "sports",
        "She won the marathon in Berlin": "sports",
        "Parliament passed the budget": "politics",
        "The senator lost the election": "politics",
        "The minister resigned on Monday": "politics",
        "Simmer the onions until golden": "cooking",
        "Whisk the eggs with sugar": "cooking",
        "Astronomers found a new exoplanet": "science",
        "The enzyme splits the protein": "science",
    },
    ("invoice", "contract", "complaint", "application"): {
        "Please pay 300 EUR within 14 days": "invoice",
        "Amount due: 99.00, VAT included": "invoice",
        "This agreement is made between the parties": "contract",
        "The tenant shall pay the landlord monthly rent": "contract",
        "I am very unhappy with your service": "complaint",
        "The delivery was late and the box was broken": "complaint",
        "I would like to apply for the position": "application",
        "Attached you find my CV and cover letter": "application",
    },
}


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = tmp_path_factory.mktemp("judges")
    return {
        "nli": small_judge(made / "nli"),
        "score": small_judge(made / "score", ("LABEL_0",)),
        "numbered": small_judge(made / "numbered", ("LABEL_0", "LABEL_1")),
        "moods": small_judge(made / "moods", ("happy", "sad", "angry", "calm")),
    }


async def ask(to: Deployment, **inputs: Any) -> Any:
    """The answer as JSON."""
    heard = await sent(to, inputs)
    return json.loads(text_of(heard))


async def sent(to: Deployment, inputs: dict[str, Any]) -> list[Any]:
    load_builtins(("orchestrator.roles.all",))
    transport = Transports(BUILTINS, OFFLINE, SystemClock()).get(to.via)
    message = {"role": "user", "content": "The prompt, which an encoder never reads."}
    request = CallRequest(messages=(message,), inputs=inputs)  # type: ignore[arg-type]
    return await events(transport, to, request)


async def refusal(to: Deployment, **inputs: Any) -> AttemptError:
    with pytest.raises(AttemptError) as caught:
        await sent(to, inputs)
    return caught.value


def passages(*texts: str) -> list[dict[str, str]]:
    return [{"id": f"p{n}", "text": text} for n, text in enumerate(texts, 1)]


def claims(*texts: str) -> list[dict[str, str]]:
    return [{"id": f"c{n}", "text": text} for n, text in enumerate(texts, 1)]


# ── classes ──────────────────────────────────────────────────────────────────────────────


async def test_by_likeness_it_names_more_classes_right_than_words_do() -> None:
    right = {"encoder": 0, "keyword-classifier": 0}
    words = deployment("w/here", via="builtin", target="keyword-classifier", family=None)
    for labels, cases in CLASSES.items():
        for text, label in cases.items():
            for name, to in (("encoder", encoder(MINILM)), ("keyword-classifier", words)):
                right[name] += (await ask(to, text=text, labels=list(labels)))["label"] == label
    assert right["encoder"] >= 22  # of 27
    assert right["encoder"] > right["keyword-classifier"]


async def test_declared_descriptions_count_where_a_name_says_nothing() -> None:
    texts = {"P1": ("All servers are down.",), "P2": ("A word on the page is misspelt.",)}
    found = await ask(encoder(MINILM, labels=texts), text="There is a typo in the heading")
    assert found["label"] == "P2"
    assert 0.5 < found["confidence"] <= 1
    asked = await ask(
        encoder(MINILM, labels=texts), text="The whole site is offline", labels=["P1", "P2"]
    )
    assert asked["label"] == "P1"
    described = {"A": "the weather", "B": "money"}
    given = await ask(encoder(MINILM), text="Will it rain?", labels=described)
    assert given["label"] == "A"


async def test_the_nearest_part_of_a_long_text_counts() -> None:
    padding = "The committee met on Tuesday and went through the minutes. " * 120
    text = f"{padding} Whisk the eggs with the sugar and bake the cake. {padding}"
    assert (await ask(encoder(MINILM), text=text, labels=["chess", "baking"]))["label"] == "baking"


async def test_a_classifier_names_its_own_classes_as_declared(judges: dict[str, Path]) -> None:
    moods = encoder(judges["moods"], "classifier", outputs={"sad": "unhappy", "angry": "unhappy"})
    found = await ask(moods, text="It is broken again.")
    assert found["label"] in {"happy", "unhappy", "calm"}
    only = await ask(moods, text="It is broken again.", labels=["Calm"])
    assert only == {"label": "calm", "confidence": 1.0}
    error = await refusal(moods, text="x", labels=["red"])
    assert "knows none of the classes asked for, only: happy, unhappy, calm" in str(error)


async def test_a_pair_judges_classes_as_hypotheses(judges: dict[str, Path]) -> None:
    for name in ("nli", "score"):
        to = encoder(judges[name], "pairs")
        found = await ask(to, text="word " * 200, labels=["one", "other", "third"])
        assert found["label"] in {"one", "other", "third"}
        assert 0.333 <= found["confidence"] <= 1


# ── claims ───────────────────────────────────────────────────────────────────────────────


async def test_each_claim_gets_the_verdict_of_the_part_that_decides(
    judges: dict[str, Path],
) -> None:
    texts = ("The rent is 40 EUR.", "Dogs are welcome. " * 60, "x")
    said = ("The rent is 40 EUR.", "Cats are welcome here.", "nobody", "12")
    found = await ask(
        encoder(judges["nli"], "pairs"), claims=claims(*said), passages=passages(*texts)
    )
    model = judge(judges["nli"], "pairs")
    meaning = {"contradiction": "contradicted", "entailment": "supported"}
    for check, claim in zip(found["checks"], said, strict=True):
        # The same in the plainest way: every part by itself, the verdict by hand.
        labels = set()
        for text in texts:
            for part in model.windows(text, claim):
                labels.add(model.labels[int(model.scores([(part, claim)])[0].argmax())])
        first = next((n for n in ("entailment", "contradiction") if n in labels), "")
        assert check["status"] == meaning.get(first, "unsupported")
        assert check["reason"]


async def test_outputs_that_say_nothing_must_be_declared(judges: dict[str, Path]) -> None:
    asked = {"claims": claims("It is so."), "passages": passages("It is so.")}
    error = await refusal(encoder(judges["numbered"], "pairs"), **asked)
    assert error.outcome is Outcome.INVALID_OUTPUT
    assert "'LABEL_0' means is not declared under `outputs`" in str(error)
    means = {"LABEL_0": "supported", "LABEL_1": "supported"}
    found = await ask(encoder(judges["numbered"], "pairs", outputs=means), **asked)
    assert found["checks"][0]["status"] == "supported"
    assert "p1 entails it (1.00)" in found["checks"][0]["reason"]


async def test_a_single_score_is_a_verdict_only_by_its_threshold(judges: dict[str, Path]) -> None:
    asked = {"claims": claims("It is so."), "passages": passages("It is so.", "It is not.")}
    error = await refusal(encoder(judges["score"], "pairs"), **asked)
    assert "declare `threshold`" in str(error)
    for threshold, status in ((0.0, "supported"), (1.0, "unsupported")):
        found = await ask(encoder(judges["score"], "pairs", threshold=threshold), **asked)
        assert found["checks"][0]["status"] == status


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [(MINILM, "similarity", "what is alike"), ("moods", "classifier", "its own classes")],
)
async def test_what_cannot_tell_support_says_so(
    judges: dict[str, Path], name: str, kind: str, words: str
) -> None:
    to = encoder(judges.get(name, name), kind)
    error = await refusal(to, claims=claims("It is."), passages=passages("It is."))
    assert "cannot check claims" in str(error)
    assert words in str(error)


# ── order ────────────────────────────────────────────────────────────────────────────────


async def test_passages_are_put_in_order_by_their_best_part(judges: dict[str, Path]) -> None:
    texts = passages("Dogs bark.", "Lunch is at noon. " * 100 + "The allowance is 40 EUR.", "Rain.")
    found = await ask(encoder(MINILM), task="rerank", question="What is the allowance?",
                      passages=texts)  # fmt: skip
    assert found["order"][0] == "p2"
    assert sorted(found["order"]) == ["p1", "p2", "p3"]
    scored = await ask(
        encoder(judges["score"], "pairs"), task="rerank", question="What?", passages=texts
    )
    values = [scored["scores"][id] for id in scored["order"]]
    assert values == sorted(values, reverse=True)


# ── limits ───────────────────────────────────────────────────────────────────────────────


async def test_batches_change_no_score(judges: dict[str, Path]) -> None:
    model = judge(judges["nli"], "pairs")
    rows = [("word " * n, f"claim {n}") for n in range(40)]
    alone = np.concatenate([model.scores([row]) for row in rows])
    assert alone.shape == (40, 3)
    assert np.allclose(alone.sum(axis=1), 1.0, atol=1e-5)
    assert np.allclose(model.scores(rows), alone, atol=1e-5)
    assert model.limit == LIMIT
    assert model.tokens([("word " * 500, "claim")]) == LIMIT


async def test_what_the_model_read_is_the_usage(judges: dict[str, Path]) -> None:
    to = encoder(judges["nli"], "pairs")
    heard = await sent(to, {"claims": claims("ab"), "passages": passages("cd", "ef")})
    (report,) = (event for event in heard if isinstance(event, UsageReport))
    # [CLS] two letters [SEP] two letters [SEP], twice
    assert (report.usage.input, report.usage.output) == (14, 0)
    assert to.price is not None
    assert to.price.cost(report.usage) == 0


async def test_many_at_once_are_answered_each_by_itself() -> None:
    texts = [text for cases in CLASSES.values() for text in cases][:12]
    labels = ["bug", "sports", "invoice", "praise"]
    one_by_one = [await ask(encoder(MINILM), text=text, labels=labels) for text in texts]
    together = await asyncio.gather(
        *(ask(encoder(MINILM), text=text, labels=labels) for text in texts)
    )
    assert [f["label"] for f in together] == [f["label"] for f in one_by_one]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, "no text to classify"),
        ({"text": "x"}, "no labels"),
        ({"task": "rerank", "passages": passages("x")}, "no question"),
        ({"task": "rerank", "question": "x", "passages": [{"text": "x"}]}, "KeyError: 'id'"),
    ],
)
async def test_inputs_that_hold_nothing_for_it_are_named(inputs: Any, words: str) -> None:
    error = await refusal(encoder(MINILM), **inputs)
    assert error.outcome is Outcome.INVALID_OUTPUT
    assert words in str(error)


@pytest.mark.parametrize(
    ("target", "kind", "outcome", "words"),
    [
        (MINILM, "pairs", Outcome.INVALID_REQUEST, "no trained head"),
        ("moods", "similarity", Outcome.INVALID_REQUEST, "make no vectors"),
        ("hf:nobody/nothing", "pairs", Outcome.UNREACHABLE, "HF_HUB_OFFLINE is set"),
        ("package:nothing_here", "pairs", Outcome.UNREACHABLE, "is not installed"),
    ],
)
async def test_weights_that_do_not_serve_are_typed(
    judges: dict[str, Path], target: str, kind: str, outcome: Outcome, words: str
) -> None:
    error = await refusal(encoder(judges.get(target, target), kind), text="x", labels=["a", "b"])
    assert error.outcome is outcome
    assert words in str(error)


# ── in a project ─────────────────────────────────────────────────────────────────────────


async def test_the_shipped_fleet_classifies_with_it(tmp_path: Path) -> None:
    async with Mesh.load(tmp_path, env=OFFLINE) as mesh:
        answer = await mesh.run(
            "decompose",
            question='Classify this as invoice, contract or complaint: "The box was broken"',
        )
        hops = mesh.store.hops(answer.trace_id)
    answered = {a.deployment for hop in hops for a in hop.attempts if hop.agent == "classifier"}
    assert answered == {"minilm-classifier/here"}
    assert "complaint" in answer.text
