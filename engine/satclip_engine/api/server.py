"""Starts an engine, serves it on loopback, and stops it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import secrets
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

import uvicorn

from satclip_engine.api.app import create_app
from satclip_engine.api.engine import Engine
from satclip_engine.api.engine_file import (
    EngineLock,
    names_instance,
    prepare_data_dir,
    remove_engine_file,
    remove_stale_engine_file,
    write_engine_file,
)
from satclip_engine.config import Config
from satclip_engine.errors import EngineError
from satclip_engine.jobs.database import open_database
from satclip_engine.jobs.events import EventLog
from satclip_engine.jobs.interactive import InteractiveWorker
from satclip_engine.jobs.kinds import REQUEST_TYPES
from satclip_engine.jobs.launcher import WorkerLauncher
from satclip_engine.jobs.limits import SupervisorLimits
from satclip_engine.jobs.process import ProcessIdentity
from satclip_engine.jobs.store import JobStore
from satclip_engine.jobs.supervisor import Supervisor
from satclip_engine.logs import log_to_folder
from satclip_engine.protocol import EngineFile

LOOPBACK = "127.0.0.1"
_GRACE_S = 3
_LOOK_S = 3.0

logger = logging.getLogger(__name__)


def serve(
    config: Config,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    launcher: WorkerLauncher | None = None,
    limits: SupervisorLimits | None = None,
    request_types: Mapping[str, type[Any]] = REQUEST_TYPES,
    on_ready: Callable[[int], None] = lambda _port: None,
) -> None:
    """Run an engine until it is told to stop.

    Args:
        config: Folders and limits.
        host: Loopback address to listen on.
        port: Port to listen on; 0 takes a free one.
        launcher: Starts workers.
        limits: Patience of the supervisor.
        request_types: Request dataclass of every kind of job.
        on_ready: Called with the port once clients can connect.

    Raises:
        EngineError: if ``host`` is not loopback, or an engine already runs in the data folder.
        ResourceError: if the data folder cannot be used.
    """
    check_loopback(host)
    prepare_data_dir(config.data_dir)
    lock = EngineLock(config.data_dir)
    try:
        # One left behind by a killed engine must not mislead a client while this one starts.
        remove_stale_engine_file(config.data_dir)
        log_to_folder(config.logs_dir)
        with _listen(host, port) as listener, contextlib.closing(open_database(config.data_dir)) as database:
            events = EventLog(database)
            launcher = launcher or WorkerLauncher(config)
            supervisor = Supervisor(JobStore(database, events), launcher, limits, request_types)
            asyncio.run(_run(config, listener, supervisor, launcher, events, on_ready))
    finally:
        lock.release()


def check_loopback(host: str) -> None:
    """Accept an address that only this machine can reach.

    Raises:
        EngineError: for any other.
    """
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise EngineError(
            f"The engine does not listen on {host}: the network could then reach your files.",
            remedy="For an engine on another machine use a tunnel: ssh -L 8765:127.0.0.1:PORT MACHINE.",
            code="engine.not_loopback",
            host=host,
        )


async def _run(
    config: Config,
    listener: socket.socket,
    supervisor: Supervisor,
    launcher: WorkerLauncher,
    events: EventLog,
    on_ready: Callable[[int], None],
) -> None:
    interactive = InteractiveWorker(launcher, events.append)
    engine = Engine(config, secrets.token_urlsafe(32), supervisor, interactive, events)
    server = _Server(engine)
    supervisor.start()
    interactive.start()
    identity = ProcessIdentity.current()
    port = int(listener.getsockname()[1])
    write_engine_file(
        config.data_dir, EngineFile(port, engine.token, identity.pid, identity.started_s, engine.instance)
    )
    logger.info("engine started", extra={"port": port, "instance": engine.instance})
    on_ready(port)
    background = (asyncio.create_task(engine.look_at_machine()), asyncio.create_task(_close_when_lost(engine)))
    try:
        with _signals_ignored_after_shutdown():
            await server.serve_until_closing(listener)
    finally:
        # Clients that look for an engine now must not find this one.
        remove_engine_file(config.data_dir, engine.instance)
        for task in background:
            task.cancel()
        await interactive.stop()
        await supervisor.stop()
        logger.info("engine stopped", extra={"instance": engine.instance})


async def _close_when_lost(engine: Engine) -> None:
    """Close an engine that no client can find any more because its data folder was removed or replaced."""
    while names_instance(engine.config.data_dir, engine.instance):
        await asyncio.sleep(_LOOK_S)
    logger.warning("engine.json is gone", extra={"instance": engine.instance})
    engine.closing.set()


class _Server(uvicorn.Server):
    """Stops by signal or by ``POST /v1/shutdown``, and ends the event streams first: they never end themselves."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(
            uvicorn.Config(
                create_app(engine),
                http="h11",
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self._engine = engine
        self._loop = asyncio.get_running_loop()

    async def serve_until_closing(self, listener: socket.socket) -> None:
        """Serve until the engine closes."""
        watcher = asyncio.create_task(self._watch())
        await self.serve(sockets=[listener])
        watcher.cancel()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take SIGINT or SIGTERM."""
        self._loop.call_soon_threadsafe(self._engine.closing.set)
        super().handle_exit(sig, frame)

    async def _watch(self) -> None:
        await self._engine.closing.wait()
        self.should_exit = True


@contextlib.contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        try:
            listener.bind((host, port))
        except OSError as error:
            raise EngineError(
                f"Port {port} of {host} cannot be opened: {error.strerror}.",
                remedy="Leave the port out: a free one is then taken.",
                code="engine.port",
            ) from error
        listener.listen(128)
        yield listener


@contextlib.contextmanager
def _signals_ignored_after_shutdown() -> Iterator[None]:
    """Outlive the signal that stopped the server: uvicorn raises it again, and workers still have to be ended."""
    previous = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
