"""From exceptions to HTTP: one table."""

from __future__ import annotations

import json
import logging
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from satclip_engine import errors
from satclip_engine.problems import as_satclip_error

# The first match counts: special before general.
_STATUS: tuple[tuple[type[errors.SatclipError], int], ...] = (
    (errors.AuthError, 403),
    (errors.NotFoundError, 404),
    (errors.ConflictError, 409),
    (errors.CancelledError, 409),
    (errors.InputError, 422),
    (errors.ModelError, 422),
    (errors.DiskFullError, 507),
    (errors.ResourceError, 503),
    (errors.EngineError, 500),
)

logger = logging.getLogger(__name__)


def problem_response(body: dict[str, Any], status: int, headers: dict[str, str] | None = None) -> Response:
    """Return ``body`` as ``application/problem+json``."""
    return Response(json.dumps(body), status, headers, media_type="application/problem+json")


def status_of(error: errors.SatclipError) -> int:
    """Return the HTTP status for a typed error."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


async def answer_exception(request: Request, error: Exception) -> Response:
    """Answer any exception with a problem."""
    typed = as_satclip_error(error)
    if typed.code == "engine.bug":
        logger.error("request failed", exc_info=error, extra={"path": request.url.path})
    return problem_response(typed.to_problem(), status_of(typed))


async def answer_http_exception(_request: Request, error: Exception) -> Response:
    """Answer what the router itself refuses: unknown path, wrong method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    body = errors.NotFoundError(
        "The engine has no such address or does not answer this method there.",
        remedy="Update plugin and engine so that both are of the same version.",
        code="engine.no_route",
    ).to_problem()
    return problem_response(body, status)
