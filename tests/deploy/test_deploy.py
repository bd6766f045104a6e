"""What deploy/ holds, as far as it can be tried without containers and systemd."""

from __future__ import annotations

import asyncio
import re
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.cli._app import build
from orchestrator.project.load import load_project
from tests.calling.server import Say, StandIn
from tests.gateway.serve.service import mesh, serving, write_service

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
SERVICE_KEYS = {
    "build",
    "cap_drop",
    "command",
    "depends_on",
    "deploy",
    "environment",
    "healthcheck",
    "image",
    "ports",
    "read_only",
    "restart",
    "security_opt",
    "stop_grace_period",
    "tmpfs",
    "volumes",
}
"""Those of the Compose Specification that are used here; a misspelt one is in none of them."""


def commands() -> set[str]:
    app = build()
    names = {c.name or c.callback.__name__ for c in app.registered_commands if c.callback}
    return names | {str(group.name) for group in app.registered_groups}


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return loaded


def instructions() -> list[tuple[str, str]]:
    """The Containerfile, a line each."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "Containerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def unit() -> list[tuple[str, str]]:
    lines = (DEPLOY / "mesh.service").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if line and line[0] not in "#[")
    return [(key, value) for key, _, value in pairs]


def test_the_compose_file_is_one() -> None:
    whole = compose()
    assert set(whole) == {"name", "services", "volumes"}
    assert set(whole["services"]) == {"gateway", "postgres", "valkey"}
    for name, service in whole["services"].items():
        assert set(service) <= SERVICE_KEYS, name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name
        for volume in service["volumes"]:
            source = str(volume).partition(":")[0]
            assert source[0] in "./" or source in whole["volumes"], volume
        for other in service.get("depends_on", {}):
            assert "healthcheck" in whole["services"][other]
    folder = compose()["services"]["gateway"]["build"]
    assert (DEPLOY / folder["context"] / folder["dockerfile"]).is_file()


def test_its_project_loads_with_its_environment() -> None:
    gateway = compose()["services"]["gateway"]
    given = {key: value for key, value in gateway["environment"].items() if value}
    env = {key: re.sub(r"\$\{[^}]*\}", "word", value) for key, value in given.items()}
    loaded = load_project(DEPLOY / "project", env=env)
    settings = loaded.project.settings
    assert settings.storage.database.startswith("postgresql://mesh:")  # type: ignore[union-attr]
    assert settings.shared.url == "redis://valkey:6379/0"
    assert settings.gateway.host == "0.0.0.0"
    grace_s = int(gateway["stop_grace_period"].removesuffix("s"))
    assert grace_s > settings.deadline_ms / 1000


def test_the_container_file_copies_what_there_is_and_runs_as_nobody_special() -> None:
    steps = instructions()
    words = [word for word, _ in steps]
    assert words.count("FROM") == 2
    assert (ROOT / "requirements" / "run.txt").is_file()
    assert ("COPY", "requirements/run.txt dist/*.whl ./") in steps
    assert words.index("USER") > words.index("RUN")
    assert dict(steps)["USER"] not in ("root", "0")
    entry, command = (yaml.safe_load(dict(steps)[word]) for word in ("ENTRYPOINT", "CMD"))
    assert entry == ["mesh"]
    assert command[0] in commands()
    check = yaml.safe_load(dict(steps)["HEALTHCHECK"].partition("CMD ")[2])
    assert check[0] == "mesh"
    assert check[1] in commands()


async def test_its_shell_steps_are_shell() -> None:
    for word, rest in instructions():
        if word == "RUN":
            process = await asyncio.create_subprocess_exec("sh", "-n", "-c", rest)
            assert await process.wait() == 0, rest


async def test_the_health_check_asks_the_gateway_that_runs(tmp_path: Path) -> None:
    async with StandIn(Say("Hello.")) as endpoint:
        folder = write_service(tmp_path, endpoint)
        async with serving(folder, "--host", "127.0.0.1") as service:
            assert await mesh(folder, "health") == (
                0,
                {"url": service.url, "ready": True, "reasons": []},
            )
            (folder / "fleet.yaml").write_text(
                (folder / "fleet.yaml").read_text().replace("self}", "self, key: UNSET_KEY}")
            )
            assert (await mesh(folder, "reload"))[0] == 0
            code, said = await mesh(folder, "health")
            assert (code, said["ready"]) == (3, False)


async def test_the_unit_starts_reloads_and_stops_a_gateway(tmp_path: Path) -> None:
    """Its own command lines, with the paths of this machine and a free port."""
    said = dict(unit())
    program, *arguments = shlex.split(said["ExecStart"])
    assert program == "/opt/mesh/bin/mesh"
    async with StandIn(Say("Hello.")) as endpoint:
        folder = write_service(tmp_path, endpoint)
        here = {"/etc/mesh": str(folder), "8700": "0"}
        line = [sys.executable, "-m", "orchestrator.cli", *(here.get(a, a) for a in arguments)]
        process = await asyncio.create_subprocess_exec(
            *line, "--open", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        assert b"serving http://127.0.0.1:" in await asyncio.wait_for(process.stdout.readline(), 30)
        reload = shlex.split(said["ExecReload"].replace("$MAINPID", str(process.pid)))
        assert await (await asyncio.create_subprocess_exec(*reload)).wait() == 0
        await asyncio.sleep(1)
        process.send_signal(signal.SIGTERM)
        _, log = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0
    assert b"reloaded: project" in log


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("KillMode", "mixed"),
    ],
)
def test_the_unit_is_hardened(key: str, value: str) -> None:
    assert (key, value) in unit()
    said = dict(unit())
    default_s = load_project(None, env={}).project.settings.deadline_ms / 1000
    assert int(said["TimeoutStopSec"]) > default_s
