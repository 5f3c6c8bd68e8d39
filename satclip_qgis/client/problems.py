"""Turns what a reply says, or does not say, into a problem a person can act on."""

from __future__ import annotations

import json
from typing import Any

from satclip_qgis.protocol import Problem, ProtocolError, from_json

UNREACHABLE = "engine.unreachable"
TIMEOUT = "engine.timeout"
ABORTED = "engine.aborted"
PROTOCOL = "engine.protocol"


class EngineProblem(Exception):  # noqa: N818 - carries a Problem, and is named after it
    """A call to the engine failed; ``problem`` says why and what to do."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.problem = problem


def timeout_problem(path: str, timeout_ms: int) -> Problem:
    """Return the problem of an engine that did not answer in time."""
    return Problem(
        code=TIMEOUT,
        detail=f"The engine did not answer within {timeout_ms / 1000:g} s.",
        remedy="It may be busy: try again. If that does not help, restart it from the engine's badge.",
        params={"path": path},
    )


def network_problem(reason: str) -> Problem:
    """Return the problem of an engine that cannot be reached; ``reason`` is Qt's."""
    return Problem(
        code=UNREACHABLE,
        detail=f"The engine cannot be reached ({reason}).",
        remedy="Start the engine again from its badge, or open the log to see why it stopped.",
    )


def aborted_problem() -> Problem:
    """Return the problem of a call that the plugin itself gave up."""
    return Problem(code=ABORTED, detail="The request was given up.")


def protocol_problem(reason: str) -> Problem:
    """Return the problem of an answer that does not have the agreed form."""
    return Problem(
        code=PROTOCOL,
        detail=f"The engine's answer was not understood ({reason}).",
        remedy="Plugin and engine may be of different versions: set the engine up again.",
    )


def parse_body(body: bytes) -> dict[str, Any]:
    """Return the JSON object in ``body``; an empty body is an empty object.

    Raises:
        EngineProblem: if it is not a JSON object.
    """
    if not body.strip():
        return {}
    try:
        data = json.loads(body.decode("utf-8"))
    except ValueError as error:
        raise EngineProblem(protocol_problem(str(error))) from error
    if not isinstance(data, dict):
        raise EngineProblem(protocol_problem("not a JSON object"))
    return data


def parse_problem(status: int, body: bytes) -> Problem:
    """Return the problem+json in ``body``, or a general problem that names the HTTP ``status``."""
    try:
        return from_json(Problem, parse_body(body))
    except (EngineProblem, ProtocolError):
        return protocol_problem(f"HTTP status {status}")
