"""`mesh serve` put together: check, bind, warm up, and let the supervisor run."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import logging
import os
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.errors import PrerequisiteError, RunError, StorageError
from orchestrator.gateway.serve.channel import Channel
from orchestrator.gateway.serve.listen import address_of, allow_connections, listen
from orchestrator.gateway.serve.options import ServeOptions
from orchestrator.gateway.serve.reload import load_checked
from orchestrator.gateway.serve.reloading import Reloading
from orchestrator.gateway.serve.running import RunningFile
from orchestrator.project.load import LoadedProject
from orchestrator.storage.operations import keep_policy

if TYPE_CHECKING:
    import socket

    from orchestrator.mesh import Mesh
    from orchestrator.project.protocols import Embedder

_LOG = logging.getLogger("orchestrator.gateway")
_WARM = (
    "aiohttp",
    "httptools",
    "msgspec.json",
    "orchestrator.calling.health.live",
    "orchestrator.gateway.build",
    "orchestrator.gateway.serve.assemble",
    "orchestrator.gateway.telemetry.recorder",
    "orchestrator.graph.runs",
    "orchestrator.roles.single",
    "orchestrator.routing.decide",
    "uvicorn.protocols.http.httptools_impl",
    "uvloop",
)
"""What every worker needs is imported once, before it is forked: its memory is shared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What there is to say when the service is up."""

    address: str
    pid: int
    workers: int
    keys: str
    """`open` or `virtual`."""
    deployments: int
    available: int
    storage: str
    project_hash: str
    policy_hash: str
    warnings: tuple[str, ...] = ()


def serve(
    options: ServeOptions, env: Mapping[str, str], on_ready: Callable[[Started], None]
) -> None:
    """Serve until SIGTERM or SIGINT; returns when every accepted request is answered.

    Args:
        on_ready: told when all workers answer.

    Raises:
        PrerequisiteError: this system has no fork, or there is no key and `open` is not said.
        ProjectError: every mistake of the project.
        UserError: it cannot listen there.
        RunError: workers died as soon as they were started.
    """
    if not hasattr(os, "fork"):
        raise PrerequisiteError(
            "mesh serve needs fork, which Windows does not have: run it on Linux or macOS, in WSL, "
            "or in the container of deploy/"
        )
    from orchestrator.gateway.telemetry import logs
    from orchestrator.mesh import Mesh

    loaded = load_checked(options.root, env)
    logs.install(options.log)
    logging.getLogger(logs.LOGGER).setLevel(logging.INFO)
    mesh = Mesh(loaded, env=env)
    from orchestrator.gateway.serve.assemble import check_keys

    keys = check_keys(mesh, options)
    allow_connections()
    listener = listen(options.host, options.port)
    _make_storage(mesh)
    with contextlib.suppress(StorageError):  # said at the first reload, and by `mesh policy`
        keep_policy(mesh.operations, loaded)
    embedder = _warm(mesh)
    file = RunningFile(mesh.storage, address_of(listener))
    try:
        _supervise(_Made(options, loaded, env, listener, file, keys, embedder), on_ready)
    finally:
        file.close()
        listener.close()


@dataclass(frozen=True, slots=True)
class _Made:
    """What there is before anything is forked."""

    options: ServeOptions
    loaded: LoadedProject
    env: Mapping[str, str]
    listener: socket.socket
    file: RunningFile
    keys: str
    embedder: Embedder | None


def _supervise(made: _Made, on_ready: Callable[[Started], None]) -> None:
    from orchestrator.gateway.serve.supervisor import Supervisor
    from orchestrator.gateway.telemetry.board import Board
    from orchestrator.mesh import Mesh

    options, env, file = made.options, made.env, made.file
    mesh = Mesh(made.loaded, env=env)
    reloading = Reloading(
        loaded=made.loaded,
        env=env,
        options=options,
        operations=mesh.operations,
        name=file.running.name,
    )

    board = Board(options.workers + 1)

    def work(number: int, channel: Channel) -> None:
        from orchestrator.gateway.serve.assemble import serve_worker
        from orchestrator.gateway.serve.worker import Plan

        plan = Plan(
            number=number,
            loaded=reloading.loaded,
            env=env,
            options=options,
            listener=made.listener,
            channel=channel,
            running=file.running,
            board=board,
            embedder=made.embedder,
        )
        _run(serve_worker(plan))

    def record(channel: Channel) -> None:
        from orchestrator.gateway.telemetry import recorder

        made.listener.close()  # or who connects while it ends would wait for nobody
        recorder.run(reloading.loaded, env, board, lambda: channel.receive() is not None)

    def ready(facts: Mapping[int, Mapping[str, Any]]) -> None:
        project = reloading.loaded.project
        first = facts[min(facts)]
        started = Started(
            address=file.running.address,
            pid=os.getpid(),
            workers=len(facts),
            keys=made.keys,
            deployments=first["all"],
            available=first["available"],
            storage=str(mesh.storage),
            project_hash=project.hash,
            policy_hash=project.policy_hash,
            warnings=tuple(str(problem) for problem in made.loaded.warnings),
        )
        on_ready(started)

    supervisor = Supervisor(
        worker=work,
        workers=options.workers,
        recorder=record,
        reloading=reloading,
        listener=made.listener,
        drain_s=options.drain_s,
        on_ready=ready,
    )
    problem = supervisor.run()
    if problem:
        raise RunError(problem)


def _run(work: Coroutine[Any, Any, None]) -> None:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


def _make_storage(mesh: Mesh) -> None:
    try:
        mesh.storage.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{mesh.storage} cannot be made: {error.strerror}") from error


def _warm(mesh: Mesh) -> Embedder | None:
    """Import and load what all workers share. Nothing here starts a thread: those do not fork."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    for module in _WARM:
        importlib.import_module(module)
    embedder = mesh.embedder if mesh.project.settings.embedder == "static" else None
    gc.collect()
    gc.freeze()
    # A request makes some hundred objects, nearly none of them in a cycle: with the usual 700 the
    # collector would run for each, which takes a sixth of its time.
    gc.set_threshold(20_000, 10, 10)
    return embedder
