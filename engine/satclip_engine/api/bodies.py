"""Request bodies and answers: JSON of the protocol's dataclasses, nothing else."""

from __future__ import annotations

import json
import uuid
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from satclip_engine.errors import OptionError
from satclip_engine.problems import as_satclip_error
from satclip_engine.protocol import ProtocolError, from_json, to_json

BODY_LIMIT_BYTES = 32 * 1024**2

T = TypeVar("T")


async def read_body(request: Request, cls: type[T]) -> T:
    """Return the request's body as ``cls``.

    Raises:
        InputError: if it is not JSON of that form.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise _bad_body("it is not declared as application/json")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise _bad_body(f"it is longer than {BODY_LIMIT_BYTES} bytes")
    try:
        return from_json(cls, json.loads(bytes(body), parse_constant=_refuse_constant))
    except ProtocolError as error:
        raise as_satclip_error(error) from error
    except ValueError as error:
        raise _bad_body("it is not JSON") from error


def answer(value: Any, status: int = 200) -> Response:
    """Return a dataclass, or plain JSON, as the response."""
    return Response(json.dumps(to_json(value)), status, {"Cache-Control": "no-store"}, media_type="application/json")


def job_id_of(request: Request) -> str:
    """Return the job id of the path in its canonical form.

    Raises:
        InputError: if it is not a UUID.
    """
    try:
        return str(uuid.UUID(request.path_params["job_id"]))
    except ValueError as error:
        raise OptionError("The job's id is not a UUID.", code="option.job_id") from error


def _refuse_constant(name: str) -> float:
    """Refuse NaN and infinities: Python reads and writes them, but they are no JSON and other readers stumble."""
    raise ValueError(name)


def _bad_body(reason: str) -> OptionError:
    return OptionError(
        f"The request's body cannot be used: {reason}.",
        remedy="Update plugin and engine so that both are of the same version.",
        code="option.request",
    )
