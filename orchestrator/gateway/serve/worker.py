"""One process that answers: uvicorn on the inherited socket, and what the supervisor asks of it."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import uvicorn

from orchestrator.errors import NoCandidateError, UserError
from orchestrator.gateway.serve.channel import Channel, Message
from orchestrator.gateway.serve.options import ServeOptions
from orchestrator.gateway.serve.protocol import Protocol
from orchestrator.gateway.serve.reload import Exchange, load_successor, problems_of
from orchestrator.gateway.serve.running import Running, answer, ask_reload
from orchestrator.project.load import LoadedProject
from orchestrator.storage.operations import Operation
from orchestrator.types import FleetSnapshot

if TYPE_CHECKING:
    from orchestrator.gateway.app import Gateway
    from orchestrator.gateway.state import State
    from orchestrator.gateway.telemetry.board import Board
    from orchestrator.mesh import Mesh
    from orchestrator.project.protocols import Embedder

KEEP_ALIVE_S = 75
"""For which an idle connection stays open; longer than load balancers keep theirs."""
LINGER_S = 0.5
"""For which a draining worker still answers who asks on a connection that is open, and tells it to
close: what is on its way to us is not lost."""
LOOK_S = 0.05
"""Between two looks whether a draining worker still answers somebody."""
_CLOSE = (b"connection", b"close")
_LOG = logging.getLogger("orchestrator.gateway")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a worker is made from."""

    number: int
    loaded: LoadedProject
    env: Mapping[str, str]
    options: ServeOptions
    listener: socket.socket
    channel: Channel
    running: Running
    board: Board
    """Where the processes of the service read each other's numbers."""
    embedder: Embedder | None
    """Loaded before the fork; `None`: each worker loads its own."""


class Server(uvicorn.Server):
    """Leaves signals to the worker, and stops without losing who is just arriving."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept, and say so."""
        await super().startup(sockets)
        self._on_started()

    async def drain(self, listener: socket.socket, most_s: float) -> None:
        """Accept who has connected already and nobody else; then let everything end.

        Args:
            listener: the socket that it serves, which is closed.
            most_s: for how long what was accepted may go on.
        """
        until = time.monotonic() + most_s
        rest = listener.dup()  # the loop closes its own when it likes
        for server in self.servers:
            server.close()
        listener.close()
        headers = [*self.config.encoded_headers, _CLOSE]
        self.config.encoded_headers = headers  # each response from now on says so
        self.server_state.default_headers = [*self.server_state.default_headers, _CLOSE]
        await self._accept_the_rest(rest)
        while self.server_state.tasks and time.monotonic() < until:  # noqa: ASYNC110 - not ours
            await asyncio.sleep(LOOK_S)
        # A stream that had begun could not say so: whoever heard its end may ask on its connection.
        await asyncio.sleep(LINGER_S)
        self.should_exit = True

    async def _accept_the_rest(self, listener: socket.socket) -> None:
        """Connections that wait in the kernel would be reset when the socket is closed."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # nobody is left
                break
            await loop.connect_accepted_socket(self._protocol, connection)
        listener.close()

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state={}
        )
        return made


def _warm(mesh: Mesh) -> FleetSnapshot:
    """What the first request would wait for: servers of this machine are asked what they list, and
    what tells tasks apart is worked out."""
    with suppress(NoCandidateError):
        mesh.decide("Hello", task="chat")
    return mesh.fleet()


class Supervised:
    """`Control` of a gateway whose supervisor exchanges the project in all workers."""

    def __init__(self, state: State, running: Running) -> None:
        self._state, self._running = state, running

    async def reload(self, who: str, why: str = "") -> Operation:
        """See `reload.Control`."""
        operations = self._state.serving.mesh.operations

        def ask() -> Operation:
            return answer(operations, ask_reload(operations, self._running, who, why))

        return await asyncio.to_thread(ask)


class Worker:
    """Serves until it is told to stop, or its supervisor is gone."""

    def __init__(self, plan: Plan, gateway: Gateway) -> None:
        self._plan, self._state = plan, gateway.state
        self._exchange = Exchange(gateway.state)
        self._tasks: set[asyncio.Task[None]] = set()
        config = uvicorn.Config(
            gateway,
            http=Protocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=1,  # after the drain, which has waited
        )
        config.load()
        self._server = Server(config, self._tell)
        self._facts: Mapping[str, Any] = {}

    async def serve(self) -> None:
        """Return after the last accepted request."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop)
        loop.add_reader(self._plan.channel.fileno(), self._listen)
        fleet = await asyncio.to_thread(_warm, self._state.serving.mesh)
        available = sum(health.available for health in fleet.health.values())
        self._facts = {"available": available, "all": len(fleet.health)}
        if self._plan.number == 1:  # one a machine
            self._do(self._state.serving.mesh.exchange_drains())
        await self._server.serve(sockets=[self._plan.listener])
        for task in self._tasks:
            task.cancel()
        with suppress(ValueError):
            loop.remove_reader(self._plan.channel.fileno())
        await self._exchange.close()

    def _tell(self) -> None:
        self._plan.channel.send({"ready": self._facts})

    def _stop(self) -> None:
        if self._state.draining:
            return
        self._state.draining = True
        if self._server.started:
            self._do(self._server.drain(self._plan.listener, self._plan.options.drain_s))
        else:
            self._server.should_exit = True

    def _listen(self) -> None:
        messages = self._plan.channel.receive()
        if messages is None:  # the supervisor has died; nobody would look after this one
            asyncio.get_running_loop().remove_reader(self._plan.channel.fileno())
            _LOG.error("worker %d: the supervisor is gone; draining", self._plan.number)
            self._stop()
            return
        for message in messages:
            self._do(self._reload(message))

    async def _reload(self, message: Message) -> None:
        """Take over the project that the supervisor has found good, and say whether that worked."""
        plan, before = self._plan, self._state.serving.mesh.project
        try:
            loaded = await asyncio.to_thread(load_successor, plan.options.root, plan.env, before)
            if loaded.project.hash != message["hash"]:
                problem = "the project was edited again in the meantime"
            else:
                await self._exchange.take(loaded)
                problem = ""
        except UserError as error:
            problem = "\n".join(problems_of(error))
        except Exception as error:  # noqa: BLE001 - the supervisor waits, and this one serves on
            _LOG.exception("worker %d: the reload failed", plan.number)
            problem = f"{type(error).__name__}: {error}"
        plan.channel.send({"reloaded": message["reload"], "problem": problem})

    def _do(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
