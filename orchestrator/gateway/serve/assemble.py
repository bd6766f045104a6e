"""The gateway of one worker: its mesh, its keys, its recorder, and the application over them."""

from __future__ import annotations

from contextlib import ExitStack

from orchestrator.calling.clock import SystemClock
from orchestrator.gateway.keys.opening import open_store, ring_for
from orchestrator.gateway.serve.options import ServeOptions
from orchestrator.gateway.serve.worker import Plan, Supervised, Worker
from orchestrator.gateway.telemetry.telemetry import Telemetry
from orchestrator.mesh import Mesh
from orchestrator.parts import Injected
from orchestrator.tracing.export import endpoint_of
from orchestrator.tracing.spooled import SpoolRecorder


def check_keys(mesh: Mesh, options: ServeOptions) -> str:
    """Whether keys are asked for: `virtual`, or `open`.

    Raises:
        UserError: open to others than this machine.
        PrerequisiteError: there is no key yet.
    """
    clock = SystemClock()
    store = open_store(mesh.project.settings, mesh.storage, clock)
    return "open" if ring_for(options.host, options.open, store, clock) is None else "virtual"


async def serve_worker(plan: Plan) -> None:
    """Answer until the worker is told to end; then write what is left, and close everything."""
    from orchestrator.gateway.build import build

    project, options = plan.loaded.project, plan.options
    storage, clock = Mesh(plan.loaded, env=plan.env).storage, SystemClock()
    with ExitStack() as stack:
        ring = ring_for(
            options.host, options.open, open_store(project.settings, storage, clock), clock
        )
        if ring is not None:
            ring.start()
            stack.callback(ring.close)
        telemetry = Telemetry(plan.board, plan.number - 1, style=options.log)
        stack.callback(telemetry.close)
        exported = endpoint_of(project.settings.telemetry, plan.env) is not None
        recorder = SpoolRecorder(storage, exported=exported, told=telemetry.recorded)
        stack.callback(recorder.close)
        telemetry.recorder = recorder
        injected = Injected(
            served=True,
            recorder=recorder,
            allotments=ring,
            embedder=plan.embedder,
            workers=options.workers,
        )
        mesh = Mesh(plan.loaded, env=plan.env, injected=injected)
        if ring is not None and mesh.shared is not None:
            ring.share(mesh.shared)
        await mesh.join_others()
        gateway = build(mesh, keys=ring, telemetry=telemetry)
        gateway.state.control = Supervised(gateway.state, plan.running)
        await Worker(plan, gateway).serve()
