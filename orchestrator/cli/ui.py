"""`mesh ui`: the pages over what was recorded, on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    import socket
    from contextlib import ExitStack
    from pathlib import Path

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

    from orchestrator.gateway.serve.listen import address_of

    with contextlib.ExitStack() as closing, contextlib.suppress(KeyboardInterrupt):
        # On this machine a browser may come before the project is read, and waits for it; who is
        # to ask for keys learns first whether there are any.
        pages = None if _here(host) else _pages(project, host, closing)
        listener = closing.enter_context(_listener(host, port))
        address = address_of(listener)
        _say_where(address, host, as_json)
        mesh, application = pages or _pages(project, host, closing)
        if not as_json:
            _say_what(mesh)
        _serve(application, listener, mesh, address if open_browser else None)


def _say_where(address: str, host: str, as_json: bool) -> None:
    import sys

    from orchestrator.cli._show import Screen, print_json

    if as_json:
        print_json({"event": "started", "url": f"{address}/", "keys": not _here(host)})
    else:
        screen = Screen()
        screen.print(screen.join((screen.sign("yes"), "good"), " ", (f"{address}/", "strong")))
    sys.stdout.flush()


def _say_what(mesh: Mesh) -> None:
    import sys

    from orchestrator.cli._show import Screen

    Screen().prose(f"traces of {mesh.storage}; Ctrl-C ends it", 2, "quiet")
    sys.stdout.flush()


def _here(host: str) -> bool:
    from orchestrator.gateway.keys.opening import is_loopback

    return is_loopback(host)


def _pages(project: Path, host: str, closing: ExitStack) -> tuple[Mesh, Any]:
    """The project and its pages behind their door.

    Args:
        closing: what is opened is closed with it.
    """
    from orchestrator.gateway.guarded import Guarded
    from orchestrator.mesh import Mesh
    from orchestrator.viewer.app import viewer

    mesh = Mesh.load(project)
    closing.callback(mesh.store.close)
    if _here(host):
        return mesh, Guarded(viewer(lambda: mesh), is_open=True)
    from orchestrator.calling.clock import SystemClock
    from orchestrator.gateway.keys.opening import open_store, ring_for
    from orchestrator.gateway.pages import KeyDoor

    clock = SystemClock()
    ring = ring_for(host, False, open_store(mesh.project.settings, mesh.storage, clock), clock)
    assert ring is not None
    ring.start()
    closing.callback(ring.close)
    return mesh, Guarded(viewer(lambda: mesh, KeyDoor(ring)), is_open=False)


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
    """What pages need is loaded, and stays: no later page has it looked through for garbage."""
    import gc

    from orchestrator.viewer.warming import warm

    warm(mesh)
    gc.freeze()
