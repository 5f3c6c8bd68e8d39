"""The one warm worker that answers previews and estimates, and encodes the view in between."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from satclip_engine.errors import ConflictError, EngineError
from satclip_engine.jobs.channel import WorkerChannel, describe_exit
from satclip_engine.jobs.launcher import WorkerLauncher
from satclip_engine.problems import from_wire

REQUEST_LIMIT_S = 300.0
_EXIT_S = 5.0
# A worker that dies younger than this was never well: then it is started at the next request, not at once.
_STABLE_S = 10.0

logger = logging.getLogger(__name__)


@dataclass
class _Request:
    method: str
    params: dict[str, Any]
    answer: asyncio.Future[dict[str, Any]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class InteractiveWorker:
    """Sends one request at a time, so that a newer one can still replace one that waits.

    Args:
        launcher: Starts the worker.
        on_event: Called with (type, data, slot) for what the worker tells unasked.
    """

    def __init__(self, launcher: WorkerLauncher, on_event: Callable[[str, dict[str, Any], str | None], None]) -> None:
        self._launcher = launcher
        self._on_event = on_event
        self._waiting: dict[object, _Request] = {}
        self._current: _Request | None = None
        self._current_id = 0
        self._channel: WorkerChannel | None = None
        self._started_s = 0.0
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    def start(self) -> None:
        """Begin to serve requests; the worker itself starts with the first one."""
        self._tasks.append(asyncio.create_task(self._serve()))

    async def stop(self) -> None:
        """End the worker and fail whoever waits."""
        self._stopping = True
        if self._channel is not None:
            await self._channel.kill()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for request in [*self._waiting.values(), *([self._current] if self._current else [])]:
            _fail(request, EngineError("The engine is stopping.", remedy="Start it again.", code="engine.stopping"))

    async def request(self, method: str, params: dict[str, Any], *, newest_of: str | None = None) -> dict[str, Any]:
        """Ask the worker and return its answer.

        Args:
            method: ``preview``, ``estimate``, ``models``, ...
            params: JSON.
            newest_of: Of the requests with one such name only the newest is worth answering; those that wait
                when it comes are dropped. None is never dropped.

        Raises:
            ConflictError: code ``engine.superseded``, if a newer request took this one's place.
            SatclipError: what the worker reports, or that it was lost.
        """
        request = _Request(method, params)
        key: object = newest_of if newest_of is not None else request.answer
        older = self._waiting.pop(key, None)
        if older is not None:
            _fail(
                older,
                ConflictError(
                    "A newer request took this one's place.",
                    remedy="Nothing to do: the newer one is being answered.",
                    code="engine.superseded",
                ),
            )
        self._waiting[key] = request
        self._wake.set()
        return await request.answer

    async def _serve(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                key = next(iter(self._waiting))
                request = self._waiting.pop(key)
                if not request.answer.done():
                    await self._ask(request)

    async def _ask(self, request: _Request) -> None:
        try:
            channel = await self._ensure_worker()
        except OSError as error:
            _fail(request, _lost_error(f"it cannot be started: {error}"))
            return
        self._current = request
        self._current_id += 1
        await channel.send({"id": self._current_id, "method": request.method, "params": request.params})
        done, _ = await asyncio.wait({request.answer}, timeout=REQUEST_LIMIT_S)
        self._current = None
        if not done:
            logger.error("interactive worker hangs", extra={"method": request.method})
            await channel.kill()
            _fail(request, _lost_error(f"no answer within {REQUEST_LIMIT_S:.0f} s"))

    async def _ensure_worker(self) -> WorkerChannel:
        if self._channel is None:
            self._channel = await self._launcher.launch("interactive", "interactive")
            self._started_s = time.monotonic()
            self._tasks = [task for task in self._tasks if not task.done()]
            self._tasks.append(asyncio.create_task(self._listen(self._channel)))
        return self._channel

    async def _listen(self, channel: WorkerChannel) -> None:
        async for message in channel.messages():
            if "event" in message:
                self._on_event(message["event"], message["data"], message.get("slot"))
            elif self._current is not None and message.get("id") == self._current_id:
                _answer(self._current, message)
        code = await channel.wait(_EXIT_S)
        if code is None:
            await channel.kill()
        self._channel = None
        if not self._stopping:
            logger.warning("interactive worker ended", extra={"exit": describe_exit(code)})
        if self._current is not None:
            _fail(self._current, _lost_error(describe_exit(code)))
        if not self._stopping and time.monotonic() - self._started_s > _STABLE_S:
            await self._ensure_worker()


def _answer(request: _Request, message: dict[str, Any]) -> None:
    if request.answer.done():
        return
    if "problem" in message:
        request.answer.set_exception(from_wire(message["problem"]))
    else:
        request.answer.set_result(message["result"])


def _fail(request: _Request, error: Exception) -> None:
    if not request.answer.done():
        request.answer.set_exception(error)


def _lost_error(reason: str) -> EngineError:
    return EngineError(
        f"The engine's interactive process was lost ({reason}).",
        remedy="Try again: it is started anew. If it happens each time, look into workers.log.",
        code="engine.worker_lost",
    )
