"""What may not leave the house does not, whatever the fleet, the policy and the failures are.

Each example is a whole request: profiled, decided, and carried out with retries, fallbacks, races,
hedges, panels and cascades, against a transport that keeps everything that reached it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator import Mesh
from orchestrator.errors import NoCandidateError
from orchestrator.project.policy_schema import Policy, Route
from orchestrator.types import Deployment, Outcome

from .watched import (
    CLASSES,
    ECHO,
    PII,
    Behaviour,
    asking,
    behaviours,
    carried_out,
    fleets,
    objectives,
    routes,
)

_SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
KEEP = Route.model_validate(
    {"name": "keep", "match": {"data_class": ["pii", "regulated"]}, "require": {"hosting": "self"}}
)
seen: Counter[str] = Counter()
"""What the examples have come to, so that a test can tell that they were of every kind."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Mesh:
    folder: Path = tmp_path_factory.mktemp("base")
    (folder / "mesh.yaml").write_text("deadline_ms: 60000\n")
    return Mesh.load(folder, env={})


def policy(rules: Sequence[Route], objective: Any) -> Policy:
    return Policy.model_validate(
        {"data_classes": CLASSES, "objective": objective, "routes": list(rules)}
    )


@_SETTINGS
@given(data=st.data())
def test_personal_data_never_reaches_a_hosted_model(base: Mesh, data: st.DataObject) -> None:
    fleet = data.draw(fleets())
    others = data.draw(routes(fleet))
    place = data.draw(st.integers(0, len(others)))
    rules = policy((*others[:place], KEEP, *others[place:]), data.draw(objectives))
    declared = data.draw(st.sampled_from((None, "public", "internal", "pii", "regulated")))
    text = "Please sum this up for me."
    if declared not in ("pii", "regulated") or data.draw(st.booleans()):
        text = f"Please write to {data.draw(st.sampled_from(PII))} about it."
    done = carried_out(
        base,
        fleet=fleet,
        policy=rules,
        behaviours=data.draw(behaviours(fleet, "echo", "unsure", "other", "cut", "empty")),
        ask=asking(text, declared, risk=data.draw(st.sampled_from((None, "high")))),
    )
    assert done.sent_to("hosted") == []
    if isinstance(done.error, NoCandidateError):
        seen["refused"] += 1
        assert done.transport.asked == []
    for hop in done.heard.hops:
        if hop.decision is not None:
            seen[hop.decision.strategy] += 1
            seen["hosted left out"] += any(d.hosting == "hosted" for d in fleet)
        seen.update(attempt.kind for attempt in hop.attempts)
        seen["found, not declared"] += declared in (None, "public", "internal")


def test_the_examples_were_of_every_kind() -> None:
    wanted = {"single", "race", "panel", "cascade", "first", "fallback", "retry", "racer"}
    wanted |= {"panelist", "refused", "hosted left out", "found, not declared"}
    if sum(seen.values()) < 100:
        pytest.skip("the examples did not run in this process")
    assert {name for name in wanted if not seen[name]} == set()


def test_without_the_rule_they_do_reach_one(base: Mesh) -> None:
    """Else the property would hold of a mesh that asks nobody."""
    cloud = _deployment("a/1", "hosted", 0.9)
    done = carried_out(
        base,
        fleet=(cloud, _deployment("b/2", "self", 0.5)),
        policy=policy((), {"maximize": "quality"}),
        behaviours={id: Behaviour(("echo",), 5) for id in ("a/1", "b/2")},
        ask=asking(f"Write to {PII[0]}.", "pii"),
    )
    assert [d.id for d, _ in done.transport.asked] == ["a/1"]


# ── placeholders ─────────────────────────────────────────────────────────────────────────


@_SETTINGS
@given(data=st.data())
def test_no_character_of_a_value_reaches_a_hosted_model(base: Mesh, data: st.DataObject) -> None:
    fleet = data.draw(fleets())
    rule = Route.model_validate({"name": "replace", "redact": "hosted"})
    rules = policy((*data.draw(routes(fleet)), rule), data.draw(objectives))
    values = data.draw(st.lists(st.sampled_from(PII), min_size=1, max_size=3, unique=True))
    text = "About " + " and ".join(values) + ": write to " + values[0] + " again."
    done = carried_out(
        base,
        fleet=fleet,
        policy=rules,
        behaviours=data.draw(behaviours(fleet, "echo", "echo", "unsure", "cut")),
        ask=asking(text, data.draw(st.sampled_from((None, "pii")))),
    )
    for sent in done.sent_to("hosted"):
        for value in values:
            assert not any(part in sent for part in _parts(value))
    for sent in done.sent_to("self"):
        assert text in sent, "one's own models get it as it is"
    if done.answered is not None:
        assert done.answered.reply.text == done.told == ECHO + text
        note = f"{len(values)} value{'s' * (len(values) > 1)} replaced before hosted models"
        asked = bool(done.sent_to("hosted"))
        assert asked == any(n.startswith(note) for n in done.answered.hop.notes)
        kinds = [e.kind for e in done.heard.events]
        assert kinds.count("redaction") == int(asked)
    else:
        assert (ECHO + text).startswith(done.told)


def _parts(value: str) -> list[str]:
    return [value[i : i + 4] for i in range(len(value) - 3)]


# ── what a policy's order of events could break ──────────────────────────────────────────


def _deployment(id: str, hosting: Any, quality: float, *can: str) -> Deployment:
    return Deployment(
        id=id,
        model=id.split("/")[0],
        family=id,
        tier="mid",
        via="openai",
        target="m",
        provider="p",
        hosting=hosting,
        context=32_000,
        can=("stream", *can),
        tasks={"*": quality},
    )


REDACT = Route.model_validate({"name": "replace", "redact": "hosted"})
TEXT = f"Tell {PII[0]} and {PII[2]}, then {PII[0]} again."


@pytest.mark.parametrize("prefill", [(), ("prefill",)])
@pytest.mark.parametrize("first", ["hosted", "self"])
@pytest.mark.parametrize("size", [1, 3, 7, 40])
def test_a_broken_stream_goes_on_in_the_words_of_the_next(
    base: Mesh, prefill: tuple[str, ...], first: str, size: int
) -> None:
    """The caller is told each word once, whoever wrote it and in which words."""
    other = "self" if first == "hosted" else "hosted"
    # Another model goes on by prefill; another deployment of the same may begin anew.
    next = "b/2" if prefill else "a/2"
    fleet = (_deployment("a/1", first, 0.9), _deployment(next, other, 0.5, *prefill))
    done = carried_out(
        base,
        fleet=fleet,
        policy=policy((REDACT,), {"maximize": "quality"}),
        behaviours={
            "a/1": Behaviour(("cut", Outcome.UNREACHABLE), size),
            next: Behaviour(("echo",), size),
        },
        ask=asking(TEXT),
    )
    assert done.answered is not None, done.error
    assert done.told == done.answered.reply.text == ECHO + TEXT
    assert done.answered.reply.ending == ("continued" if prefill else "restarted")
    assert PII[0] not in "".join(done.sent_to("hosted"))


def test_a_panel_agrees_on_values(base: Mesh) -> None:
    """One member has seen placeholders and the other has not; they say the same."""
    fleet = (_deployment("a/1", "hosted", 0.9), _deployment("b/2", "self", 0.5))
    panel = Route.model_validate({"name": "panel", "strategy": {"kind": "panel", "models": 2}})
    done = carried_out(
        base,
        fleet=fleet,
        policy=policy((REDACT, panel), {"maximize": "quality"}),
        behaviours={d.id: Behaviour(("echo",), 9) for d in fleet},
        ask=asking(TEXT),
    )
    assert done.answered is not None
    assert done.answered.reply.agreement == 1.0
    assert done.answered.reply.text == ECHO + TEXT


def test_an_answer_is_mended_in_the_words_of_its_model(base: Mesh) -> None:
    """What the check says of the answer quotes a value, which the hosted model must not see."""
    asked: list[str] = []
    text = f'{{"to": "{PII[0]}", "card": "{PII[2]}"}}'

    def check(text: str) -> str:
        asked.append(text)
        if len(asked) == 1:
            raise ValueError(f"wrong: {text}")
        return text

    done = carried_out(
        base,
        fleet=(_deployment("a/1", "hosted", 0.9, "json"),),
        policy=policy((REDACT,), {"maximize": "quality"}),
        behaviours={"a/1": Behaviour(("first",), 9)},
        ask=asking(text, check=check),
    )
    assert asked == [text, text], done.error
    assert done.answered is not None
    assert done.answered.reply.text == text
    first, second = done.sent_to("hosted")
    assert "cannot be used" in second
    assert "[EMAIL_1]" in second
    for value in (PII[0], PII[2]):
        assert [part for part in _parts(value) if part in first + second] == []


def test_events_hold_counts_and_no_value(base: Mesh) -> None:
    done = carried_out(
        base,
        fleet=(_deployment("a/1", "hosted", 0.9),),
        policy=policy((REDACT,), {"maximize": "quality"}),
        behaviours={"a/1": Behaviour(("echo",), 9)},
        ask=asking(TEXT),
    )
    taken, given = done.heard.events
    assert taken.kind == "redaction"
    assert taken.what == "2 values replaced before hosted models (card 1, email 1)"
    assert taken.facts["deployments"] == ["a/1"]
    assert taken.facts["rules"] == ["route:replace"]
    assert (given.kind, given.facts["kinds"]) == ("restoration", {"email": 2, "card": 1})
    assert not any(value in repr(done.heard.events) for value in PII)
