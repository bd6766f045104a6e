"""The gateways that are measured beside each other, each before the same provider.

Others are installed into folders of their own under `--tools`, in the versions that are named here;
nothing of them gets into the project's environment.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
LITELLM = "litellm[proxy]==1.102.0"
TENSORZERO = "tensorzero==2026.6.0"
PORTKEY = "@portkey-ai/gateway@1.15.2"
KEY = "sk-not-a-real-key"
_START_S = 90.0


@dataclass(frozen=True, kw_only=True)
class Served:
    """A gateway that answers."""

    url: str
    """Of its chat completions."""
    model: str
    pid: int
    headers: Mapping[str, str] = field(default_factory=dict)

    def memory_mb(self) -> tuple[float, float]:
        """Of all its processes: resident (shared pages counted in each), and proportional."""
        found = [_smaps(pid) for pid in family(self.pid)]
        return sum(rss for rss, _ in found) / 1024, sum(pss for _, pss in found) / 1024


def family(pid: int) -> list[int]:
    """The process and all that came from it."""
    with suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *(n for child in children for n in family(int(child)))]
    return []


def _smaps(pid: int) -> tuple[int, int]:
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        known = {line.split(":")[0]: line.split()[1] for line in lines[1:]}
        return int(known["Rss"]), int(known["Pss"])
    return 0, 0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(command: list[str], ready: str, **options: object) -> Iterator[int]:
    """The process, from when `ready` answers anything until the end of the block."""
    log = subprocess.DEVNULL if "stdout" not in options else options.pop("stdout")
    process = subprocess.Popen(
        command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, **options
    )  # type: ignore[call-overload]
    try:
        until = time.monotonic() + _START_S
        while not _answers(ready):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"it did not start: {' '.join(command)}")
            time.sleep(0.1)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=1)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@contextmanager
def upstream() -> Iterator[str]:
    """The provider; its address."""
    port = free_port()
    command = [sys.executable, str(Path(__file__).with_name("_upstream.py")), str(port)]
    process = subprocess.Popen(command)
    try:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def direct(provider: str, _folder: Path, _tools: Path) -> Iterator[Served]:
    """Nothing in between."""
    yield Served(url=f"{provider}/chat/completions", model="mock", pid=os.getpid())


def ours(workers: int) -> Callable[[str, Path, Path], object]:
    """`mesh serve`, with keys, budgets, limits, routing under a policy, traces and metrics."""

    @contextmanager
    def start(provider: str, folder: Path, _tools: Path) -> Iterator[Served]:
        write_project(folder, provider)
        mesh = str(Path(sys.executable).with_name("mesh"))
        env = {**os.environ, "BENCH_KEY": KEY}
        made = subprocess.run(
            [mesh, "keys", "create", "--name", "bench", "--budget", "1000/day", "--json"],
            cwd=folder, env=env, capture_output=True, text=True, check=True,
        )  # fmt: skip
        secret = json.loads(made.stdout)["secret"]
        port = free_port()
        command = [mesh, "serve", "--port", str(port), "--workers", str(workers)]
        address = f"http://127.0.0.1:{port}"
        with running(command, f"{address}/health/ready", cwd=folder, env=env) as pid:
            yield Served(
                url=f"{address}/v1/chat/completions",
                model="task:chat",
                pid=pid,
                headers={"Authorization": f"Bearer {secret}"},
            )

    return start


def write_project(folder: Path, provider: str) -> None:
    """Four models, of which two deployments can answer; five routes, three budgets, a limit."""
    shutil.copytree(ROOT / "scripts" / "gateway_project", folder, dirs_exist_ok=True)
    fleet = folder / "fleet.yaml"
    fleet.write_text(fleet.read_text().replace("PROVIDER", provider))


@contextmanager
def litellm(provider: str, folder: Path, tools: Path) -> Iterator[Served]:
    """LiteLLM's proxy, with one worker, as it comes."""
    python = installed(tools / "litellm", LITELLM)
    params = {"model": "openai/mock", "api_base": provider, "api_key": KEY}
    config = {"model_list": [{"model_name": "mock", "litellm_params": params}]}
    (folder / "config.yaml").write_text(json.dumps(config))
    port = free_port()
    command = [str(python.with_name("litellm")), "--config", "config.yaml", "--port", str(port)]
    env = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    ready = f"http://127.0.0.1:{port}/health/liveliness"
    with running([*command, "--host", "127.0.0.1"], ready, cwd=folder, env=env) as pid:
        yield Served(url=f"http://127.0.0.1:{port}/v1/chat/completions", model="mock", pid=pid)


_TENSORZERO = """
import sys, time
from tensorzero import _start_http_gateway
gateway = _start_http_gateway(
    config_file=sys.argv[1], clickhouse_url=None, postgres_url=None, valkey_url=None,
    async_setup=False,
)
open("address", "w").write(gateway.base_url)
time.sleep(1e6)
"""


@contextmanager
def tensorzero(provider: str, folder: Path, tools: Path) -> Iterator[Served]:
    """TensorZero over HTTP, with observability off."""
    python = installed(tools / "tensorzero", TENSORZERO)
    (folder / "tensorzero.toml").write_text(
        "[gateway]\nobservability.enabled = false\n"
        '[models.mock]\nrouting = ["mock"]\n[models.mock.providers.mock]\ntype = "openai"\n'
        f'model_name = "mock"\napi_base = "{provider}/"\napi_key_location = "none"\n'
    )
    command = [str(python), "-c", _TENSORZERO, "tensorzero.toml"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + _START_S
        while not (folder / "address").exists() and time.monotonic() < until:
            time.sleep(0.1)
        url = f"{(folder / 'address').read_text()}/chat/completions"
        yield Served(url=url, model="tensorzero::model_name::mock", pid=process.pid)
    finally:
        process.kill()
        process.wait()


@contextmanager
def portkey(provider: str, folder: Path, tools: Path) -> Iterator[Served]:
    """Portkey's gateway on Node."""
    home = tools / "portkey"
    script = home / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    if not script.exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text('{"private": true}')
        npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", PORTKEY]
        subprocess.run(npm, cwd=home, check=True, stdout=subprocess.DEVNULL)
    port = free_port()
    command = ["node", str(script), f"--port={port}", "--headless"]
    env = {**os.environ, "NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "localhost,127.0.0.1"}
    with running(command, f"http://127.0.0.1:{port}/", cwd=folder, env=env) as pid:
        headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": provider}
        yield Served(
            url=f"http://127.0.0.1:{port}/v1/chat/completions",
            model="mock",
            pid=pid,
            headers={**headers, "Authorization": f"Bearer {KEY}"},
        )


def installed(home: Path, requirement: str) -> Path:
    """The Python of an environment that holds it."""
    python = home / "bin" / "python"
    stamp = home / ".installed"
    if not stamp.exists():
        venv.create(home, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", requirement]
        subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
        stamp.write_text(requirement)
    return python
