"""Variables in values, and secrets that must not stand there."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.project.render import render_problems
from tests.project.samples import Files, Path_, changed, load, problems_of, spoiled, valid, write

ENDPOINT: Path_ = ("models", "sonnet", "deployments", 1, "endpoint")
MODEL: Path_ = ("models", "sonnet", "deployments", 1, "model")
STORAGE: Path_ = ("storage", "path")


def _storage(root: Path, text: str, env: dict[str, str]) -> str:
    write(root, changed("mesh.yaml", STORAGE, text))
    return load(root, env=env).project.settings.storage.path


@pytest.mark.parametrize(
    ("text", "env", "value"),
    [
        ("${HOME_DIR}/mesh", {"HOME_DIR": "/srv"}, "/srv/mesh"),
        ("${A}-${B:-b}-${C:-}", {"A": "a"}, "a-b-"),
        ("${A:-x:-y}", {}, "x:-y"),
        ("${A:-default}", {"A": "set"}, "set"),
        ("${A:-default}", {"A": ""}, "default"),
        ("$${A}", {}, "${A}"),
        ("$A and $", {"A": "a"}, "$A and $"),
        ("${A}", {"A": "${B}"}, "${B}"),
    ],
)
def test_a_variable_is_filled_in(
    tmp_path: Path, text: str, env: dict[str, str], value: str
) -> None:
    assert _storage(tmp_path, text, env) == value


def test_variables_in_front_matter_but_not_in_prompts(tmp_path: Path) -> None:
    text = "---\ntask: ${TASK}\ndescription: x\n---\nSay ${NOTHING}.\n"
    write(tmp_path, valid() | {"agents/planner.md": text})
    agent = load(tmp_path, env={"TASK": "plan"}).project.agents["planner"]
    assert (agent.task, agent.prompt) == ("plan", "Say ${NOTHING}.")


def test_the_environment_of_the_process_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MESH_TEST_PLACE", "here")
    write(tmp_path, changed("mesh.yaml", STORAGE, "${MESH_TEST_PLACE}"))
    assert load(tmp_path, env=None).project.settings.storage.path == "here"


@pytest.mark.parametrize("env", [{}, {"NOWHERE": ""}])
def test_a_variable_that_is_not_set(tmp_path: Path, env: dict[str, str]) -> None:
    places = write(tmp_path, changed("mesh.yaml", STORAGE, "a/${NOWHERE}"))
    (problem,) = problems_of(tmp_path, env=env)
    assert problem.message == "the variable NOWHERE is not set and has no default"
    assert (problem.line, problem.column) == places["mesh.yaml"][STORAGE]
    assert (problem.key, problem.found) == ("storage.path", "a/${NOWHERE}")
    assert problem.allowed == "set NOWHERE, or write ${NOWHERE:-default}"


def test_a_variable_that_is_not_set_has_no_form_that_could_be_wrong(tmp_path: Path) -> None:
    write(tmp_path, changed("mesh.yaml", ("calls", "incidents", "webhook"), "${HOOK}"))
    (problem,) = problems_of(tmp_path, env={})
    assert problem.message == "the variable HOOK is not set and has no default"


@pytest.mark.parametrize("text", ["${", "${A", "${a-b}", "${}", "${1A}", "x ${ A }"])
def test_what_is_no_reference(tmp_path: Path, text: str) -> None:
    (problem,) = spoiled(tmp_path, changed("mesh.yaml", STORAGE, text))
    assert problem.message == "this is not a reference to a variable"


def test_an_endpoint_without_its_variable_is_only_not_configured(tmp_path: Path) -> None:
    write(tmp_path, changed("fleet.yaml", ENDPOINT, "${SERVER_URL}/v1"))

    def endpoint(env: dict[str, str]) -> str | None:
        models = load(tmp_path, env=env).project.fleet.models
        return models["sonnet"].deployments[1].endpoint

    assert endpoint({}) == "${SERVER_URL}/v1"
    assert endpoint({"SERVER_URL": "http://x"}) == "http://x/v1"


def test_a_variables_value_is_validated_but_not_shown(tmp_path: Path) -> None:
    path: Path_ = ("models", "sonnet", "deployments", 1, "region")
    write(tmp_path, changed("fleet.yaml", path, "${REGION}"))
    (problem,) = problems_of(tmp_path, env={"REGION": "Somewhere Private"})
    assert problem.found == "the text '${REGION}'"
    assert "Private" not in render_problems([problem])


def test_a_variable_under_an_alias_is_filled_in_for_each(tmp_path: Path) -> None:
    text = (
        "models:\n"
        "  one: {tier: nano, deployments: &d [{id: a, via: openai, model: '${M}', "
        "endpoint: '${E}', hosting: self}]}\n"
        "  two: {tier: nano, deployments: *d}\n"
    )
    files = valid() | {"fleet.yaml": text}
    files["policy.yaml"] = {"objective": {"minimize": "cost"}}
    write(tmp_path, files)
    models = load(tmp_path, env={"M": "m"}).project.fleet.models
    assert [(m.deployments[0].model, m.deployments[0].endpoint) for m in models.values()] == [
        ("m", "${E}")
    ] * 2


# Put together here, so that no file of ours holds what looks like a key.
SECRETS = {
    "sk": "sk-" + "proj-Ab3dEf6hIj9kLmNoPqRs",
    "aws": "AKIA" + "IOSFODNN7EXAMPLE",
    "github": "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
    "google": "AIza" + "SyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe",
    "virtual": "mesh-" + "zbcxusxmjjFYabS8Fz0VHZbEqHA4z84cWFoZVLJx5WB3ZHxJeFcAp0Rfmx1",
    "slack": "xoxb-" + "1234567890-abcdefghij",
    "jwt": "eyJ" + "hbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0In0." + "abcDEF123456",
    "pem": "-----BEGIN " + "RSA PRIVATE KEY-----",
    "url": "https://user:" + "pa55word@example.org/v1",
}
SECRET_MESSAGE = "secrets only by variable name: put the value in the environment"


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("fleet.yaml", MODEL),
        ("fleet.yaml", ENDPOINT),
        ("mesh.yaml", STORAGE),
        ("agents/writer.md", ("description",)),
        ("policy.yaml", ("routes", 0, "match", "domain")),
        ("graphs/main.yaml", ("nodes", "found", "with", "query")),
        ("evals/smoke.yaml", ("cases", 0, "input", "question")),
    ],
)
def test_a_secret_is_refused_and_not_repeated(
    tmp_path: Path, file: str, path: Path_, secret: str
) -> None:
    places = write(tmp_path, changed(file, path, secret))
    (problem,) = problems_of(tmp_path)
    assert problem.message == SECRET_MESSAGE
    assert problem.line == places[file][path][0]
    assert secret not in render_problems([problem])
    assert problem.snippet.endswith(("…", '…"', "v1", '/v1"'))


@pytest.mark.parametrize("key", ["key", "api_key", "token", "client-secret", "password"])
def test_a_random_text_under_a_name_for_keys(tmp_path: Path, key: str) -> None:
    secret = "f3a9" + "Zk81mQ0xT5vB7nW2" + "yR6u"
    path: Path_ = ("models", "sonnet", "deployments", 0, key)
    (problem,) = spoiled(tmp_path, changed("fleet.yaml", path, secret))
    assert problem.message == SECRET_MESSAGE
    assert problem.key.endswith(key)
    assert secret not in render_problems([problem])


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("anthropic_api_key", "ANTHROPIC_API_KEY"),
        ("${ANTHROPIC_API_KEY}", "ANTHROPIC_API_KEY"),
        ("Anthropic-Key", "ANTHROPIC_KEY"),
    ],
)
def test_a_key_is_a_variables_bare_name(tmp_path: Path, text: str, near: str) -> None:
    path: Path_ = ("models", "sonnet", "deployments", 0, "key")
    files = changed("fleet.yaml", path, text)
    (problem,) = spoiled(tmp_path, files, env={"ANTHROPIC_API_KEY": "the-value"})
    assert problem.near == near
    assert problem.allowed == "the NAME of an environment variable, in capitals"
    assert "the-value" not in str(problem)


def test_secrets_in_comments_defaults_and_prompts(tmp_path: Path) -> None:
    secret = SECRETS["sk"]
    files: Files = changed("mesh.yaml", STORAGE, f"${{PLACE:-{secret}}}")
    files["policy.yaml"] = f"# {secret}\nroutes: []\n"
    files["agents/planner.md"] = f"---\ntask: a\ndescription: b\n---\nUse\n {secret}.\n"
    problems = spoiled(tmp_path, files)
    assert [(p.message, p.line, p.column, p.key) for p in problems] == [
        (SECRET_MESSAGE, 6, 2, ""),
        (SECRET_MESSAGE, 2, 19, "storage.path"),
        (SECRET_MESSAGE, 1, 3, ""),
    ]
    assert secret not in render_problems(problems)


@pytest.mark.parametrize(
    "text",
    [
        "sk-learn and sk-short are no keys",
        "https://example.org:8080/v1?model=a@b",
        "https://${NAME:-a}:${WORD:-b}@example.org",
        "bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "the AKIA prefix",
    ],
)
def test_what_only_resembles_a_secret(tmp_path: Path, text: str) -> None:
    assert spoiled(tmp_path, changed("fleet.yaml", MODEL, text)) == ()
