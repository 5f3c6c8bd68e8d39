"""The warm worker: answers requests, and encodes the view while nobody asks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from satclip_engine.errors import EngineError
from satclip_engine.problems import to_wire
from satclip_engine.worker.wire import Wire

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorkerEvent:
    """Something told unasked; see ``jobs.events.EventLog.append``."""

    type: str
    data: dict[str, Any]
    slot: str | None = None


class InteractiveSession(Protocol):
    """What a warm worker can do."""

    def answer(self, method: str, params: dict[str, Any]) -> dict[str, Any] | None:
        """Return the answer as JSON, or None if there is no such method."""

    def work_ahead(self, should_stop: Callable[[], bool]) -> WorkerEvent | None:
        """Do one short step of background work; None means that nothing is left to do."""


def serve_interactive(wire: Wire, session: InteractiveSession) -> None:
    """Answer requests for ever; ends with the process.

    Args:
        wire: To the supervisor.
        session: Answers them.
    """
    wire.start()
    idle = False
    while True:
        if idle or wire.has_message():
            wire.send(_reply(session, wire.receive()))
            idle = False
        else:
            idle = not _work_ahead(session, wire)


def _reply(session: InteractiveSession, message: dict[str, Any]) -> dict[str, Any]:
    try:
        result = session.answer(message["method"], message["params"])
        if result is None:
            raise EngineError(f"There is no method {message['method']!r}.", remedy="Update the engine.")
    except Exception as error:  # one of the three edges: it becomes the answer
        logger.exception("request failed")
        return {"id": message["id"], "problem": to_wire(error)}
    return {"id": message["id"], "result": result}


def _work_ahead(session: InteractiveSession, wire: Wire) -> bool:
    try:
        event = session.work_ahead(wire.has_message)
    except Exception:  # nobody asked for it; the next preview will meet the same trouble and report it
        logger.exception("working ahead failed")
        return False
    if event is None:
        return False
    wire.send({"event": event.type, "data": event.data, "slot": event.slot})
    return True
