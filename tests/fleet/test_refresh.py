"""What providers list, asked on loopback, against what the fleet declares."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh
from orchestrator.fleet.build import build_fleet
from orchestrator.fleet.prices import PriceList
from orchestrator.fleet.providers import (
    NotAskedError,
    Offer,
    Offers,
    Source,
    ask,
    offers_in,
    source_of,
)
from orchestrator.fleet.refresh import Refresh, document, listed_as, refresh
from orchestrator.gateway.refreshing import ask_providers, keep
from orchestrator.project.fleet_schema import Fleet
from orchestrator.project.refreshed_schema import Refreshed

TODAY = date(2026, 11, 21)
NOTHING = Refreshed()
FLEET = """
models:
  far:
    family: someone
    tier: mid
    context: 8000
    tasks: {"*": 0.9}
    deployments:
      - {id: direct, via: openai, model: far-1, endpoint: "ENDPOINT", key: FAR_KEY, hosting: hosted}
  near:
    family: other
    tier: small
    tasks: {"*": 0.5}
    deployments:
      - {id: direct, via: openai, model: near-1, endpoint: "ENDPOINT", key: FAR_KEY,
         hosting: hosted, price: {input: 1, output: 2}}
  inside:
    tier: nano
    tasks: {"*": 0.1}
    deployments: [{id: here, via: builtin, function: extractive-chat, hosting: self}]
"""


def fleet(endpoint: str = "http://provider.test/v1") -> Fleet:
    import yaml

    return Fleet.model_validate_json(
        json.dumps(yaml.safe_load(FLEET.replace("ENDPOINT", endpoint)))
    )


def asked(
    answers: Offers | str, known: Refreshed = NOTHING, listed: Mapping[str, list[Any]] | None = None
) -> Refresh:
    declared = fleet()

    def answer(_source: Source, _env: Mapping[str, str]) -> Offers:
        if isinstance(answers, str):
            raise NotAskedError(answers)
        return answers

    deployments = build_fleet(declared, {}, known)
    return refresh(deployments, declared, known, {}, PriceList(listed or {}), TODAY, answer)


def told(found: Refresh) -> dict[str, tuple[str, str]]:
    return {f"{one.kind} {one.subject}": (one.before, one.after) for one in found.findings}


def test_a_model_that_is_not_listed_leaves_and_returns_when_it_is() -> None:
    gone = asked({"near-1": Offer()})
    assert told(gone) == {"leaves far/direct": ("listed", "not listed")}
    assert gone.refreshed.deployments["far/direct"].listed is False
    assert told(asked({"near-1": Offer()}, gone.refreshed)) == {}
    back = asked({"near-1": Offer(), "far-1": Offer()}, gone.refreshed)
    assert told(back) == {"returns far/direct": ("not listed", "listed")}


def test_who_cannot_be_asked_changes_nothing_that_was_known() -> None:
    gone = asked({"near-1": Offer()})
    silent = asked("it cannot be reached", gone.refreshed)
    assert [(one.name, one.problem) for one in silent.asked] == [
        ("provider.test", "it cannot be reached")
    ]
    assert told(silent) == {}
    assert silent.refreshed == gone.refreshed


def test_prices_and_contexts_join_where_the_fleet_does_not_say() -> None:
    offer = Offer(context=4000, input_usd=3.0, output_usd=9.0)
    found = asked({"far-1": offer, "near-1": offer})
    assert told(found) == {
        "price far/direct": ("", "$3 in, $9 out"),
        "context far/direct": ("", "4,000"),
        "context near/direct": ("", "4,000"),
    }
    built = {d.id: d for d in build_fleet(fleet(), {}, found.refreshed)}
    assert built["far/direct"].context == 4000  # the lesser of the two
    far, near = built["far/direct"].price, built["near/direct"].price
    assert far is not None
    assert far.input == 3_000_000
    assert near is not None
    assert near.input == 1_000_000  # what fleet.yaml says goes before it
    dearer = asked(
        {"far-1": Offer(context=4000, input_usd=4.0, output_usd=9.0), "near-1": offer},
        found.refreshed,
    )
    assert told(dearer) == {"price far/direct": ("$3 in, $9 out", "$4 in, $9 out")}


def test_the_price_list_says_what_the_provider_does_not() -> None:
    prices = {"input": 2e-06, "output": 4e-06, "cache_read": 2e-07}
    longer = {"200000": {"input": 4e-06, "output": 8e-06}}
    row = [5000, 1000, "2027-01-31", prices, longer]
    found = asked({"far-1": Offer(), "near-1": Offer()}, listed={"far-1": row})
    assert told(found) == {
        "price far/direct": ("", "$2 in, $4 out"),
        "retires far/direct": ("", "2027-01-31"),
    }
    built = {d.id: d for d in build_fleet(fleet(), {}, found.refreshed)}
    assert built["far/direct"].price == PriceList({"far-1": row}).find("far-1").price  # type: ignore[union-attr]


def test_what_is_new_is_told_once_and_never_used() -> None:
    first = asked({"far-1": Offer(), "near-1": Offer(), "far-2": Offer()})
    assert told(first) == {"offered far-2": ("", "")}
    again = asked({"far-1": Offer(), "near-1": Offer(), "far-2": Offer()}, first.refreshed)
    assert told(again) == {}
    assert "far-2" not in str(first.refreshed.deployments)


@pytest.mark.parametrize(
    ("target", "via", "offered", "name"),
    [
        ("anthropic/claude-x-4-5", "litellm", ("claude-x-4-5-20250929",), "claude-x-4-5-20250929"),
        ("anthropic/claude-x-4", "litellm", ("claude-x-4-5-20250929",), ""),
        ("mistral/mistral-large-latest", "litellm", ("mistral-large-2411",), "mistral-large-2411"),
        ("gemma3", "openai", ("gemma3:latest", "gemma3:27b"), "gemma3:latest"),
        ("meta/llama-4", "openai", ("meta/llama-4",), "meta/llama-4"),
        ("gpt-5", "openai", ("gpt-5-mini", "gpt-50"), ""),
        ("gpt-5", "openai", ("gpt-5-2025-08-07",), "gpt-5-2025-08-07"),
    ],
)
def test_an_alias_is_listed_by_its_versions(
    target: str, via: str, offered: tuple[str, ...], name: str
) -> None:
    assert listed_as(target, via, {one: Offer() for one in offered}) == name


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"data": [{"id": "models/gemini"}]}, {"gemini": Offer()}),
        ([{"id": "a", "context_length": 9}], {"a": Offer(context=9)}),
        ({"data": [{"id": "v", "max_model_len": 4096}]}, {"v": Offer(context=4096)}),
        (
            {"data": [{"id": "o", "pricing": {"prompt": "0.00000125", "completion": "0"}}]},
            {"o": Offer(input_usd=1.25, output_usd=0.0)},
        ),
        ({"data": [{"id": "o", "pricing": {"prompt": "-1"}}]}, {"o": Offer()}),
        ({"error": "no"}, {}),
        ("text", {}),
    ],
)
def test_lists_are_read_as_providers_write_them(body: Any, found: dict[str, Offer]) -> None:
    assert offers_in(json.dumps(body).encode()) == found


@contextmanager
def provider(
    status: int = 200, body: Any = None, **headers: str
) -> Iterator[tuple[str, list[Any]]]:
    """A server on loopback; what it was asked with."""
    seen: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.path, dict(self.headers)))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1", seen
        server.shutdown()


def test_a_provider_is_asked_with_its_key_and_an_answer_that_is_none_is_said() -> None:
    with provider(body={"data": [{"id": "far-1"}]}) as (url, seen):
        source = Source(name="x", url=url, key="FAR_KEY")
        assert ask(source, {"FAR_KEY": "a-key"}) == {"far-1": Offer()}
        assert seen[0][0] == "/v1/models"
        assert seen[0][1]["Authorization"] == "Bearer a-key"
        with pytest.raises(NotAskedError, match="FAR_KEY is not set"):
            ask(source, {})
    with pytest.raises(NotAskedError, match="it cannot be reached"):
        ask(source, {"FAR_KEY": "a-key"})
    with provider(status=401) as (url, _), pytest.raises(NotAskedError, match="HTTP 401"):
        ask(Source(name="x", url=url, key=None), {})
    with provider(body=[]) as (url, _), pytest.raises(NotAskedError, match="not with a list"):
        ask(Source(name="x", url=url, key=None), {})


def test_a_key_is_not_sent_on_to_where_a_provider_redirects() -> None:
    with (
        provider(body={"data": [{"id": "far-1"}]}) as (other, stolen),
        provider(status=302, Location=f"{other}/models") as (url, _),
    ):
        with pytest.raises(NotAskedError, match="HTTP 302"):
            ask(Source(name="x", url=url, key="FAR_KEY"), {"FAR_KEY": "a-key"})
        assert not stolen


def test_whom_to_ask_about_a_deployment() -> None:
    far, inside, _ = build_fleet(fleet(), {})
    assert source_of(far) == Source(
        name="provider.test", url="http://provider.test/v1", key="FAR_KEY"
    )
    assert source_of(inside) is None


async def test_a_project_goes_by_what_was_written(tmp_path: Path) -> None:
    with provider(body={"data": [{"id": "near-1", "context_length": 900}]}) as (url, _):
        (tmp_path / "fleet.yaml").write_text(FLEET.replace("ENDPOINT", url))
        env = {"FAR_KEY": "a-key"}
        mesh = Mesh.load(tmp_path, env=env)
        before = mesh.project.hash
        found = ask_providers(mesh, None, env)
        keep(mesh, found, "ana")
    (one,) = mesh.operations.all()
    assert (one.who, one.action, one.before) == ("ana", "refresh", "never asked")
    async with Mesh.load(tmp_path, env=env) as after:
        assert after.project.hash != before
        assert after.project.refreshed == found.refreshed
        health = after.fleet().health["far/direct"]
        assert health.available is False
        assert health.reason.startswith("its provider does not list this model (asked on 20")
        near = next(d for d in after.fleet().deployments if d.id == "near/direct")
        assert near.context == 900
    await mesh.close()


def test_the_file_says_how_to_get_rid_of_it() -> None:
    text = document(asked({"near-1": Offer()}).refreshed)
    assert text.startswith("# yaml-language-server: $schema=schemas/refreshed.schema.json\n")
    assert "Remove it to go by fleet.yaml alone" in text
