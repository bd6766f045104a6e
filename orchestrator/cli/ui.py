"""`mesh ui`: the pages over what was recorded, on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    import socket

    from orchestrator.mesh import Mesh

PORT = 7077
"""Where the pages are, unless another is asked for or a program is there already."""


def ui(
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Beyond this machine, keys are asked.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help=f"Default: {PORT}, or any that is free."),
    ] = None,
    open_browser: Annotated[
        bool, typer.Option("--open-browser", help="Open the pages in the browser, too.")
    ] = False,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Look at traces, decisions and costs in the browser; Ctrl-C ends it.

    On this machine nobody is asked for a key. With another --host a key with `read` is needed,
    and one of a workspace shows that workspace alone.
    """
    import contextlib
    import sys

    from orchestrator.cli._show import Screen, print_json
    from orchestrator.gateway.serve.listen import address_of
    from orchestrator.mesh import Mesh

    mesh = Mesh.load(project)
    application, close = _application(mesh, host)
    listener = _listener(host, port)
    address = address_of(listener)
    with contextlib.suppress(KeyboardInterrupt):
        if as_json:
            print_json({"event": "started", "url": f"{address}/", "keys": not _here(host)})
        else:
            screen = Screen()
            screen.print(screen.join((screen.sign("yes"), "good"), " ", (f"{address}/", "strong")))
            screen.prose(f"traces of {mesh.storage}; Ctrl-C ends it", 2, "quiet")
        sys.stdout.flush()
        _serve(application, listener, mesh, address if open_browser else None)
    close()
    mesh.store.close()


def _here(host: str) -> bool:
    from orchestrator.gateway.keys.opening import is_loopback

    return is_loopback(host)


def _application(mesh: Mesh, host: str) -> tuple[Any, Any]:
    """The pages behind their door, and what closes the door's keys."""
    from orchestrator.gateway.guarded import Guarded
    from orchestrator.viewer.app import viewer

    if _here(host):
        return Guarded(viewer(lambda: mesh), is_open=True), lambda: None
    from orchestrator.calling.clock import SystemClock
    from orchestrator.gateway.keys.opening import open_store, ring_for
    from orchestrator.gateway.pages import KeyDoor

    clock = SystemClock()
    ring = ring_for(host, False, open_store(mesh.project.settings, mesh.storage, clock), clock)
    assert ring is not None
    ring.start()
    return Guarded(viewer(lambda: mesh, KeyDoor(ring)), is_open=False), ring.close


def _listener(host: str, port: int | None) -> socket.socket:
    from orchestrator.errors import UserError
    from orchestrator.gateway.serve.listen import listen

    if port is not None:
        return listen(host, port)
    try:
        return listen(host, PORT)
    except UserError:
        return listen(host, 0)


def _serve(application: Any, listener: socket.socket, mesh: Mesh, browse: str | None) -> None:
    """Until Ctrl-C or SIGTERM."""
    import threading

    import uvicorn

    # The database is opened beside, so that the first page does not wait for all of it.
    threading.Thread(target=_warm, args=(mesh,), name="mesh-warm", daemon=True).start()
    config = uvicorn.Config(
        application, lifespan="off", log_level="error", access_log=False, server_header=False
    )
    # A page that is looked at asks for news all the time, and is not waited for.
    config.timeout_graceful_shutdown = 1
    if browse is not None:
        import webbrowser

        webbrowser.open(f"{browse}/")
    uvicorn.Server(config).run(sockets=[listener])


def _warm(mesh: Mesh) -> None:
    """What a first page needs is loaded."""
    import contextlib

    from orchestrator.errors import MeshError
    from orchestrator.tracing.diagnosis import diagnose

    with contextlib.suppress(MeshError):  # a page will say it
        for trace in mesh.store.traces(1):
            ids = [hop.id for hop in mesh.store.brief(trace.id)[:10]]
            diagnose(trace, mesh.store.some_hops(trace.id, ids))
