"""LiteLLM configurations of several styles: what loads, what is named, what is never copied."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.errors import ProjectError, UserError
from orchestrator.fleet.build import build_fleet
from orchestrator.project.fleet_schema import DeploymentDeclaration, ModelDeclaration
from orchestrator.project.load import load_project
from orchestrator.project.policy_schema import Route
from orchestrator.project.schema import Project
from orchestrator.scaffold.from_litellm.convert import Imported, import_litellm
from orchestrator.scaffold.from_litellm.report import Note
from orchestrator.types import Deployment

from .litellm_configs import AZURE, LITERAL, PARTS, STYLES

Run = Callable[[str], tuple[Imported, Project]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """From a configuration's text to what was imported, and the project that it makes."""

    def go(text: str) -> tuple[Imported, Project]:
        config = tmp_path / "config.yaml"
        config.write_text(text, "utf-8")
        imported = import_litellm(config)
        imported.write(tmp_path / "out", force=True)
        return imported, load_project(tmp_path / "out", env={}).project

    return go


def deployment(project: Project, model: str, index: int = 0) -> DeploymentDeclaration:
    return project.fleet.models[model].deployments[index]


def built(project: Project, name: str) -> Deployment:
    return next(d for d in build_fleet(project.fleet, {}) if d.id == name)


def route(project: Project, tag: str) -> Route:
    return next(r for r in project.policy.routes if r.match.tags == (tag,))


def note(notes: list[Note], key: str) -> Note:
    return next(n for n in notes if n.key.endswith(key))


# ── styles ───────────────────────────────────────────────────────────────────────────────


def test_azure_deployments_of_one_name_are_one_model(run: Run) -> None:
    imported, project = run(STYLES["azure"])
    (model,) = imported.models
    assert (model.name, model.declared["family"], model.declared["tier"]) == (
        "gpt-4o",
        "openai",
        "frontier",
    )
    eu, us = project.fleet.models["gpt-4o"].deployments
    assert (eu.id, us.id) == ("azure", "azure-2")
    assert (eu.via, eu.model, eu.key) == ("litellm", "azure/contoso-gpt4o-eu", "AZURE_EU_KEY")
    assert eu.endpoint == "https://contoso-eu.openai.azure.com"
    assert eu.region == "eu"
    assert eu.params == {"api_version": "2025-04-01-preview"}
    assert (eu.limits.requests_per_minute, eu.limits.tokens_per_minute) == (900, 150000)
    assert us.endpoint == "${AZURE_US_BASE}"
    assert us.params == {"api_version": ""}  # the variable is not set here
    assert us.region is None
    # The price and the context are the base model's, for the deployment's own name says nothing.
    ready = built(project, "gpt-4o/azure")
    assert ready.price is not None
    assert (ready.price.input, ready.context) == (2_500_000, 128_000)


def test_a_variable_that_is_set_reaches_the_provider(run: Run, tmp_path: Path) -> None:
    run(STYLES["azure"])
    env = {"AZURE_VERSION": "v9", "AZURE_US_BASE": "https://us.example"}
    fleet = build_fleet(load_project(tmp_path / "out", env=env).project.fleet, env)
    us = next(d for d in fleet if d.id == "gpt-4o/azure-2")
    assert (us.params, us.endpoint) == ({"api_version": "v9"}, "https://us.example")


def test_a_name_that_mixes_makers_becomes_a_model_for_each(run: Run) -> None:
    imported, project = run(STYLES["mixed"])
    families = {name: project.fleet.models[name].family for name in ("smart", "smart-anthropic")}
    assert families == {"smart": "openai", "smart-anthropic": "anthropic"}
    assert any("mixes makers" in n.why for n in imported.report.of("changed"))
    assert route(project, "smart").fallbacks[0] == "smart-anthropic"


def test_hosted_providers_of_every_kind(run: Run) -> None:
    imported, project = run(STYLES["mixed"])
    assert deployment(project, "smart").via == "openai"
    assert deployment(project, "smart-anthropic").key == "ANTHROPIC_API_KEY"
    claude = deployment(project, "claude-eu")
    assert (claude.via, claude.region) == ("litellm", "eu")  # the profile says more than the region
    assert claude.params == {"aws_region_name": "eu-central-1"}
    gemini = deployment(project, "gemini-pro")
    assert gemini.region == "europe-west1"
    assert gemini.params == {"vertex_location": "europe-west1", "vertex_project": ""}
    house = project.fleet.models["house"]
    assert (house.context, house.max_output, house.family) == (32_000, 2_000, "unknown")
    assert "tools" in house.can
    price = house.deployments[0].price
    assert price is not None
    assert (price.input, price.output) == (0.4, 1.6)
    assert any("who trained house" in n.why for n in imported.report.of("changed"))


def test_models_of_ones_own(run: Run) -> None:
    imported, project = run(STYLES["local"])
    facts = {
        name: (d.via, d.model, d.endpoint, d.hosting, d.region, d.key, d.discover)
        for name in ("llama", "qwen", "phi", "anywhere")
        if (d := deployment(project, name))
    }
    assert facts == {
        "llama": ("openai", "meta-llama/Llama-3.3-70B-Instruct", "http://vllm:8000/v1", "self",
                  None, None, False),
        "qwen": ("openai", "qwen2.5:7b", "http://localhost:11434/v1", "self", "local", None, True),
        "phi": ("openai", "phi-4", "http://10.2.0.7:8080/v1", "self", None, None, False),
        "anywhere": ("openai", "mystery", "${ANYWHERE_URL}", "hosted", None, None, False),
    }  # fmt: skip
    families = {name: project.fleet.models[name].family for name in facts}
    assert families == {"llama": "meta", "qwen": "qwen", "phi": "microsoft", "anywhere": "unknown"}
    assert project.fleet.models["llama"].tier == "mid"
    assert project.fleet.models["qwen"].tier == "small"
    # A model without a context would never be chosen.
    assert all(project.fleet.models[name].context for name in facts)
    told = {n.key.rpartition(".")[2] for n in imported.report.of("changed")}
    assert {"api_base", "api_key"} <= told


def test_credentials_are_shared_by_name(run: Run) -> None:
    imported, project = run(STYLES["credentials"])
    for name in ("gpt-4.1", "gpt-4.1-mini"):
        one = deployment(project, name)
        assert (one.key, one.endpoint) == ("AZURE_KEY", "https://shared.openai.azure.com")
    assert "no imported model uses" in note(imported.report.of("left"), "credential_list[1]").why


def test_included_files_are_read_and_named_in_notes(tmp_path: Path) -> None:
    for name, text in PARTS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    imported = import_litellm(tmp_path / "config.yaml")
    assert [m.name for m in imported.models] == ["first", "second"]
    assert imported.models[1].origins == (f"{tmp_path}/models/hosted.yaml:3",)
    imported.write(tmp_path / "out")
    project = load_project(tmp_path / "out", env={}).project
    assert route(project, "first").fallbacks == ("second",)


# ── policy ───────────────────────────────────────────────────────────────────────────────


def test_fallbacks_and_aliases_become_routes_by_tag(run: Run) -> None:
    imported, project = run(STYLES["mixed"])
    smart = route(project, "smart")
    assert (smart.primary, smart.fallbacks) == (
        "smart",
        ("smart-anthropic", "claude-eu", "gemini-pro"),
    )
    alias = route(project, "gpt-4")
    assert (alias.primary, alias.fallbacks) == (smart.primary, smart.fallbacks)
    best = route(project, "best")  # it has no fallbacks of its own: the default ones
    assert (best.primary, best.fallbacks) == ("claude-eu", ("house",))
    left = imported.report.of("left")
    assert "gemini-pro" in note(left, "gemini-pro[1]").why  # the near name
    assert "settings of its own" in note(left, "house[0]").why


def test_strategy_and_budget(run: Run) -> None:
    _, project = run(STYLES["mixed"])
    assert project.policy.objective.minimize == "latency"
    assert [(b.per, b.usd, b.window) for b in project.policy.budgets][-1] == (
        "project",
        100,
        "month",
    )


def test_the_default_rules_and_the_deterministic_models_stay(run: Run) -> None:
    _, project = run(STYLES["local"])
    names = [r.name for r in project.policy.routes]
    assert names[-7:] == [
        "personal-data",
        "confidential",
        "normal-risk",
        "high-risk",
        "exact-math",
        "exact-quotes",
        "checks",
    ]
    assert project.fleet.models["calculator"].family is None


# ── nothing is dropped in silence ────────────────────────────────────────────────────────


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every mapping in which LiteLLM, and not the user, decides what keys there are."""
    if isinstance(value, dict):
        if not (path and path[-1] in ("model_group_alias", "fallbacks", "credential_info")):
            yield path
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


@pytest.mark.parametrize("style", STYLES)
def test_an_unknown_key_at_any_level_is_named(style: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    data = yaml.safe_load(STYLES[style])
    checked = 0
    for path in places(data):
        inner = fresh = yaml.safe_load(STYLES[style])
        for step in path:
            inner = inner[step]
        inner["planted_key"] = 1
        config.write_text(yaml.safe_dump(fresh, sort_keys=False), "utf-8")
        imported = import_litellm(config)
        named = " ".join(n.key for n in imported.report.notes)
        gone = (*imported.report.of("left"), *imported.report.of("needless"))
        assert "planted_key" in named or any(holds(n, path) for n in gone), path
        checked += 1
    assert checked > 4


def holds(found: Note, path: tuple[str | int, ...]) -> bool:
    """Whether the note is about the whole of what stands at `path`, or around it."""
    shown = ""
    for step in path:
        shown += f"[{step}]" if isinstance(step, int) else f".{step}" if shown else str(step)
        if found.key == shown:
            return True
    return False


@pytest.mark.parametrize("key", ["planted", "timeout", "weight", "tags", "extra_headers"])
def test_a_note_says_where_why_and_what_to_do(key: str, run: Run) -> None:
    text = f"model_list:\n- model_name: m\n  litellm_params:\n    model: gpt-4o\n    {key}: 1\n"
    imported, _ = run(text)
    (left,) = imported.report.of("left")
    assert (left.line, left.key) == (5, f"model_list[0].litellm_params.{key}")
    assert left.file.endswith("config.yaml")
    assert left.why
    assert left.do


def test_what_is_always_so_here_is_not_a_loss(run: Run) -> None:
    imported, _ = run(STYLES["azure"])
    needless = {n.key.rpartition(".")[2] for n in imported.report.of("needless")}
    assert {"drop_params", "num_retries", "enable_pre_call_checks"} <= needless


def test_what_is_no_chat_model_is_left_with_its_place(run: Run) -> None:
    imported, _ = run(STYLES["mixed"])
    left = {n.key: n.why for n in imported.report.of("left")}
    assert "wildcard 'openai/*'" in left["model_list[5]"]
    assert "is for embedding" in left["model_list[6]"]


# ── secrets ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "params",
    [
        f"api_key: {LITERAL}",
        "api_key: short-one",
        "api_base: https://user:pa55word@llm.example.com/v1",
        f"api_base: https://llm.example.com/v1?key={LITERAL}",
        f"api_base: https://llm.example.com/{LITERAL}/v1",
        f"aws_secret_access_key: {LITERAL}",
        f"extra_headers: {{Authorization: Bearer {LITERAL}}}",
    ],
)
def test_a_secret_is_never_copied(params: str, run: Run) -> None:
    text = f"model_list:\n- model_name: m\n  litellm_params:\n    model: openai/x\n    {params}\n"
    imported, _ = run(text)
    written = b"".join(imported.files.values()).decode() + repr(imported)
    for secret in (LITERAL, "pa55word", "short-one"):
        assert secret not in written
    assert any(n.line == 5 for n in imported.report.notes)


def test_one_literal_is_one_variable(run: Run) -> None:
    entry = "- model_name: {}\n  litellm_params: {{model: openai/gpt-4o, api_key: {}}}\n"
    parts = (("a", LITERAL), ("b", LITERAL), ("a", "another-one"))
    _, project = run("model_list:\n" + "".join(entry.format(*part) for part in parts))
    keys = [d.key for name in ("a", "b") for d in project.fleet.models[name].deployments]
    assert keys == ["A_API_KEY", "A_API_KEY_2", "A_API_KEY"]


# ── bad input ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("- a\n- b\n", "the top level is not a mapping"),
        ("model_list: [\n", "not closed"),
        ("a: 1\na: 2\n", "stands twice"),
        ("models: []\n", "model_list is missing; found the keys models"),
        ("model_list: []\n", "the list of models is empty"),
        ("model_list: gpt-4o\n", "found the text 'gpt-4o'; allowed: a list of models"),
        ("model_list: [gpt-4o]\n", "model_list[0]: the value has the wrong type"),
        ("model_list:\n- model_name: a\n", "the key 'litellm_params' is missing"),
        ("model_list:\n- litellm_params: {model: b}\n", "the key 'model_name' is missing"),
        ("model_list:\n- {model_name: a, litellm_params: {}}\n", "the key 'model' is missing"),
        ("model_list:\n- {model_name: 4, litellm_params: {model: b}}\n", "found the number 4"),
        ("include: [gone.yaml]\nmodel_list: []\n", "the included file does not exist"),
        (AZURE.replace("router_settings:", "router_settings: []\nx:"), "allowed: a mapping"),
    ],
)
def test_a_bad_configuration_is_the_users_mistake(text: str, said: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(text, "utf-8")
    with pytest.raises(ProjectError) as refused:
        import_litellm(config)
    assert said in str(refused.value)
    assert f"{config}:" in str(refused.value) or "gone.yaml" in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="cannot be read"):
        import_litellm(tmp_path / "config.yaml")


def test_a_configuration_of_wildcards_alone_says_so(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="names no model that a fleet can hold") as refused:
        run("model_list:\n- model_name: '*'\n  litellm_params: {model: '*'}\n")
    assert any("config.yaml:2" in line for line in refused.value.__notes__)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["1e5", "0o17", "yes", "null", "~", "a: b", "#1", "Ünïcode", "9"])
def test_odd_names_survive_the_writing(name: str, run: Run) -> None:
    quoted = name.replace("'", "''")
    params = f"{{model: 'openai/{quoted}'}}"
    text = f"model_list:\n- model_name: '{quoted}'\n  litellm_params: {params}\n"
    imported, project = run(text)
    model: ModelDeclaration = project.fleet.models[imported.models[0].name]
    assert model.deployments[0].model == name
    assert route(project, name).primary == imported.models[0].name


def test_litellm_itself_is_never_imported(run: Run) -> None:
    before = "litellm" in sys.modules
    run(STYLES["azure"])
    assert ("litellm" in sys.modules) == before
